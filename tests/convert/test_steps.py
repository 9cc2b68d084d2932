"""Steps against NumPy and against arithmetic written out: forward, back, and what is refused on the way back."""

import numpy as np
import pytest

from tf1bn import errors
from tf1bn.convert import target as targets
from tf1bn.convert.layer import Stored
from tf1bn.convert.steps import Add, Blocks, ChannelsFirst, Decode, Reshape, Transpose
from tf1bn.convert.target import Part, constant, joined, whole
from tf1bn.convert.writers.writer import contiguous, deal, shard_names

STEPS = [
    (Transpose((3, 2, 0, 1)), (2, 3, 4, 5)),
    (Transpose((2, 0, 1)), (2, 3, 4)),
    (Reshape((2, 6), (3, 4)), (2, 6)),
    (ChannelsFirst(0, 3), (12,)),
    (ChannelsFirst(1, 5), (2, 20)),
    (Blocks(0, (0, 2, 1, 3)), (8,)),
    (Blocks(1, (2, 0, 1)), (2, 6)),
]


def _numbers(shape):
    return np.random.default_rng(3).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(("step", "shape"), STEPS, ids=lambda item: str(item))
def test_a_step_is_undone_bit_for_bit(step, shape):
    value = _numbers(shape)
    there = step.apply(value)
    assert there.shape == step.shape(shape)
    assert np.array_equal(step.undo(there), value) and step.undo(there).shape == shape


def test_flattened_features_are_those_of_maps_moved_to_channels_first():
    maps = _numbers((2, 3, 4, 5))
    moved = ChannelsFirst(1, 5).apply(maps.reshape(2, 60))
    assert np.array_equal(moved, maps.transpose(0, 3, 1, 2).reshape(2, 60))


def test_blocks_and_additions_are_those_of_gates():
    gates = np.arange(8, dtype=np.float32)
    assert Blocks(0, (0, 2, 1, 3)).apply(gates).tolist() == [0, 1, 4, 5, 2, 3, 6, 7]
    assert Add(1, 4, 1.0).apply(gates).tolist() == [0, 1, 3, 4, 4, 5, 6, 7]


def test_a_stored_inverse_deviation_becomes_the_variance():
    step = Decode("inverse_deviation(0.001)", "float32")
    variance = np.array([0.25, 4.0])
    found = step.apply((1.0 / np.sqrt(variance + 0.001)).astype(np.float32))
    np.testing.assert_allclose(found, variance, rtol=1e-6)
    np.testing.assert_allclose(step.undo(found), 1.0 / np.sqrt(variance + 0.001), rtol=1e-6)


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((3, 3, 200, 300), (3, 2, 0, 1)),
        ((700, 900), (1, 0)),
        ((5, 400, 300), (2, 1, 0)),
        ((3, 3, 400, 90), (2, 3, 0, 1)),
    ],
)
def test_large_arrays_are_turned_right(shape, axes):
    value = _numbers(shape)
    found = contiguous(value.transpose(axes))
    assert found.flags.c_contiguous and np.array_equal(found, value.transpose(axes))


def _kernel(key="cell/kernel", shape=(5, 8)):
    return Stored(key, shape, "float32")


def test_pieces_go_back_to_their_places():
    source = _kernel()
    value = _numbers(source.shape)
    pair = [joined(name, (Part(source, (Transpose((1, 0)),), cut),), 0) for name, cut in
            (("ih", (0, 0, 3)), ("hh", (0, 3, 5)))]  # fmt: skip
    given = {target: target.value(lambda key: value) for target in pair}
    assert [item.shape for item in given.values()] == [(8, 3), (8, 2)]
    assert np.array_equal(targets.undo(given, lambda key: value)["cell/kernel"], value)
    with pytest.raises(errors.ConvertError, match="a piece of 'cell/kernel' is missing"):
        targets.undo({pair[0]: given[pair[0]]}, lambda key: value)


def test_numbers_without_a_variable_must_not_change():
    gamma = constant("bn.weight", (3,), "float32", (1.0,), "there is no gamma")
    assert targets.undo({gamma: np.ones(3, np.float32)}, lambda key: None) == {}
    with pytest.raises(errors.ConvertError, match=r"'bn\.weight' was changed, and the graph has no variable for it"):
        targets.undo({gamma: np.full(3, 2.0, np.float32)}, lambda key: None)


def test_a_changed_second_bias_is_added_to_the_first():
    bias = Part(Stored("cell/bias", (4,), "float32"), (Blocks(0, (0, 2, 1, 3)),))
    first = joined("bias_ih", (bias,), 0)
    second = constant("bias_hh", (4,), "float32", (0.0, 1.0, 0.0, 0.0), "forget", absorbed=bias)
    given = {first: np.array([1, 2, 3, 4], np.float32), second: np.array([0, 1.5, 0, 0.25], np.float32)}
    assert targets.undo(given, lambda key: None)["cell/bias"].tolist() == [1, 3, 2.5, 4.25]


def test_tied_tensors_must_agree():
    table = Stored("table", (2, 3), "float32")
    one, two = whole("embedding.weight", table), whole("head.weight", table)
    value = _numbers((2, 3))
    assert np.array_equal(targets.undo({one: value, two: value}, lambda key: None)["table"], value)
    with pytest.raises(errors.ConvertError, match="two tensors of the state stand for 'table' and differ"):
        targets.undo({one: value, two: value + 1}, lambda key: None)


def test_tensors_are_dealt_out_in_order_and_a_large_one_alone():
    made = [whole(str(size), Stored(str(size), (size,), "float32")) for size in (1, 2, 9, 1)]
    assert [[item.name for item in group] for group in deal(made, 16)] == [["1", "2"], ["9"], ["1"]]
    assert shard_names("m.pt", ".pt", 1) == ["m.pt"]
    assert shard_names("m.pt", ".pt", 2) == ["m-00001-of-00002.pt", "m-00002-of-00002.pt"]
