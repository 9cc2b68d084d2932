"""Repairs of batch norms inside of branches: the new graph trains, and its averages are those of NumPy."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.audit import audit, repair, samples
from tf1bn.testing import graphs

MODES = [mode for mode in graphs.MODES if mode.resource or not mode.control_flow_v2]
UPDATE_OPS = tf.GraphKeys.UPDATE_OPS
RATE = 0.1
X = np.random.default_rng(1).normal(1.0, 2.0, (6, 4)).astype(np.float32)
EACH = pytest.mark.parametrize("mode", MODES, ids=str)


def averages(steps):
    """Mean and variance in float64, from 0 and 1, after steps on X."""
    mean, variance = np.zeros(4), np.ones(4)
    for _ in range(steps):
        mean -= (mean - X.mean(0, np.float64)) * RATE
        variance -= (variance - X.var(0, dtype=np.float64)) * RATE
    return mean, variance


def codes(source, **told):
    return {item.code for item in audit(source, **told).failing("warning")}


def updates_of(p, x, bn):
    mean, variance = tf.nn.moments(x, [0])
    moved = [p.move(bn.mean, mean, 1 - RATE), p.move(bn.variance, variance, 1 - RATE, "_1")]
    return p.apply(x, bn, mean, variance), moved


def lost(moved, y):
    """Nothing at all waits for the updates."""
    return y


def private(moved, y):
    for op in moved:
        tf.add_to_collection("mine", op)
    return y


def usual(moved, y):
    for op in moved:
        tf.add_to_collection(UPDATE_OPS, op)
    return y


def wrapped(moved, y):
    """A tensor that nobody uses waits for them."""
    with tf.control_dependencies(moved):
        tf.reduce_mean(y)
    return y


WAYS = {lost: "BN001", private: "BN008", usual: "BN012", wrapped: "BN001"}


def network(p, way, flag, outer=None, invert=False, names="bn"):
    """A batch norm in the branch that trains, one with its averages in the other; returns the output."""
    x, bn = p.rows("x"), p.variables(names, 4)

    def train():
        y, moved = updates_of(p, x, bn)
        return way(moved, y)

    def serve():
        return p.apply(x, bn, bn.mean, bn.variance)

    choose = lambda: tf.cond(flag, *((serve, train) if invert else (train, serve)))  # noqa: E731
    return choose() if outer is None else tf.cond(outer, choose, lambda: x * 2.0)


def train_op(p, y):
    return p.train(p.loss(y), ())


def restored(path):
    """A session of a graph file, with fresh values."""
    graph = tf.Graph()
    with graph.as_default():
        tf.train.import_meta_graph(str(path))
        session = tf.Session()
        session.run(tf.global_variables_initializer())
    return session


def values(session, scope="bn"):
    leaves = ("moving_mean", "moving_variance", "gamma", "beta")
    found = {variable.op.name: variable for variable in session.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)}
    return session.run([found[f"{scope}/{leaf}"] for leaf in leaves])


def check(path, taken, beside=(), scope="bn"):
    """Three steps with the branch taken, and one for each feed that does not take it."""
    with restored(path) as session:
        before = values(session, scope)
        for _ in range(3):
            session.run("train", {"x:0": X, **taken})
        mean, variance, gamma, _ = values(session, scope)
        np.testing.assert_allclose(mean, averages(3)[0], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(variance, averages(3)[1], rtol=1e-5, atol=1e-6)
        assert not np.array_equal(gamma, before[2])
        for feed in beside:
            kept = values(session, scope)
            session.run("train", {"x:0": X, **feed})
            after = values(session, scope)
            np.testing.assert_array_equal(kept[:2], after[:2])
        return kept if beside else before, after if beside else values(session, scope)


@EACH
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_network_in_each_branch(mode, way, tmp_path):
    with graphs.graph_mode(mode) as graph:
        p = samples.Program(graph)
        train_op(p, network(p, way, tf.placeholder(tf.bool, [], "flag")))
        p.save()
    assert codes(graph) == {WAYS[way]}
    if way is not usual:
        assert all("inside a branch of 'flag': have the output" in item.fix for item in audit(graph).findings)
    done = repair(graph, str(tmp_path / "new.meta"))
    assert "attached" in done.changes[0] and "/moved" in done.changes[0] and "moves none of its" in done.checks[-1]
    assert audit(done.path).findings == ()
    kept, after = check(done.path, {"flag:0": True}, [{"flag:0": False}])
    assert not np.array_equal(kept[2], after[2]), "the other branch trains gamma as well"


@EACH
def test_only_the_train_step_waits(mode, tmp_path):
    """A prediction with the flag on moves nothing, before and after."""
    with graphs.graph_mode(mode) as graph:
        p = samples.Program(graph)
        y = tf.identity(network(p, lost, tf.placeholder(tf.bool, [], "flag")), "prediction")
        train_op(p, y)
    repair(graph, str(tmp_path / "new.meta"))
    with restored(tmp_path / "new.meta") as session:
        before = values(session)
        session.run("prediction:0", {"x:0": X, "flag:0": True})
        np.testing.assert_array_equal(before, values(session))


@EACH
@pytest.mark.parametrize("kind", ["inverted", "default", "variable", "data"])
def test_every_kind_of_condition(mode, kind, tmp_path):
    """The check turns it itself, wherever it comes from."""
    with graphs.graph_mode(mode) as graph:
        p = samples.Program(graph)
        if kind == "data":
            flag = tf.placeholder(tf.float32, [], "seen") > 5.0
        elif kind == "default":
            flag = tf.placeholder_with_default(False, [], "flag")
        elif kind == "variable":
            flag = tf.get_variable("flag", [], tf.bool, tf.zeros_initializer(), trainable=False)
        else:
            flag = tf.placeholder(tf.bool, [], "flag")
        train_op(p, network(p, lost, flag, invert=kind == "inverted"))
    done = repair(graph, str(tmp_path / "new.meta"))
    feeds = {
        "inverted": ({"flag:0": False}, {"flag:0": True}),
        "default": ({"flag:0": True}, {}),
        "data": ({"seen:0": 6.0}, {"seen:0": 5.0}),
    }
    if kind == "variable":
        with restored(done.path) as session:
            (flag,) = (v for v in session.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES) if v.op.name == "flag")
            session.run("train", {"x:0": X})
            np.testing.assert_array_equal(values(session)[0], np.zeros(4))
            session.run(flag.initializer, {flag.initializer.inputs[1]: True})
            session.run("train", {"x:0": X})
            np.testing.assert_allclose(values(session)[0], averages(1)[0], rtol=1e-5, atol=1e-6)
    else:
        check(done.path, feeds[kind][0], [feeds[kind][1]])


@EACH
@pytest.mark.parametrize("inside", [True, False], ids=["condition made inside", "condition made outside"])
@pytest.mark.parametrize("way", [lost, usual], ids=lambda way: way.__name__)
def test_branch_of_a_branch(mode, inside, way, tmp_path):
    with graphs.graph_mode(mode) as graph:
        p = samples.Program(graph)
        outer, inner = tf.placeholder(tf.bool, [], "outer"), tf.placeholder(tf.bool, [], "inner")
        if inside:
            x, bn = p.rows("x"), p.variables("bn", 4)

            def train():
                y, moved = updates_of(p, x, bn)
                return way(moved, y)

            def choose():
                flag = tf.logical_not(tf.logical_not(inner))
                return tf.cond(flag, train, lambda: p.apply(x, bn, bn.mean, bn.variance))

            y = tf.cond(outer, choose, lambda: x * bn.gamma)
        else:
            y = network(p, way, inner, outer)
        train_op(p, y)
    done = repair(graph, str(tmp_path / "new.meta"), feed={"inner": True})
    beside = [{"outer:0": a, "inner:0": b} for a, b in ((True, False), (False, True), (False, False))]
    check(done.path, {"outer:0": True, "inner:0": True}, beside)


@EACH
def test_training_networks_in_both_branches(mode, tmp_path):
    """As a generator and a discriminator that take turns: each moves with its own branch."""
    with graphs.graph_mode(mode) as graph:
        p = samples.Program(graph)
        x, one, two = p.rows("x"), p.variables("one", 4), p.variables("two", 4)
        flag = tf.placeholder(tf.bool, [], "flag")
        train_op(p, tf.cond(flag, lambda: updates_of(p, x, one)[0], lambda: updates_of(p, x, two)[0]))
    done = repair(graph, str(tmp_path / "new.meta"))
    assert len(done.changes) == 2 and "moves 4 averages" in done.checks[0]
    check(done.path, {"flag:0": True}, [{"flag:0": False}], "one")
    check(done.path, {"flag:0": False}, [{"flag:0": True}], "two")


@pytest.mark.parametrize("mode", [mode for mode in MODES if not mode.control_flow_v2], ids=str)
def test_train_step_that_was_skipped_with_the_branch(mode, tmp_path):
    """BN012 under control flow v1: the step did nothing at all where the branch was not taken."""
    with graphs.graph_mode(mode) as graph:
        p = samples.Program(graph)
        y = network(p, usual, tf.placeholder(tf.bool, [], "flag"))
        p.train(p.loss(y), tf.get_collection(UPDATE_OPS))
        path = tmp_path / "old.meta"
        tf.train.export_meta_graph(str(path))
    assert codes(graph) == {"BN012"}
    with restored(path) as session:
        before = values(session)
        with pytest.raises(tf.errors.InvalidArgumentError):
            session.run("loss:0", {"x:0": X})
        session.run("train", {"x:0": X, "flag:0": False})
        np.testing.assert_array_equal(before, values(session))
    done = repair(str(path), str(tmp_path / "new.meta"))
    assert "instead of these" in done.changes[0] and done.checks[0] == "one training step moves 2 averages"
    assert audit(done.path).findings == ()
    kept, after = check(done.path, {"flag:0": True}, [{"flag:0": False}])
    assert not np.array_equal(kept[2], after[2]), "now the step trains also where the branch is not taken"


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode.control_flow_v2], ids=str)
def test_function_that_two_calls_share_is_changed_for_one(mode, tmp_path):
    with graphs.graph_mode(mode) as graph:
        p = samples.Program(graph)
        train_op(p, network(p, lost, tf.placeholder(tf.bool, [], "flag")))
        meta = tf.train.export_meta_graph()
    (call,) = (node for node in meta.graph_def.node if node.op == "If")
    copy = meta.graph_def.node.add()
    copy.CopyFrom(call)
    copy.name = "another"
    repaired = repair(meta, str(tmp_path / "new.meta")).meta_graph
    found = {node.attr["then_branch"].func.name for node in repaired.graph_def.node if node.op == "If"}
    name = call.attr["then_branch"].func.name
    assert found == {name, f"{name}_moved"}
    check(tmp_path / "new.meta", {"flag:0": True}, [{"flag:0": False}])


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode.resource], ids=str)
def test_function_of_tensorflow_2(mode, tmp_path):
    """A wrapped function in a graph of TensorFlow 1: nothing is conditional, and no node of the graph is the update."""
    with graphs.graph_mode(mode) as graph:
        p = samples.Program(graph)
        x, bn = p.rows("x"), p.variables("bn", 4)
        inside = tf.wrap_function(lambda v: updates_of(p, v, bn)[0], [tf.TensorSpec([None, 4], tf.float32)])
        train_op(p, inside(x))
    done = repair(graph, str(tmp_path / "new.meta"))
    check(done.path, {})


@EACH
def test_constant_condition_that_never_holds_is_refused(mode, tmp_path):
    with graphs.graph_mode(mode) as graph:
        p = samples.Program(graph)
        train_op(p, network(p, lost, tf.identity(tf.constant(False))))
    with pytest.raises(errors.RepairError, match="an average does not move after the repair"):
        repair(graph, str(tmp_path / "new.meta"))


@EACH
def test_loop_in_a_branch_is_refused(mode, tmp_path):
    with graphs.graph_mode(mode) as graph:
        p = samples.Program(graph)
        x, bn = p.rows("x"), p.variables("bn", 4)

        def train():
            def body(i, y):
                return i + 1, updates_of(p, y, bn)[0]

            return tf.while_loop(lambda i, _: i < 2, body, (0, x), shape_invariants=(tf.TensorShape([]), x.shape))[1]

        train_op(p, tf.cond(tf.placeholder(tf.bool, []), train, lambda: x * bn.gamma))
    with pytest.raises(errors.RepairError, match=r"(?s)cannot be attached safely. Got 'loop'.*Repair the program"):
        repair(graph, str(tmp_path / "new.meta"))


CONDITIONS = {
    "placeholder": (lambda x: tf.placeholder(tf.bool, [], "flag"), {"flag:0": True}),
    "default": (lambda x: tf.placeholder_with_default(False, [], "flag"), {"flag:0": True}),
    "data": (lambda x: tf.reduce_max(x) > 1e4, None),
}


@EACH
@pytest.mark.parametrize("fused", [True, False], ids=["fused", "spelled out"])
@pytest.mark.parametrize("kind", CONDITIONS)
def test_batch_norm_of_an_inference_graph(mode, kind, fused, tmp_path):
    """BN034 in a branch of the program's own: it reads its averages, or the refusal says what to do."""
    condition, feed = CONDITIONS[kind]
    with graphs.graph_mode(mode) as graph:
        p = samples.Program(graph)
        x, bn = p.images(channels=4, size=2), p.variables("bn", 4)

        def branch():
            if fused:
                return tf.nn.fused_batch_norm(x, bn.gamma, bn.beta, epsilon=1e-3)[0]
            return p.apply(x, bn, *tf.nn.moments(x, [0, 1, 2]))

        tf.identity(tf.cond(condition(x), branch, lambda: x * 1.0), name="y")
    assert codes(graph) == {"BN034"}
    if mode.control_flow_v2:
        with pytest.raises(errors.RepairError, match=r"function body.*Build the inference graph with training=False"):
            repair(graph, str(tmp_path / "new.meta"))
        return
    done = repair(graph, str(tmp_path / "new.meta"))
    assert "1 of them gave something else" in done.checks[1] and audit(done.path).findings == ()
    with restored(done.path) as session:
        given = [np.full(4, value, np.float32) for value in (0.5, 2.0, 1.5, -0.5)]
        for leaf, value in zip(("moving_mean", "moving_variance", "gamma", "beta"), given, strict=True):
            (found,) = (v for v in session.graph.get_collection("variables") if v.op.name == f"bn/{leaf}")
            session.run(found.initializer, {found.initializer.inputs[1]: value})
        images = np.random.default_rng(0).normal(size=(3, 2, 2, 4)).astype(np.float32)
        images[0, 0, 0, 0] = 0.0 if feed else 2e4
        y = session.run("y:0", {"images:0": images, **(feed or {})})
    expected = (images.astype(np.float64) - 0.5) / np.sqrt(2.001) * 1.5 - 0.5
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)
