"""``slim.learning``: its ``create_train_op``, which takes norms and multipliers of gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat import absent
from tf1bn.compat.contrib import training
from tf1bn.compat.contrib.training import add_gradients_summaries, clip_gradient_norms, multiply_gradients
from tf1bn.compat.contrib.training_loop import train, train_step

__all__ = [
    "add_gradients_summaries",
    "clip_gradient_norms",
    "create_train_op",
    "multiply_gradients",
    "train",
    "train_step",
]


def create_train_op(
    total_loss: tf.Tensor,
    optimizer: Any,
    global_step: Any = training.USE_GLOBAL_STEP,
    update_ops: Sequence[Any] | None = None,
    variables_to_train: Sequence[Any] | None = None,
    clip_gradient_norm: float = 0,
    summarize_gradients: bool = False,
    gate_gradients: int = tf.train.Optimizer.GATE_OP,
    aggregation_method: Any = None,
    colocate_gradients_with_ops: bool = False,
    gradient_multipliers: Mapping[Any, Any] | None = None,
    check_numerics: bool = True,
) -> tf.Tensor:
    """Returns a tensor whose value is the loss; computing it moves the averages, then trains.

    Args:
      clip_gradient_norm: norm to which each gradient is clipped; 0 for none.
      gradient_multipliers: factors of gradients, by variable or its name.
      others: as in ``tf1bn.compat.contrib.training.create_train_op``.
    """

    def transform(pairs: training.Pairs) -> training.Pairs:
        if gradient_multipliers:
            with tf.name_scope("multiply_grads"):
                pairs = multiply_gradients(pairs, gradient_multipliers)
        if clip_gradient_norm > 0:
            with tf.name_scope("clip_grads"):
                pairs = clip_gradient_norms(pairs, clip_gradient_norm)
        return pairs

    return training.create_train_op(
        total_loss,
        optimizer,
        global_step,
        update_ops,
        variables_to_train,
        transform,
        summarize_gradients,
        gate_gradients,
        aggregation_method,
        colocate_gradients_with_ops,
        check_numerics,
    )


def __getattr__(name: str) -> Any:
    return absent.refuse("slim.learning", name, __all__)
