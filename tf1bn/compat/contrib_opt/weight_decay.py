"""Weight decay apart from the gradient (Loshchilov and Hutter, 2017): AdamW, MomentumW, and any other optimizer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat import calls
from tf1bn.compat.contrib_opt.adams import Adam
from tf1bn.compat.contrib_opt.rules import given


class DecoupledWeightDecayExtension:
    """To be inherited from before an optimizer: variable <- variable - weight_decay * variable, then its step.

    A sparse gradient lets its rows alone decay. The optimizer's step must not depend on the variable's value.

    Args:
      weight_decay: the share that a variable loses in each step; not multiplied by the learning rate.
      kwargs: the optimizer's own.
    """

    def __init__(self, weight_decay: Any, **kwargs: Any) -> None:
        self._weight_decay = weight_decay
        self._decaying: set[str] | None = None
        super().__init__(**kwargs)

    def minimize(self, loss: Any, *args: Any, decay_var_list: Iterable[Any] | None = None, **kwargs: Any) -> Any:
        """Returns the train op of ``tf.train.Optimizer.minimize``, with decay.

        Args:
          decay_var_list: variables that decay; all of them if it is None or empty. (In TensorFlow 1.15, ``minimize``
            forgot this argument; ``apply_gradients`` did not.)
          others: as in ``tf.train.Optimizer.minimize``.
        """
        self._decaying = _names(decay_var_list)
        try:
            return super().minimize(loss, *args, **kwargs)  # type: ignore[misc]
        finally:
            self._decaying = None

    def apply_gradients(
        self,
        grads_and_vars: Any,
        global_step: Any = None,
        name: str | None = None,
        decay_var_list: Iterable[Any] | None = None,
    ) -> Any:
        """Returns the train op of ``tf.train.Optimizer.apply_gradients``, with decay; see ``minimize``."""
        before = self._decaying
        self._decaying = _names(decay_var_list) or before
        try:
            return super().apply_gradients(grads_and_vars, global_step, name)  # type: ignore[misc]
        finally:
            self._decaying = before

    def _apply_dense(self, grad: Any, var: Any) -> Any:
        with tf.control_dependencies([self._decayed(grad, var)]):
            return super()._apply_dense(grad, var)  # type: ignore[misc]

    def _resource_apply_dense(self, grad: Any, var: Any) -> Any:
        with tf.control_dependencies([self._decayed(grad, var)]):
            return super()._resource_apply_dense(grad, var)  # type: ignore[misc]

    def _apply_sparse(self, grad: Any, var: Any) -> Any:
        with tf.control_dependencies([self._decayed(grad.values, var, grad.indices)]):
            return super()._apply_sparse(grad, var)  # type: ignore[misc]

    def _resource_apply_sparse(self, grad: Any, var: Any, indices: Any) -> Any:
        with tf.control_dependencies([self._decayed(grad, var, indices)]):
            return super()._resource_apply_sparse(grad, var, indices)  # type: ignore[misc]

    def _decayed(self, grad: Any, var: Any, indices: Any = None) -> Any:
        if self._decaying and var.op.name not in self._decaying:
            return tf.no_op()
        share = given(self._weight_decay, var.dtype.base_dtype, "weight_decay")
        # Not before the gradient is there, which was computed with the weights as they were.
        with tf.control_dependencies([grad]):
            value = tf.identity(var)
            if indices is None:
                return tf.assign_sub(var, share * value, use_locking=self._use_locking).op  # type: ignore[attr-defined]
            rows = tf.gather(value, indices)
            return tf.scatter_sub(var, indices, share * rows, use_locking=self._use_locking).op  # type: ignore[attr-defined]


def extend_with_decoupled_weight_decay(base_optimizer: Any) -> Any:
    """Returns a class like ``base_optimizer`` whose first argument is the weight decay."""

    class OptimizerWithDecoupledWeightDecay(DecoupledWeightDecayExtension, base_optimizer):
        __doc__ = f"{base_optimizer.__name__} with decoupled weight decay."

        def __init__(self, weight_decay: Any, *args: Any, **kwargs: Any) -> None:
            self._weight_decay = weight_decay
            self._decaying = None
            base_optimizer.__init__(self, *args, **kwargs)

    return OptimizerWithDecoupledWeightDecay


@dataclass(frozen=True)
class _Decay:
    weight_decay: Any


@dataclass(frozen=True)
class AdamW(Adam, _Decay):
    """What ``AdamWOptimizer`` takes."""

    name: str = "AdamW"


class AdamWOptimizer(DecoupledWeightDecayExtension, tf.train.AdamOptimizer):
    """``tf.train.AdamOptimizer`` with decoupled weight decay.

    Variables: ``VARIABLE/AdamW`` (m), ``VARIABLE/AdamW_1`` (v), ``beta1_power``, ``beta2_power``.
    """

    @calls.made_with(AdamW)
    def __init__(self, call: AdamW) -> None:
        super().__init__(**calls.given(call))


@dataclass(frozen=True)
class MomentumW(_Decay):
    """What ``MomentumWOptimizer`` takes."""

    learning_rate: Any
    momentum: Any
    use_locking: bool = False
    name: str = "MomentumW"
    use_nesterov: bool = False


class MomentumWOptimizer(DecoupledWeightDecayExtension, tf.train.MomentumOptimizer):
    """``tf.train.MomentumOptimizer`` with decoupled weight decay, the paper's SGDW.

    Variables: ``VARIABLE/MomentumW``.
    """

    @calls.made_with(MomentumW)
    def __init__(self, call: MomentumW) -> None:
        super().__init__(**calls.given(call))


def _names(variables: Iterable[Any] | None) -> set[str] | None:
    return {var.op.name for var in variables} if variables else None
