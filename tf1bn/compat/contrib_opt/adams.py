"""Relatives of Adam: AdaMax, Nadam, and those that leave rows without a gradient alone or count by the global step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat.calls import given, made_with
from tf1bn.compat.contrib_opt.rules import SlotRule, Slots


@dataclass(frozen=True)
class Adam:
    """What ``tf.train.AdamOptimizer`` takes, and its relatives under names of their own."""

    learning_rate: Any = 0.001
    beta1: Any = 0.9
    beta2: Any = 0.999
    epsilon: Any = 1e-8
    use_locking: bool = False
    name: str = "Adam"


@dataclass(frozen=True)
class AdaMax(Adam):
    """What ``AdaMaxOptimizer`` takes."""

    name: str = "AdaMax"


@dataclass(frozen=True)
class _Counted:
    global_step: Any = 0


@dataclass(frozen=True)
class AdamOfGlobalStep(Adam, _Counted):
    """What ``AdamGSOptimizer`` and ``LazyAdamGSOptimizer`` take."""


class _AdamRule(SlotRule, tf.train.AdamOptimizer):
    """Adam with another formula; slots ``m`` and ``v``, and the powers of both betas, are those of Adam."""

    slot_names = ("m", "v")

    def _settings(self, var: Any) -> tuple[Any, ...]:
        """Returns rate, beta1, beta2, epsilon, beta1^t and beta2^t in the variable's dtype."""
        given = (self._lr_t, self._beta1_t, self._beta2_t, self._epsilon_t, *self._get_beta_accumulators())
        return tuple(tf.cast(value, var.dtype.base_dtype) for value in given)

    def _moments(self, var: Any, grad: Any, slots: Slots) -> Slots:
        _, beta1, beta2, *_ = self._settings(var)
        return {
            "m": beta1 * slots["m"] + (1 - beta1) * grad,
            "v": beta2 * slots["v"] + (1 - beta2) * tf.square(grad),
        }


class AdaMaxOptimizer(_AdamRule):
    """Adam by the largest gradient (Kingma and Ba, 2014, section 7.1).

        m <- beta1 * m + (1 - beta1) * g
        v <- max(beta2 * v, |g|)
        variable <- variable - learning_rate / (1 - beta1^t) * m / (v + epsilon)

    A sparse gradient moves its rows alone.

    Variables: ``VARIABLE/AdaMax`` (m), ``VARIABLE/AdaMax_1`` (v), ``beta1_power``.
    """

    @made_with(AdaMax)
    def __init__(self, call: AdaMax) -> None:
        super().__init__(**given(call))

    def _create_slots(self, var_list: Any) -> None:
        first = min(var_list, key=lambda var: var.name)
        self._create_non_slot_variable(self._beta1, "beta1_power", colocate_with=first)
        for var in var_list:
            for slot in self.slot_names:
                self._zeros_slot(var, slot, self._name)

    def _get_beta_accumulators(self) -> tuple[Any, Any]:
        # The largest gradient needs no correction by beta2, so its power is no variable, as in TensorFlow 1.
        return self._get_non_slot_variable("beta1_power", graph=tf.get_default_graph()), 0.0

    def _finish(self, update_ops: Any, name_scope: str) -> Any:
        with tf.control_dependencies(update_ops):
            power, _ = self._get_beta_accumulators()
            raised = power.assign(power * self._beta1_t, use_locking=self._use_locking)
        return tf.group(*update_ops, raised, name=name_scope)

    def rule(self, var: Any, value: Any, grad: Any, slots: Slots) -> tuple[Slots, Any]:
        """Returns the new slots and the loss of the variable."""
        rate, beta1, beta2, epsilon, power, _ = self._settings(var)
        moved = {"m": beta1 * slots["m"] + (1 - beta1) * grad, "v": tf.maximum(beta2 * slots["v"], tf.abs(grad))}
        return moved, rate / (1 - power) * moved["m"] / (moved["v"] + epsilon)


class NadamOptimizer(_AdamRule):
    """Adam with Nesterov's momentum (Dozat, 2015), in the form of TensorFlow 1.

        m, v as in Adam
        variable <- variable - learning_rate * sqrt(1 - beta2^t) / (1 - beta1^t)
                    * (beta1 * m + (1 - beta1) * g) / (sqrt(v) + epsilon)

    A sparse gradient moves all rows of m and v, and its own rows of the variable.

    Variables: ``VARIABLE/Adam`` (m), ``VARIABLE/Adam_1`` (v), ``beta1_power``, ``beta2_power``.
    """

    slots_decay = True

    def rule(self, var: Any, value: Any, grad: Any, slots: Slots) -> tuple[Slots, Any]:
        """Returns the new slots and the loss of the variable."""
        rate, beta1, _, epsilon, power1, power2 = self._settings(var)
        moved = self._moments(var, grad, slots)
        ahead = beta1 * moved["m"] + (1 - beta1) * grad
        return moved, rate * tf.sqrt(1 - power2) / (1 - power1) * ahead / (tf.sqrt(moved["v"]) + epsilon)


class _LazyRule(_AdamRule):
    """Adam's formula for the rows that have a gradient."""

    def rule(self, var: Any, value: Any, grad: Any, slots: Slots) -> tuple[Slots, Any]:
        """Returns the new slots and the loss of the variable."""
        rate, _, _, epsilon, power1, power2 = self._settings(var)
        moved = self._moments(var, grad, slots)
        return moved, rate * tf.sqrt(1 - power2) / (1 - power1) * moved["m"] / (tf.sqrt(moved["v"]) + epsilon)


class LazyAdamOptimizer(_LazyRule):
    """Adam that, given a sparse gradient, moves the averages and the variable in its rows alone.

    Dense gradients, variables and arguments: those of ``tf.train.AdamOptimizer``.
    """


class _GlobalStep(tf.train.AdamOptimizer):
    """Adam whose t is the global step + 1, so that it keeps no powers of its own."""

    @made_with(AdamOfGlobalStep)
    def __init__(self, call: AdamOfGlobalStep) -> None:
        super().__init__(**given(call, "global_step"))
        self._global_step = call.global_step

    def _create_slots(self, var_list: Any) -> None:
        for var in var_list:
            self._zeros_slot(var, "m", self._name)
            self._zeros_slot(var, "v", self._name)

    def _prepare(self) -> None:
        super()._prepare()
        # A copy: what runs after the step has been counted up must not see it.
        self._t = tf.cast(tf.identity(self._global_step) + 1, tf.float32)

    def _get_beta_accumulators(self) -> tuple[Any, Any]:
        return tf.pow(self._beta1_t, self._t), tf.pow(self._beta2_t, self._t)

    def _finish(self, update_ops: Any, name_scope: str) -> Any:
        return tf.group(*update_ops, name=name_scope)


class AdamGSOptimizer(_GlobalStep):
    """``tf.train.AdamOptimizer`` that counts by ``global_step``, a variable, and keeps no powers of the betas."""


class LazyAdamGSOptimizer(_GlobalStep, _LazyRule):
    """``LazyAdamOptimizer`` that counts by ``global_step``, a variable, and keeps no powers of the betas."""
