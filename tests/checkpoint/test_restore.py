"""Restoring another layout without rewriting it, Savers that cover averages, and checks after the restore."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import checkpoint, errors

ROLES = ("gamma", "beta", "moving_mean", "moving_variance")


def slim_values(shadows=(), gamma=True):
    values = {f"net/BatchNorm/{role}": np.array([row + 1.5, row + 2.5], np.float32) for row, role in enumerate(ROLES)}
    values["w"] = np.full((2, 2), 7.0, np.float32)
    if not gamma:
        del values["net/BatchNorm/gamma"]
    for name in shadows:
        values[name + "/ExponentialMovingAverage"] = values[name] + 100
    return values


def build(scope="net/batch_norm"):
    """Builds the variables of one tf1bn site and a weight; returns them by role."""
    made = {"w": tf.get_variable("w", [2, 2])}
    with tf.variable_scope(scope):
        for role in ROLES:
            initial = tf.ones_initializer() if role in ("gamma", "moving_variance") else tf.zeros_initializer()
            made[role] = tf.get_variable(role, [2], initializer=initial, trainable=not role.startswith("moving"))
    return made


@pytest.fixture(params=[False, True], ids=["reference", "resource"])
def graph(request):
    with tf.Graph().as_default():
        with tf.variable_scope("", use_resource=request.param):
            yield build()


def test_another_layout_restores_through_a_plain_saver(graph, write):
    values = slim_values()
    prefix = write(values)
    mapped = checkpoint.restore_map(prefix)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        tf.train.Saver(mapped).restore(session, prefix)
        for role in ROLES:
            assert np.array_equal(session.run(graph[role]), values[f"net/BatchNorm/{role}"])
        assert checkpoint.verify_restored(session, prefix) == (1, 4)
    assert {row.kind for row in mapped.coverage.restored} == {"raw"}
    assert "net/batch_norm/beta <- net/BatchNorm/beta (raw)" in mapped.coverage.text()


def test_init_from_checkpoint_takes_the_same_map(write):
    values = slim_values()
    prefix = write(values)
    with tf.Graph().as_default(), tf.Session() as session:
        made = build()
        tf.train.init_from_checkpoint(prefix, checkpoint.assignment_map(prefix))
        session.run(tf.global_variables_initializer())
        assert np.array_equal(session.run(made["moving_variance"]), values["net/BatchNorm/moving_variance"])
        assert np.array_equal(session.run(made["w"]), values["w"])


def test_averages_are_taken_per_variable_and_fall_back_to_raw_values(graph, write):
    values = slim_values(["w", "net/BatchNorm/beta", "net/BatchNorm/moving_mean"])
    prefix = write(values)
    mapped = checkpoint.restore_map(prefix, averages="prefer")
    kinds = {row.variable.rpartition("/")[2]: row.kind for row in mapped.coverage.restored}
    assert kinds == {
        "w": "averaged",
        "beta": "averaged",
        "gamma": "raw",
        "moving_mean": "raw",
        "moving_variance": "raw",
    }
    with tf.Session() as session:
        tf.train.Saver(mapped).restore(session, prefix)
        assert np.array_equal(session.run(graph["beta"]), values["net/BatchNorm/beta"] + 100)
    both = checkpoint.restore_map(prefix, averages="prefer", statistics="averaged")
    assert "net/BatchNorm/moving_mean/ExponentialMovingAverage" in both
    with pytest.raises(errors.CheckpointPlanError, match="net/batch_norm/gamma"):
        checkpoint.restore_map(prefix, averages="require")


def test_an_average_alone_is_enough_when_averages_are_preferred(graph, write):
    values = slim_values(["w"])
    del values["w"]
    prefix = write(values)
    assert checkpoint.restore_map(prefix, averages="prefer")["w/ExponentialMovingAverage"] is graph["w"]
    with pytest.raises(errors.CheckpointPlanError, match="w: the target wants it"):
        checkpoint.restore_map(prefix)


def test_a_gamma_that_is_absent_keeps_its_ones(graph, write):
    prefix = write(slim_values(gamma=False))
    mapped = checkpoint.restore_map(prefix)
    assert mapped.coverage.initial == ("net/batch_norm/gamma",)
    assert len(mapped) == 4


def test_absent_statistics_are_refused_or_reported(graph, write):
    values = slim_values()
    del values["net/BatchNorm/moving_mean"], values["net/BatchNorm/moving_variance"]
    prefix = write(values)
    with pytest.raises(errors.CheckpointPlanError, match="restore_map: 2 variables are not restored"):
        checkpoint.restore_map(prefix)
    mapped = checkpoint.restore_map(prefix, strict=False)
    assert [trouble.name for trouble in mapped.coverage.uncovered] == [
        "net/batch_norm/moving_mean",
        "net/batch_norm/moving_variance",
    ]
    assert "NOT RESTORED net/batch_norm/moving_mean" in mapped.coverage.text()


def test_values_in_another_form_want_a_migration(write):
    prefix = write({f"net/bn/{role}/var": np.array([1.0, 2.0], np.float32) for role in ROLES})
    with tf.Graph().as_default():
        build("net/bn")
        mapped = checkpoint.restore_map(prefix, source_layout="lingvo", strict=False)
    assert {trouble.name: trouble.text for trouble in mapped.coverage.uncovered}["net/bn/gamma"] == (
        "needs another stored form (decode minus_one): migrate the checkpoint"
    )
    assert "net/bn/moving_mean/var" in mapped


def test_other_shapes_are_skipped_and_reported_when_not_strict(graph, write):
    prefix = write(slim_values() | {"w": np.zeros((3, 3), np.float32), "extra": np.zeros(1, np.float32)})
    mapped = checkpoint.restore_map(prefix, strict=False)
    assert [(trouble.kind, trouble.name) for trouble in mapped.coverage.uncovered] == [("shape", "w")]
    assert "extra" in mapped.coverage.unused


def test_partitioned_variables_restore(write):
    table = np.arange(12, dtype=np.float32).reshape(6, 2)
    prefix = write({"table": table} | {f"BatchNorm/{role}": np.ones(2, np.float32) + 1 for role in ROLES})
    with tf.Graph().as_default(), tf.Session() as session:
        with tf.variable_scope("", partitioner=tf.fixed_size_partitioner(2)):
            whole = tf.convert_to_tensor(tf.get_variable("table", [6, 2]))
        tf.train.Saver(checkpoint.restore_map(prefix)).restore(session, prefix)
        assert np.array_equal(session.run(whole), table)


@pytest.mark.parametrize("options", [{"averages": "maybe"}, {"statistics": "both"}])
def test_unknown_choices_are_named(graph, write, options):
    with pytest.raises(errors.ArgumentError, match="restore_map: unknown `"):
        checkpoint.restore_map(write(slim_values()), **options)


def test_a_saver_covers_averages_by_construction(graph, tmp_path):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        tf.train.create_global_step()
        session.run(tf.global_variables_initializer())
        prefix = checkpoint.saver().save(session, str(tmp_path / "m"), write_meta_graph=False)
        one = checkpoint.saver([graph["w"]]).save(session, str(tmp_path / "one"), write_meta_graph=False)
    for path in (prefix, one):
        names = {name for name, _ in tf.train.list_variables(path)}
        assert names == {"w", "global_step", *(f"net/batch_norm/{role}" for role in ROLES)}


def test_a_saver_of_nothing_is_refused():
    with (
        tf.Graph().as_default(),
        pytest.raises(errors.ArgumentError, match="saver: the graph has no variables"),
    ):
        checkpoint.saver()


def test_initializers_after_the_restore_are_caught(graph, write):
    prefix = write(slim_values())
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        tf.train.Saver(checkpoint.restore_map(prefix)).restore(session, prefix)
        assert checkpoint.verify_restored(session).sites == 1
        session.run(tf.global_variables_initializer())
        with pytest.raises(errors.CheckpointError, match="every mean is 0 and every variance 1"):
            checkpoint.verify_restored(session)
        with pytest.raises(errors.CheckpointError, match="moving_mean is not net/BatchNorm/moving_mean of"):
            checkpoint.verify_restored(session, prefix)


def test_a_restore_of_trainable_variables_alone_is_caught(graph, write):
    prefix = write(slim_values())
    mapped = checkpoint.restore_map(prefix)
    trainable = {key: variable for key, variable in mapped.items() if "moving" not in key}
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        tf.train.Saver(trainable).restore(session, prefix)
        with pytest.raises(errors.CheckpointError, match="2 batch-norm variables do not hold restored values"):
            checkpoint.verify_restored(session, prefix)
