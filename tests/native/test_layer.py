"""The layer with `kernel="native"`: one op, no branch, the same contract as every other kernel."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn import errors
from tf1bn.core import devices
from tf1bn.native import places
from tf1bn.native.names import DIRECTORY_VARIABLE, GRADIENT, NORMALIZE
from tf1bn.strategies.catalog import STRATEGIES
from tf1bn.testing import contracts, graphs, reference
from tf1bn.testing.reference import Statistics

FORMULAS = {
    "inline": reference.moving_averages,
    "collection": reference.moving_averages,
    "ema": reference.ema_averages,
    "frozen": reference.unmoved,
}
EXTREMES = (graphs.Mode(True, True), graphs.Mode(False, False))
BRANCHES = {"If", "StatelessIf", "Switch", "RefSwitch", "Merge"}
X = np.random.default_rng(0).normal(2, 3, (24, 12)).astype(np.float32)


def ops_of(graph):
    return [op.type for op in graph.get_operations()]


def kept():
    return tf.get_collection(tf.GraphKeys.MOVING_AVERAGE_VARIABLES)


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        pytest.param(
            name, mode, marks=() if name in ("inline", "collection") and mode in EXTREMES else pytest.mark.exhaustive
        )
        for name in FORMULAS
        for mode in graphs.MODES
    ],
    ids=str,
)
def test_every_strategy_keeps_its_contract(native, name, mode):
    assert set(FORMULAS) == set(STRATEGIES.names())
    with graphs.graph_mode(mode), tf1bn.default_kernel("native"):
        for number in contracts.CLAUSES:
            contracts.run_clause(number, STRATEGIES.get(name), FORMULAS[name], decay=0.8)


@pytest.mark.parametrize("mode", graphs.MODES, ids=str)
@pytest.mark.parametrize(("strategy", "decay"), (("inline", 0.9), ("collection", 0.9999)))
def test_a_fed_switch_costs_one_op_and_one_op_per_average(native, strategy, decay, mode):
    with graphs.graph_mode(mode) as graph, tf.Session() as session:
        x, p = tf.placeholder(tf.float32, [None, 12]), tf.placeholder(tf.bool, [])
        options = {"update_strategy": strategy, "decay": decay, "numeric_guard": "skip", "bessel_correction": True}
        y = tf1bn.batch_norm(x, p, kernel="native", scope="bn", **options)
        found = ops_of(graph)
        assert found.count(NORMALIZE) == 1 and not BRANCHES & set(found)
        assert sum("ApplyMomentum" in op for op in found) == 2
        assert tf1bn.layers_of()[0].record["kernel"] == "native"
        step = [y, *tf.get_collection(tf.GraphKeys.UPDATE_OPS)]
        session.run(tf.global_variables_initializer())
        exact = Statistics(np.zeros(12), np.ones(12))
        for _ in range(2):
            found = session.run(step, {x: X, p: True})[0]
            exact = reference.moving_averages([X], decay, exact, bessel=True)
            np.testing.assert_allclose(found, reference.batch_norm(X), atol=1e-5)
            np.testing.assert_allclose(session.run(kept()), exact, rtol=1e-5)
        before = session.run(kept())
        found = session.run(step, {x: X, p: False})[0]
        np.testing.assert_allclose(found, reference.normalize(X, exact), atol=1e-5)
        for value, training in ((X * np.nan, False), (X * np.nan, True), (X[:0], True)):
            session.run(step, {x: value, p: training})
            np.testing.assert_array_equal(session.run(kept()), before)


def test_a_guard_that_raises_names_the_layer(native):
    with graphs.graph_mode(), tf.Session() as session:
        x, p = tf.placeholder(tf.float32, [None, 12]), tf.placeholder(tf.bool, [])
        y = tf1bn.batch_norm(x, p, kernel="native", numeric_guard="raise", scope="named")
        session.run(tf.global_variables_initializer())
        session.run(y, {x: X, p: True})
        session.run(y, {x: X * np.nan, p: False})
        with pytest.raises(tf.errors.InvalidArgumentError, match="the update of scope .{1,2}named.{1,2} is refused"):
            session.run(y, {x: X * np.nan, p: True})


@pytest.mark.parametrize("mode", graphs.MODES, ids=str)
def test_two_switches_and_two_calls_move_what_they_should(native, mode):
    """Where the averages move by another switch, or after another call, the moments are taken and not the shares."""
    with graphs.graph_mode(mode), tf.Session() as session:
        x, p = tf.placeholder(tf.float32, [None, 12]), tf.placeholder(tf.bool, [])
        options = {"kernel": "native", "decay": 0.5, "scope": "bn"}
        by_batch = tf1bn.batch_norm(x, p, use_batch_statistics=True, **options)
        again = tf1bn.batch_norm(2 * x, p, reuse=True, **options)
        session.run(tf.global_variables_initializer())
        found = session.run(by_batch, {x: X, p: False})
        np.testing.assert_allclose(found, reference.batch_norm(X), atol=1e-5)
        start = Statistics(np.zeros(12), np.ones(12))
        np.testing.assert_array_equal(session.run(kept()), start)
        session.run([by_batch, again], {x: X, p: True})
        # Each call's update is one indivisible op, so they come in either order.
        orders = [reference.moving_averages(batches, 0.5, start) for batches in ([X, 2 * X], [2 * X, X])]
        for value, *wanted in zip(session.run(kept()), *orders, strict=True):
            assert min(np.abs(value - one).max() for one in wanted) <= 1e-5 * np.abs(wanted).max()


@pytest.mark.parametrize("mode", graphs.MODES, ids=str)
def test_in_a_branch_and_in_a_loop(native, mode):
    with graphs.graph_mode(mode), tf.Session() as session:
        x, p = tf.placeholder(tf.float32, [24, 12]), tf.placeholder(tf.bool, [])

        def layer(value, is_training, strategy="inline", **options):
            return tf1bn.batch_norm(value, is_training, kernel="native", decay=0.5, update_strategy=strategy, **options)

        y = tf.cond(p, lambda: layer(x, True, scope="bn"), lambda: layer(x, False, scope="bn", reuse=tf.AUTO_REUSE))
        dx = tf.gradients(y * x, x)[0]
        stepwise = tf1bn.Inline(sequential_loops=True)
        _, z = tf.while_loop(
            lambda i, _: i < 3,
            lambda i, h: (i + 1, layer(h, p, stepwise, scope="loop", reuse=tf.AUTO_REUSE)),
            [tf.constant(0), x],
            parallel_iterations=1,
        )
        dz = tf.gradients(tf.square(z), x)[0]
        session.run(tf.global_variables_initializer())
        found, _ = session.run([y, dx], {x: X, p: True})
        np.testing.assert_allclose(found, reference.batch_norm(X), atol=1e-5)
        start = Statistics(np.zeros(12), np.ones(12))
        bn = reference.moving_averages([X], 0.5, start)
        once = reference.batch_norm(X)
        loop = reference.moving_averages([X, once, reference.batch_norm(once)], 0.5, start)
        session.run([z, dz], {x: X, p: True})
        names = {v.op.name: v for v in kept()}
        for scope, exact in (("bn", bn), ("loop", loop)):
            values = session.run([names[f"{scope}/moving_mean"], names[f"{scope}/moving_variance"]])
            np.testing.assert_allclose(values, exact, rtol=1e-4, atol=1e-6, err_msg=scope)
        found = session.run(y, {x: X, p: False})
        np.testing.assert_allclose(found, reference.normalize(X, bn), atol=1e-5)


def test_in_a_replica_of_a_mirrored_strategy(native):
    with graphs.graph_mode(graphs.Mode(True, True)), tf.Session() as session:
        strategy = tf.distribute.MirroredStrategy(["CPU:0"])
        with strategy.scope():

            def replica():
                y = tf1bn.batch_norm(tf.constant(X), True, kernel="native", decay=0.5, scope="bn")
                return tf.reduce_sum(tf.square(y))

            loss = strategy.run(replica)
            session.run(tf.global_variables_initializer())
            session.run(strategy.experimental_local_results(loss))
            exact = reference.moving_averages([X], 0.5, Statistics(np.zeros(12), np.ones(12)))
            np.testing.assert_allclose([session.run(v.read_value()) for v in kept()], exact, rtol=1e-5)


RELU = {
    "merged": (lambda h: tf1bn.batch_norm(h, True, kernel="native"), True),
    "changed behind": (lambda h: tf1bn.batch_norm(h, True, kernel="native") * 2.0, False),
    "another kernel": (lambda h: tf1bn.batch_norm(h, True, kernel="plain"), False),
}


@pytest.mark.parametrize("case", RELU)
def test_a_relu_is_merged_where_the_layer_is_given_it_and_nothing_stands_between(native, case):
    normalizer, merged = RELU[case]
    with graphs.graph_mode() as graph, tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 12])
        seen = []

        def spied(h):
            seen.append(h)
            return normalizer(h)

        y = tf1bn.dense(x, 7, activation=tf.nn.relu, normalizer=spied)
        assert ("Relu" not in ops_of(graph)) is merged
        gradients = tf.gradients(y, [seen[0], *tf.trainable_variables()])
        session.run(tf.global_variables_initializer())
        h, found, *found_gradients = session.run([seen[0], y, *gradients], {x: X})
        scale = 2.0 if case == "changed behind" else 1.0
        exact = scale * reference.batch_norm(h)
        np.testing.assert_allclose(found, np.maximum(exact, 0), atol=1e-5)
        beta = next(g for g, v in zip(found_gradients[1:], tf.trainable_variables(), strict=True) if "beta" in v.name)
        np.testing.assert_allclose(beta, scale * (exact > 0).sum(0), rtol=1e-5)


def test_values_that_something_else_takes_too_keep_their_relu_apart(native):
    with graphs.graph_mode() as graph:
        x, kept_values = tf.placeholder(tf.float32, [None, 12]), []

        def normalizer(h):
            y = tf1bn.batch_norm(h, True, kernel="native")
            kept_values.append(tf.reduce_mean(y))
            return y

        tf1bn.dense(x, 7, activation=tf.nn.relu, normalizer=normalizer)
        assert ops_of(graph).count("Relu") == 1
        assert not next(op for op in graph.get_operations() if op.type == NORMALIZE).get_attr("relu")


def test_inference_graphs_are_those_of_the_default_and_need_no_library(monkeypatch, tmp_path):
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path))
    found = []
    for kernel in ("native", None):
        with graphs.graph_mode() as graph:
            x = tf.placeholder(tf.float32, [None, 4, 4, 12])
            tf1bn.conv2d(x, 8, 3, normalizer=lambda h, k=kernel: tf1bn.batch_norm(h, False, kernel=k))
            found.append(graph.as_graph_def())
    assert found[0] == found[1]


def test_without_the_library_an_error_says_how_to_build_it(monkeypatch, tmp_path):
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path / "empty"))
    monkeypatch.setattr(places, "PREBUILT", tmp_path)
    monkeypatch.setattr("tf1bn.native.library._loaded", [])
    with graphs.graph_mode():
        x = tf.placeholder(tf.float32, [None, 12])
        with pytest.raises(
            errors.NativeError,
            match=r"batch_norm: .* is not built\. Got .* Build it once: python -m tf1bn.native build",
        ):
            tf1bn.batch_norm(x, True, kernel="native")


REFUSALS = {
    "weights": ({"batch_weights": np.ones(24, np.float32)}, "'native' cannot serve this call: `batch_weights` takes"),
    "first": ({"axis": 1}, "'native' cannot serve this call: its channels are not last"),
    "two axes": ({"axis": [1, 2]}, "'native' cannot serve this call: it takes one channel axis"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_the_op_does_not_do_is_refused_at_a_layer_and_left_to_others_by_a_default(native, case):
    options, text = REFUSALS[case]
    with graphs.graph_mode() as graph:
        x = tf.placeholder(tf.float32, [24, 4, 12])
        with pytest.raises(errors.ArgumentError, match=text):
            tf1bn.batch_norm(x, True, kernel="native", **options)
        assert ops_of(graph) == ["Placeholder"]
        with tf1bn.default_kernel("native"):
            tf1bn.batch_norm(x, True, **options)
            tf1bn.batch_norm(x, True, scope="served")
        assert [layer.record["kernel"] for layer in tf1bn.layers_of()] == ["plain", "native"]


def test_beside_a_gpu_it_is_refused(native, monkeypatch):
    monkeypatch.setattr(devices, "_any_gpu", lambda: True)
    with graphs.graph_mode():
        x = tf.placeholder(tf.float32, [24, 12])
        with pytest.raises(
            errors.ArgumentError, match="it runs on CPU, and a GPU is visible while no tf.device says CPU"
        ):
            tf1bn.batch_norm(x, True, kernel="native")
        with tf.device("/cpu:0"):
            tf1bn.batch_norm(x, True, kernel="native")


def test_defaults_nest_and_a_layer_may_name_another(native):
    with graphs.graph_mode():
        x = tf.placeholder(tf.float32, [24, 12])
        with tf1bn.default_kernel("native"):
            with tf1bn.default_kernel("wide"):
                tf1bn.batch_norm(x, True)
            tf1bn.batch_norm(x, True, kernel="plain")
            tf1bn.batch_norm(x, True)
        tf1bn.batch_norm(x, True)
        with pytest.raises(errors.ArgumentError, match="default_kernel: `kernel` is unknown. Got 'fast'"):
            with tf1bn.default_kernel("fast"):
                pass
        used = [layer.record["kernel"] for layer in tf1bn.layers_of()]
        assert used[:3] == ["wide", "plain", "native"] and used[3] != "native"


def test_the_gradient_is_one_op(native):
    with graphs.graph_mode() as graph:
        x = tf.placeholder(tf.float32, [24, 12])
        y = tf1bn.batch_norm(x, True, kernel="native")
        tf.gradients(y, [x, *tf.trainable_variables()])
        assert ops_of(graph).count(GRADIENT) == 1


class Halved(tf1bn.Inline):
    """A strategy of its own that says nothing of shares: it takes half of the batch's mean."""

    def update(self, state, batch, decay):
        halved = batch._replace(mean=batch.mean / 2.0)
        return super().update(state, halved, decay)


def test_a_subclass_with_another_update_is_asked_only_where_averages_move(native):
    with graphs.graph_mode(), tf.Session() as session:
        x, p = tf.placeholder(tf.float32, [None, 12]), tf.placeholder(tf.bool, [])
        y = tf1bn.batch_norm(x, p, kernel="native", decay=0.5, update_strategy=Halved(name="halved"))
        session.run(tf.global_variables_initializer())
        start = session.run(kept())
        session.run(y, {x: X, p: False})
        np.testing.assert_array_equal(session.run(kept()), start)
        session.run(y, {x: X, p: True})
        np.testing.assert_allclose(session.run(kept())[0], X.mean(0) / 4, rtol=1e-5)
