"""``clip_gradients_by_norm``: an optimizer with bounded gradients."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors


class _Clipping(tf.train.Optimizer):
    def __init__(self, optimizer: tf.train.Optimizer, clip_norm: float) -> None:
        super().__init__(False, f"Clip{type(optimizer).__name__}")
        self._optimizer, self._clip_norm = optimizer, clip_norm

    def compute_gradients(self, *args: Any, **kwargs: Any) -> Any:
        return self._optimizer.compute_gradients(*args, **kwargs)

    def apply_gradients(self, grads_and_vars: Any, global_step: Any = None, name: str | None = None) -> Any:
        clipped = [
            (None if gradient is None else tf.clip_by_norm(gradient, self._clip_norm), variable)
            for gradient, variable in grads_and_vars
        ]
        return self._optimizer.apply_gradients(clipped, global_step, name)

    def get_slot(self, *args: Any, **kwargs: Any) -> Any:
        return self._optimizer.get_slot(*args, **kwargs)

    def get_slot_names(self, *args: Any, **kwargs: Any) -> Any:
        return self._optimizer.get_slot_names(*args, **kwargs)

    def variables(self) -> Any:
        return self._optimizer.variables()


def clip_gradients_by_norm(optimizer: tf.train.Optimizer, clip_norm: float) -> tf.train.Optimizer:
    """Returns an optimizer that clips each gradient to a norm before it applies it.

    Args:
      clip_norm: the largest norm of the gradient of one variable.

    Raises:
      ArgumentError: the norm is not positive.
    """
    if clip_norm <= 0:
        raise errors.ArgumentError(
            errors.explain("`clip_norm` must be above zero", got=clip_norm), where="clip_gradients_by_norm"
        )
    return _Clipping(optimizer, clip_norm)


__all__ = ["clip_gradients_by_norm"]
