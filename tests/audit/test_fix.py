"""Repairs: what is attached or rewritten, what is refused, and the numeric check."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests.audit.corpus import spellings
from tf1bn import errors
from tf1bn.audit import audit, repair, samples
from tf1bn.audit.rules import catalog
from tf1bn.compat import slim, tf_layers
from tf1bn.testing import graphs


def codes(report):
    return sorted({item.code for item in report.findings})


@pytest.mark.parametrize("code", ["BN001", "BN002", "BN003", "BN004", "BN005", "BN008"])
def test_unreached_updates_are_attached(code, flavour, tmp_path):
    path = str(tmp_path / "new.meta")
    sample = catalog.get(code).bad()
    assert codes(audit(sample.graph)) == [code]
    done = repair(sample.graph, path)
    assert "attached" in done.changes[0] and "2 averages that stood still" in done.checks[0]
    assert audit(path).findings == ()


@pytest.mark.parametrize("spelling", [spellings.layers, spellings.divided, spellings.tensorpack, spellings.fused])
def test_training_mode_is_rewritten_for_inference(spelling, flavour, tmp_path):
    with samples.program() as p:
        x = p.images()
        bn = spelling(p, p.conv(x), to=None)
        p.save()
        output, conv = bn.output.name, p.graph.get_operations()
    path = str(tmp_path / "new.meta")
    assert codes(audit(p.graph)) == ["BN034"]
    done = repair(p.graph, path)
    assert "reads" in done.changes[0] and conv
    assert audit(path).findings == ()
    with tf.Graph().as_default(), tf.Session() as session:
        tf.train.import_meta_graph(path)
        session.run(tf.global_variables_initializer())
        images = np.random.default_rng(0).normal(size=(3, 8, 8, 3)).astype(np.float32)
        together = session.run(output, {"images:0": images})
        alone = session.run(output, {"images:0": images[:1]})
    np.testing.assert_allclose(together[:1], alone, rtol=1e-5, atol=1e-5)


def test_meta_file_is_repaired_with_its_checkpoint(tmp_path):
    with samples.program() as p:
        p.train(p.loss(p.norm(p.conv(p.images())).output), ())
        saver = tf.train.Saver()
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            prefix = saver.save(session, str(tmp_path / "model"))
    done = repair(f"{prefix}.meta", str(tmp_path / "new.meta"), checkpoint=prefix)
    assert done.path.endswith("new.meta") and audit(done.path).findings == ()


def test_dry_run_writes_nothing(tmp_path):
    done = repair(catalog.get("BN001").bad().graph, str(tmp_path / "new.meta"), dry_run=True)
    assert done.path == "" and done.changes and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: samples.trained(1), "nothing to repair: the train op reaches every update"),
        (lambda: samples.served(1), "nothing to repair: every batch norm reads its averages"),
        (lambda: catalog.get("BN013").bad(), "cannot be attached safely. Got 'loop'"),
    ],
)
def test_refused_with_the_reason(make, reason, tmp_path):
    with pytest.raises(errors.RepairError, match=f"repair: .*{reason}"):
        repair(make().graph, str(tmp_path / "new.meta"))
    assert list(tmp_path.iterdir()) == []


def refused(reason, tmp_path, graph, error=errors.RepairError, **arguments):
    with pytest.raises(error, match=reason):
        repair(graph, str(tmp_path / "new.meta"), **arguments)


def test_existing_file_is_not_overwritten(tmp_path):
    (tmp_path / "new.meta").write_text("mine")
    refused("exists already", tmp_path, samples.trained(1).graph)
    assert (tmp_path / "new.meta").read_text() == "mine"


def test_graph_def_is_refused(tmp_path):
    refused("only a .meta file or a live graph", tmp_path, samples.trained(1).graph.as_graph_def())


def test_switched_batch_norm_is_refused(tmp_path):
    with samples.program() as p:
        p.norm(p.conv(p.images()), training=tf.placeholder(tf.bool, [], "flag"))
    refused("is switched by 'flag'. Feed False instead", tmp_path, p.graph)


def test_batch_norm_that_is_switched_the_other_way_is_refused(tmp_path):
    with samples.program() as p:
        p.norm(p.conv(p.images()), training=tf.logical_not(tf.placeholder(tf.bool, [], "serving")))
    refused("is switched by '[^']*'. Feed False instead", tmp_path, p.graph)
    with samples.program() as p:
        x, bn = p.rows(), p.variables("bn", 4)
        moments = tf.nn.moments(x, [0])
        chosen = tf.cond(
            tf.placeholder(tf.bool, [], "serving"),
            lambda: (tf.identity(bn.mean), tf.identity(bn.variance)),
            lambda: tuple(map(tf.identity, moments)),
        )
        p.apply(x, bn, *chosen)
    refused("is switched by 'serving'. Feed True instead", tmp_path, p.graph)


def test_batch_norm_without_averages_is_refused(tmp_path):
    with samples.program() as p:
        y = p.conv(p.images())
        tf.nn.batch_normalization(y, *tf.nn.moments(y, [0, 1, 2]), tf.get_variable("beta", [4]), None, 1e-3)
    refused("keeps no averages that it could read", tmp_path, p.graph)


@pytest.mark.parametrize("batch", [8, None])
@pytest.mark.parametrize("switched", [False, True], ids=["bool", "placeholder"])
@pytest.mark.parametrize("layer", [tf_layers.batch_normalization, slim.batch_norm], ids=["tf.layers", "slim"])
def test_drop_in_is_repaired_by_what_waits_in_the_collection(layer, switched, batch, flavour, tmp_path):
    """Also where the update runs in a guard of its own, against an empty batch, and with the switch at its default."""
    with tf.Graph().as_default() as graph:
        flag = tf.placeholder_with_default(False, [], "flag") if switched else True
        x = tf.placeholder(tf.float32, [batch, 4], "x") @ tf.get_variable("w", [4, 3])
        y = layer(x, **{"training" if layer is tf_layers.batch_normalization else "is_training": flag})
        tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(tf.square(y)), name="train")
    (first, _) = audit(graph).findings
    assert "SCRIPT.py. If the program" in first.fix
    done = repair(graph, str(tmp_path / "new.meta"))
    assert audit(done.path).findings == () and all("stands for" not in change for change in done.changes)
    with tf.Graph().as_default(), tf.Session() as session:
        tf.train.import_meta_graph(done.path)
        session.run(tf.global_variables_initializer())
        named = {v.op.name: v for v in tf.global_variables()}
        mean = named[first.variable]
        feed = {"x:0": np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)}
        if switched:
            session.run("train", feed)
            np.testing.assert_array_equal(session.run(mean), np.zeros(3))
        fresh = (feed["x:0"].astype(np.float64) @ session.run(named["w"])).mean(0)
        session.run("train", feed | ({"flag:0": True} if switched else {}))
        decay = 0.99 if layer is tf_layers.batch_normalization else 0.999
        np.testing.assert_allclose(session.run(mean), fresh * (1 - decay), rtol=1e-3, atol=1e-6)


def test_several_train_ops_are_refused(tmp_path):
    with samples.program() as p:
        y = p.norm(p.dense(p.rows())).output
        for name in ("one", "two"):
            p.train(p.loss(y, f"loss_{name}"), (), name=name)
    refused(r"several train ops. Got \['one', 'two'\]", tmp_path, p.graph)


def test_graph_that_cannot_be_run_is_refused(tmp_path):
    with samples.program() as p:
        x = tf.placeholder(tf.float32, None, "rows")
        y = p.norm(p.dense(tf.ensure_shape(x, [None, 4]))).output
        p.train(p.loss(y), ())
    refused("cannot be run for the check", tmp_path, p.graph, errors.RunError)
    repair(p.graph, str(tmp_path / "fed.meta"), feed={"rows": np.ones((3, 4), np.float32)})


def test_train_op_under_a_flag_does_not_take_updates_along_that_run_always(flavour, tmp_path):
    """As `tf.cond(is_training, train, no_op)`: the averages would move in evaluation. With a switch they do not."""
    for switched in (False, True):
        with samples.program() as p:
            flag = tf.placeholder(tf.bool, [], "is_training")
            optimizer = tf.train.GradientDescentOptimizer(0.1)
            y = p.norm(p.dense(p.rows()), training=flag if switched else True).output
            pairs = optimizer.compute_gradients(p.loss(y))
            done = tf.cond(flag, lambda o=optimizer, g=pairs: tf.group(o.apply_gradients(g)), tf.no_op)
            tf.group(done, name="train")
        assert "BN001" in codes(audit(p.graph))
        if not switched:
            refused("applies gradients only where 'is_training' says so; the update", tmp_path, p.graph)
            continue
        repair(p.graph, str(tmp_path / "new.meta"))


def test_averages_that_are_no_global_variables_are_refused(flavour, tmp_path):
    with samples.program() as p:
        x = p.dense(p.rows())
        with tf.variable_scope("bn"):
            gamma, mean, variance = (
                tf.get_variable(name, [4], initializer=tf.ones_initializer(), trainable=name == "gamma",
                                collections=None if name == "gamma" else [tf.GraphKeys.LOCAL_VARIABLES])
                for name in ("gamma", "moving_mean", "moving_variance")
            )  # fmt: skip
        moments = tf.nn.moments(x, [0])
        for average, moment in zip((mean, variance), moments, strict=True):
            p.move(average, moment)
        p.train(p.loss(tf.nn.batch_normalization(x, *moments, None, gamma, 1e-3)), ())
    refused("'bn/moving_mean' is not among the global variables", tmp_path, p.graph)


def test_too_many_train_ops_are_refused_until_one_is_named(tmp_path):
    with samples.program() as p:
        y = p.norm(p.dense(p.rows())).output
        for number in range(33):
            p.train(p.loss(y, f"loss_{number}"), (), name=f"step_{number}")
    refused(r"several train ops. Got \['step_0 and 32 more'\]. Name one with --train_op", tmp_path, p.graph)
    repair(p.graph, str(tmp_path / "named.meta"), train_op=["step_7:0"])


def test_train_op_in_a_function_is_refused(tmp_path):
    with graphs.graph_mode(graphs.MODES[0]) as graph:
        p = samples.Program(graph)
        optimizer, y = tf.train.GradientDescentOptimizer(0.1), p.norm(p.dense(p.rows())).output
        pairs = optimizer.compute_gradients(p.loss(y))

        def train():
            optimizer.apply_gradients(pairs)
            return tf.constant(1.0)

        tf.cond(tf.placeholder(tf.bool, []), train, lambda: tf.constant(0.0))
    refused("is in a function body. Name what the program runs: --train_op", tmp_path, graph)
