"""Optimizers of ready-made estimators, by name or made by the program, and the step that they make."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors

_BY_NAME: dict[str, Callable[[float], Any]] = {
    "Adagrad": tf.train.AdagradOptimizer,
    "Adam": tf.train.AdamOptimizer,
    "Ftrl": tf.train.FtrlOptimizer,
    "RMSProp": tf.train.RMSPropOptimizer,
    "SGD": tf.train.GradientDescentOptimizer,
}
DEEP_RATE, DEEP_RATE_BESIDE_WIDE = 0.05, 0.001
"""Learning rates of a stack of dense layers, alone and in a combined estimator."""
WIDE_RATE, WIDE_RATE_BESIDE_DEEP = 0.2, 0.005
"""Those of a linear model."""


def made(optimizer: Any, rate: float) -> Any:
    """Returns an optimizer of ``tf.train``.

    Args:
      optimizer: one, a function without arguments that makes one in the graph, or a name.
      rate: learning rate of those by name.

    Raises:
      UnknownNameError: another name.
      ArgumentTypeError: something else.
    """
    if isinstance(optimizer, str):
        if optimizer not in _BY_NAME:
            expected = ", ".join(sorted(_BY_NAME))
            text = errors.explain("unknown optimizer", got=optimizer, expected=expected)
            raise errors.UnknownNameError(text)
        return _BY_NAME[optimizer](rate)
    found = optimizer() if callable(optimizer) else optimizer
    if not isinstance(found, tf.train.Optimizer):
        raise errors.ArgumentTypeError(
            errors.explain("`optimizer` is no optimizer of tf.train", got=found, expected="a name, one, or its maker")
        )
    return found


def by_columns(columns: Sequence[Any]) -> Callable[[], Any]:
    """Returns what makes Ftrl with the learning rate of a number of columns."""
    return lambda: tf.train.FtrlOptimizer(wide_rate(columns))


def wide_rate(columns: Sequence[Any], most: float = WIDE_RATE) -> float:
    """Returns the learning rate of a linear model: 1 / sqrt(number of columns), at most ``most``."""
    return min(most, 1 / math.sqrt(len(columns)))


def one(optimizer: Any, rate: float) -> Callable[[Any], Any]:
    """Returns what maps a loss to a step of one optimizer that counts the global step."""

    def train(loss: Any) -> Any:
        return made(optimizer, rate).minimize(loss, global_step=tf.train.get_global_step())

    return train


def several(parts: Sequence[tuple[Any, float, str]]) -> Callable[[Any], Any]:
    """Returns what maps a loss to a step of several optimizers.

    Args:
      parts: for each the optimizer, its learning rate, and the scope of the variables that it trains.
    """

    def train(loss: Any) -> Any:
        steps = [
            made(optimizer, rate).minimize(loss, var_list=tf.trainable_variables(scope + "/"))
            for optimizer, rate, scope in parts
        ]
        with tf.control_dependencies(steps):
            return tf.assign_add(tf.train.get_global_step(), 1).op

    return train
