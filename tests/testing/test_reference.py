"""The oracle is held against finite differences and against values worked out by hand."""

import ast
from pathlib import Path

import numpy as np
import pytest

from tf1bn.testing import reference
from tf1bn.testing.reference import Statistics

SHAPES = [((7, 3), -1), ((4, 3, 2), 1), ((3, 2, 2, 4), 3), ((2, 3, 2, 1, 2), 1)]
START = Statistics(np.zeros(2), np.ones(2))


def _finite_differences(function, value, step=1e-6):
    """Central differences of a scalar function of one array."""
    gradient = np.zeros_like(value)
    for index in np.ndindex(*value.shape):
        moved = value.copy()
        moved[index] += step
        above = function(moved)
        moved[index] -= 2 * step
        gradient[index] = (above - function(moved)) / (2 * step)
    return gradient


@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_gradients_through_batch_moments_are_those_of_finite_differences(shape, axis):
    rng = np.random.default_rng(0)
    x, dy = rng.normal(2, 3, shape), rng.normal(size=shape)
    gamma, beta = rng.normal(size=(2, shape[axis]))

    def loss(x, gamma, beta):
        return np.sum(dy * reference.batch_norm(x, gamma, beta, axis=axis))

    found = reference.batch_gradients(x, gamma, dy, axis=axis)
    np.testing.assert_allclose(found.x, _finite_differences(lambda v: loss(v, gamma, beta), x), atol=1e-7)
    np.testing.assert_allclose(found.gamma, _finite_differences(lambda v: loss(x, v, beta), gamma), atol=1e-7)
    np.testing.assert_allclose(found.beta, _finite_differences(lambda v: loss(x, gamma, v), beta), atol=1e-7)


@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_gradients_with_given_statistics_are_those_of_finite_differences(shape, axis):
    rng = np.random.default_rng(1)
    x, dy = rng.normal(2, 3, shape), rng.normal(size=shape)
    gamma, beta, mean = rng.normal(size=(3, shape[axis]))
    given = Statistics(mean, rng.uniform(0.5, 2, shape[axis]))

    def loss(x, gamma, beta):
        return np.sum(dy * reference.normalize(x, given, gamma, beta, axis=axis))

    found = reference.given_gradients(x, given, gamma, dy, axis=axis)
    np.testing.assert_allclose(found.x, _finite_differences(lambda v: loss(v, gamma, beta), x), atol=1e-7)
    np.testing.assert_allclose(found.gamma, _finite_differences(lambda v: loss(x, v, beta), gamma), atol=1e-7)
    np.testing.assert_allclose(found.beta, _finite_differences(lambda v: loss(x, gamma, v), beta), atol=1e-7)


def test_moments_of_a_batch_worked_out_by_hand():
    x = np.array([[1.0, 10.0], [3.0, 10.0], [5.0, 16.0]])
    biased, unbiased = reference.moments(x), reference.moments(x, bessel=True)
    np.testing.assert_allclose(biased.mean, [3, 12])
    np.testing.assert_allclose(biased.variance, [8 / 3, 8])
    np.testing.assert_allclose(unbiased.variance, [4, 12])
    np.testing.assert_allclose(reference.moments(x.T, axis=0).variance, [8 / 3, 8])
    np.testing.assert_allclose(reference.moments(x[:1], bessel=True).variance, [0, 0])


def test_normalised_values_worked_out_by_hand():
    x = np.array([[0.0], [2.0]])
    np.testing.assert_allclose(reference.batch_norm(x, 3.0, 1.0, epsilon=0.0), [[-2], [4]])
    np.testing.assert_allclose(reference.normalize(x, Statistics([1.0], [3.0]), epsilon=1.0), [[-0.5], [0.5]])


def test_moving_averages_worked_out_by_hand_skip_an_empty_batch():
    batches = [np.array([[0.0, 4.0], [2.0, 4.0]]), np.zeros((0, 2)), np.array([[4.0, 0.0], [8.0, 0.0]])]
    after = reference.moving_averages(batches, 0.5, START)
    np.testing.assert_allclose(after.mean, [(0 / 2 + 1 / 2) / 2 + 6 / 2, (4 / 2) / 2])
    np.testing.assert_allclose(after.variance, [(1 / 2 + 1 / 2) / 2 + 4 / 2, (1 / 2) / 2])
    np.testing.assert_allclose(
        reference.moving_averages(batches, 0.5, START, bessel=True).variance, [(1 / 2 + 2 / 2) / 2 + 8 / 2, 1 / 4]
    )


def test_ema_decay_starts_low_with_num_updates():
    batches = [np.array([[1.0, 1.0]])]
    assert reference.ema_averages(batches, 0.9, START, num_updates=0).mean[0] == pytest.approx(0.9)
    assert reference.ema_averages(batches, 0.9, START, num_updates=1000).mean[0] == pytest.approx(0.1)


def test_zero_debias_is_the_weighted_mean_of_the_batches_alone():
    batches = [np.array([[5.0, 1.0]]), np.array([[8.0, 1.0]])]
    one = reference.ema_averages(batches[:1], 0.9, START, zero_debias=True)
    two = reference.ema_averages(batches, 0.9, START, zero_debias=True)
    np.testing.assert_allclose(one, [[5, 1], [0, 0]])
    np.testing.assert_allclose(two.mean, [(0.9 * 5 + 8) / 1.9, 1])
    np.testing.assert_allclose(reference.ema_averages([], 0.9, START, zero_debias=True), START)


def test_cumulative_average_is_the_mean_of_all_moments():
    batches = [np.array([[1.0, 0.0], [3.0, 0.0]]), np.zeros((0, 2)), np.array([[6.0, 3.0]]), np.array([[4.0, 6.0]])]
    after = reference.cumulative_averages(batches, None, START)
    np.testing.assert_allclose(after.mean, [4, 3])
    np.testing.assert_allclose(after.variance, [1 / 3, 0])
    np.testing.assert_allclose(reference.cumulative_averages([], None, START), START)
    np.testing.assert_allclose(reference.unmoved(batches, 0.9, START), START)


def test_the_oracle_imports_nothing_but_numpy_and_the_standard_library():
    tree = ast.parse(Path(reference.__file__).read_text())
    names = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    names |= {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    assert names == {"__future__", "collections.abc", "typing", "numpy"}
