"""Moments of many batches from the moments of each."""

import numpy as np
import pytest

from tf1bn import errors
from tf1bn.population import MeanOfBatches, Pooled, Sums, merge, pooling

RANDOM = np.random.default_rng(5)


def pieces(sizes, offset=0.0):
    return [RANDOM.normal(offset + size, 1.0 + size, size=(size, 3)) for size in sizes]


def added(estimator, values):
    for value in values:
        estimator.add(len(value), value.mean(0), value.var(0))
    return estimator.result()


@pytest.mark.parametrize("sizes", [(4,), (1, 7), (1, 1, 1), (5, 2, 9, 1, 30, 3, 8)])
def test_pooled_moments_are_those_of_all_values_whatever_the_sizes(sizes):
    values = pieces(sizes)
    rows = np.concatenate(values)
    found = added(Pooled(), values)
    assert found.count == len(rows)
    np.testing.assert_allclose(found.mean, rows.mean(0), rtol=1e-13)
    np.testing.assert_allclose(found.variance, rows.var(0), rtol=1e-12)


def test_many_batches_far_from_zero_lose_no_digits():
    rows = 1e6 + RANDOM.normal(size=(4000, 2))
    found = added(Pooled(), np.split(rows, 1000))
    exact = [float(np.sum((column - np.mean(column)) ** 2)) for column in rows.T.astype(np.longdouble)]
    np.testing.assert_allclose(found.m2, exact, rtol=1e-9)


def test_merging_is_symmetric_and_counts_zero_variance():
    one, two = Sums.of(1, np.array([2.0]), np.array([0.0])), Sums.of(3, np.array([6.0]), np.array([4.0]))
    for found in (merge(one, two), merge(two, one)):
        assert (found.count, found.mean.tolist(), found.m2.tolist()) == (4, [5.0], [24.0])


@pytest.mark.parametrize("bessel", [False, True])
def test_the_mean_of_batches_counts_each_batch_alike(bessel):
    values = pieces((2, 9, 5))
    found = added(MeanOfBatches(bessel), values)
    np.testing.assert_allclose(found.mean, np.mean([v.mean(0) for v in values], axis=0), rtol=1e-13)
    variances = [v.var(0, ddof=int(bessel)) for v in values]
    np.testing.assert_allclose(found.variance, np.mean(variances, axis=0), rtol=1e-12)
    assert found.count == 16


def test_a_batch_of_one_value_has_no_variance_to_average():
    with pytest.raises(errors.PopulationError, match="one value per channel"):
        MeanOfBatches().add(1, np.zeros(1), np.zeros(1))


@pytest.mark.parametrize("estimator", [Pooled, MeanOfBatches])
def test_no_batch_is_no_result(estimator):
    with pytest.raises(errors.PopulationError, match="there is no batch"):
        estimator().result()


def test_an_unknown_mode_is_refused():
    with pytest.raises(errors.ArgumentError, match="unknown `mode`. Got 'median'; expected 'pooled' or"):
        pooling.make("median", False)
