"""Optimizers around an optimizer: averages of the variables, limits of their norms, absent parts of a loss."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors


class MovingAverageOptimizer(tf.train.Optimizer):
    """Keeps moving averages of what another optimizer trains.

    Variables: ``VARIABLE/ExponentialMovingAverage``, beside those of ``opt``.

    Args:
      opt: the optimizer.
      average_decay, num_updates: of ``tf.train.ExponentialMovingAverage``.
      sequential_update: whether the averages wait for the step; without it, they may see the old values or the new.
    """

    def __init__(
        self, opt: Any, average_decay: Any = 0.9999, num_updates: Any = None, sequential_update: bool = True
    ) -> None:
        self._optimizer, self._sequential = opt, sequential_update
        self._ema = tf.train.ExponentialMovingAverage(average_decay, num_updates=num_updates)
        self._swapped: dict[str, Any] | None = None

    def compute_gradients(self, *args: Any, **kwargs: Any) -> Any:
        """Returns the pairs of the optimizer."""
        return self._optimizer.compute_gradients(*args, **kwargs)

    def apply_gradients(self, grads_and_vars: Any, global_step: Any = None, name: str | None = None) -> Any:
        """Returns an op that trains and moves the averages."""
        pairs = list(grads_and_vars)
        trained = [var for grad, var in pairs if grad is not None]
        step = self._optimizer.apply_gradients(pairs, global_step=global_step, name=name)
        with tf.control_dependencies([step] if self._sequential else []):
            averaged = self._ema.apply(trained)
        self._swapped = {}
        for var in trained:
            average = self._ema.average(var)
            self._swapped[var.op.name], self._swapped[average.op.name] = average, var
        return tf.group(step, averaged, name="train_with_avg")

    def swapping_saver(self, var_list: Any = None, name: str = "swapping_saver", **kwargs: Any) -> tf.train.Saver:
        """Returns a saver that writes the averages under the names of the variables, and these under theirs.

        Args:
          var_list: variables, or a dictionary by name; all that there are now by default.
          kwargs: of ``tf.train.Saver``.

        Raises:
          RunError: no gradients were applied yet.
        """
        if self._swapped is None:
            raise errors.RunError(
                "there are no averages yet. Call minimize or apply_gradients first.", where="swapping_saver"
            )
        named = var_list if isinstance(var_list, Mapping) else _by_name(var_list or tf.global_variables())
        swapped = {key: self._other(value) for key, value in named.items()}
        return tf.train.Saver(swapped, name=name, **kwargs)

    def _other(self, value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return [self._other(part) for part in value]
        return (self._swapped or {}).get(value.op.name, value)


def _by_name(variables: Sequence[Any]) -> dict[str, Any]:
    """Returns variables by their name in a checkpoint; the parts of a partitioned one are a list."""
    found: dict[str, Any] = {}
    for var in variables:
        whole = getattr(var, "_save_slice_info", None)
        if whole is None:
            found[var.op.name] = var
        else:
            found.setdefault(whole.full_name, []).append(var)
    return found


class VariableClippingOptimizer(tf.train.Optimizer):
    """Limits norms of some variables after each step of another optimizer.

    A sparse gradient has its rows alone limited, unless dimension 0 is among those of the norm.

    Args:
      opt: the optimizer.
      vars_to_clip_dims: for each such variable the dimensions over which the norm is taken.
      max_norm: the limit.
      colocate_clip_ops_with_vars: whether norms are computed on the variables' devices.
    """

    def __init__(
        self,
        opt: Any,
        vars_to_clip_dims: Mapping[Any, Sequence[int]],
        max_norm: Any,
        use_locking: bool = False,
        colocate_clip_ops_with_vars: bool = False,
        name: str = "VariableClipping",
    ) -> None:
        super().__init__(use_locking, name)
        self._opt, self._max_norm, self._beside = opt, max_norm, colocate_clip_ops_with_vars
        self._dims = {_variable_name(var): list(dims) for var, dims in vars_to_clip_dims.items()}

    def compute_gradients(self, *args: Any, **kwargs: Any) -> Any:
        """Returns the pairs of the optimizer."""
        return self._opt.compute_gradients(*args, **kwargs)

    def get_slot(self, *args: Any, **kwargs: Any) -> Any:
        """Returns a slot of the optimizer."""
        return self._opt.get_slot(*args, **kwargs)

    def get_slot_names(self, *args: Any, **kwargs: Any) -> Any:
        """Returns the names of the optimizer's slots."""
        return self._opt.get_slot_names(*args, **kwargs)

    def apply_gradients(self, grads_and_vars: Any, global_step: Any = None, name: str | None = None) -> Any:
        """Returns an op that trains, then limits the norms."""
        pairs = list(grads_and_vars)
        with tf.name_scope(name, self._name) as scope:
            step = self._opt.apply_gradients(pairs, global_step=global_step)
            with tf.control_dependencies([step]):
                limited = [
                    self._limited(grad, var) for grad, var in pairs if grad is not None and var.op.name in self._dims
                ]
            return tf.group(step, *limited, name=scope)

    def _limited(self, grad: Any, var: Any) -> Any:
        dims = self._dims[var.op.name]
        with tf.colocate_with(var) if self._beside else contextlib.nullcontext():
            value = var.read_value()
            if isinstance(grad, tf.IndexedSlices) and 0 not in dims:
                indices, _ = tf.unique(grad.indices)
                rows = tf.gather(value, indices)
                excess = rows - tf.clip_by_norm(rows, self._max_norm, dims)
                return tf.scatter_sub(var, indices, excess, use_locking=self._use_locking)
            excess = value - tf.clip_by_norm(value, self._max_norm, dims)
            return tf.assign_sub(var, excess, use_locking=self._use_locking)


