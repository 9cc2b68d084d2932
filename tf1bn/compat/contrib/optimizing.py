"""``optimize_loss`` of tf.contrib.layers: a train op in one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib.training import Pairs

OPTIMIZER_CLS_NAMES: dict[str, Callable[..., Any]] = {
    "Adagrad": tf.train.AdagradOptimizer,
    "Adam": tf.train.AdamOptimizer,
    "Ftrl": tf.train.FtrlOptimizer,
    "Momentum": lambda learning_rate: tf.train.MomentumOptimizer(learning_rate, momentum=0.9),
    "RMSProp": tf.train.RMSPropOptimizer,
    "SGD": tf.train.GradientDescentOptimizer,
}
OPTIMIZER_SUMMARIES = ("learning_rate", "loss", "gradients", "gradient_norm", "global_gradient_norm")


def optimize_loss(
    loss: Any,
    global_step: Any,
    learning_rate: Any,
    optimizer: Any,
    gradient_noise_scale: Any = None,
    gradient_multipliers: dict[Any, Any] | None = None,
    clip_gradients: Any = None,
    learning_rate_decay_fn: Callable[[Any, Any], Any] | None = None,
    update_ops: Sequence[Any] | None = None,
    variables: Sequence[Any] | None = None,
    name: str | None = None,
    summaries: Sequence[str] | None = None,
    colocate_gradients_with_ops: bool = False,
    increment_global_step: bool = True,
) -> tf.Tensor:
    """Returns a tensor whose value is the loss; computing it moves the averages, then trains.

    Variables (in ``name``, by default ``OptimizeLoss``): learning_rate, a scalar that is not trained, for a float.

    Args:
      optimizer: a name of :data:`OPTIMIZER_CLS_NAMES`, an optimizer, its class, or a function of the rate.
      gradient_multipliers: factors by variable, or by its name with ``:0``.
      clip_gradients: a float for the global norm, or a function of the (gradient, variable) pairs.
      update_ops: what to run before the loss; by default UPDATE_OPS.
      summaries: names of :data:`OPTIMIZER_SUMMARIES`.
      others: as in contrib.

    Raises:
      TypeError: ``global_step`` is no variable of whole numbers.
      ArgumentError: an unknown optimizer, summary, rate, or kind of clipping.
    """
    loss = tf.convert_to_tensor(loss)
    global_step = tf.train.get_global_step() if global_step is None else global_step
    if global_step is not None:
        tf.train.assert_global_step(global_step)
    with tf.variable_scope(name, "OptimizeLoss", [loss]), errors.located("optimize_loss"):
        updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS) if update_ops is None else list(update_ops)
        if updates:
            with tf.control_dependencies(
                [op if isinstance(op, (tf.Operation, tf.Tensor)) else op.op for op in updates]
            ):
                loss = tf.identity(loss)
        chosen = _summaries(summaries)
        rate = _rate(learning_rate, learning_rate_decay_fn, global_step, chosen)
        opt = _optimizer(optimizer, rate)
        trained = tf.trainable_variables() if variables is None else list(variables)
        pairs = opt.compute_gradients(loss, trained, colocate_gradients_with_ops=colocate_gradients_with_ops)
        pairs = _transformed(pairs, gradient_noise_scale, gradient_multipliers, clip_gradients, chosen)
        if "loss" in chosen:
            tf.summary.scalar("loss", loss)
        _summarize_each(pairs, chosen)
        step = global_step if increment_global_step else None
        with tf.control_dependencies([opt.apply_gradients(pairs, global_step=step, name="train")]):
            return tf.identity(loss)


def _summaries(given: Sequence[str] | None) -> Sequence[str]:
    if given is None:
        return ("loss", "learning_rate", "global_gradient_norm")
    for entry in given:
        if entry not in OPTIMIZER_SUMMARIES:
            raise errors.ArgumentError(
                errors.explain("unknown summary", got=entry, expected=" or ".join(OPTIMIZER_SUMMARIES))
            )
    return given


def _rate(value: Any, decay_fn: Any, global_step: Any, chosen: Sequence[str]) -> Any:
    if value is None:
        return None
    if tf.is_tensor(value) and value.shape.rank == 0:
        rate = value
    elif isinstance(value, float) and value >= 0:
        rate = tf.get_variable("learning_rate", [], trainable=False, initializer=tf.constant_initializer(value))
    else:
        raise errors.ArgumentError(
            errors.explain("`learning_rate` is not possible", got=value, expected="a float of at least 0 or a scalar")
        )
    if decay_fn is None:
        return rate
    if global_step is None:
        raise errors.ArgumentError("global_step is required for learning_rate_decay_fn.")
    rate = decay_fn(rate, global_step)
    if "learning_rate" in chosen:
        tf.summary.scalar("learning_rate", rate)
    return rate


def _optimizer(given: Any, rate: Any) -> Any:
    if isinstance(given, tf.train.Optimizer):
        return given
    named = OPTIMIZER_CLS_NAMES.get(given) if isinstance(given, str) else given
    if not callable(named):
        raise errors.ArgumentError(
            errors.explain("unknown optimizer", got=given, expected=f"a class, or {', '.join(OPTIMIZER_CLS_NAMES)}")
        )
    if rate is None and isinstance(given, (str, type)):
        raise errors.ArgumentError(errors.explain("an optimizer's name or class needs a `learning_rate`", got=given))
    made = named() if rate is None else named(rate)
    if not isinstance(made, tf.train.Optimizer):
        raise errors.ArgumentError(errors.explain("`optimizer` returned something else", got=made))
    return made


def _transformed(pairs: Pairs, noise: Any, multipliers: Any, clip: Any, chosen: Sequence[str]) -> Pairs:
    if noise is not None:
        pairs = [(None if g is None else g + tf.truncated_normal(tf.shape(g)) * noise, v) for g, v in pairs]
    if multipliers is not None:
        factors = {key if isinstance(key, str) else key.name: factor for key, factor in multipliers.items()}
        pairs = [(g if g is None else g * tf.cast(factors.get(v.name, 1.0), g.dtype), v) for g, v in pairs]
    if {"global_gradient_norm", "gradient_norm"} & set(chosen):
        tf.summary.scalar("global_norm/gradient_norm", tf.global_norm([g for g, _ in pairs]))
    if clip is None:
        return pairs
    if isinstance(clip, float):
        clipped, _ = tf.clip_by_global_norm([g for g, _ in pairs], clip)
        pairs = list(zip(clipped, [v for _, v in pairs], strict=True))
    elif callable(clip):
        pairs = clip(pairs)
    else:
        raise errors.ArgumentError(errors.explain("`clip_gradients` is neither a float nor a function", got=clip))
    if {"global_gradient_norm", "gradient_norm"} & set(chosen):
        tf.summary.scalar("global_norm/clipped_gradient_norm", tf.global_norm([g for g, _ in pairs]))
    return pairs


def _summarize_each(pairs: Pairs, chosen: Sequence[str]) -> None:
    for gradient, variable in pairs:
        if gradient is not None:
            values = gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient
            name = variable.name.replace(":", "_")
            if "gradients" in chosen:
                tf.summary.histogram(f"gradients/{name}", values)
            if "gradient_norm" in chosen:
                tf.summary.scalar(f"gradient_norm/{name}", tf.global_norm([values]))
