"""The numeric proof: a right migration agrees at every site, a wrong one is found at the site that is wrong."""

import json

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import checkpoint, errors
from tf1bn.checkpoint import proof, shard

C = 4


def norm(x, name, leaves, fused, training=None):
    scale, offset, mean, variance = leaves
    with tf.variable_scope(name):
        gamma = tf.get_variable(scale, [C], initializer=tf.ones_initializer()) if scale else None
        beta = tf.get_variable(offset, [C])
        average = tf.get_variable(mean, [C], trainable=False)
        spread = tf.get_variable(variance, [C], trainable=False, initializer=tf.ones_initializer())
        if training is not None:
            now, wide = tf.nn.moments(x, [0, 1, 2])
            average, spread = tf.cond(
                training,
                lambda: (tf.identity(now), tf.identity(wide)),
                lambda: (average.read_value(), spread.read_value()),
            )
    if fused and gamma is not None:
        return tf.nn.fused_batch_norm(x, gamma, beta, average, spread, is_training=False)[0]
    return tf.nn.batch_normalization(x, average, spread, beta, gamma, 1e-3)


LEAVES = ("gamma", "beta", "moving_mean", "moving_variance")


def save(prefix, names, leaves=LEAVES, *, fused=False, flag=False, holder="x", width=3):
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 6, 6, width], holder)
        training = tf.placeholder(tf.bool, [], "is_training") if flag else None
        for row, (layer, name) in enumerate(names):
            with tf.variable_scope(layer):
                kernel = tf.get_variable("kernel", [3, 3, x.shape[-1], C])
            x = tf.nn.relu(norm(tf.nn.conv2d(x, kernel, [1, 1 + row, 1, 1], "SAME"), name, leaves, fused, training))
        session.run(tf.global_variables_initializer())
        for row, variable in enumerate(tf.global_variables()):
            value = np.random.RandomState(row).uniform(0.5, 1.5, variable.shape.as_list())
            session.run(variable.assign(value.astype(np.float32)))
        tf.train.Saver().save(session, prefix)


OLD = [("a", "batch_normalization_4"), ("b", "batch_normalization_6")]
NEW = [("a", "batch_norm"), ("b", "batch_norm_1")]


@pytest.fixture
def migrated(tmp_path):
    save(str(tmp_path / "old"), OLD)
    save(str(tmp_path / "new"), NEW, fused=True, holder="images")
    plan = checkpoint.plan_migration(tmp_path / "old", graph=tmp_path / "new.meta")
    checkpoint.migrate(plan, tmp_path / "out")
    return tmp_path


def test_a_right_migration_agrees_at_every_site(migrated):
    found = checkpoint.prove(migrated / "old", migrated / "out", target_graph_file=migrated / "new.meta")
    assert [(row.source, row.target) for row in found.sites] == [
        ("batch_normalization_4", "batch_norm"),
        ("batch_normalization_6", "batch_norm_1"),
    ]
    assert found.equal and found.worst().relative < 1e-5
    assert found.sites[1].shape == (4, 3, 6, 4)
    assert "agree" in proof.as_text(found)


def test_a_wrong_site_is_named_with_the_largest_difference(migrated):
    from tf1bn.checkpoint import source

    with source.open_checkpoint(migrated / "out") as made:
        values = {name: np.array(made.read(name)) for name in made.tensors}
    values["batch_norm_1/beta"][2] += 0.5
    shard.write_checkpoint(str(migrated / "wrong"), values)
    found = checkpoint.prove(migrated / "old", migrated / "wrong", target_graph_file=migrated / "new.meta")
    assert not found.equal
    assert found.sites[0].relative < 1e-5
    worst = found.worst()
    assert worst.target == "batch_norm_1" and worst.place[3] == 2
    assert worst.largest == pytest.approx(0.5, rel=1e-4)
    assert "DIFFERS" in proof.as_text(found)
    json.dumps(proof.as_json(found), allow_nan=False)


def test_given_inputs_and_a_training_flag_are_fed(tmp_path):
    save(str(tmp_path / "old"), OLD, flag=True)
    save(str(tmp_path / "new"), NEW)
    checkpoint.migrate(checkpoint.plan_migration(tmp_path / "old", graph=tmp_path / "new.meta"), tmp_path / "out")
    images = np.random.RandomState(0).randn(2, 6, 6, 3).astype(np.float32)
    found = checkpoint.prove(
        tmp_path / "old", tmp_path / "out", target_graph_file=tmp_path / "new.meta", inputs={"x": images}
    )
    assert found.equal and found.sites[0].shape == (2, 6, 6, 4)
    with pytest.raises(errors.ArgumentError, match="no input for placeholder 'x'"):
        checkpoint.prove(tmp_path / "old", tmp_path / "new", inputs={"y": images, "z": images})


def test_a_graph_that_normalises_with_batch_moments_is_refused(tmp_path):
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 6, 6, 3], "x")
        kernel = tf.get_variable("a/kernel", [3, 3, 3, C])
        y = tf.nn.conv2d(x, kernel, [1, 1, 1, 1], "SAME")
        with tf.variable_scope("batch_norm"):
            made = [tf.get_variable(name, [C]) for name in LEAVES]
        tf.nn.batch_normalization(y, *tf.nn.moments(y, [0, 1, 2]), made[1], made[0], 1e-3)
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, str(tmp_path / "m"))
    with pytest.raises(errors.CheckpointPlanError, match="A proof wants inference graphs"):
        checkpoint.prove(tmp_path / "m", tmp_path / "m")


def test_graphs_without_a_common_site_and_other_inputs_are_refused(tmp_path):
    save(str(tmp_path / "old"), OLD)
    save(str(tmp_path / "wide"), OLD, width=5)
    with pytest.raises(errors.CheckpointPlanError, match="no batch norm of the source could be paired"):
        checkpoint.prove(tmp_path / "old", tmp_path / "wide")
    with pytest.raises(errors.CheckpointError, match="does not run in"):
        checkpoint.prove(tmp_path / "wide", tmp_path / "old", target_graph_file=tmp_path / "wide.meta")
