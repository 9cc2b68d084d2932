"""contrib's further layers, metrics, settings, summaries and queues, against NumPy."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat import contrib, slim
from tf1bn.compat.contrib import hparams, metrics, model_analyzer, queues, slim_summaries, summaries

IMAGES = np.random.RandomState(1).randn(2, 4, 6, 8).astype(np.float32)


@pytest.mark.parametrize("one_pass", [False, True])
def test_group_norm_normalises_groups_of_channels(graph, run, one_pass):
    y = slim.group_norm(tf.constant(IMAGES), groups=2, mean_close_to_zero=one_pass)
    x = IMAGES.astype(np.float64).reshape(2, 4, 6, 2, 4)
    mean, variance = x.mean((1, 2, 4), keepdims=True), x.var((1, 2, 4), keepdims=True)
    np.testing.assert_allclose(run(y), ((x - mean) / np.sqrt(variance + 1e-6)).reshape(IMAGES.shape), atol=1e-4)
    assert [v.op.name for v in slim.get_model_variables()] == ["GroupNorm/beta", "GroupNorm/gamma"]
    assert y.shape.as_list() == [2, 4, 6, 8]


def test_group_norm_of_channels_first_has_a_gamma_for_each_channel(plain_graph, run):
    x = np.transpose(IMAGES, [0, 3, 1, 2])
    values = np.arange(1.0, 9.0)
    start = {"gamma": tf.constant_initializer(values)}
    y = slim.group_norm(tf.constant(x), 4, channels_axis=1, reduction_axes=(2, 3), param_initializers=start)
    wide = x.reshape(2, 4, 2, 4, 6).astype(np.float64)
    mean, variance = wide.mean((2, 3, 4), keepdims=True), wide.var((2, 3, 4), keepdims=True)
    wanted = ((wide - mean) / np.sqrt(variance + 1e-6)).reshape(x.shape) * values.reshape(1, 8, 1, 1)
    np.testing.assert_allclose(run(y), wanted, atol=1e-4)


def test_maxout_takes_the_largest_of_neighbouring_channels(plain_graph, run):
    y = slim.maxout(tf.placeholder_with_default(IMAGES, [None, 4, 6, 8]), 4)
    np.testing.assert_array_equal(run(y), IMAGES.reshape(2, 4, 6, 4, 2).max(-1))
    assert y.shape.as_list() == [None, 4, 6, 4]
    np.testing.assert_array_equal(
        run(slim.maxout(tf.constant(IMAGES), 2, axis=1)), IMAGES.reshape(2, 2, 2, 6, 8).max(2)
    )


@pytest.mark.parametrize("form", ["NHWC", "NCHW"])
def test_spatial_softmax_gives_expected_positions(plain_graph, run, form):
    x = IMAGES if form == "NHWC" else np.transpose(IMAGES, [0, 3, 1, 2])
    y = slim.spatial_softmax(tf.constant(x), temperature=0.5, data_format=form)
    weights = np.exp(IMAGES.astype(np.float64) / 0.5)
    weights /= weights.sum((1, 2), keepdims=True)
    across, down = np.linspace(-1, 1, 6).reshape(1, 1, 6, 1), np.linspace(-1, 1, 4).reshape(1, 4, 1, 1)
    wanted = np.stack([(weights * down).sum((1, 2)), (weights * across).sum((1, 2))], -1).reshape(2, 16)
    np.testing.assert_allclose(run(y), wanted, atol=1e-5)
    slim.spatial_softmax(tf.constant(x), data_format=form)
    assert [v.op.name for v in tf.trainable_variables()] == [f"spatial_softmax{n}/temperature" for n in ("", "_1")]


def test_unit_norm_pooling_of_volumes_and_scaled_gradients(plain_graph, run):
    x = tf.constant(IMAGES)
    lengths = np.sqrt(1e-7 + (IMAGES**2).sum(2, keepdims=True))
    np.testing.assert_allclose(run(slim.unit_norm(x, 2)), IMAGES / lengths, rtol=1e-5)
    volume = np.random.RandomState(0).randn(1, 4, 4, 4, 2).astype(np.float32)
    blocks = volume.reshape(1, 2, 2, 2, 2, 2, 2, 2)
    np.testing.assert_allclose(run(slim.max_pool3d(tf.constant(volume), 2)), blocks.max((2, 4, 6)))
    np.testing.assert_allclose(run(slim.avg_pool3d(tf.constant(volume), 2)), blocks.mean((2, 4, 6)), atol=1e-6)
    (gradient,) = tf.gradients(tf.reduce_sum(contrib.layers.scale_gradient(x, 0.25)), x)
    np.testing.assert_array_equal(run(gradient), np.full(IMAGES.shape, 0.25))


LAYERS = {
    "groups": (lambda x: slim.group_norm(x, 3), "not commensurate with 3 groups"),
    "more groups": (lambda x: slim.group_norm(x, 64), "Invalid groups 64 for "),
    "axes of groups": (lambda x: slim.group_norm(x, 2, -1, (-1,)), "mutually exclusive"),
    "an axis outside": (lambda x: slim.group_norm(x, 2, 4), "outside the rank"),
    "units of maxout": (lambda x: slim.maxout(x, 3), "multiple of `num_units`"),
    "axis of a norm": (lambda x: slim.unit_norm(x, -1), "`dim` must be positive"),
    "channels of images": (
        lambda x: slim.spatial_softmax(tf.placeholder(tf.float32, [1, 2, 2, None])),
        "number of channels must be defined",
    ),
}


@pytest.mark.parametrize("case", LAYERS)
def test_layers_refuse(plain_graph, case):
    call, text = LAYERS[case]
    with pytest.raises(ValueError, match=text):
        call(tf.constant(IMAGES))


def test_metrics_take_the_predictions_first(plain_graph):
    assert list(inspect.signature(metrics.streaming_precision).parameters)[:3] == ["predictions", "labels", "weights"]
    predictions, labels = tf.constant([1, 0, 1, 1]), tf.constant([1, 1, 0, 1])
    values, updates = slim.metrics.aggregate_metric_map(
        {
            "accuracy": metrics.streaming_accuracy(predictions, labels),
            "precision": metrics.streaming_precision(predictions, labels),
            "recall": metrics.streaming_recall(predictions, labels, weights=[1.0, 1.0, 1.0, 0.0]),
            "errors": metrics.streaming_mean_squared_error(predictions, labels),
            "top": metrics.streaming_recall_at_k(tf.constant([[0.1, 0.9], [0.8, 0.2]]), tf.constant([1, 1]), 1),
        }
    )
    with tf.Session() as session:
        session.run(tf.local_variables_initializer())
        session.run(list(updates.values()))
        found = session.run(values)
        weighted = session.run(metrics.accuracy(predictions, labels, [1, 0, 1, 0]))
    np.testing.assert_allclose(
        [found[name] for name in ("accuracy", "precision", "recall", "errors", "top")], [0.5, 2 / 3, 0.5, 0.5, 0.5]
    )
    assert weighted == 0.5
    assert slim.metrics.aggregate_metrics((1, 2), (3, 4)) == ((1, 3), (2, 4))


def test_settings_are_parsed_in_their_types():
    held = hparams.HParams(rate=0.1, sizes=[64, 32], name="a", fast=False, steps=5)
    held.parse("rate=1,sizes=[128, 64],name=b c,fast=True,steps=7")
    assert held.values() == {"rate": 1.0, "sizes": [128, 64], "name": "b c", "fast": True, "steps": 7}
    assert held.parse("sizes[1]=3").sizes == [128, 3] and held.override_from_dict({"steps": 8}).steps == 8
    assert hparams.HParams(rate=0.0).parse_json('{"rate": 2}').to_json() == '{"rate": 2.0}'
    assert held.get("nothing", 3) == 3 and held.get("steps") == 8 and "rate" in held and "nothing" not in held
    held.del_hparam("rate")
    assert "rate" not in held and not hasattr(held, "rate")
    assert repr(hparams.HParams(b=1, a="x")) == "HParams(a='x', b=1)"
    assert hparams.parse_values("a=1,b=[x,y]", {"a": int, "b": str}) == {"a": 1, "b": ["x", "y"]}
    assert hparams.parse_values("z=3,a=1", {"a": int}, ignore_unknown=True) == {"a": 1}
    assert hparams.HParams(a=1).set_from_map({"a": 2}).a == 2
    with pytest.raises(errors.ArgumentError, match="`hparam_def` is not served: its message left"):
        hparams.HParams("proto")


SETTINGS = {
    "another type": ("steps=1.5", ValueError, "`steps` has another type"),
    "no switch": ("fast=maybe", ValueError, "`fast` has another type"),
    "a list for one": ("steps=[1,2]", ValueError, "`steps` is one value"),
    "one for a list": ("sizes=3", ValueError, "`sizes` is a list"),
    "unknown": ("step=1", ValueError, "Did you mean 'steps'"),
    "unreadable": ("steps", ValueError, "cannot be read"),
    "twice": ("steps=1,steps=2", ValueError, "given twice"),
    "an entry outside": ("sizes[2]=1", ValueError, "has 2 entries"),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_settings_refuse(case):
    text, kind, match = SETTINGS[case]
    held = hparams.HParams(sizes=[64, 32], fast=False, steps=5)
    with pytest.raises(kind, match=match):
        held.parse(text)
    assert held.values() == {"sizes": [64, 32], "fast": False, "steps": 5}


def test_settings_refuse_what_has_no_type():
    with pytest.raises(ValueError, match="empty list"):
        hparams.HParams(sizes=[])
    with pytest.raises(ValueError, match="exists"):
        hparams.HParams(values=1)
    with pytest.raises(KeyError, match="no setting"):
        hparams.HParams(a=1).set_hparam("b", 2)


def test_summaries_are_collected_under_the_names_of_tensors(plain_graph):
    x = tf.nn.relu(tf.ones([3]), name="x")
    tf.add_to_collection(tf.GraphKeys.ACTIVATIONS, x)
    v = tf.get_variable("v", [2])
    summaries.summarize_activations()
    summaries.summarize_variables()
    summaries.summarize_tensor(tf.ones([], name="s"))
    assert summaries.summarize_weights() == [] and summaries.summarize_collection("variables", "w") == []
    kinds = [(s.op.type, s.op.name) for s in tf.get_collection(tf.GraphKeys.SUMMARIES)]
    wanted = [("ScalarSummary", "x/zeros"), ("HistogramSummary", "x/activation")]
    assert kinds == [*wanted, ("HistogramSummary", f"{v.op.name}_summary"), ("ScalarSummary", "s_summary")]


def test_slims_summaries_have_prefixes_and_names(plain_graph, run):
    slim_summaries.add_scalar_summaries({"loss": tf.ones([])}, "eval", print_summary=True)
    slim_summaries.add_histogram_summaries([tf.ones([2], name="h")], "train")
    slim_summaries.add_image_summary(tf.ones([1, 2, 2, 1]), "images")
    zeros = slim_summaries.add_zero_fraction_summary(tf.constant([0.0, 1.0]), "zeros")
    found = tf.Summary.FromString(run(tf.summary.merge_all()))
    assert [value.tag for value in found.value] == ["eval/loss", "train/h", "images/image/0", "zeros"]
    assert tf.Summary.FromString(run(zeros)).value[0].simple_value == 0.5


def test_sizes_of_variables_and_operations(plain_graph, capsys):
    v = tf.get_variable("v", [3, 4])
    assert model_analyzer.analyze_vars([v], print_info=True) == (12, 48)
    assert "3x4) [12, bytes: 48]" in capsys.readouterr().out
    with tf.Graph().as_default() as other:
        tf.ones([2, 3], name="a")
        assert model_analyzer.analyze_ops(other, print_info=True) == 6
    assert "Total size: 6" in capsys.readouterr().out


def test_queues_run_in_a_block(plain_graph):
    queue = tf.train.input_producer([1, 2], shuffle=False)
    head = queue.dequeue()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        with queues.QueueRunners(session):
            assert [session.run(head) for _ in range(3)] == [1, 2, 1]
            with pytest.raises(queues.NestedQueueRunnerError), queues.QueueRunners(session):
                pass
    assert issubclass(queues.NestedQueueRunnerError, errors.Tf1bnError)


def test_values_that_a_graph_knows_choose_without_a_conditional(plain_graph, run):
    from tf1bn.compat.contrib import choosing

    assert choosing.constant_value(3) == 3 and choosing.constant_value(tf.constant(True), tf.bool)
    assert choosing.constant_value(tf.placeholder(tf.bool)) is None
    assert choosing.smart_cond(tf.constant(True), lambda: "a", lambda: "b") == "a"
    switch = tf.placeholder(tf.bool, [])
    y = choosing.smart_cond(switch, lambda: tf.constant(1), lambda: tf.constant(2))
    assert run(y, {switch: False}) == 2
    with pytest.raises(ValueError, match="cannot be None"):
        choosing.constant_value(None)
    with pytest.raises(ValueError, match="another dtype"):
        choosing.constant_value(tf.constant(1), tf.bool)
    with pytest.raises(TypeError, match="fn1 must be callable"):
        choosing.static_cond(True, 1, 2)
    with pytest.raises(TypeError, match="pred must be a Python bool"):
        choosing.static_cond("x", lambda: 1, lambda: 2)


def test_gradients_to_multiply_are_a_list_of_pairs(plain_graph):
    v = tf.get_variable("v", [])
    for pairs in (tf.ones([]), [None, v], ((tf.ones([]), v),)):
        with pytest.raises(ValueError, match="must be a list of pairs"):
            slim.learning.multiply_gradients(pairs, {"v": 2.0})


def test_sizes_become_tuples():
    from tf1bn.compat.contrib import choosing

    assert choosing.two_element_tuple(3) == (3, 3) == choosing.two_element_tuple(tf.TensorShape([3, 3]))
    assert choosing.n_positive_integers(3, 2) == (2, 2, 2) == choosing.n_positive_integers(3, np.int64(2))
    assert choosing.n_positive_integers(2, tf.TensorShape([2, 3])) == (2, 3)
    for n, value, kind in (
        (0, 1, ValueError),
        ("3", [1], ValueError),
        (3.3, 1, ValueError),
        (3, tf.TensorShape(None), ValueError),
        (2, [1, 2, 3], ValueError),
        (2, "ab", ValueError),
        (2, [1], ValueError),
        (2, None, TypeError),
    ):
        with pytest.raises(kind):
            choosing.n_positive_integers(n, value)
    with pytest.raises(ValueError, match="not two whole numbers"):
        choosing.two_element_tuple([1, 2, 3])


def test_variables_are_placed_in_turn_and_named_as_a_checkpoint_does(plain_graph):
    chooser = slim.VariableDeviceChooser(num_tasks=2)
    assert [chooser(None) for _ in range(3)] == [f"/job:ps/task:{i}/device:CPU:0" for i in (0, 1, 0)]
    assert slim.VariableDeviceChooser(device_type="GPU", device_index=1)(None) == "/device:GPU:1"
    v = slim.global_variable(3, name="v")
    assert slim.get_variables() == [v] and tf.trainable_variables() == []
    halves = tf.get_variable("w", [4], partitioner=tf.fixed_size_partitioner(2))
    assert [slim.get_variable_full_name(part) for part in [v, *halves]] == ["v", "w", "w"]
    step = tf.train.get_or_create_global_step()
    assert slim.assert_or_get_global_step() is step and slim.assert_or_get_global_step(None, step) is step
    with pytest.raises(TypeError):
        slim.assert_or_get_global_step(global_step_tensor=1)
