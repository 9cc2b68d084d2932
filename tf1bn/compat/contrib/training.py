"""``tf.contrib.training``: ``create_train_op`` and what it does to gradients, loops, evaluation, settings."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat import absent
from tf1bn.compat.contrib import evaluation
from tf1bn.compat.contrib.balancing import GreedyLoadBalancingStrategy, RandomStrategy, byte_size_load_fn
from tf1bn.compat.contrib.bucketing import bucket, bucket_by_sequence_length
from tf1bn.compat.contrib.evaluation import *  # noqa: F403
from tf1bn.compat.contrib.feeding_queues import FeedingQueueRunner
from tf1bn.compat.contrib.hparams import HParams, parse_values
from tf1bn.compat.contrib.sampling import rejection_sample, resample_at_rate, stratified_sample, weighted_resample
from tf1bn.compat.contrib.state_saving import (
    NextQueuedSequenceBatch,
    SequenceQueueingStateSaver,
    batch_sequences_with_states,
)
from tf1bn.compat.contrib.training_loop import train_monitored as train

Pairs = Sequence[tuple[Any, Any]]
USE_GLOBAL_STEP = 0
"""Stands for the graph's global step, made if there is none."""


def create_train_op(
    total_loss: tf.Tensor,
    optimizer: Any,
    global_step: Any = USE_GLOBAL_STEP,
    update_ops: Sequence[Any] | None = None,
    variables_to_train: Sequence[Any] | None = None,
    transform_grads_fn: Callable[[Pairs], Pairs] | None = None,
    summarize_gradients: bool = False,
    gate_gradients: int = tf.train.Optimizer.GATE_OP,
    aggregation_method: Any = None,
    colocate_gradients_with_ops: bool = False,
    check_numerics: bool = True,
) -> tf.Tensor:
    """Returns a tensor whose value is the loss; computing it moves the averages, then trains.

    Graph effects:
      The tensor is added to GraphKeys.TRAIN_OP.

    Args:
      update_ops: what to run before the loss; by default UPDATE_OPS. Leaving some of UPDATE_OPS out warns, since
        averages of batch norms then stay as they were initialised.
      global_step: a variable to count in, None for none; by default the graph's.
      transform_grads_fn: maps the list of (gradient, variable) to another.
      check_numerics: whether a loss that is not finite fails the run.
      others: as in contrib.

    Raises:
      ArgumentError: nothing to train.
    """
    if isinstance(global_step, int) and global_step == USE_GLOBAL_STEP:
        global_step = tf.train.get_or_create_global_step()
    updates = _updates(update_ops)
    if updates:
        with tf.control_dependencies(updates):
            barrier = tf.no_op(name="update_barrier")
        with tf.control_dependencies([barrier]):
            total_loss = tf.identity(total_loss)
    variables = tf.trainable_variables() if variables_to_train is None else list(variables_to_train)
    if not variables:
        raise errors.ArgumentError("create_train_op: there are no variables to train.")
    gradients = optimizer.compute_gradients(
        total_loss,
        variables,
        gate_gradients=gate_gradients,
        aggregation_method=aggregation_method,
        colocate_gradients_with_ops=colocate_gradients_with_ops,
    )
    if transform_grads_fn is not None:
        gradients = transform_grads_fn(gradients)
    if summarize_gradients:
        with tf.name_scope("summarize_grads"):
            add_gradients_summaries(gradients)
    applied = optimizer.apply_gradients(gradients, global_step=global_step)
    with tf.name_scope("train_op"):
        if check_numerics:
            total_loss = tf.check_numerics(total_loss, "LossTensor is inf or nan")
        with tf.control_dependencies([applied]):
            train_op = tf.identity(total_loss)
    tf.add_to_collection(tf.GraphKeys.TRAIN_OP, train_op)
    return train_op


def clip_gradient_norms(gradients_to_variables: Pairs, max_norm: float) -> list[tuple[Any, Any]]:
    """Returns the pairs with each gradient clipped to a norm."""
    return [(_mapped(g, lambda value: tf.clip_by_norm(value, max_norm)), v) for g, v in gradients_to_variables]


