"""Partitioned variables: kept in parts by the graph, in slices of one name by the checkpoint, whole elsewhere."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import convert, errors
from tf1bn.checkpoint.source import open_checkpoint
from tf1bn.compat import rnn_cell, tf_layers
from tf1bn.testing.graphs import MODES, graph_mode

ROWS, WIDTH = 11, 4


def _partitioner(parts, axis=0):
    return tf.fixed_size_partitioner(parts, axis)


def _lookup(strategy):
    def build():
        words = tf.placeholder(tf.int64, [None, 3], "words")
        table = tf.get_variable("table", [ROWS, WIDTH], partitioner=_partitioner(3))
        return tf.nn.embedding_lookup(table, words, partition_strategy=strategy)

    return build


def dense():
    x = tf.placeholder(tf.float32, [None, 5], "x")
    with tf.variable_scope("part", partitioner=_partitioner(2)):
        x = tf.nn.relu(tf_layers.dense(x, 7, name="one"))
    with tf.variable_scope("part", partitioner=_partitioner(3, 1)):
        return tf.matmul(x, tf.get_variable("two", [7, 8]))


def convolution():
    x = tf.placeholder(tf.float32, [None, 6, 6, 2], "x")
    with tf.variable_scope("part", partitioner=_partitioner(2, 3)):
        kernel = tf.get_variable("kernel", [3, 3, 2, 5])
    with tf.variable_scope("part", partitioner=_partitioner(1)):
        return tf.nn.conv2d(x, kernel, 2, "SAME") + tf.get_variable("bias", [5])


def cell():
    x = tf.placeholder(tf.float32, [None, 4, 3], "x")
    with tf.variable_scope("rnn", partitioner=_partitioner(3)):
        return tf.nn.dynamic_rnn(rnn_cell.BasicLSTMCell(4), x, dtype=tf.float32)[0]


def _saved(build, folder, *, train=True, mode=MODES[0]):
    """Saves a training graph with numbers of its own; returns the prefix and the numbers by whole name."""
    with graph_mode(mode) as graph, tf.Session(graph=graph) as session:
        y = tf.identity(build(), "scores")
        if train:
            tf.train.AdamOptimizer(0.1).minimize(tf.reduce_sum(tf.square(y)))
        session.run(tf.global_variables_initializer())
        numbers = np.random.default_rng(5)
        for variable in tf.global_variables():
            session.run(variable.initializer, {variable.initializer.inputs[1]: numbers.normal(size=variable.shape)})
        prefix = tf.train.Saver().save(session, str(folder / "model"))
    with open_checkpoint(prefix) as stored:
        assert stored.partitioned, "the checkpoint has slices"
        return prefix, {name: stored.read(name) for name in stored.tensors}


def _torch(prefix, **options):
    plan = convert.plan_conversion(prefix, "torch", graph=prefix + ".meta", **options)
    assert not plan.doubts, plan.doubts
    with open_checkpoint(prefix) as stored:
        return {entry.target.name: entry.target.value(stored.read) for entry in plan.entries}


@pytest.mark.parametrize("outputs", [None, ["scores"]], ids=["whole graph", "stripped"])
@pytest.mark.parametrize("mode", MODES, ids=str)
def test_parts_that_are_joined_are_one_kernel(mode, outputs, tmp_path):
    prefix, stored = _saved(dense, tmp_path, mode=mode)
    found = _torch(prefix, outputs=outputs)
    assert np.array_equal(found["part.one.weight"], stored["part/one/kernel"].T)
    assert np.array_equal(found["part.one.bias"], stored["part/one/bias"])
    assert np.array_equal(found["part.two.weight"], stored["part/two"].T)


def test_a_kernel_in_parts_and_a_bias_in_one_part_are_a_convolution(tmp_path):
    prefix, stored = _saved(convolution, tmp_path)
    found = _torch(prefix, outputs=["scores"])
    assert np.array_equal(found["part.weight"], stored["part/kernel"].transpose(3, 2, 0, 1))
    assert np.array_equal(found["part.bias"], stored["part/bias"])


@pytest.mark.parametrize("strategy", ["mod", "div"])
def test_a_table_in_parts_has_its_rows_in_order(strategy, tmp_path):
    """What a table gives for word ``i`` is computed by TensorFlow from the parts."""
    prefix, stored = _saved(_lookup(strategy), tmp_path)
    found = _torch(prefix, outputs=["scores"])["table.weight"]
    with tf.Graph().as_default(), tf.Session() as session:
        tf.train.import_meta_graph(prefix + ".meta").restore(session, prefix)
        words = np.arange(12).reshape(4, 3) % ROWS
        assert np.array_equal(found[words], session.run("scores:0", {"words:0": words}))
    assert np.array_equal(found, stored["table"]) == (strategy == "div"), "parts in turn are not the order of the file"


def test_a_table_in_parts_without_a_graph_is_asked(tmp_path):
    prefix, stored = _saved(lambda: tf.get_variable("words/embeddings", [ROWS, 2], partitioner=_partitioner(3)),
                            tmp_path, train=False)  # fmt: skip
    plan = convert.plan_conversion(prefix)
    assert [doubt.text for doubt in plan.doubts] == [
        "its rows are stored in 3 parts: were they dealt out in turn (partition_strategy 'mod')"
    ]
    (entry,) = convert.plan_conversion(prefix, mapping={"words": {"dealt": 3}}).entries
    value = entry.target.value(stored.__getitem__)
    assert np.array_equal(value[[0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8]], stored["words/embeddings"])
    assert (
        convert.plan_conversion(prefix, mapping={"words": {"dealt": 0}}).entries[0].target.text() == "words/embeddings"
    )


def test_a_cell_in_parts_inside_a_loop(tmp_path):
    prefix, stored = _saved(cell, tmp_path, mode=next(mode for mode in MODES if "v1" in str(mode)))
    found = _torch(prefix, outputs=["scores"])
    kernel = stored["rnn/rnn/basic_lstm_cell/kernel"].reshape(7, 4, 4)[:, [0, 2, 1, 3]].reshape(7, 16).T
    assert np.array_equal(found["rnn.rnn.basic_lstm_cell.weight_ih_l0"], kernel[:, :3])
    assert np.array_equal(found["rnn.rnn.basic_lstm_cell.weight_hh_l0"], kernel[:, 3:])


@pytest.mark.parametrize("build", [dense, convolution, _lookup("mod")], ids=["dense", "convolution", "table"])
@pytest.mark.parametrize("base", [True, False])
def test_what_comes_back_restores_into_the_parts(build, base, tmp_path):
    prefix, stored = _saved(build, tmp_path)
    options = {"graph": prefix + ".meta", "outputs": ["scores"]}
    convert.convert(prefix, tmp_path / "m.npz", to="npz", dialect="torch", **options)
    back = str(tmp_path / "back")
    done = convert.convert_back(tmp_path / "m.npz", back, base=prefix if base else None, **options)
    with open_checkpoint(back) as after:
        assert set(after.tensors) == (set(stored) if base else set(done.taken))
        assert all(after.read(name).tobytes() == stored[name].tobytes() for name in after.tensors)
    if base:  # the old graph's own Saver reads them, slice by slice
        with tf.Graph().as_default(), tf.Session() as session:
            tf.train.import_meta_graph(prefix + ".meta").restore(session, back)
            for variable in tf.global_variables():
                session.run(variable)
    else:
        assert not {name for name in done.absent if "/part_" in name} - {n for n in done.absent if "Adam" in n}


def test_a_part_that_is_used_alone_is_refused(tmp_path):
    def build():
        parts = list(tf.get_variable("kernel", [6, 4], partitioner=_partitioner(2)))
        return tf.matmul(tf.placeholder(tf.float32, [None, 3], "x"), parts[0])

    prefix, _ = _saved(build, tmp_path, train=False)
    with pytest.raises(errors.ConvertError, match=r"'kernel/part_0' is a part of the partitioned variable 'kernel'"):
        convert.plan_conversion(prefix, graph=prefix + ".meta")


def test_both_sides_of_a_partitioned_graph_are_compared(tmp_path):
    prefix, _ = _saved(_lookup("mod"), tmp_path)
    options = {"graph": prefix + ".meta", "outputs": ["scores"]}
    torch = pytest.importorskip("torch")
    module = torch.nn.ModuleDict({"table": torch.nn.Embedding(ROWS, WIDTH)})
    convert.convert(prefix, tmp_path / "m.pt", **options)
    module.forward = lambda words: module["table"](words)
    assert convert.verify(prefix, module, state=tmp_path / "m.pt", **options).largest == 0
