"""Polyharmonic splines: smooth functions through values at scattered points."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors

_LEAST = 1e-10
"""Squared distances below this count as this: the logarithm and the root have no gradient at 0."""


def interpolate_spline(
    train_points: Any,
    train_values: Any,
    query_points: Any,
    order: int,
    regularization_weight: float = 0.0,
    name: str = "interpolate_spline",
) -> tf.Tensor:
    """Returns values ``[batch, m, k]`` at points of a spline through given ones.

        f(x) = sum over i of w[i] * phi(|x - c[i]|) + transpose(v) x + b
        phi(r) = r^order, or r^order * log(r) for an even order

    with weights w that are orthogonal to all linear functions. Order 2 is the thin-plate spline.

    Args:
      train_points: c, ``[batch, n, d]``.
      train_values: what f is there, ``[batch, n, k]``.
      query_points: ``[batch, m, d]``.
      regularization_weight: above 0, f need not meet the values, and is smoother.

    Raises:
      ShapeError: d or k is not known.
    """
    with tf.name_scope(name):
        points, values, queries = (tf.convert_to_tensor(t) for t in (train_points, train_values, query_points))
        for word, tensor in (("train_points", points), ("train_values", values)):
            if tensor.shape.as_list()[-1] is None:
                raise errors.ShapeError(
                    errors.explain(f"the last dimension of `{word}` must be known", got=str(tensor.shape)),
                    where="interpolate_spline",
                )
        count = tf.shape(points)[1]
        kernel = _phi(_squared_distances(points, points), order)
        if regularization_weight > 0:
            kernel += regularization_weight * tf.eye(count, dtype=points.dtype)
        linear = _with_one(points)
        none = tf.zeros_like(tf.matmul(linear, linear, transpose_a=True))
        system = tf.concat(
            [tf.concat([kernel, linear], 2), tf.concat([tf.linalg.matrix_transpose(linear), none], 2)], 1
        )
        solved = tf.linalg.solve(system, tf.pad(values, [[0, 0], [0, linear.shape[2]], [0, 0]]))
        near = tf.matmul(_phi(_squared_distances(queries, points), order), solved[:, :count])
        return near + tf.matmul(_with_one(queries), solved[:, count:])


def _with_one(points: tf.Tensor) -> tf.Tensor:
    return tf.concat([points, tf.ones_like(points[..., :1])], 2)


def _squared_distances(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.square(first[:, :, None] - second[:, None]), 3)


def _phi(squared: tf.Tensor, order: int) -> tf.Tensor:
    """Returns phi of distances whose squares are given."""
    positive = tf.maximum(squared, _LEAST)
    power = positive ** (order / 2)
    return power if order % 2 else 0.5 * power * tf.log(positive)
