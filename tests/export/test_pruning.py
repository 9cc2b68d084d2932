"""What goes: dropout, assertions, summaries, updates; and what stays: conditionals and loops on data."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests.export import programs
from tf1bn import errors, export
from tf1bn.compat import slim
from tf1bn.export import inference_graph

X = programs.rows()


def ops(made):
    functions = made.graph_def.library.function
    return {node.op for node in [*made.graph_def.node, *(node for item in functions for node in item.node_def)]}


def frozen(graph, tmp_path, run_frozen, fetches="y:0", feed=None, **arguments):
    """Exports a graph with initial values, frozen; returns what was done and what it computes."""
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        done = export.export(graph, session, ["y"], tmp_path / "frozen.pb", to="frozen", **arguments)
    return done, run_frozen(done.path, fetches, {"x:0": X} if feed is None else feed)


def test_dropout_under_the_same_switch_goes_with_its_branch(mode):
    training = tf.placeholder(tf.bool, [], "is_training")
    x = tf.placeholder(tf.float32, [None, programs.WIDTH], "x")
    h = slim.batch_norm(x, is_training=training)
    tf.identity(slim.dropout(h, 0.5, is_training=training), "y")
    made = inference_graph(mode, ["y"])
    assert made.switches == {"is_training": False} and not [op for op in ops(made) if "Random" in op]


def old_dropout(x, keep):
    """As TensorFlow 1.x built it."""
    mask = tf.floor(keep + tf.random_uniform(tf.shape(x)))
    return tf.div(x, keep) * mask


@pytest.mark.parametrize("dropout", [old_dropout, lambda x, keep: tf.nn.dropout(x, keep_prob=keep)])
def test_dropout_with_keep_probability_one_is_removed(graph, tmp_path, run_frozen, dropout):
    x = tf.placeholder(tf.float32, [None, programs.WIDTH], "x")
    tf.identity(dropout(x * 2.0, tf.placeholder(tf.float32, [], "keep_prob")), "y")
    done, y = frozen(graph, tmp_path, run_frozen, switches={"keep_prob": 1.0})
    np.testing.assert_array_equal(y, X * 2)
    assert "dropout that keeps everything is removed" in done.notes[0] and "RandomUniform" not in ops(done.graph)


@pytest.mark.parametrize("dropout", [old_dropout, lambda x, keep: tf.nn.dropout(x, keep_prob=keep)])
def test_dropout_that_drops_is_refused(graph, dropout):
    x = tf.placeholder(tf.float32, [None, programs.WIDTH], "x")
    tf.identity(dropout(x, tf.placeholder_with_default(0.9, [], "keep_prob")), "y")
    with pytest.raises(errors.ExportError, match="need random numbers: the RandomUniform .*--switch=keep_prob=1.0"):
        inference_graph(graph, ["y"])


def test_assertions_prints_summaries_and_updates_are_removed(mode, tmp_path, run_frozen):
    x = tf.placeholder(tf.float32, [None, programs.WIDTH], "x")
    count = tf.get_variable("count", [], initializer=tf.zeros_initializer(), trainable=False)
    with tf.control_dependencies([tf.assert_less(x, 1e6), tf.assign_add(count, 1.0)]):
        tf.summary.histogram("x", x)
        tf.identity(tf.Print(x, [x], "seen") + 1.0, "y")
    done, y = frozen(mode, tmp_path, run_frozen)
    np.testing.assert_array_equal(y, X + 1)
    assert done.variables == 0 and ops(done.graph) <= {"Placeholder", "Const", "AddV2", "Identity"}
    assert any("1 updates of variables are removed" in note for note in done.notes)


def test_a_conditional_on_data_stays(mode, tmp_path, run_frozen):
    x = tf.placeholder(tf.float32, [None, programs.WIDTH], "x")
    w = tf.get_variable("w", [programs.WIDTH], initializer=tf.ones_initializer())
    y = tf.cond(tf.reduce_sum(x[:1]) > 0, lambda: x * 2.0, lambda: x - 1.0)
    tf.identity(y + w, "y")
    done, y = frozen(mode, tmp_path, run_frozen)
    assert X[:1].sum() > 0
    np.testing.assert_array_equal(y, X * 2 + 1)
    assert ops(done.graph) & {"Switch", "If", "StatelessIf"}
    np.testing.assert_array_equal(run_frozen(done.path, "y:0", {"x:0": -X}), -X - 1 + 1)


def test_a_loop_stays(mode, tmp_path, run_frozen):
    x = tf.placeholder(tf.float32, [None, programs.WIDTH], "x")
    loop = tf.while_loop(lambda i, v: i < 3, lambda i, v: (i + 1, v * 2.0), [0, x])
    tf.identity(loop[1], "y")
    _, y = frozen(mode, tmp_path, run_frozen)
    np.testing.assert_array_equal(y, X * 8)


def test_a_switch_inside_a_loop_is_resolved():
    with programs.graph_mode(programs.MODES[3]) as graph:  # control flow v1: the loop is part of the graph
        x = tf.placeholder(tf.float32, [None, programs.HIDDEN], "x")
        training = tf.placeholder(tf.bool, [], "is_training")
        loop = tf.while_loop(lambda i, v: i < 2, lambda i, v: (i + 1, programs.in_branches(v, training)), [0, x])
        tf.identity(loop[1], "y")
        made = inference_graph(graph, ["y"])
        assert made.switches == {"is_training": False} and "Mean" not in ops(made)


def test_a_switch_inside_the_function_of_a_loop_is_refused():
    with programs.graph_mode(programs.MODES[0]) as graph:
        x = tf.placeholder(tf.float32, [None, programs.HIDDEN], "x")
        training = tf.placeholder(tf.bool, [], "is_training")
        loop = tf.while_loop(lambda i, v: i < 2, lambda i, v: (i + 1, programs.in_branches(v, training)), [0, x])
        tf.identity(loop[1], "y")
        with pytest.raises(errors.ExportError, match="'bn' are inside a loop or function body"):
            inference_graph(graph, ["y"])


def test_branches_that_each_build_the_network_are_resolved_and_the_output_keeps_its_name(mode, tmp_path, run_frozen):
    x = tf.placeholder(tf.float32, [None, programs.WIDTH], "x")
    training = tf.placeholder(tf.bool, [], "is_training")

    def net(flag):
        with tf.variable_scope("net", reuse=tf.AUTO_REUSE, use_resource=True):
            h = tf.matmul(x, tf.get_variable("w", [programs.WIDTH, programs.HIDDEN]))
            return tf.nn.relu(slim.batch_norm(h, is_training=flag, updates_collections="kept", scope="bn"))

    y = tf.cond(training, lambda: net(True), lambda: net(False), name="branches")
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        w = session.run(tf.global_variables()[0])
        done = export.export(mode, session, {"y": y.name}, tmp_path / "frozen.pb", to="frozen")
    assert done.graph.switches == {"is_training": False} and done.graph.rewritten == ()
    assert done.graph.outputs["y"].split(":")[0] == y.op.name
    found = run_frozen(done.path, done.graph.outputs["y"], {"x:0": X})
    np.testing.assert_allclose(found, np.maximum(X @ w / np.sqrt(1.001), 0), rtol=1e-4, atol=1e-5)


def test_a_called_function_is_put_in_place(graph, tmp_path, run_frozen):
    @tf.function
    def twice(value):
        parts = tf.split(value, 2, axis=1)
        return tf.concat([parts[1] * 2.0, parts[0]], 1)

    x = tf.placeholder(tf.float32, [None, programs.WIDTH], "x")
    tf.identity(twice(x), "y")
    done, y = frozen(graph, tmp_path, run_frozen)
    np.testing.assert_array_equal(y, np.concatenate([X[:, 3:] * 2, X[:, :3]], 1))
    assert not done.graph.graph_def.library.function


def test_a_branch_of_several_is_taken(mode, tmp_path, run_frozen):
    x = tf.placeholder(tf.float32, [None, programs.WIDTH], "x")
    which = tf.placeholder(tf.int32, [], "which")
    tf.identity(tf.switch_case(which, [lambda: x, lambda: x * 2.0, lambda: x * 3.0]), "y")
    done, y = frozen(mode, tmp_path, run_frozen, switches={"which": 1})
    np.testing.assert_array_equal(y, X * 2)
    assert not ops(done.graph) & {"Case", "StatelessCase", "Switch", "If", "StatelessIf"}


def test_a_body_whose_ops_are_called_as_ops_outside_takes_none_of_them_away(mode, tmp_path, run_frozen):
    x = tf.placeholder(tf.float32, [None, programs.WIDTH], "x")
    outside = tf.add(x, 1.0, name="twin")
    which = tf.placeholder(tf.bool, [], "which")
    inside = tf.cond(which, lambda: tf.multiply(x, 3.0, name="twin"), lambda: tf.multiply(x, 2.0, name="twin"))
    tf.add(outside, inside, name="y")
    _, y = frozen(mode, tmp_path, run_frozen, switches={"which": False})
    np.testing.assert_array_equal(y, (X + 1) + X * 2)
