"""What private modules offered, against NumPy and against TensorFlow's own."""

import importlib

import numpy as np
import pytest
from tensorflow.python.training import moving_averages as original

import tf1bn.compat.v1 as tf
from tf1bn.compat.v1.python.ops import control_flow_ops
from tf1bn.compat.v1.python.training import moving_averages


@pytest.mark.parametrize("zero_debias", [True, False])
def test_assign_moving_average_has_the_numbers_and_variables_of_the_original(zero_debias: bool) -> None:
    batches = np.random.RandomState(0).rand(4, 3).astype(np.float32)
    seen = {}
    for name, function in (("ours", moving_averages.assign_moving_average), ("its", original.assign_moving_average)):
        with tf.Graph().as_default(), tf.Session() as session:
            with tf.variable_scope("bn"):
                average = tf.get_variable("avg", [3], initializer=tf.ones_initializer(), trainable=False)
                x = tf.placeholder(tf.float32, [3])
                move = function(average, x, 0.75, zero_debias=zero_debias)
            assert move.op.name == "bn/AssignMovingAvg"
            session.run(tf.global_variables_initializer())
            values = [session.run(move, {x: batch}) for batch in batches]
            names = [variable.op.name for variable in tf.global_variables()]
            seen[name] = values, names, session.run(tf.global_variables()), len(tf.trainable_variables())
    np.testing.assert_allclose(seen["ours"][0], seen["its"][0], rtol=1e-6)
    assert seen["ours"][1] == seen["its"][1]
    for ours, its in zip(seen["ours"][2], seen["its"][2], strict=True):
        np.testing.assert_allclose(ours, its, rtol=1e-6)
    assert seen["ours"][3] == seen["its"][3] == 0
    if zero_debias:
        assert seen["ours"][1] == ["bn/avg", "bn/bn/avg/biased", "bn/bn/avg/local_step"]
        weights = np.array([0.75**3, 0.75**2, 0.75, 1]) * 0.25 / (1 - 0.75**4)
        np.testing.assert_allclose(seen["ours"][0][-1], weights @ batches, rtol=1e-5)


def test_two_averages_of_one_variable_get_two_pairs_of_variables() -> None:
    average = tf.get_variable("avg", [], initializer=tf.zeros_initializer(), trainable=False)
    for _ in range(2):
        moving_averages.assign_moving_average(average, tf.constant(1.0), 0.5)
    names = [variable.op.name for variable in tf.global_variables()]
    assert names == ["avg", "avg/biased", "avg/local_step", "avg/biased_1", "avg/local_step_1"]


def test_an_average_moves_only_in_the_branch_that_is_taken() -> None:
    average = tf.get_variable("avg", [], initializer=tf.zeros_initializer(), trainable=False)
    switch = tf.placeholder(tf.bool, [])
    move = control_flow_ops.cond(
        switch, lambda: moving_averages.assign_moving_average(average, 4.0, 0.5), lambda: tf.identity(average)
    )
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        seen = [session.run(move, {switch: on}) for on in (False, True, False)]
    np.testing.assert_allclose(seen, [0, 4, 4])


def test_with_dependencies_runs_what_it_depends_on() -> None:
    counter = tf.get_variable("n", [], initializer=tf.zeros_initializer())
    out = control_flow_ops.with_dependencies([tf.assign_add(counter, 1.0)], tf.constant(7.0), name="out")
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run(out) == 7 and session.run(counter) == 1
    assert out.op.name == "out"


def test_switch_and_merge_choose_one_side() -> None:
    pred = tf.placeholder(tf.bool, [])
    off, on = control_flow_ops.switch(3.0, pred)
    merged, _ = control_flow_ops.merge([-off, on])
    with tf.Session() as session:
        assert session.run(merged, {pred: True}) == 3 and session.run(merged, {pred: False}) == -3


