"""Sonnet 2: its checkpoints become ours and ours become its; in a graph of TensorFlow 1 its averages stand still."""

import numpy as np
import pytest
import tensorflow as tf2
import tensorflow.compat.v1 as tf

snt = pytest.importorskip("sonnet", reason="run by `make test-neighbours`, where dm-sonnet is installed")

import tf1bn  # noqa: E402
from tf1bn import checkpoint  # noqa: E402
from tf1bn.testing import reference  # noqa: E402
from tf1bn.testing.graphs import graph_mode  # noqa: E402

DECAY, STEPS, EPSILON = 0.5, 3, 1e-5
GAMMA, BETA = np.float32([0.5, 1.5, -1.0, 2.0]), np.float32([1.0, 0.0, -2.0, 0.5])


def made(values):
    """A batch norm of Sonnet with parameters of its own."""
    layer = snt.BatchNorm(True, True, decay_rate=DECAY)
    layer(values, is_training=False)
    layer.scale.assign(GAMMA)
    layer.offset.assign(BETA)
    return layer


def test_a_checkpoint_of_sonnet_gives_the_same_outputs_in_our_graph(values, tmp_path):
    layer = made(values)
    for _ in range(STEPS):
        layer(values, is_training=True)
    theirs = layer(values, is_training=False).numpy()
    prefix = tf2.train.Checkpoint(norm=layer).save(str(tmp_path / "sonnet"))
    plan = checkpoint.plan_migration(prefix, "tf1bn", drop=["save_counter"])
    checkpoint.migrate(plan, tmp_path / "ours", verify=True)
    with graph_mode(), tf.Session() as session:
        y = tf1bn.batch_norm(tf.constant(values), False, scope="norm", epsilon=EPSILON)
        tf.train.Saver().restore(session, str(tmp_path / "ours"))
        np.testing.assert_allclose(session.run(y), theirs, 1e-4, 1e-5)
        mean = session.run(tf.global_variables("norm/moving_mean")[0])
    # Sonnet divides the weight of the start out, so after batches that are all the same the average is theirs.
    np.testing.assert_allclose(mean, values.mean(0), 1e-5)


@pytest.mark.parametrize("shape", [(16, 4), (4, 2, 2, 4)], ids=["rows", "images"])
def test_our_checkpoint_is_restored_by_sonnet(shape, values, tmp_path):
    values = values.reshape(shape)
    with graph_mode(), tf.Session() as session:
        y = tf1bn.batch_norm(tf.constant(values), True, scope="batch_norm", decay=DECAY, epsilon=EPSILON)
        session.run(tf.global_variables_initializer())
        for _ in range(STEPS):
            session.run(y)
        tf.train.Saver().save(session, str(tmp_path / "ours"))
    layer = made(values)
    target = tf2.train.Checkpoint(norm=layer)
    # Averages keep the axes that are reduced: of images by the layout alone, of rows by a checkpoint of the program.
    like = {"graph": target.save(str(tmp_path / "sonnet"))} if len(shape) == 2 else {}
    plan = checkpoint.plan_migration(str(tmp_path / "ours"), "sonnet_v2", **like)
    checkpoint.migrate(plan, tmp_path / "theirs", verify=True)
    target.restore(str(tmp_path / "theirs")).assert_existing_objects_matched()
    x = values.astype(np.float64)
    kept = reference.moving_averages([x] * STEPS, DECAY, reference.Statistics(np.zeros(4), np.ones(4)))
    wanted = reference.normalize(x, kept, epsilon=EPSILON)
    np.testing.assert_allclose(layer(values, is_training=False), wanted, 1e-4, 1e-5)


def test_in_a_graph_the_averages_of_sonnet_stand_still_beside_ours_that_move(values):
    with graph_mode(), tf.Session() as session:
        theirs = snt.BatchNorm(True, True, decay_rate=DECAY)
        y = theirs(tf1bn.batch_norm(tf.constant(values), True, scope="ours", decay=DECAY), is_training=True)
        session.run(tf.global_variables_initializer())
        session.run([y, tf.get_collection(tf.GraphKeys.UPDATE_OPS)])
        count, mean = session.run([theirs.moving_mean._counter, tf.global_variables("ours/moving_mean")[0]])
    assert count == 0
    np.testing.assert_allclose(mean, values.mean(0) / 2, 1e-5)
