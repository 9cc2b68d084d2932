"""Folding: every kind of layer, in every graph mode, restored by a plain Saver and compared with the original."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests.checkpoint import folding_samples as samples
from tf1bn import checkpoint
from tf1bn.graph import loading, runnable, running
from tf1bn.graph.model import GraphModel
from tf1bn.testing.graphs import MODES, graph_mode

IMAGES = np.random.RandomState(1).normal(size=(4, 8, 8, 4)).astype(np.float32)
FEW = {name: samples.KINDS[name] for name in ("conv2d", "dense", "spaced", "dense_to_image", "between")}


def runnable_meta(path):
    """Returns a meta graph that runs on a CPU without channels-first kernels."""
    meta = loading.load(path).meta_graph
    runnable.make_runnable(meta.graph_def)
    return meta


def restored(prefix, names, feed):
    """Runs a saved graph restored by the Saver in its file, and by a new one; returns the results of the new one."""
    with tf.Graph().as_default(), tf.Session(config=running.as_written()) as session:
        own = tf.train.import_meta_graph(runnable_meta(f"{prefix}.meta"))
        own.restore(session, prefix)
        first = session.run(names, feed)
        session.run(tf.global_variables_initializer())
        tf.train.Saver().restore(session, prefix)
        second = session.run(names, feed)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    return second


def branches(turn, kinds):
    """Builds one branch for each kind of layer, with another spelling of batch norm each turn.

    Returns:
      the names of the outputs by scope.
    """
    x = tf.placeholder(tf.float32, [None, 8, 8, 4], "images")
    outputs = {}
    for number, (name, build) in enumerate(kinds.items()):
        spellings = [samples.spelled, samples.divided if name in samples.FLAT else samples.fused]
        with tf.variable_scope(name):
            outputs[name] = tf.identity(build(x, spellings[(number + turn) % 2]), "output").name
    return outputs


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_every_kind_of_layer_takes_its_batch_norm(mode, tmp_path):
    with graph_mode(mode):
        outputs = branches(MODES.index(mode) // 2, samples.KINDS if MODES.index(mode) in (0, 3) else FEW)
        prefix = samples.saved(tmp_path)
    target = str(tmp_path / "folded")
    done = checkpoint.fold(f"{prefix}.meta", prefix, target, feed={"images": IMAGES})
    assert [(site.scope, site.reason) for site in done.sites if not site.folded] == []
    assert {site.scope.split("/")[0] for site in done.sites} == set(outputs)
    model = GraphModel(f"{target}.meta")
    assert model.sites == []
    assert not [name for name in model.variables.by_name if "bn/" in name or "moving" in name]
    feed = {"images:0": IMAGES}
    names = list(outputs.values())
    for name, old, new in zip(names, restored(prefix, names, feed), restored(target, names, feed), strict=True):
        np.testing.assert_allclose(new, old, rtol=0, atol=2e-5 * np.abs(old).max(), err_msg=name)
