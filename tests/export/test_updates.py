"""Outputs without the updates that run with them."""

import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn import errors
from tf1bn.export import without_updates


def _build(strategy="inline"):
    x = tf.placeholder(tf.float32, [None, 3], "x")
    y = tf1bn.batch_norm(x, tf.placeholder(tf.bool, [], "switch"), update_strategy=strategy, scope="bn")
    tf.identity(y, "y")


@pytest.mark.parametrize("strategy", ["inline", "ema", "collection"])
def test_the_switch_stays_and_the_updates_go(mode, strategy, tmp_path):
    _build(strategy)
    tf.train.export_meta_graph(str(tmp_path / "model.meta"), graph=mode)
    by_file, by_graph = (without_updates(source, ["y"]) for source in (str(tmp_path / "model.meta"), mode))
    assert {node.name for node in by_file.node} == {node.name for node in by_graph.node}
    writes = [node.name for node in by_graph.node if "Assign" in node.op or "Apply" in node.op or "update" in node.name]
    assert "switch" in {node.name for node in by_graph.node}
    assert not writes and not [f.signature.name for f in by_graph.library.function if "update" in f.signature.name]
    names = [node.name for node in by_graph.node if node.op in ("VariableV2", "VarHandleOp")]
    assert set(names) == {f"bn/{leaf}" for leaf in ("gamma", "beta", "moving_mean", "moving_variance")}


def test_other_control_dependencies_stay(graph):
    x = tf.placeholder(tf.float32, [None, 3], "x")
    with tf.control_dependencies([tf.Assert(tf.size(x) > 0, ["empty"], name="check")]):
        tf.identity(tf1bn.batch_norm(x, tf.placeholder(tf.bool, [], "switch")), "y")
    made = without_updates(graph, {"out": "y:0"})
    assert any(node.name.startswith("check") for node in made.node)


def test_an_output_that_is_not_there_is_named(graph):
    _build()
    with pytest.raises(errors.ExportError, match="without_updates: the graph has no output 'yy'"):
        without_updates(graph, ["yy"])
