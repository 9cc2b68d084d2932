"""Networks in tf.compat.v1.wrap_function, called by an eager program."""

import numpy as np
import pytest
import tensorflow as tf2
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn import errors
from tf1bn.compat import slim, tf_layers
from tf1bn.testing import reference
from tf1bn.testing.reference import Statistics

RNG = np.random.default_rng(0)
A, B = RNG.normal(3, 2, (6, 3)), RNG.normal(-1, 1, (4, 3))
START = Statistics(np.zeros(3), np.ones(3))
ROWS, SWITCH = tf2.TensorSpec([None, 3], tf.float64), tf2.TensorSpec([], tf.bool)


@pytest.fixture(autouse=True)
def _eager():
    if not tf.executing_eagerly():
        pytest.skip("eager mode is off in this process")


def _kept(function, *leaves):
    found = {v.name: v.numpy() for v in function.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)}
    return [found[f"bn/{leaf}:0"] for leaf in leaves or ("moving_mean", "moving_variance")]


def _exact(*batches):
    return reference.moving_averages(list(batches), 0.75, START)


def _bn(x, training, strategy="inline", **options):
    options = {"decay": 0.75} | options
    return tf1bn.batch_norm(x, training, scope="bn", reuse=tf.AUTO_REUSE, update_strategy=strategy, **options)


def _shared_object(x, training):
    ema = tf.train.ExponentialMovingAverage(0.75)
    return tf1bn.batch_norm(x, training, scope="bn", update_strategy=tf1bn.Ema(ema))


def _in_cond(x, training):
    if isinstance(training, bool):
        training = tf.placeholder_with_default(training, [])
    return tf.cond(training, lambda: _bn(x, True), lambda: _bn(x, False))


def _slim(x, training):
    return slim.batch_norm(x, 0.75, updates_collections=None, is_training=training, scope="bn", fused=False)


MOVING = {
    "inline": _bn,
    "ema": lambda x, training: _bn(x, training, "ema"),
    "shared ema": _shared_object,
    "accumulated": lambda x, training: _bn(x, training, tf1bn.Accumulated(1)),
    "cond": _in_cond,
    "slim in place": _slim,
}


@pytest.mark.parametrize("network", MOVING)
def test_each_call_moves_the_averages(network):
    function = tf.wrap_function(lambda x, on: MOVING[network](x, on), [ROWS, SWITCH])
    for count, x in enumerate((A, B), 1):
        np.testing.assert_allclose(function(x, True), reference.batch_norm(x), rtol=1e-6)
        np.testing.assert_allclose(_kept(function), _exact(*(A, B)[:count]), rtol=1e-6)
    before = _kept(function)
    np.testing.assert_allclose(function(A, False), reference.normalize(A, Statistics(*before)), rtol=1e-6)
    np.testing.assert_array_equal(_kept(function), before)


@pytest.mark.parametrize("network", MOVING)
def test_a_switch_that_is_known(network):
    if network != "cond":
        function = tf.wrap_function(lambda x: MOVING[network](x, True), [ROWS])
        function(A)
        np.testing.assert_allclose(_kept(function), _exact(A), rtol=1e-6)
    function = tf.wrap_function(lambda x: MOVING[network](x, False), [ROWS])
    np.testing.assert_allclose(function(A), A / np.sqrt(1 + 1e-3))
    np.testing.assert_array_equal(_kept(function), START)


WAITING = {
    "collection": lambda x, on: _bn(x, on, "collection"),
    "tf.layers": lambda x, on: tf_layers.batch_normalization(x, momentum=0.75, training=on, name="bn"),
    "slim": lambda x, on: slim.batch_norm(x, 0.75, is_training=on, scope="bn", fused=False),
}


@pytest.mark.parametrize("network", WAITING)
@pytest.mark.parametrize("switch", ("bool", "tensor"))
def test_updates_that_wait_are_reached_by_prune(network, switch):
    function = tf.wrap_function(lambda x, on: WAITING[network](x, True if switch == "bool" else on), [ROWS, SWITCH])
    np.testing.assert_allclose(function(A, True), reference.batch_norm(A), rtol=1e-6)
    np.testing.assert_array_equal(_kept(function), START)
    inputs = function.inputs[:2]
    step = function.prune(inputs, [function.outputs[0], *function.graph.get_collection(tf.GraphKeys.UPDATE_OPS)])
    step(tf.constant(A), tf.constant(True))
    np.testing.assert_allclose(_kept(function), _exact(A), rtol=1e-6)