def test_nest_is_the_public_one() -> None:
    from tf1bn.compat.v1.python.util import nest

    assert nest.flatten({"a": [1, 2]}) == [1, 2]
    assert tf.contrib.framework.nest.flatten([[1], 2]) == [1, 2]


def test_flags_work_as_before_absl(monkeypatch: pytest.MonkeyPatch) -> None:
    flags = tf.app.flags
    FLAGS = flags.FLAGS
    flags.DEFINE_string("log_dir", "logs", "A name that absl has taken.")
    flags.DEFINE_integer("old_steps", 3, "Steps.")
    flags.DEFINE_boolean("old_switch", False, "Switch.")
    tf.flags.DEFINE_float(flag_name="old_rate", default_value=0.5, docstring="Rate.")
    monkeypatch.setattr("sys.argv", ["prog", "--old_steps=5", "--unknown=1"])
    FLAGS._parse_flags()
    assert (FLAGS.log_dir, FLAGS.old_steps, FLAGS.old_switch, FLAGS.old_rate) == ("logs", 5, False, 0.5)
    values = getattr(FLAGS, "__flags")
    assert values["old_steps"] == 5 and values["log_dir"] == "logs" and "verbosity" not in values
    FLAGS.old_steps = 9
    assert FLAGS.old_steps == 9 and "old_steps" in FLAGS and FLAGS["old_steps"].value == 9
    assert "old_rate" in list(FLAGS) and "old_rate" in dir(FLAGS)
    FLAGS._parse_flags(["--old_steps=2"])
    assert tf.flags.FLAGS.old_steps == 2
    assert FLAGS(["prog", "--old_steps=4", "rest"]) == ["prog", "rest"] and FLAGS.old_steps == 4


def test_a_private_module_falls_back_to_tensorflows_own() -> None:
    from tf1bn.compat.v1.python.ops import variable_scope
    from tf1bn.compat.v1.python.training import moving_averages

    assert callable(moving_averages.weighted_moving_average) and callable(variable_scope._get_default_variable_store)


def test_names_that_moved_are_found_where_they_went() -> None:
    from tf1bn.compat.v1.contrib.framework import nest as contrib_nest
    from tf1bn.compat.v1.python.framework import ops
    from tf1bn.compat.v1.python.ops import array_ops, control_flow_ops, state_ops
    from tf1bn.compat.v1.python.util import nest

    assert nest.is_sequence([1]) and not contrib_nest.is_sequence(1) and callable(contrib_nest.flatten_up_to)
    assert ops.Tensor is tf.Tensor and ops.IndexedSlices is tf.IndexedSlices
    assert callable(ops.convert_n_to_tensor_or_indexed_slices)
    assert control_flow_ops.while_loop is tf.while_loop and callable(control_flow_ops.smart_cond)
    assert array_ops.stack is tf.stack and state_ops.assign is tf.assign


def test_the_root_has_the_modules_of_its_folders() -> None:
    from tf1bn.compat.v1.python import control_flow_ops, debug, sparse_ops

    assert control_flow_ops.with_dependencies.__module__ == "tf1bn.compat.private_names"
    assert sparse_ops.sparse_to_dense is not None and debug.__name__ == "tensorflow.python.debug"


def test_what_nobody_has_is_told_truly() -> None:
    facade = importlib.import_module("tf1bn.compat.v1")
    with pytest.raises(AttributeError, match=r"tf.python.ops.nowhere: TensorFlow \S+ has no such name"):
        facade.python.ops.nowhere  # noqa: B018
    with pytest.raises(AttributeError, match=r"tf.autodiff: tensorflow.compat.v1 .* only its version 2 has"):
        facade.autodiff  # noqa: B018
    with pytest.raises(AttributeError, match="tf.contrib.boosted_trees: tf.contrib left TensorFlow with 2.0"):
        facade.contrib.boosted_trees  # noqa: B018
    with pytest.raises(ImportError, match="tf.python.nowhere"):
        importlib.import_module("tf1bn.compat.v1.python.nowhere")
