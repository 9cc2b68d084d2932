"""Tensors made piece by piece in their places: against NumPy on the whole tensor, and with a damaged byte."""

import numpy as np
import pytest

from tf1bn import convert, errors
from tf1bn.checkpoint import shard
from tf1bn.convert import pouring
from tf1bn.convert.layer import Stored
from tf1bn.convert.pouring import Axis
from tf1bn.convert.source import Source
from tf1bn.convert.steps import Add, Blocks, ChannelsFirst, Reshape, Transpose
from tf1bn.convert.target import Part, Target, whole
from tf1bn.convert.writers.writer import Making

# What the layers of networks do to their kernels, and whether only axes are moved.
CHAINS = {
    "as it is": ((40, 6), (), True),
    "scalar": ((), (), True),
    "vector": ((2, 3, 1), (Reshape((2, 3, 1), (6,)),), True),
    "dense": ((48, 10), (Transpose((1, 0)),), True),
    "dense of an odd width": ((37, 5), (Transpose((1, 0)),), True),
    "dense behind flattened maps": ((48, 10), (Transpose((1, 0)), ChannelsFirst(1, 4)), True),
    "dense in front of maps": ((10, 48), (Transpose((1, 0)), ChannelsFirst(0, 4)), True),
    "features of a vector": ((48,), (ChannelsFirst(0, 6),), True),
    "convolution": ((3, 2, 14, 9), (Transpose((3, 2, 0, 1)),), True),
    "convolution over one axis": ((3, 14, 9), (Transpose((2, 1, 0)),), True),
    "convolution over three axes": ((3, 2, 2, 7, 5), (Transpose((4, 3, 0, 1, 2)),), True),
    "depthwise": ((3, 3, 8, 2), (Transpose((2, 3, 0, 1)), Reshape((8, 2, 3, 3), (16, 1, 3, 3))), True),
    "other axes": ((3, 4, 5), (Transpose((1, 0, 2)),), False),
    "gates": ((6, 8), (Transpose((1, 0)), Blocks(0, (0, 2, 1, 3))), False),
    "forget bias": ((8,), (Add(1, 4, 1.0),), False),
}


def _checkpoint(tmp_path, name, value, row):
    from tf1bn.checkpoint import protos

    prefix = str(tmp_path / "model")
    writer, items = shard.ShardWriter(prefix + ".data-00000-of-00001", 0), shard.IndexItems()
    items.add(name, row.number, value.shape, [((), writer.add(row.number, shard.array_part(value, row)))])
    writer.close()
    items.write(prefix + ".index", protos.Header(1))
    return prefix


def _row(name="float32"):
    from tf1bn.checkpoint import dtypes

    return dtypes.of_name(name)


@pytest.fixture(params=[64, 1 << 20], ids=["small pieces", "one piece"])
def pieces(request, monkeypatch):
    """Makes pieces so small that a small tensor has several, in several ranges."""
    monkeypatch.setattr(pouring, "_PIECE", request.param)
    monkeypatch.setattr(pouring, "_RANGE", 4 * request.param)
    monkeypatch.setattr(pouring, "_RUN", 2)


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_tensor_in_pieces_is_the_tensor_as_a_whole(name, dtype, pieces, tmp_path):
    shape, steps, moves = CHAINS[name]
    value = np.random.default_rng(1).normal(size=shape).astype(dtype)
    target = whole("t", Stored("v", shape, dtype), *steps)
    expected = np.asarray(value)
    for step in steps:
        expected = step.apply(expected)
    with Source(_checkpoint(tmp_path, "v", value, _row(dtype))) as source, Making(source) as making:
        place = np.zeros(target.shape, dtype)
        work = pouring.pour(target, source, place)
        assert (work is not None) == moves, "whether it is made in its place"
        ((_, found),) = making.values([target])
        assert found.shape == target.shape and np.array_equal(found, expected)


def test_axes_that_stay_beside_each_other_are_one():
    assert pouring.moved((4, 5), ()) == [Axis(20, 1)]
    assert pouring.moved((2, 3, 4, 5), (Transpose((3, 2, 0, 1)),)) == [Axis(5, 1), Axis(4, 5), Axis(6, 20)]
    assert pouring.moved((12, 5), (Transpose((1, 0)), ChannelsFirst(1, 3))) == [Axis(5, 1), Axis(3, 5), Axis(4, 15)]
    assert pouring.moved((6,), (Reshape((6,), (4, 2)),)) is None


@pytest.mark.parametrize("name", ["as it is", "dense", "dense behind flattened maps", "convolution", "gates"])
def test_a_damaged_byte_is_refused(name, pieces, tmp_path):
    shape, steps, _ = CHAINS[name]
    prefix = _checkpoint(tmp_path, "v", np.ones(shape, np.float32), _row())
    data = tmp_path / "model.data-00000-of-00001"
    content = bytearray(data.read_bytes())
    content[-3] ^= 4
    data.write_bytes(content)
    target = whole("t", Stored("v", shape, "float32"), *steps)
    with Source(prefix) as source, Making(source) as making:
        with pytest.raises(errors.CheckpointDamagedError, match="the checksum of the data of v is wrong"):
            list(making.values([target]))


def test_what_is_held_stays_until_the_next_call_and_pieces_of_one_source_are_made(tmp_path):
    value = np.arange(12, dtype=np.float32).reshape(3, 4)
    targets = [Target("cut", (2, 4), "float32", (Part(Stored("v", (3, 4), "float32"), (), (0, 1, 3)),)),
               whole("t", Stored("v", (3, 4), "float32"), Transpose((1, 0)))]  # fmt: skip
    with Source(_checkpoint(tmp_path, "v", value, _row())) as source, Making(source) as making:
        (_, cut), (_, turned) = making.values(targets, held=True)
        assert np.array_equal(cut, value[1:]) and np.array_equal(turned, value.T)


def test_averages_are_taken_where_asked(tmp_path):
    """The averaged weights of a tensor are read in its place, piece by piece as well."""
    from tf1bn.checkpoint import protos

    prefix = str(tmp_path / "model")
    writer, items = shard.ShardWriter(prefix + ".data-00000-of-00001", 0), shard.IndexItems()
    for number, name in enumerate(("dense/kernel", "dense/kernel/ExponentialMovingAverage")):
        value = np.full((2, 3), number, np.float32)
        items.add(name, 1, value.shape, [((), writer.add(1, shard.array_part(value, _row())))])
    writer.close()
    items.write(prefix + ".index", protos.Header(1))
    for ema, number in ((False, 0), (True, 1)):
        convert.convert(prefix, tmp_path / f"{ema}.npz", to="npz", dialect="torch", ema=ema)
        assert (np.load(tmp_path / f"{ema}.npz")["dense.weight"] == number).all()
