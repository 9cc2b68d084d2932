"""Graphs that leave home: imported where there is no tf1bn, they have the derivatives that they had at home."""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn.compat import contrib, slim, tf_layers
from tf1bn.testing import graphs

PATH = pathlib.Path(__file__).parent / "own_process" / "differentiate.py"
SPEC = importlib.util.spec_from_file_location("differentiate", PATH)
PROGRAM = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(PROGRAM)
IMAGES, ROWS, FIRST = (None, 4, 4, 6), (None, 8), (None, 6, 4, 4)
SWITCHES = ("true", "fed", "false")


def ours(**options):
    return lambda h, is_training: tf1bn.batch_norm(h, is_training, **options)


def weighted(h, is_training):
    weights = tf.cast(tf.range(tf.shape(h)[0]) % 3, tf.float32)
    return tf1bn.batch_norm(h, is_training, batch_weights=weights)


def masked(h, is_training):
    lengths = tf.range(tf.shape(h)[0]) % 4 + 1
    return tf1bn.batch_norm(h, is_training, mask=tf.sequence_mask(lengths, 4))


def per_step(h, is_training):
    for step in range(2):
        strategy = tf1bn.PerStep(tf.constant(step), 2)
        h = tf1bn.batch_norm(h, is_training, update_strategy=strategy, scope="step", reuse=tf.AUTO_REUSE)
    return h


def merged(h, is_training):
    with tf1bn.merged_updates():
        first = tf1bn.batch_norm(h, is_training, scope="shared")
        return first + tf1bn.batch_norm(h * h, is_training, scope="shared", reuse=True)


# The layer, the shape of its input, and the switches with which it is built; float32 without mention.
KINDS = {
    **{
        f"kernel {name}": (ours(kernel=name), IMAGES)
        for name in ("plain", "wide", "fused", "fused_small", "fused_wide", "xla")
    },
    **{
        f"precise {name}": (ours(kernel=name, precise=True), IMAGES)
        for name in ("plain", "wide", "fused", "fused_wide")
    },
    **{f"strategy {name}": (ours(update_strategy=name), ROWS) for name in ("inline", "collection", "ema", "frozen")},
    "chosen fused": (ours(), (None, 28, 28, 4)),
    "chosen wide": (ours(), (None, 14, 14, 6)),
    "chosen for large rows": (ours(), (None, 28, 28, 9)),
    "without gamma": (ours(scale=False), ROWS),
    "without beta": (ours(center=False), ROWS),
    "weights": (weighted, ROWS),
    "mask": (masked, (None, 4, 6)),
    "renorm": (ours(renorm=True), ROWS),
    "ghost batches": (ours(virtual_batch_size=4), IMAGES),
    "adjustment": (ours(adjustment=lambda shape: (1.5, 0.25)), IMAGES),
    "several axes": (ours(axis=[1, 3]), IMAGES),
    "channels first": (ours(axis=1), FIRST),
    "channels first, fused": (ours(axis=1, kernel="fused"), FIRST),
    "per step": (per_step, ROWS),
    "merged updates": (merged, ROWS),
    "half precision": (ours(), (*ROWS, tf.float16)),
    "half precision, fused": (ours(kernel="fused"), (*IMAGES, tf.float16)),
    "double precision": (ours(), (*IMAGES, tf.float64)),
    "tf.layers": (lambda h, t: tf_layers.batch_normalization(h, training=t), IMAGES),
    "contrib": (lambda h, t: contrib.layers.batch_norm(h, is_training=t), IMAGES),
    "slim": (lambda h, t: slim.batch_norm(h, is_training=t, fused=False, scale=True), IMAGES),
}
# In each switch the kinds that differ in it; all are built for training.
SWITCHED = (
    "kernel plain",
    "kernel fused",
    "precise fused",
    "strategy ema",
    "strategy collection",
    "weights",
    "tf.layers",
    "contrib",
    "slim",
)
CASES = [(name, "true") for name in KINDS] + [(name, switch) for name in SWITCHED for switch in SWITCHES[1:]]
FEW = [(name, "true") for name in ("chosen fused", "chosen wide", "several axes", "slim")]
FEW += [(name, "fed") for name in ("kernel plain", "precise fused", "tf.layers")]


def build(name, switch):
    """Returns the loss, the input whose gradient is asked for, and what is fed."""
    layer, shape = KINDS[name]
    shape, dtype = (shape[:-1], shape[-1]) if isinstance(shape[-1], tf.DType) else (shape, tf.float32)
    random = np.random.default_rng(0)
    x = tf.placeholder(dtype, shape, "x")
    feed = {x: random.normal(2, 1, (12, *shape[1:])).astype(dtype.as_numpy_dtype)}
    is_training = switch == "true"
    if switch == "fed":
        is_training = tf.placeholder(tf.bool, [], "is_training")
        feed[is_training] = True
    factor = tf.get_variable("factor", [], tf.float32, tf.constant_initializer(1.25))
    y = tf.cast(layer(x * tf.cast(factor, dtype), is_training), tf.float32)
    weights = tf.constant(random.normal(size=(12, *shape[1:])), tf.float32)
    return tf.reduce_sum(tf.sin(y) * weights, name="loss"), x, feed


def export(folder, cases):
    """Saves a graph of all cases, and beside it what their derivatives are here."""
    losses, inputs, feed, scopes = {}, {}, {}, {}
    for number, (kind, switch) in enumerate(cases):
        name = f"{kind}, {switch}"
        scopes[name] = f"case_{number}"
        with tf.variable_scope(scopes[name]):
            losses[name], inputs[name], fed = build(kind, switch)
        feed |= fed
    ready = tf.group(tf.global_variables_initializer(), name="init")
    tf.train.export_meta_graph(str(folder / "home.meta"))
    (folder / "names.json").write_text(json.dumps(scopes))
    found = PROGRAM.computed(ready, losses, inputs, tf.trainable_variables(), feed)
    held = {f"{name}:{i}": value for name, values in found.items() for i, value in enumerate(values)}
    np.savez(folder / "home.npz", **held, **{f"fed:{tensor.op.name}": value for tensor, value in feed.items()})


def away(folder, mode):
    """Returns what a process that cannot import tf1bn finds in a folder."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, str(PATH), str(folder), str(mode)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def check(folder, mode, cases):
    with graphs.graph_mode(mode):
        export(folder, cases)
    with_collections, graph_def = away(folder, mode)
    assert len(with_collections) == 1 + len(graph_def) == 1 + len(cases)
    for found in (with_collections, graph_def):
        assert not {name: error for name, error in found.items() if isinstance(error, str) or error > 1e-5}


def test_an_imported_graph_has_the_gradients_and_the_training_step_of_home(tmp_path):
    check(tmp_path, graphs.MODES[-1], FEW)


@pytest.mark.exhaustive
@pytest.mark.parametrize("mode", graphs.MODES, ids=str)
def test_a_graph_of_every_kind_travels_in_every_mode(mode, tmp_path):
    check(tmp_path, mode, CASES)
