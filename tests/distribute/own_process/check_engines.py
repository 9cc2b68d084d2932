"""Training on shards is training on the whole batch: weights, averages and slots of the optimizer after 20 steps."""

import functools

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests.distribute import engines
from tf1bn import distribute
from tf1bn.testing import graphs

STEPS = 20
SIZES = {"two equal": (8, 8), "two unequal": (12, 4), "four equal": (4, 4, 4, 4), "four, one empty": (11, 0, 4, 1)}
TOLERANCE = 1e-8  # float64: what is left after 20 steps is rounding


@functools.cache
def whole_batch():
    return engines.single(STEPS)


def switch():
    return tf.placeholder_with_default(True, [])


def assert_equal(found, expected):
    assert set(found) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, TOLERANCE, TOLERANCE, err_msg=name)


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("engine", engines.ENGINES)
def test_shards_train_as_the_whole_batch_does(engine, sizes):
    members = SIZES[sizes]
    # Both modes and both kinds of switch, without the product of all.
    unequal = len(set(members)) > 1
    with graphs.graph_mode(graphs.Mode(len(members) == 2, (len(members) == 2) != unequal)):
        reducer = engines.reducer_for(engine, len(members))
        found = engines.ENGINES[engine](STEPS, members, switch if unequal else True, reducer)
    assert_equal(found, whole_batch())


@pytest.mark.parametrize("engine", ["mirrored", "towers"])
def test_one_round_trains_as_two_do(engine):
    with graphs.graph_mode():
        statistics = distribute.Statistics(engines.reducer_for(engine, 4), rounds=1)
        found = engines.ENGINES[engine](STEPS, (11, 0, 4, 1), switch, statistics)
    assert_equal(found, whole_batch())


@pytest.mark.parametrize("engine", ["mirrored", "towers"])
def test_one_group_of_all_members_trains_as_the_whole_batch(engine):
    with graphs.graph_mode():
        statistics = distribute.Grouped(engines.reducer_for(engine, 4), 4)
        found = engines.ENGINES[engine](3, (11, 0, 4, 1), True, statistics)
    assert_equal(found, engines.single(3))


class MeanOfMeans:
    """A wrong reducer: it weighs members alike, however many rows they have."""

    name, in_branch, own_averages, index = "mean of means", True, False, property(lambda self: self.right.index)

    def __init__(self, members):
        self.right, self.size = distribute.Collectives(members), members

    def all_sum(self, tensors):
        if tensors[0].shape.rank == 0:
            self.count = tensors[0]
        return self.right.all_sum([tensor / self.count for tensor in tensors])


def test_a_reducer_that_takes_the_mean_of_means_is_found_out_by_unequal_shards():
    with graphs.graph_mode():
        assert_equal(engines.towers(3, (8, 8), True, MeanOfMeans(2)), engines.single(3))
    with graphs.graph_mode(), pytest.raises(AssertionError, match="Mismatched elements"):
        assert_equal(engines.towers(3, (12, 4), True, MeanOfMeans(2)), engines.single(3))
