"""``l1_regularizer``, ``l2_regularizer`` and their sums, of tf.contrib.layers."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors

Regularizer = Callable[[Any], Any]


def l1_regularizer(scale: Any, scope: str | None = None) -> Regularizer:
    """Returns scale * sum(|weights|); with a scale of 0.0 a function that returns None.

    Raises:
      ArgumentError: an integer, or a negative number.
    """
    return _scaled(scale, scope, "l1_regularizer", lambda weights: tf.reduce_sum(tf.abs(weights)))


def l2_regularizer(scale: Any, scope: str | None = None) -> Regularizer:
    """Returns scale * sum(weights^2) / 2; with a scale of 0.0 a function that returns None.

    Raises:
      ArgumentError: an integer, or a negative number.
    """
    return _scaled(scale, scope, "l2_regularizer", tf.nn.l2_loss)


def l1_l2_regularizer(scale_l1: Any = 1.0, scale_l2: Any = 1.0, scope: str | None = None) -> Any:
    """Returns the sum of both.

    Raises:
      ArgumentError: an integer, or a negative number.
    """
    scope = scope or "l1_l2_regularizer"
    for scale in (scale_l1, scale_l2):
        _check(scale, "l1_l2_regularizer")
    if scale_l1 == 0.0:
        return l2_regularizer(scale_l2, scope)
    if scale_l2 == 0.0:
        return l1_regularizer(scale_l1, scope)
    return sum_regularizer([l1_regularizer(scale_l1), l2_regularizer(scale_l2)], scope)


def sum_regularizer(regularizer_list: Sequence[Regularizer | None], scope: str | None = None) -> Any:
    """Returns the sum of several regularizers; None of none."""
    regularizers = [regularizer for regularizer in regularizer_list if regularizer is not None]
    if not regularizers:
        return None

    def summed(weights: Any) -> Any:
        with tf.name_scope(scope, "sum_regularizer", [weights]) as name:
            terms = [term for regularizer in regularizers if (term := regularizer(weights)) is not None]
            return tf.add_n(terms, name=name) if terms else None

    return summed


def apply_regularization(regularizer: Regularizer, weights_list: Sequence[Any] | None = None) -> Any:
    """Returns the penalty of all weights, and adds it to REGULARIZATION_LOSSES.

    Args:
      weights_list: by default the collection ``GraphKeys.WEIGHTS``.

    Raises:
      ArgumentError: there are no weights, or a penalty is not a scalar.
    """
    weights = list(weights_list or tf.get_collection(tf.GraphKeys.WEIGHTS))
    if not weights:
        raise errors.ArgumentError("apply_regularization: no weights to regularize. Pass `weights_list`.")
    with tf.name_scope("get_regularization_penalty", values=weights) as name:
        penalties = [tf.constant(0.0) if (p := regularizer(w)) is None else p for w in weights]
        for penalty in penalties:
            if penalty.shape.rank != 0:
                raise errors.ArgumentError(
                    errors.explain("a penalty is not a scalar", got=str(penalty.shape)), where="apply_regularization"
                )
        total = tf.add_n(penalties, name=name)
    tf.add_to_collection(tf.GraphKeys.REGULARIZATION_LOSSES, total)
    return total


def _scaled(scale: Any, scope: str | None, default: str, measure: Callable[[Any], Any]) -> Regularizer:
    _check(scale, default)
    if isinstance(scale, numbers.Real) and scale == 0.0:
        return lambda weights: None

    def regularizer(weights: Any) -> Any:
        with tf.name_scope(scope, default, [weights]) as name:
            factor = tf.convert_to_tensor(scale, dtype=weights.dtype.base_dtype, name="scale")
            return tf.multiply(factor, measure(weights), name=name)

    return regularizer


def _check(scale: Any, where: str) -> None:
    if isinstance(scale, numbers.Integral) or (isinstance(scale, numbers.Real) and scale < 0):
        raise errors.ArgumentError(
            errors.explain("`scale` is not possible", got=scale, expected="a float of at least 0.0"), where=where
        )
