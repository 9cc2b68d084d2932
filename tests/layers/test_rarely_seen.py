"""Surroundings of few programs: served training graphs, rewritten graphs, modes of determinism, shared Savers."""

import numpy as np
import pytest
import tensorflow as tf2
import tensorflow.compat.v1 as tf

import tf1bn
from tests.layers import trial
from tf1bn import checkpoint, errors
from tf1bn.testing import reference
from tf1bn.testing.graphs import MODES, Mode, graph_mode

X = np.random.default_rng(5).normal(2, 3, (8, 3)).astype(np.float32)
START = reference.Statistics(np.zeros(3), np.ones(3))
EXTREMES = [MODES[0], MODES[-1]]


def averages(times, batch=X, decay=0.5):
    """The averages after so many batches, which are all the same."""
    return reference.moving_averages([batch.astype(np.float64)] * times, decay, START)


def kept():
    return tf.get_collection(tf.GraphKeys.MOVING_AVERAGE_VARIABLES)


def assert_averages(values, wanted, rtol=1e-5):
    np.testing.assert_allclose(values[0], wanted.mean, rtol, 1e-6)
    np.testing.assert_allclose(values[1], wanted.variance, rtol)


@pytest.mark.parametrize("mode", EXTREMES, ids=str)
@pytest.mark.parametrize("switched", [False, True])
def test_a_served_training_graph_moves_its_averages_unless_a_switch_is_off(switched, mode, tmp_path):
    with graph_mode(mode), tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 3])
        switch = tf.placeholder_with_default(False, []) if switched else True
        y = tf1bn.batch_norm(x, switch, scope="bn", decay=0.5)
        reads = [tf.identity(variable).name for variable in kept()]
        session.run(tf.global_variables_initializer())
        tf.saved_model.simple_save(session, str(tmp_path / "model"), {"x": x}, {"y": y})
    loaded = tf2.saved_model.load(str(tmp_path / "model"))
    serve = loaded.signatures["serving_default"]
    read = loaded.prune([], [loaded.graph.get_tensor_by_name(name) for name in reads])
    for call in range(1, 4):
        serve(x=tf2.constant(X))
        assert_averages([value.numpy() for value in read()], averages(0 if switched else call))


@pytest.mark.parametrize("mode", EXTREMES, ids=str)
def test_a_shared_average_that_debiases_tensors_does_not_debias_our_variables(mode):
    """TensorFlow's own rule: zero_debias is of tensors. Ours is an argument of the layer or of Ema."""
    with graph_mode(mode), tf.Session() as session:
        shared = tf.train.ExponentialMovingAverage(0.5, zero_debias=True)
        y = tf1bn.batch_norm(tf.constant(X), True, scope="bn", update_strategy=tf1bn.Ema(ema=shared))
        session.run(tf.global_variables_initializer())
        session.run(y)
        assert_averages(session.run(kept()[:2]), averages(1))


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_a_layer_in_a_branch_of_a_parallel_loop_is_refused(mode):
    """There TensorFlow runs assignments of overlapping iterations in any order."""

    def body(i, total):
        branch = tf.cond(i > 1, lambda: tf1bn.batch_norm(tf.constant(X), True, scope="bn"), lambda: tf.constant(X))
        return i + 1, total + tf.reduce_sum(branch)

    with graph_mode(mode), pytest.raises(errors.PlacementError, match="loop"):
        tf.while_loop(lambda i, _: i < 4, body, [tf.constant(0), tf.constant(0.0)])


def test_in_a_function_the_collection_is_refused_and_the_output_carries_the_update():
    with graph_mode(), tf.Session() as session:

        @tf.function(autograph=False)
        def called(x):
            with tf.variable_scope("", reuse=tf.AUTO_REUSE):
                return tf1bn.batch_norm(x, True, scope="bn", decay=0.5, update_strategy="collection")

        with pytest.raises(errors.Tf1bnError):
            called(tf.constant(X))
        assert not tf.get_collection(tf.GraphKeys.UPDATE_OPS)
        with tf.variable_scope("branch"):
            y = tf.cond(
                tf.placeholder_with_default(True, []),
                lambda: tf1bn.batch_norm(tf.constant(X), True, scope="bn", decay=0.5),
                lambda: tf.constant(X),
            )
        session.run(tf.global_variables_initializer())
        session.run(y)
        assert_averages(session.run(tf.global_variables("branch/bn/moving")), averages(1))


