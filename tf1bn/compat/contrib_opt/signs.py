"""AddSign and PowerSign: steps that are larger where the gradient agrees with its average (Bello et al., 2017)."""

from __future__ import annotations

import abc
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat.calls import made_with
from tf1bn.compat.contrib_opt.rules import SlotRule, Slots, given


@dataclass(frozen=True)
class Sign:
    """What both take; each has one of ``alpha`` and ``base``."""

    learning_rate: Any = 0.1
    alpha: Any = field(default=1.0, init=False)
    base: float = field(default=math.e, init=False)
    beta: Any = 0.9
    sign_decay_fn: Callable[[Any], Any] | None = None
    use_locking: bool = False
    name: str = field(init=False)


@dataclass(frozen=True)
class AddSign(Sign):
    """What ``AddSignOptimizer`` takes."""

    alpha: Any = 1.0
    name: str = "AddSignOptimizer"


@dataclass(frozen=True)
class PowerSign(Sign):
    """What ``PowerSignOptimizer`` takes."""

    base: float = math.e
    name: str = "PowerSignOptimizer"


class _SignRule(SlotRule):
    """An average ``m`` of the gradients, and a decay of what the signs say."""

    slot_names = ("m",)
    slots_decay = True

    def __init__(self, call: Sign) -> None:
        super().__init__(call.use_locking, call.name)
        self._lr, self._beta, self._sign_decay_fn = call.learning_rate, call.beta, call.sign_decay_fn
        self._sign_decay: Any = 1.0

    def apply_gradients(self, grads_and_vars: Any, global_step: Any = None, name: str | None = None) -> Any:
        """Returns the train op; ``sign_decay_fn`` is called with ``global_step``."""
        if self._sign_decay_fn is not None:
            self._sign_decay = tf.convert_to_tensor(self._sign_decay_fn(global_step), name="sign_decay")
        return super().apply_gradients(grads_and_vars, global_step, name)

    def _create_slots(self, var_list: Any) -> None:
        for var in var_list:
            self._zeros_slot(var, "m", self._name)

    def rule(self, var: Any, value: Any, grad: Any, slots: Slots) -> tuple[Slots, Any]:
        """Returns the new slots and the loss of the variable."""
        dtype = var.dtype.base_dtype
        beta = given(self._beta, dtype)
        m = beta * slots["m"] + (1 - beta) * grad
        agreement = given(self._sign_decay, dtype) * tf.sign(grad) * tf.sign(m)
        return {"m": m}, given(self._lr, dtype) * self._factor(agreement) * grad

    @abc.abstractmethod
    def _factor(self, agreement: Any) -> Any:
        """Returns what the gradient is multiplied by."""


class AddSignOptimizer(_SignRule):
    """Steps of (alpha + d * sign(g) * sign(m)) * g.

        m <- beta * m + (1 - beta) * g
        variable <- variable - learning_rate * (alpha + d * sign(g) * sign(m)) * g

    Variables: ``VARIABLE/AddSignOptimizer`` (m).

    Args:
      sign_decay_fn: gives d from the global step; 1 without it.
    """

    @made_with(AddSign)
    def __init__(self, call: AddSign) -> None:
        super().__init__(call)
        self._alpha = call.alpha

    def _factor(self, agreement: Any) -> Any:
        return given(self._alpha, agreement.dtype) + agreement


class PowerSignOptimizer(_SignRule):
    """Steps of base^(d * sign(g) * sign(m)) * g.

        m <- beta * m + (1 - beta) * g
        variable <- variable - learning_rate * base^(d * sign(g) * sign(m)) * g

    Variables: ``VARIABLE/PowerSignOptimizer`` (m).

    Args:
      sign_decay_fn: gives d from the global step; 1 without it.
    """

    @made_with(PowerSign)
    def __init__(self, call: PowerSign) -> None:
        super().__init__(call)
        self._log_base = math.log(call.base)

    def _factor(self, agreement: Any) -> Any:
        return tf.exp(self._log_base * agreement)
