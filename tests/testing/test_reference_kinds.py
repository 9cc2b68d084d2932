"""The oracle of the further kinds is held against finite differences and values worked out by hand."""

import numpy as np
import pytest

from tf1bn.testing import reference
from tf1bn.testing.reference import Statistics, Variant

RNG = np.random.default_rng(2)
WEIGHTS = RNG.integers(0, 3, (6, 1)).astype(float)
SCALED = RNG.uniform(0.5, 2, (6, 1)), RNG.normal(size=(6, 1))
FIXED = [(np.array([[1.2, 0.7, 0.9]]), np.array([[0.3, -0.2, 0.1]]))] * 3

VARIANTS = {
    "ordinary": ((6, 3), Variant()),
    "weights": ((6, 3), Variant(weights=WEIGHTS)),
    "ghost": ((6, 3), Variant(group_size=2)),
    "ghost of weights": ((6, 3), Variant(group_size=3, weights=WEIGHTS)),
    "correction": ((6, 3), Variant(correction=lambda group, _: FIXED[group])),
    "ghost of weights, corrected and adjusted": (
        (6, 3),
        Variant(group_size=2, weights=WEIGHTS, correction=lambda group, _: FIXED[group], adjustment=SCALED),
    ),
    "two axes": ((3, 2, 2, 2), Variant(axes=(1, 3))),
    "channels first": ((3, 2, 4), Variant(axes=(1,), epsilon=1e-8)),
}


def _finite_differences(function, value, step=1e-6):
    gradient = np.zeros_like(value)
    for index in np.ndindex(*value.shape):
        moved = value.copy()
        moved[index] += step
        above = function(moved)
        moved[index] -= 2 * step
        gradient[index] = (above - function(moved)) / (2 * step)
    return gradient


@pytest.mark.parametrize("name", VARIANTS)
def test_gradients_are_those_of_finite_differences(name):
    shape, variant = VARIANTS[name]
    rng = np.random.default_rng(3)
    x, dy = rng.normal(2, 3, shape), rng.normal(size=shape)
    kept = [axis % len(shape) for axis in variant.axes]
    size = [n if i in kept else 1 for i, n in enumerate(shape)] if len(kept) > 1 else [shape[kept[0]]]
    gamma, beta = rng.uniform(0.5, 2, size), rng.normal(size=size)

    def loss(x, gamma, beta):
        return np.sum(dy * reference.train(x, gamma, beta, variant).y)

    found = reference.train_gradients(x, gamma, dy, variant)
    np.testing.assert_allclose(found.x, _finite_differences(lambda v: loss(v, gamma, beta), x), atol=2e-7)
    np.testing.assert_allclose(found.gamma, _finite_differences(lambda v: loss(x, v, beta), gamma), atol=2e-7)
    np.testing.assert_allclose(found.beta, _finite_differences(lambda v: loss(x, gamma, v), beta), atol=2e-7)


def test_a_weight_of_two_is_the_same_row_twice():
    x = np.array([[1.0, 0.0], [4.0, 2.0]])
    found = reference.train(x, variant=Variant(weights=[[2.0], [1.0]], bessel=True)).moments
    exact = reference.moments(np.array([[1.0, 0.0], [1.0, 0.0], [4.0, 2.0]]), bessel=True)
    np.testing.assert_allclose(found, exact)


def test_ghost_groups_take_every_nth_row():
    x = np.array([[1.0], [10.0], [3.0], [20.0]])
    found = reference.train(x, variant=Variant(group_size=2, epsilon=0.0))
    np.testing.assert_allclose(found.y, [[-1], [-1], [1], [1]])
    np.testing.assert_allclose(found.moments, [[(2 + 15) / 2], [(1 + 25) / 2]])


def test_values_without_weight_may_be_nan():
    x = np.array([[1.0], [np.nan], [3.0]])
    found = reference.train(x, variant=Variant(weights=[[1.0], [0.0], [1.0]], epsilon=0.0))
    np.testing.assert_allclose(found.moments, [[2], [1]])
    np.testing.assert_allclose(found.y, [[-1], [0], [1]])


def test_no_weight_at_all_gives_moments_of_zero():
    found = reference.train(np.ones((2, 1)), variant=Variant(weights=np.zeros((2, 1)), epsilon=1.0, bessel=True))
    np.testing.assert_allclose(found.moments, [[0], [0]])
    np.testing.assert_allclose(found.y, [[1], [1]])


def test_renorm_correction_worked_out_by_hand():
    batch = Statistics(np.array([3.0, 5.0, 0.0]), np.array([15.0, 3.0, 0.0]))
    references = np.array([1.0, 5.0, 0.0]), np.array([2.0, 2.0, 0.0])
    r, d = reference.renorm_correction(batch, references, epsilon=1.0)
    np.testing.assert_allclose((r, d), [[2, 1, 1], [1, 0, 0]])
    r, d = reference.renorm_correction(batch, references, rmin=1.2, rmax=1.5, dmax=0.5, epsilon=1.0)
    np.testing.assert_allclose((r, d), [[1.5, 1.2, 1.2], [0.5, 0, 0]])


def test_schedules_worked_out_by_hand():
    start, batches = Statistics(10.0, 1.0), [Statistics(2.0, 0.0), None, Statistics(5.0, 0.0)]
    assert reference.averages_of(batches, 0.5, start).mean == pytest.approx((10 / 2 + 2 / 2) / 2 + 5 / 2)
    assert reference.averages_of(batches, 0.5, start, zero_debias=True).mean == pytest.approx(
        (2 * 0.25 + 5 * 0.5) / 0.75
    )
    assert reference.averages_of([None], 0.5, start, zero_debias=True).mean == 10
    assert reference.averages_of(batches[:1], 0.5, start, num_updates=[0]).mean == pytest.approx(0.1 * 10 + 0.9 * 2)