def test_a_graph_that_is_rewritten_for_bfloat16_keeps_its_averages_in_float32():
    """Processors without such arithmetic leave the graph as it is."""
    images = np.random.default_rng(6).normal(size=(4, 8, 8, 3)).astype(np.float32)
    kernel = np.random.default_rng(7).normal(size=(3, 3, 3, 8)).astype(np.float32)
    found = []
    for on in (False, True):
        with graph_mode():
            config = tf.ConfigProto()
            if on:
                config.graph_options.rewrite_options.auto_mixed_precision_onednn_bfloat16 = 1
            hidden = tf.nn.conv2d(tf.constant(images), tf.get_variable("w", initializer=kernel), 1, "SAME")
            y = tf.nn.relu(tf1bn.batch_norm(hidden, True, scope="bn", decay=0.5))
            step = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(tf.square(y)))
            with tf.Session(config=config) as session:
                session.run(tf.global_variables_initializer())
                session.run(step)
                found.append(session.run(kept()[:2]))
                assert all(value.dtype == np.float32 for value in found[-1])
    for plain, rewritten in zip(*found, strict=True):
        np.testing.assert_allclose(rewritten, plain, 0.03, 0.05)


@pytest.mark.parametrize("mode", EXTREMES, ids=str)
def test_the_state_of_an_iterator_is_saved_beside_the_averages(mode, tmp_path):
    def built():
        data = tf.data.Dataset.from_tensor_slices(X).batch(2, drop_remainder=True).repeat()
        iterator = tf.data.make_initializable_iterator(data)
        saveable = tf.data.experimental.make_saveable_from_iterator(iterator)
        tf.add_to_collection(tf.GraphKeys.SAVEABLE_OBJECTS, saveable)
        return iterator, tf1bn.batch_norm(iterator.get_next(), True, scope="bn", decay=0.5)

    with graph_mode(mode), tf.Session() as session:
        iterator, y = built()
        session.run([tf.global_variables_initializer(), iterator.initializer])
        session.run(y)
        prefix = tf.train.Saver().save(session, str(tmp_path / "model"))
    with graph_mode(mode), tf.Session() as session:
        iterator, y = built()
        session.run(iterator.initializer)  # TensorFlow restores only into an iterator that has begun
        tf.train.Saver().restore(session, prefix)
        session.run(y)  # goes on with the second batch
        batches = [X[:2].astype(np.float64), X[2:4].astype(np.float64)]
        assert_averages(session.run(kept()[:2]), reference.moving_averages(batches, 0.5, START))
    assert [report.site.scope for report in checkpoint.inspect(prefix).sites] == ["bn"]
    plan = checkpoint.plan_migration(prefix, "sonnet_v2")
    checkpoint.migrate(plan, tmp_path / "out", verify=True)


@pytest.mark.parametrize("mode", EXTREMES, ids=str)
@pytest.mark.parametrize("strategy", ["inline", "collection", "ema"])
def test_numeric_switches_of_tensorflow_change_no_bit_on_a_processor(strategy, mode, monkeypatch):
    def trained():
        with graph_mode(mode), trial.session() as session:
            tf.set_random_seed(1)
            y = tf1bn.batch_norm(tf.constant(X), True, scope="bn", update_strategy=strategy)
            loss = tf.reduce_sum(tf.square(y - 1))
            step = tf1bn.minimize(tf.train.AdamOptimizer(0.1), loss)
            session.run(tf.global_variables_initializer())
            for _ in range(3):
                session.run(step)
            return session.run(tf.global_variables())

    plain = trained()
    before = tf2.config.experimental.tensor_float_32_execution_enabled()
    tf2.config.experimental.enable_tensor_float_32_execution(not before)
    try:
        assert all(np.array_equal(a, b) for a, b in zip(plain, trained(), strict=True))
    finally:
        tf2.config.experimental.enable_tensor_float_32_execution(before)
    tf2.config.experimental.enable_op_determinism()
    try:
        assert all(np.array_equal(a, b) for a, b in zip(plain, trained(), strict=True))
    finally:
        from tensorflow.python.framework import config

        config.disable_op_determinism()


@pytest.mark.parametrize("guard", ["skip", "raise"])
@pytest.mark.parametrize("how", ["kernel", "scope"])
def test_the_guard_against_nan_holds_where_xla_compiles(how, guard):
    with graph_mode(Mode(True, False)), tf.Session() as session:
        x = tf.placeholder(tf.float32, [8, 3])
        options = {"kernel": "xla"} if how == "kernel" else {}
        with tf.xla.experimental.jit_scope(compile_ops=how == "scope"):
            y = tf1bn.batch_norm(x, True, scope="bn", decay=0.5, numeric_guard=guard, **options)
        session.run(tf.global_variables_initializer())
        session.run(y, {x: X})
        broken = X.copy()
        broken[3, 1] = np.nan
        if guard == "skip":
            session.run(y, {x: broken})
        else:
            with pytest.raises(tf.errors.InvalidArgumentError, match="not finite"):
                session.run(y, {x: broken})
        assert_averages(session.run(kept()[:2]), averages(1))