def _variable_name(key: Any) -> str:
    """Returns the name of a variable, or of what its ``ref()`` refers to."""
    return (key.deref() if hasattr(key, "deref") else key).op.name


class MultitaskOptimizerWrapper:
    """Leaves a variable and its slots alone where its whole gradient is zero: a part of the loss was absent.

    Args:
      opt: an optimizer; it is changed itself, and this object has all its names.

    Raises:
      ArgumentTypeError: ``opt`` is none.
    """

    def __init__(self, opt: Any) -> None:
        if not isinstance(opt, tf.train.Optimizer):
            raise errors.ArgumentTypeError(
                errors.explain("`opt` is no optimizer", got=opt, expected="a tf.train.Optimizer"),
                where="MultitaskOptimizerWrapper",
            )
        self._opt = opt
        for name in ("_apply_dense", "_resource_apply_dense", "_apply_sparse", "_resource_apply_sparse"):
            setattr(opt, name, functools.partial(_unless_zero, getattr(opt, name)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._opt, name)


def _unless_zero(apply: Callable[..., Any], grad: Any, *args: Any) -> Any:
    return tf.cond(_is_zero(grad), tf.no_op, lambda: tf.group(apply(grad, *args)))


def _is_zero(grad: Any) -> tf.Tensor:
    values = grad.values if isinstance(grad, tf.IndexedSlices) else grad
    return tf.equal(tf.math.count_nonzero(values), 0)


def clip_gradients_by_global_norm(
    gradients_variables: Sequence[tuple[Any, Any]], clip_norm: Any = 20.0
) -> tuple[list[tuple[Any, Any]], tf.Tensor]:
    """Returns pairs whose gradients are clipped by their global norm, and that norm.

    A gradient that is zero adds nothing to the norm, so absent parts of a loss do not change it.
    """
    gradients, variables = zip(*gradients_variables, strict=True)
    norm = tf.global_norm(gradients)
    clipped, _ = tf.clip_by_global_norm(gradients, clip_norm, use_norm=norm)
    return list(zip(clipped, variables, strict=True)), norm
