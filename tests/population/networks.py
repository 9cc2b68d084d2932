"""Networks of two batch norms that a test knows in NumPy: x -> 1x1 product -> norm -> relu -> product -> norm."""

from __future__ import annotations

import itertools

import numpy as np
import tensorflow.compat.v1 as tf

EPSILON = 1e-3
WIDTHS = (3, 4, 5)
_random = np.random.default_rng(11)
KERNELS = [_random.normal(size=pair).astype(np.float32) for pair in itertools.pairwise(WIDTHS)]
GAMMAS = [_random.uniform(0.5, 1.5, size=width).astype(np.float32) for width in WIDTHS[1:]]
BETAS = [_random.normal(size=width).astype(np.float32) for width in WIDTHS[1:]]


def batches(sizes=(6, 3, 8), inner=(2, 2), seed=0):
    """Batches of unequal size and unequal mean."""
    random = np.random.default_rng(seed)
    return [
        random.normal(number + 1, 2.0, size=(size, *inner, WIDTHS[0])).astype(np.float32)
        for number, size in enumerate(sizes)
    ]


def affine(number):
    """Makes gamma and beta of a layer, and its averages at 0 and 1."""
    return [
        tf.get_variable(name, initializer=value, trainable=learned)
        for name, value, learned in (
            ("gamma", GAMMAS[number], True),
            ("beta", BETAS[number], True),
            ("moving_mean", np.zeros(WIDTHS[number + 1], np.float32), False),
            ("moving_variance", np.ones(WIDTHS[number + 1], np.float32), False),
        )
    ]


def network(x, norm, scope="net", reuse=None):
    """Builds it; ``norm`` is called with the input, the variables of the layer, and its number."""
    with tf.variable_scope(scope, reuse=reuse):
        for number, kernel in enumerate(KERNELS):
            with tf.variable_scope(f"layer{number}"):
                x = tf.tensordot(x, tf.get_variable("kernel", initializer=kernel), 1)
                with tf.variable_scope("bn"):
                    x = norm(x, affine(number), number)
                x = tf.nn.relu(x) if number == 0 else x
    return x


def affine_of(x, number, mean, variance):
    return (x - mean) / np.sqrt(variance + EPSILON) * GAMMAS[number].astype(np.float64) + BETAS[number]


def _means(values, mode):
    if mode == "pooled":
        rows = np.concatenate([value.reshape(-1, value.shape[-1]) for value in values])
        return rows.mean(0), rows.var(0)
    flat = [value.reshape(-1, value.shape[-1]) for value in values]
    return np.mean([rows.mean(0) for rows in flat], axis=0), np.mean([rows.var(0) for rows in flat], axis=0)


def expected(data, *, sequential=False, mode="pooled", factor=1.0):
    """Returns mean and variance of each layer, float64; variances of batches times ``factor``."""
    values, found = [batch.astype(np.float64) for batch in data], []
    for number, kernel in enumerate(KERNELS):
        values = [value @ kernel.astype(np.float64) for value in values]
        mean, variance = _means(values, mode)
        found.append((mean, variance * factor))
        if sequential:
            values = [affine_of(value, number, mean, variance * factor) for value in values]
        else:
            axes = tuple(range(values[0].ndim - 1))
            values = [affine_of(value, number, value.mean(axes), value.var(axes)) for value in values]
        values = [np.maximum(value, 0) for value in values]
    return found


def check(done, wanted, tolerance=2e-5):
    """Compares estimates with expected moments."""
    assert len(done.sites) == len(wanted)
    for site, (mean, variance) in zip(done.sites, wanted, strict=True):
        np.testing.assert_allclose(site.mean, mean, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(site.variance, variance, rtol=tolerance, atol=tolerance)
