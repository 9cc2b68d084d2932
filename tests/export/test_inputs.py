"""What is fed: placeholders, tensors of an input pipeline, defaults; and how inputs and outputs are called."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests.export import programs
from tf1bn import errors, export
from tf1bn.export import inference_graph

X = programs.rows()


def dataset():
    data = tf.data.Dataset.from_tensor_slices((X, np.arange(4))).batch(2)
    return tf.data.make_one_shot_iterator(data).get_next()[0]


def queue():
    with tf.device("/cpu:0"):
        return tf.train.batch([tf.constant(X[0])], 2)


@pytest.mark.parametrize(("pipeline", "op"), [(dataset, "IteratorGetNext"), (queue, "QueueDequeueManyV2")])
def test_a_pipeline_is_refused_with_the_tensors_to_feed_and_then_fed(graph, tmp_path, run_frozen, pipeline, op):
    x = pipeline()
    programs.train(programs.forward(programs.own("inline"), tf.placeholder(tf.bool, [], "is_training"), x))
    prefix = programs.save(tmp_path)
    with pytest.raises(errors.ExportError, match=f"an input pipeline: the {op} .*--inputs={x.op.name}"):
        inference_graph(f"{prefix}.meta", ["logits"])
    done = export.export(
        f"{prefix}.meta", prefix, ["logits"], tmp_path / "f.pb", to="frozen", inputs={"images": x.name}
    )
    assert done.graph.inputs == {"images": "images:0"}
    shape = 2 if op.startswith("Queue") else 4
    logits = run_frozen(done.path, "logits:0", {"images:0": X[:shape]})
    np.testing.assert_allclose(logits, programs.expected(prefix, X[:shape]), rtol=1e-5, atol=1e-5)


def test_any_tensor_can_be_an_input(graph):
    x = tf.placeholder(tf.string, [None], "files")
    decoded = tf.reshape(tf.decode_raw(x, tf.float32), [-1, programs.WIDTH], name="decoded")
    tf.identity(decoded * 2.0, "y")
    made = inference_graph(graph, ["y"], inputs=["decoded"])
    placeholder = next(node for node in made.graph_def.node if node.op == "Placeholder")
    assert made.inputs == {"decoded": f"{placeholder.name}:0"}
    assert tf.TensorShape(placeholder.attr["shape"].shape).as_list() == [None, programs.WIDTH]


def test_a_placeholder_with_a_default_has_it_unless_it_is_an_input(graph):
    x = tf.placeholder(tf.float32, [None], "x")
    tf.multiply(x, tf.placeholder_with_default(3.0, [], "factor"), "y")
    made = inference_graph(graph, ["y"])
    assert made.inputs == {"x": "x:0"} and made.notes == ("placeholders have their default: factor",)
    assert inference_graph(graph, ["y"], inputs=["x", "factor"]).inputs == {"x": "x:0", "factor": "factor:0"}


def test_keys_are_last_parts_of_names_or_given(graph):
    with tf.name_scope("tower"):
        x = tf.placeholder(tf.float32, [None, 2], "x")
        tf.split(x, 2, axis=1, name="parts")
    made = inference_graph(graph, ["tower/parts:1", "tower/parts"])
    assert made.inputs == {"x": "tower/x:0"}
    assert made.outputs == {"parts_1": "tower/parts:1", "parts": "tower/parts:0"}
    assert inference_graph(graph, {"left": "tower/parts"}, inputs={"both": x}).inputs == {"both": "tower/x:0"}
    assert inference_graph(graph, [graph.get_tensor_by_name("tower/parts:1")]).outputs == {"parts_1": "tower/parts:1"}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"outputs": ["logit"]}, "the graph has no output 'logit'. Did you mean 'logits'"),
        ({"outputs": ["logits:1"]}, "the MatMul 'logits' has no output 1"),
        ({"outputs": []}, "no outputs"),
        ({"outputs": ["logits", "a/logits"]}, "two tensors are called 'logits'"),
        ({"inputs": ["images"]}, "the graph has no input 'images'"),
        ({"inputs": []}, "need the placeholder 'x', which is neither an input nor a switch.*--switch=x=VALUE"),
        ({"inputs": ["x", "unused"]}, r"do not depend on an input. Got \['unused'\]"),
        ({"switches": {"is_trainin": False}}, "has no switch 'is_trainin'. Did you mean 'is_training'"),
        ({"switches": {"unused": 1.0}}, r"do not depend on a switch. Got \['unused'\]"),
        ({"switches": {"is_training": "no"}}, "cannot have that value. Got 'no'; expected a bool"),
    ],
)
def test_names_that_do_not_fit_are_refused(graph, arguments, reason):
    programs.forward(programs.own("inline"), tf.placeholder(tf.bool, [], "is_training"))
    tf.placeholder(tf.float32, [], "unused")
    with pytest.raises((errors.ExportError, errors.ArgumentError), match=f"inference_graph: .*{reason}"):
        inference_graph(graph, **{"outputs": ["logits"], **arguments})
