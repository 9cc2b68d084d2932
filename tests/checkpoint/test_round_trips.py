"""There and back: every layout that can be written, with slots under a scope, averages and partitioned variables."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import checkpoint
from tf1bn.checkpoint import shard, source, staging
from tf1bn.checkpoint.layouts import catalog

WRITABLE = sorted(name for name in catalog.LAYOUTS.names() if catalog.LAYOUTS.get(name).writable)
ROWS = [((0, 4), (0, -1)), ((4, 6), (0, -1))]


def tensors():
    """Values that survive one rounding each way, so that a conversion must give the same bits back."""
    random = np.random.RandomState(0)
    made = {
        "net/batch_norm/gamma": np.array([0.5, 1, 1.5, 2], np.float32),
        "net/batch_norm/beta": random.rand(4).astype(np.float32),
        "net/batch_norm/moving_mean": random.rand(4).astype(np.float32),
        "net/batch_norm/moving_variance": np.array([0.25, 4, 2.25, 1], np.float32),
        "table": random.rand(10, 3).astype(np.float32),
        "table/Adam": random.rand(10, 3).astype(np.float32),
    }
    made["opt/net/batch_norm/gamma/Adam"] = made["net/batch_norm/gamma"] + 1
    made["net/batch_norm/beta/ExponentialMovingAverage"] = made["net/batch_norm/beta"] * 2
    return made


def there_and_back(prefix, name, folder):
    away = checkpoint.plan_migration(prefix, name)
    checkpoint.migrate(away, folder / "there", verify=True)
    back = checkpoint.plan_migration(folder / "there", "tf1bn", source_layout=name)
    checkpoint.migrate(back, folder / "back", verify=True)
    with source.open_checkpoint(folder / "back") as opened:
        return {tensor: opened.read(tensor) for tensor in opened.tensors}, opened.partitioned


@pytest.mark.parametrize("name", WRITABLE)
def test_every_layout_gives_back_every_bit(name, write, tmp_path, monkeypatch):
    monkeypatch.setattr(shard.os, "fsync", lambda _: None)
    monkeypatch.setattr(staging.os, "fsync", lambda _: None)
    made = tensors()
    values, partitioned = there_and_back(write(made, slices={"table": ROWS, "table/Adam": ROWS}), name, tmp_path)
    assert partitioned == ("table", "table/Adam")
    assert {tensor: value.tobytes() for tensor, value in values.items()} == {
        tensor: value.tobytes() for tensor, value in made.items()
    }


@pytest.mark.parametrize("sharded", [False, True])
def test_a_v1_file_of_a_partitioned_network_gives_back_every_bit(tmp_path, sharded):
    with tf.Graph().as_default(), tf.Session() as session:
        made = {}
        for name, value in tensors().items():
            if name == "table":
                split = tf.fixed_size_partitioner(2)
                made[name] = tf.get_variable(
                    name, value.shape, partitioner=split, initializer=lambda shape, **_: tf.ones(shape)
                )
            elif name != "table/Adam":
                made[name] = tf.get_variable(name, initializer=value)
        session.run(tf.global_variables_initializer())
        saver = tf.train.Saver(write_version=tf.train.SaverDef.V1, sharded=sharded)
        prefix = saver.save(session, str(tmp_path / "v1"), write_meta_graph=False)
        expected = {name: session.run(variable) for name, variable in made.items() if name != "table"}
    values, _ = there_and_back(prefix, "lingvo", tmp_path)
    assert np.array_equal(values.pop("table"), np.ones((10, 3)))
    assert {name: value.tobytes() for name, value in values.items()} == {
        name: value.tobytes() for name, value in expected.items()
    }
