"""Powers of symmetric positive matrices."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors

_STEPS, _ACCURACY = 100, 1e-6


def power_by_eigenvalues(matrix: tf.Tensor, exponent: Any, floor: float) -> tf.Tensor:
    """Returns matrix^exponent; eigenvalues below ``floor`` count as ``floor``."""
    values, vectors = tf.linalg.eigh(matrix)
    return tf.matmul(vectors * tf.maximum(values, floor) ** exponent, vectors, transpose_b=True)


def power_by_iteration(matrix: tf.Tensor, exponent: Any, floor: float) -> tf.Tensor:
    """Returns matrix^exponent by the Schur-Newton iteration (Guo and Higham, 2006, equation 3.2).

    With p = -1 / exponent, M starts as z * matrix and X as z^(1 / p) * I:

        T = ((p + 1) * I - M) / p;    X <- X T;    M <- T^p M

    until M is I. ``floor`` is not used: the caller's damping has made the matrix positive.

    Raises:
      ArgumentError: ``exponent`` is not known, or not -1 over a whole number.
    """
    root = round(-1 / exponent) if isinstance(exponent, float) and exponent < 0 else 0
    if root < 1 or abs(-1 / exponent - root) > 1e-9:
        raise errors.ArgumentError(
            errors.explain("`alpha` / rank must be a number, 1 over a whole one, for an iterative root", got=exponent),
            where="ShampooOptimizer",
        )
    identity = tf.eye(matrix.shape.as_list()[0], dtype=matrix.dtype)
    scale = (1 + root) / (2 * tf.norm(matrix))

    def unfinished(step: Any, now: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
        return (step < _STEPS) & (tf.reduce_max(tf.abs(now - identity)) > _ACCURACY)

    def improved(step: Any, now: tf.Tensor, result: tf.Tensor) -> tuple[Any, Any, Any]:
        factor = ((root + 1) * identity - now) / root
        powered = factor
        for _ in range(root - 1):
            powered = tf.matmul(powered, factor)
        return step + 1, tf.matmul(powered, now), tf.matmul(result, factor)

    start = (tf.constant(0), matrix * scale, identity * scale ** (1 / root))
    return tf.while_loop(unfinished, improved, start)[2]
