"""Work on large things in steps, at a size that can be chosen: what :mod:`measure` times."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn import audit, checkpoint, export
from tf1bn.checkpoint import bundle, dtypes, protos, shard

WIDTH = 8
CHUNK = 64 << 20
LEAVES = ("beta", "gamma", "moving_mean", "moving_variance")
Step = Callable[[int, str], Any]


def network(batch_norms: int, always: bool = False) -> Any:
    """Builds a chain of dense layers, each with a batch norm, and its training step; returns the step."""
    x = tf.placeholder(tf.float32, [None, WIDTH], "x")
    is_training = tf.placeholder_with_default(False, [], "is_training")
    is_training = True if always else is_training
    y = x
    for number in range(batch_norms):
        with tf.variable_scope(f"block{number}"):
            y = tf.nn.relu(tf1bn.batch_norm(tf1bn.dense(y, WIDTH), is_training))
    y = tf.identity(y, "y")
    return tf1bn.minimize(tf.train.GradientDescentOptimizer(0.1), tf.reduce_mean(tf.square(y)))


def always_training(batch_norms: int) -> Any:
    """As `network`, without a switch: as programs do that evaluate in a graph of its own."""
    return network(batch_norms, True)


def build(batch_norms: int, folder: str, make: Callable[[int], Any] = network) -> None:
    """Builds the graph of a training program, runs a step of it and saves it."""
    with tf.Graph().as_default(), tf.Session() as session:
        step = make(batch_norms)
        session.run(tf.global_variables_initializer())
        session.run(step, {"x:0": np.ones((2, WIDTH)), "is_training:0": True})
        tf.train.Saver().save(session, os.path.join(folder, "model"))


def audit_it(_: int, folder: str) -> None:
    """Audits the saved graph with its checkpoint."""
    prefix = os.path.join(folder, "model")
    audit.audit(f"{prefix}.meta", checkpoint=prefix)


def export_it(_: int, folder: str) -> None:
    """Exports the saved graph for inference."""
    prefix = os.path.join(folder, "model")
    export.export(f"{prefix}.meta", prefix, "y", os.path.join(folder, "served"), to="frozen", overwrite=True)


def export_as_meta(_: int, folder: str) -> None:
    """Exports the saved graph with variables, as folding takes it."""
    prefix = os.path.join(folder, "model")
    export.export(f"{prefix}.meta", prefix, "y", os.path.join(folder, "inference"), to="meta", overwrite=True)


def fold_it(_: int, folder: str) -> None:
    """Folds the batch norms of the exported graph into the layers before them."""
    prefix = os.path.join(folder, "inference")
    checkpoint.fold(f"{prefix}.meta", prefix, os.path.join(folder, "folded"))


def write_tensors(path: str, groups: int, kernel_bytes: int) -> None:
    """Writes a checkpoint of batch norms, each with a kernel before it, and holds one chunk of it at a time."""
    float32 = dtypes.of_name("float32")
    writer, items = shard.ShardWriter(bundle.data_path(path, 0, 1), 0), shard.IndexItems()
    chunk = np.random.RandomState(0).bytes(min(CHUNK, kernel_bytes))
    small = shard.array_part(np.full(WIDTH, 0.5, np.float32), float32).chunks
    small = [b"".join(small)]
    for number in range(groups):
        parts = {f"block{number:07}/batch_normalization/{leaf}": shard.Part((WIDTH,), small) for leaf in LEAVES}
        if kernel_bytes:
            shape = (kernel_bytes // 4 // WIDTH, WIDTH)
            parts[f"block{number:07}/dense/kernel"] = shard.Part(shape, [chunk] * (kernel_bytes // len(chunk)))
        for name, part in sorted(parts.items()):
            items.add(name, float32.number, part.shape, [((), writer.add(float32.number, part))])
    writer.close()
    items.write(f"{path}.index", protos.Header(1))


def write_large(mebibytes: int, folder: str) -> None:
    """Writes a checkpoint of few large kernels."""
    write_tensors(os.path.join(folder, "model"), max(1, mebibytes // 256), min(mebibytes, 256) << 20)


def write_many(tensors: int, folder: str) -> None:
    """Writes a checkpoint of many small tensors."""
    write_tensors(os.path.join(folder, "model"), tensors // len(LEAVES), 0)


def inspect_it(_: int, folder: str) -> Any:
    """Lists the batch norms of the checkpoint."""
    return checkpoint.inspect(os.path.join(folder, "model"))


def migrate_it(_: int, folder: str) -> Any:
    """Renames the tensors of all batch norms, and checks every byte of the copy."""
    plan = checkpoint.plan_migration(os.path.join(folder, "model"), to="slim")
    return checkpoint.migrate(plan, os.path.join(folder, "renamed"), verify=True, overwrite=True)


def compare_it(_: int, folder: str) -> Any:
    """Compares the checkpoint with itself, tensor by tensor."""
    prefix = os.path.join(folder, "model")
    return checkpoint.compare(prefix, prefix)


def replicate(devices: int, _: str) -> None:
    """Builds a step of MirroredStrategy on logical devices, each with a replica of two batch norms, and runs it."""
    processor = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * devices)
    with tf.Graph().as_default():
        strategy = tf.distribute.MirroredStrategy([f"/cpu:{number}" for number in range(devices)])
        with strategy.scope():
            results, start = _replicated(strategy, devices)
            with tf.Session() as session:
                session.run([tf.global_variables_initializer(), start])
                session.run(results)


def _replicated(strategy: Any, devices: int) -> Any:
    data = tf.data.Dataset.from_tensors(np.ones((2 * devices, WIDTH), np.float32)).repeat()
    iterator = strategy.make_dataset_iterator(data)

    def step(x: Any) -> Any:
        for number in range(2):
            x = tf1bn.dense(x, WIDTH, scope=f"dense{number}")
            x = tf1bn.batch_norm(x, True, scope=f"bn{number}", statistics=tf1bn.distribute.Replicas())
        loss = tf.reduce_sum(tf.square(x)) / devices
        with tf.control_dependencies([tf.train.GradientDescentOptimizer(0.1).minimize(loss)]):
            return tf.identity(loss)

    results = strategy.experimental_local_results(strategy.run(step, args=(next(iterator),)))
    return list(results), iterator.initializer


_OF_GRAPHS: dict[str, Step] = {
    "audit": audit_it,
    "export": export_it,
    "export as .meta": export_as_meta,
    "fold": fold_it,
}
CASES: dict[str, tuple[str, int, dict[str, Step]]] = {
    "graph": ("batch norms with a switch", 200, {"build": build, **_OF_GRAPHS}),
    "training": (
        "batch norms without a switch",
        1000,
        {"build": functools.partial(build, make=always_training), **_OF_GRAPHS},
    ),
    "large": (
        "MiB in a checkpoint",
        10_240,
        {"write": write_large, "inspect": inspect_it, "migrate": migrate_it, "compare": compare_it},
    ),
    "many": (
        "tensors in an index",
        1_000_000,
        {"write": write_many, "inspect": inspect_it, "migrate": migrate_it, "compare": compare_it},
    ),
    "replicas": ("logical devices", 64, {"step": replicate}),
}
"""Name -> what is counted, how many, and the steps in order; a step finds what the steps before it wrote."""