def clip_gradient_norms_fn(max_norm: float) -> Callable[[Pairs], Pairs]:
    """Returns a ``transform_grads_fn`` that clips each gradient to a norm."""
    return lambda pairs: clip_gradient_norms(pairs, max_norm)


def multiply_gradients(grads_and_vars: Pairs, gradient_multipliers: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
    """Returns the pairs with some gradients multiplied.

    Args:
      gradient_multipliers: factors by variable, or by its name without ``:0``.

    Raises:
      ArgumentError: no multipliers, or one for a variable without a gradient.
    """
    if not gradient_multipliers or not isinstance(gradient_multipliers, Mapping):
        raise errors.ArgumentError(
            errors.explain("`gradient_multipliers` must be a dictionary, not empty", got=gradient_multipliers),
            where="multiply_gradients",
        )
    if not isinstance(grads_and_vars, list) or not all(isinstance(pair, tuple) for pair in grads_and_vars):
        raise errors.ArgumentError(
            errors.explain("`grads_and_vars` must be a list of pairs", got=grads_and_vars), where="multiply_gradients"
        )
    factors = {key if isinstance(key, str) else key.op.name: factor for key, factor in gradient_multipliers.items()}
    found = []
    for gradient, variable in grads_and_vars:
        factor = factors.get(variable.op.name)
        if factor is not None:
            if gradient is None:
                raise errors.ArgumentError(
                    errors.explain(f"variable {variable.op.name!r} has no gradient to multiply"),
                    where="multiply_gradients",
                )
            gradient = _mapped(gradient, functools.partial(_times, factor))
        found.append((gradient, variable))
    return found


def add_gradients_summaries(grads_and_vars: Pairs) -> list[tf.Tensor]:
    """Returns a histogram and the norm of each gradient as summaries."""
    summaries = []
    for gradient, variable in grads_and_vars:
        if gradient is not None:
            values = gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient
            summaries.append(tf.summary.histogram(f"{variable.op.name}_gradient", values))
            summaries.append(tf.summary.scalar(f"{variable.op.name}_gradient_norm", tf.global_norm([values])))
    return summaries


def _updates(update_ops: Sequence[Any] | None) -> list[Any]:
    listed = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    chosen = listed if update_ops is None else list(update_ops)
    missing = [op.name for op in listed if not any(op is other for other in chosen)]
    if missing:
        warnings.warn(
            "create_train_op: update_ops does not contain all of UPDATE_OPS, so these never run: "
            f"{', '.join(missing)}. Leave update_ops out, or add them.",
            errors.Tf1bnWarning,
            stacklevel=3,
        )
    unique = {id(op): op for op in chosen}.values()
    return [op if isinstance(op, (tf.Operation, tf.Tensor)) else op.op for op in unique]


def _times(factor: Any, value: Any) -> Any:
    return value * tf.cast(factor, value.dtype)


def _mapped(gradient: Any, function: Callable[[Any], Any]) -> Any:
    if isinstance(gradient, tf.IndexedSlices):
        return tf.IndexedSlices(function(gradient.values), gradient.indices, gradient.dense_shape)
    return None if gradient is None else function(gradient)


__all__ = [
    *evaluation.__all__,
    "FeedingQueueRunner",
    "GreedyLoadBalancingStrategy",
    "HParams",
    "NextQueuedSequenceBatch",
    "RandomStrategy",
    "SequenceQueueingStateSaver",
    "add_gradients_summaries",
    "batch_sequences_with_states",
    "bucket",
    "bucket_by_sequence_length",
    "byte_size_load_fn",
    "clip_gradient_norms",
    "clip_gradient_norms_fn",
    "create_train_op",
    "multiply_gradients",
    "parse_values",
    "rejection_sample",
    "resample_at_rate",
    "stratified_sample",
    "train",
    "weighted_resample",
]


def __getattr__(name: str) -> Any:
    return absent.refuse("tf.contrib.training", name, __all__)
