"""Channels-first graphs made channels last, beside the same graph with transpositions around its ops."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tests.export import layout_samples as samples
from tf1bn import errors, export
from tf1bn.export import inference, variables
from tf1bn.export.draft import meta_graph
from tf1bn.graph import runnable, running
from tf1bn.graph.data_formats import channels_first
from tf1bn.testing.graphs import graph_mode

X = np.random.RandomState(1).normal(size=(2, 4, 6, 8)).astype(np.float32)


def last(value):
    return np.moveaxis(value, 1, -1)


def first(value):
    return np.moveaxis(value, -1, 1)


@pytest.fixture(scope="module")
def network():
    """All samples in one frozen graph, each with an input of its own, and what they give."""
    with graph_mode():
        for name, build in samples.KINDS.items():
            x = tf.placeholder(tf.float32, [None, *X.shape[1:]], f"{name}_x")
            with tf.variable_scope(name):
                build_output = build(x)
            tf.identity(build_output, f"{name}_y")
        meta = meta_graph(tf.get_default_graph())
        made = inference.make(meta, [f"{name}_y" for name in samples.KINDS], None, {})
        variables.freeze(made.draft, running.initial(meta))
    graph_def = made.draft.graph_def()
    names = {name: f"{name}_y:0" for name in samples.KINDS}
    return graph_def, run(graph_def, names, {f"{name}_x:0": X for name in samples.KINDS})


def run(graph_def, names, feed):
    """Runs a graph whatever the machine; that this changes no number is proved beside NumPy elsewhere."""
    copy = tf.GraphDef()
    copy.CopyFrom(graph_def)
    runnable.make_runnable(copy)
    with tf.Graph().as_default(), tf.Session(config=running.as_written()) as session:
        tf.import_graph_def(copy, name="")
        return session.run(names, feed)


@pytest.mark.parametrize("faces", [False, True], ids=["same inputs and outputs", "inputs and outputs channels last"])
def test_every_op_gives_channels_last_what_it_gave(network, faces):
    graph_def, expected = network
    names = [f"{name}_y" for name in samples.KINDS]
    numbers = {f"{name}_x": X for name in samples.KINDS}
    made = export.channels_last(graph_def, names, inputs_last=faces, outputs_last=faces, feed=numbers)
    assert not [node.name for node in made.graph_def.node if channels_first(node)] and made.kept == ()
    feed = {f"{name}_x:0": last(X) if f"{name}_x" in made.turned_inputs else X for name in samples.KINDS}
    found = run(made.graph_def, {name: f"{name}_y:0" for name in samples.KINDS}, feed)
    for name, value in expected.items():
        got = first(found[name]) if f"{name}_y" in made.turned_outputs else found[name]
        np.testing.assert_allclose(got, value, rtol=0, atol=3e-6 * max(1, np.abs(value).max()), err_msg=name)
    images = [name for name, value in expected.items() if value.ndim == 4 and name not in ("sized",)]
    assert set(made.turned_outputs) >= {f"{name}_y" for name in images if faces} and (faces or not made.turned_outputs)


def chain(x):
    y = tf.nn.relu(tf1bn.batch_norm(samples.conv(x), True, axis=1, scope="bn"))
    y = tf.nn.max_pool2d(y, 2, 2, "SAME", data_format="NCHW")
    return tf.identity(tf1bn.dense(tf.reshape(y, [-1, 6 * 3 * 4]), 3), "y")


@pytest.mark.parametrize("form", ["meta", "frozen", "saved_model", "tflite"])
def test_an_export_is_written_channels_last(form, tmp_path):
    with graph_mode() as graph:
        chain(tf.placeholder(tf.float32, [None, 4, 6, 8], "x"))
        values = running.initial(meta_graph(graph))
        saved = tmp_path / "values"
        done = export.export(
            graph, checkpoint(graph, values, saved), "y", tmp_path / "out", to=form, layout="NHWC", input_layout="NHWC"
        )
    ops = [node.op for node in done.graph.graph_def.node]
    assert "Transpose" not in ops and not [n for n in done.graph.graph_def.node if channels_first(n)]
    assert [text for text in done.checks if text.startswith("3 ops give channels last what they gave")]
    assert "these inputs are channels last now: x" in done.notes


def checkpoint(graph, values, folder):
    """Saves values of variables, also on a machine that cannot run the graph."""
    with tf.Graph().as_default(), tf.Session() as session:
        for name, value in values.items():
            tf.get_variable(name, initializer=tf.constant(value))
        session.run(tf.global_variables_initializer())
        return tf.train.Saver().save(session, str(folder))


def test_what_cannot_be_turned_is_named_and_stays_only_if_allowed():
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [2, 4, 6, 8], "x")
        y = samples.conv(tf.nn.softmax(samples.conv(x), name="over_width"))
        tf.identity(samples.conv(tf.cumsum(y, axis=3, name="summed")), "y")
    with pytest.raises(errors.ExportError, match=r"2 ops cannot be turned.*Softmax 'over_width'.*Cumsum 'summed'"):
        export.channels_last(graph, "y")
    made = export.channels_last(graph, "y", keep=True)
    assert [item.op for item in made.kept] == ["Softmax", "Cumsum"]
    feed = {"x:0": X}
    np.testing.assert_allclose(
        run(made.graph_def, "y:0", feed), run(graph.as_graph_def(), "y:0", feed), rtol=1e-5, atol=1e-5
    )
    assert sum(node.op == "Transpose" for node in made.graph_def.node) == 6


def test_a_graph_without_channels_first_ops_is_refused():
    with tf.Graph().as_default() as graph:
        tf.nn.relu(tf.placeholder(tf.float32, [2, 3], "x"), "y")
    with pytest.raises(errors.ExportError, match="no op of the graph is channels first"):
        export.channels_last(graph, "y")


@pytest.mark.parametrize(
    "options, text",
    [
        ({"layout": "NCHW"}, "`layout` is unknown"),
        ({"input_layout": "NHWC"}, "`input_layout` goes with `layout` only"),
        ({"keep_channels_first": True}, "`keep_channels_first` goes with `layout` only"),
    ],
)
def test_options_that_mean_nothing_are_refused(options, text, tmp_path):
    with pytest.raises(errors.ArgumentError, match=text):
        export.export(tf.Graph(), {}, "y", tmp_path / "out", **options)


def test_a_wrongly_turned_op_is_seen(monkeypatch):
    from tf1bn.export.layout import rules

    monkeypatch.setattr(rules, "axis_last", lambda axis, rank: [0, 1, 2, 3][axis])
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [2, 4, 4, 4], "x")
        y = tf.reverse(samples.conv(x, out=4), [1])
        samples.conv(y, out=4)
        tf.nn.max_pool2d(y, 2, 2, "SAME", data_format="NCHW", name="y")
    with pytest.raises(errors.ExportError, match="the check failed: channels last"):
        export.channels_last(graph, "y")
