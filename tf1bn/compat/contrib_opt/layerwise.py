"""LARS, whose steps keep a ratio to each layer's weights, and an Adagrad that can leave its sums alone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib_opt.rules import SlotRule, Slots, given


class LARSOptimizer(SlotRule, tf.train.MomentumOptimizer):
    """Momentum with a rate for each layer (You, Gitman and Ginsburg, 2017).

        ratio = eeta * |w| / (|g| + weight_decay * |w| + epsilon), 1 where |w| or |g| is 0
        s = learning_rate * ratio * g
        m <- momentum * m + s
        w <- w - m, or with ``use_nesterov``: w - (s + momentum * m)

    The weight decay enters the ratio alone; the loss must have the term itself. A sparse gradient has a ratio of 1.

    Variables: ``VARIABLE/LARSOptimizer`` (m).

    Args:
      skip_list: parts of names; variables that have one have a ratio of 1.

    Raises:
      ArgumentError: ``momentum`` or ``weight_decay`` is negative.
    """

    slot_names = ("momentum",)

    def __init__(
        self,
        learning_rate: Any,
        momentum: float = 0.9,
        weight_decay: float = 0.0001,
        eeta: float = 0.001,
        epsilon: float = 0.0,
        name: str = "LARSOptimizer",
        skip_list: Sequence[str] | None = None,
        use_nesterov: bool = False,
    ) -> None:
        for word, value in (("momentum", momentum), ("weight_decay", weight_decay)):
            if value < 0:
                raise errors.ArgumentError(
                    errors.explain(f"`{word}` must not be negative", got=value), where="LARSOptimizer"
                )
        super().__init__(learning_rate, momentum, False, name, use_nesterov)
        self._weight_decay, self._eeta, self._ratio_epsilon = weight_decay, eeta, epsilon
        self._skip_list = tuple(skip_list or ())

    def compute_lr(self, grad: Any, var: Any) -> Any:
        """Returns the rate of a variable."""
        dtype = var.dtype.base_dtype
        rate = given(self._learning_rate, dtype)
        if any(part in var.name for part in self._skip_list):
            return rate
        w, g = tf.norm(tf.convert_to_tensor(var)), tf.norm(grad)
        ratio = self._eeta * w / (g + self._weight_decay * w + self._ratio_epsilon)
        return rate * tf.where((w > 0) & (g > 0), ratio, tf.ones([], dtype))

    def rule(self, var: Any, value: Any, grad: Any, slots: Slots) -> tuple[Slots, Any]:
        """Returns the new slots and the loss of the variable."""
        momentum = given(self._momentum, var.dtype.base_dtype)
        step = self.compute_lr(grad, var) * grad
        m = momentum * slots["momentum"] + step
        return {"momentum": m}, step + momentum * m if self._use_nesterov else m

    def _apply_sparse(self, grad: Any, var: Any) -> Any:
        return tf.train.MomentumOptimizer._apply_sparse(self, grad, var)

    def _resource_apply_sparse(self, grad: Any, var: Any, indices: Any) -> Any:
        return tf.train.MomentumOptimizer._resource_apply_sparse(self, grad, var, indices)


class RegAdagradOptimizer(SlotRule, tf.train.AdagradOptimizer):
    """Adagrad whose sums can be kept from growing, for the gradients of a regularization.

        a <- a + g^2, but not while ``avoid_updating_slots``
        variable <- variable - learning_rate * g / sqrt(a)

    A sparse gradient moves its rows alone.

    Variables: ``VARIABLE/RegAdagrad`` (a).
    """

    slot_names = ("accumulator",)

    def __init__(
        self,
        learning_rate: Any,
        initial_accumulator_value: float = 0.1,
        use_locking: bool = False,
        name: str = "RegAdagrad",
    ) -> None:
        super().__init__(learning_rate, initial_accumulator_value, use_locking, name)
        self._sums_grow = True

    @contextlib.contextmanager
    def avoid_updating_slots(self) -> Iterator[None]:
        """Lets ``minimize`` and ``apply_gradients`` inside make ops that use the sums as they are."""
        before, self._sums_grow = self._sums_grow, False
        try:
            yield
        finally:
            self._sums_grow = before

    def rule(self, var: Any, value: Any, grad: Any, slots: Slots) -> tuple[Slots, Any]:
        """Returns the new slots and the loss of the variable."""
        total = slots["accumulator"] + tf.square(grad) if self._sums_grow else slots["accumulator"]
        kept = {"accumulator": total} if self._sums_grow else {}
        return kept, given(self._learning_rate, var.dtype.base_dtype) * grad * tf.math.rsqrt(total)
