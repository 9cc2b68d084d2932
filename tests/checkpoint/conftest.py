"""Checkpoints that several tests read: written by TensorFlow itself, and small ones of known arrays."""

import numpy as np
import pytest

from tf1bn.checkpoint import shard


def arrays(seed=0):
    """Returns one slim site, a kernel, a slot, a step and a string tensor."""
    random = np.random.RandomState(seed)

    def floats(*shape):
        return (random.rand(*shape) + 0.5).astype(np.float32)

    return {
        "net/conv/weights": floats(3, 3, 2, 4),
        "net/conv/BatchNorm/beta": floats(4),
        "net/conv/BatchNorm/beta/Adam": floats(4),
        "net/conv/BatchNorm/moving_mean": floats(4),
        "net/conv/BatchNorm/moving_variance": floats(4),
        "global_step": np.array(7, np.int64),
        "labels": np.array([b"cat", b"", b"a longer label"], object),
        "table": floats(10, 3),
    }


@pytest.fixture
def slim_arrays():
    return arrays()


@pytest.fixture
def slim_checkpoint(tmp_path):
    """A checkpoint of :func:`arrays`, one tensor of it in two slices."""
    prefix = str(tmp_path / "slim")
    shard.write_checkpoint(prefix, arrays(), slices={"table": [((0, 4), (0, -1)), ((4, 6), (0, -1))]})
    return prefix


@pytest.fixture
def write(tmp_path):
    """Writes arrays as a checkpoint and returns its prefix."""

    def make(tensors, name="model", **more):
        prefix = str(tmp_path / name)
        shard.write_checkpoint(prefix, tensors, **more)
        return prefix

    return make
