"""lingvo's batch norm beside ours, and its checkpoints: gamma is stored less one, unless an option says otherwise."""

import importlib
import sys
import types

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

pytest.importorskip("lingvo", reason="run by `make test-neighbours`, where lingvo is installed")

import tf1bn
from tf1bn import checkpoint
from tf1bn.testing import reference
from tf1bn.testing.graphs import MODES, graph_mode

DECAY, STEPS = 0.5, 3
GAMMA, BETA = np.array([0.5, 1.5, -1.0, 2.0]), np.array([1.0, 0.0, -2.0, 0.5])
OPTIONS = {
    "lingvo": {},
    "lingvo_gamma_one_init": {"gamma_one_init": True},
    "lingvo_gamma_one_init, from zero": {"gamma_zero_init": True},
}


@pytest.fixture(scope="module")
def layers():
    """The module of lingvo's batch norms.

    Its op library does not load where the C library is older than the one it was built with. The batch norm takes two
    assertions from it; then nothing stands for them, by the way that lingvo leaves for libraries linked in.
    """
    try:
        return importlib.import_module("lingvo.core.bn_layers")
    except tf.errors.NotFoundError as error:
        assert "GLIBC" in str(error)
    library = types.ModuleType("lingvo.core.ops.gen_x_ops")
    library.__getattr__ = lambda name: None if name.startswith("__") else lambda *_, **__: tf.no_op()
    sys.modules[library.__name__] = library
    for name in [name for name in sys.modules if name.startswith("lingvo.core")]:
        if name != library.__name__:
            del sys.modules[name]
    return importlib.import_module("lingvo.core.bn_layers")


def trained(layers, values, prefix, **options):
    """Trains a layer of lingvo, saves it, and returns its outputs: in training, and by its averages."""
    settings = importlib.import_module("lingvo.core.cluster_factory")
    tf.train.get_or_create_global_step()
    params = layers.BatchNormLayer.Params().Set(name="bn", dim=4, decay=DECAY, **options)
    layer = params.Set(add_stats_to_moving_average_variables=True).Instantiate()
    y = layer.FPropDefaultTheta(tf.constant(values[None]), tf.zeros([1, len(values)]))
    with settings.SetEval(True):
        by_averages = layer.FPropDefaultTheta(tf.constant(values[None]), tf.zeros([1, len(values)]))
    stored = GAMMA if options else GAMMA - 1
    start = [tf.assign(layer.vars.gamma, stored), tf.assign(layer.vars.beta, BETA)]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(start)
        for _ in range(STEPS):
            outputs, _ = session.run([y, tf.get_collection("batch_norm_updates")])
        tf.train.Saver().save(session, prefix)
        return outputs[0], session.run(by_averages)[0]


@pytest.mark.parametrize("mode", [MODES[0], MODES[-1]], ids=str)
@pytest.mark.parametrize("case", OPTIONS)
def test_a_migrated_checkpoint_gives_what_lingvo_gives(case, mode, layers, values, tmp_path):
    layout = case.partition(",")[0]
    with graph_mode(mode):
        outputs, by_averages = trained(layers, values, str(tmp_path / "lingvo"), **OPTIONS[case])
    x = values.astype(np.float64)
    np.testing.assert_allclose(outputs, reference.batch_norm(x, GAMMA, BETA), 1e-4, 1e-5)
    plan = checkpoint.plan_migration(str(tmp_path / "lingvo"), "tf1bn", source_layout=layout)
    checkpoint.migrate(plan, tmp_path / "ours", verify=True)
    with graph_mode(mode), tf.Session() as session:
        y = tf1bn.batch_norm(tf.constant(values), False, scope="bn")
        tf.train.Saver(tf.global_variables("bn")).restore(session, str(tmp_path / "ours"))
        found = session.run({v.op.name: v for v in tf.global_variables("bn")})
        np.testing.assert_allclose(session.run(y), by_averages, 1e-4, 1e-5)
    start = reference.Statistics(np.zeros(4), np.ones(4))
    wanted = reference.moving_averages([x] * STEPS, DECAY, start)
    np.testing.assert_allclose(found["bn/moving_mean"], wanted.mean, 1e-5, 1e-6)
    np.testing.assert_allclose(found["bn/moving_variance"], wanted.variance, 1e-5)
    np.testing.assert_allclose(found["bn/gamma"], GAMMA, 1e-6)


def test_our_layers_train_beside_those_of_lingvo(layers, values):
    """lingvo's trainer runs only its own collection, so our updates go with the output."""
    with graph_mode(), tf.Session() as session:
        tf.train.get_or_create_global_step()
        params = layers.BatchNormLayer.Params().Set(name="theirs", dim=4, decay=DECAY)
        theirs = params.Set(add_stats_to_moving_average_variables=False).Instantiate()
        h = tf1bn.batch_norm(tf.constant(values), True, scope="ours", decay=DECAY)
        loss = tf.reduce_sum(tf.square(theirs.FPropDefaultTheta(h)))
        tools = importlib.import_module("lingvo.core.py_utils")
        updates, others = tools.FindRelevantBatchNormUpdates(loss, tf.get_collection(tools.BATCH_NORM_UPDATES))
        step = tf.train.GradientDescentOptimizer(0.01).minimize(loss)
        session.run(tf.global_variables_initializer())
        session.run([step, updates])
        found = session.run({v.op.name: v for v in tf.global_variables()})
    assert (len(updates), len(others)) == (2, 0)
    np.testing.assert_allclose(found["ours/moving_mean"], values.mean(0) / 2, 1e-5)
    np.testing.assert_allclose(found["theirs/moving_variance/var"], np.full(4, 1.0), 1e-2)