def test_gradients_inside_and_by_a_tape_outside():
    dy = RNG.normal(size=A.shape)

    def network(x):
        y = _bn(x, True)
        return y, tf.gradients(y, [x, *tf.trainable_variables()], dy)

    function = tf.wrap_function(network, [ROWS])
    exact = reference.batch_gradients(A, np.ones(3), dy)
    _, inside = function(A)
    with tf2.GradientTape() as tape:
        x = tf.constant(A)
        tape.watch(x)
        y, _ = function(x)
    weights = {v.name: v for v in function.graph.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES)}
    outside = tape.gradient(y, [x, weights["bn/gamma:0"], weights["bn/beta:0"]], dy)
    for found in (inside, outside):
        for one, wanted in zip(found, (exact.x, exact.gamma, exact.beta), strict=True):
            np.testing.assert_allclose(one, wanted, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(_kept(function), _exact(A, A), rtol=1e-6)


def test_calls_on_shared_variables_and_one_pruned_call():
    function = tf.wrap_function(lambda x, z: (_bn(x, True), _bn(z, True), _bn(x, False)), [ROWS, ROWS])
    assert {v.name for v in function.variables} == {
        f"bn/{leaf}:0" for leaf in ("gamma", "beta", "moving_mean", "moving_variance")
    }
    second = function.prune(function.inputs[1], function.outputs[1])
    second(tf.constant(B))
    np.testing.assert_allclose(_kept(function), _exact(B), rtol=1e-6)
    served = function.prune(function.inputs[0], function.outputs[2])
    np.testing.assert_allclose(served(tf.constant(A)), reference.normalize(A, _exact(B)), rtol=1e-6)


def test_variables_of_one_function_in_another():
    first = tf.wrap_function(lambda x: _bn(x, True), [ROWS])
    known = {v.name: v for v in first.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)}

    def shared(getter, name, *args, **kwargs):
        return known[f"{name}:0"]

    def network(x):
        with tf.variable_scope("", custom_getter=shared):
            return tf1bn.batch_norm(x, False, scope="bn")

    second = tf.wrap_function(network, [ROWS])
    first(A)
    np.testing.assert_allclose(second(B), reference.normalize(B, _exact(A)), rtol=1e-6)


@pytest.mark.parametrize("how", ("Saver", "Checkpoint"))
def test_checkpoints_travel_both_ways(tmp_path, how):
    prefix = str(tmp_path / "model")
    trained = tf.wrap_function(lambda x: _bn(x, True), [ROWS])
    trained(A)
    fresh = tf.wrap_function(lambda x: _bn(x, False), [ROWS])

    mine, theirs = (f.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES) for f in (trained, fresh))
    if how == "Checkpoint":
        names = [v.name.split(":")[0].replace("/", "_") for v in mine]
        path = tf2.train.Checkpoint(**dict(zip(names, mine, strict=True))).write(prefix)
        tf2.train.Checkpoint(**dict(zip(names, theirs, strict=True))).read(path).assert_consumed()
    else:
        tf.train.Saver(mine).save(None, prefix)
        tf.train.Saver(theirs).restore(None, prefix)
        with tf.Graph().as_default(), tf.Session() as session:
            x = tf.placeholder(tf.float64, [None, 3])
            y = _bn(x, False)
            tf.train.Saver().restore(session, prefix)
            np.testing.assert_allclose(session.run(y, {x: B}), reference.normalize(B, _exact(A)), rtol=1e-6)
    np.testing.assert_allclose(fresh(B), reference.normalize(B, _exact(A)), rtol=1e-6)


def test_a_saved_model_serves_and_a_loaded_one_keeps_moving(tmp_path):
    module = tf2.Module()
    function = tf.wrap_function(lambda x: _bn(x, True), [ROWS])
    module.kept = list(function.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES))
    module.train = function.prune(function.inputs[0], function.outputs[0])  # only these have names of arguments
    module.train(tf.constant(A))
    options = tf2.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf2.saved_model.save(module, str(tmp_path), options=options)
    loaded = tf2.saved_model.load(str(tmp_path))
    np.testing.assert_allclose(loaded.train(tf.constant(B)), reference.batch_norm(B), rtol=1e-6)
    found = {v.name: v.numpy() for v in loaded.kept}
    kept = [found["bn/moving_mean:0"], found["bn/moving_variance:0"]]
    np.testing.assert_allclose(kept, _exact(A, B), rtol=1e-6)


def test_what_is_no_wrapped_function_is_refused_with_the_way_out():
    text = "this is a tf.function of an eager program.*tf.compat.v1.wrap_function"
    with pytest.raises(errors.GraphModeError, match=text):
        tf.function(lambda: _bn(tf.zeros([2, 3]), True), autograph=False)()

    def around(x):
        return tf.wrap_function(lambda x: _bn(x, True), [ROWS])(x)

    with pytest.raises(errors.GraphModeError, match=text):
        tf.function(around, autograph=False)(tf.constant(A))
    with pytest.raises(errors.PlacementError, match="averages cannot move inside a tf.function"):
        tf.wrap_function(lambda x: tf.function(lambda: _bn(x, True), autograph=False)(), [ROWS])


def test_a_graph_inside_an_init_scope_of_a_function():
    found = []

    def build():
        with tf.init_scope(), tf.Graph().as_default(), tf.Session() as session:
            y = _bn(tf.constant(A), True)
            session.run(tf.global_variables_initializer())
            found.append(session.run(y))
        return 0

    tf.function(build, autograph=False)()
    np.testing.assert_allclose(found[0], reference.batch_norm(A), rtol=1e-6)


def test_a_name_that_is_taken_and_one_that_does_not_fit():
    def again(x):
        tf1bn.batch_norm(x, True, scope="bn")
        return tf1bn.batch_norm(x, True, scope="bn")

    def narrow(x):
        tf1bn.batch_norm(x, True, scope="bn")
        return tf1bn.batch_norm(x[:, :2], True, scope="bn", reuse=True)

    with pytest.raises(errors.ReuseError, match="variable 'bn/gamma' already exists"):
        tf.wrap_function(again, [ROWS])
    with pytest.raises(errors.ReuseError, match=r"variable 'bn/gamma' cannot be shared. Got 'shape \(3,\)"):
        tf.wrap_function(narrow, [ROWS])
