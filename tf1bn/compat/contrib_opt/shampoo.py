"""Shampoo: a preconditioner for each dimension of a variable (Gupta, Koren and Singer, 2018)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat.contrib_opt.matrix_roots import power_by_eigenvalues, power_by_iteration
from tf1bn.compat.contrib_opt.rules import dense_gradient

Setting = float | Callable[[Any], Any]


class ShampooOptimizer(tf.train.Optimizer):
    """Adagrad with a matrix for each dimension of a variable, whose sizes are d1, ..., dn.

        gbar <- gbar_decay * gbar + gbar_weight * g
        G_j <- mat_gbar_decay * G_j + mat_gbar_weight * (g times g, summed over all dimensions but j)
        variable <- variable - learning_rate * (gbar times (G_j / dj + epsilon * I)^(-alpha / n) for each j)

    A dimension above ``max_matrix_size`` has the diagonal of G_j alone, each sum divided by dj as it is taken (not of a
    vector), and a power of 0 where it is 0; there is no epsilon then.

    Variables: ``VARIABLE/Shampoo`` (gbar), then for each dimension ``VARIABLE/Shampoo_1``, ... (the power of G_j, if
    ``svd_interval`` is above 1 and there is a matrix; then G_j).

    Args:
      global_step: a variable that counts the steps; needed for intervals and settings that change.
      gbar_decay, gbar_weight, mat_gbar_decay, mat_gbar_weight, learning_rate, alpha: numbers, or functions of the step,
        which counts from 1.
      svd_interval, precond_update_interval: steps from one power, or one sum, to the next; numbers or such functions.
      use_iterative_root: whether powers are computed by matrix products alone; alpha / n must be 1 over a whole number.
    """

    def __init__(
        self,
        global_step: Any = 0,
        max_matrix_size: int = 768,
        gbar_decay: Setting = 0.0,
        gbar_weight: Setting = 1.0,
        mat_gbar_decay: Setting = 1.0,
        mat_gbar_weight: Setting = 1.0,
        learning_rate: Setting = 1.0,
        svd_interval: Setting = 1,
        precond_update_interval: Setting = 1,
        epsilon: float = 1e-4,
        alpha: Setting = 0.5,
        use_iterative_root: bool = False,
        use_locking: bool = False,
        name: str = "Shampoo",
    ) -> None:
        super().__init__(use_locking, name)
        self._global_step, self._largest = global_step, max_matrix_size
        self._gbar_decay, self._gbar_weight = gbar_decay, gbar_weight
        self._mat_decay, self._mat_weight = mat_gbar_decay, mat_gbar_weight
        self._lr, self._alpha, self._epsilon = learning_rate, alpha, epsilon
        self._power_interval, self._sum_interval = svd_interval, precond_update_interval
        self._power = power_by_iteration if use_iterative_root else power_by_eigenvalues

    def _create_slots(self, var_list: Any) -> None:
        for var in var_list:
            dtype = var.dtype.base_dtype
            self._zeros_slot(var, "gbar", self._name)
            for axis, size in enumerate(var.shape.as_list()):
                matrix = size <= self._largest
                if matrix and self._keeps_powers():
                    self._get_or_make_slot(var, tf.eye(size, dtype=dtype), f"H_{axis}", self._name)
                zeros = tf.zeros([size, size] if matrix else [size], dtype)
                self._get_or_make_slot(var, zeros, f"Gbar_{axis}", self._name)

    def _keeps_powers(self) -> bool:
        return callable(self._power_interval) or self._power_interval > 1

    def _prepare(self) -> None:
        self._t = tf.cast(tf.identity(self._global_step), tf.float32) + 1

    def _apply_dense(self, grad: Any, var: Any) -> Any:
        direction = self._averaged(grad, var)
        rank = var.shape.rank
        for axis in range(rank):
            # The dimension in front is contracted, and comes back behind all others: after n times all are in order.
            factor = self._factor(grad, var, axis)
            if factor.shape.rank == 2:
                direction = tf.tensordot(direction, factor, [[0], [0]])
            else:
                direction = tf.transpose(direction, [*range(1, rank), 0]) * factor
        return tf.assign_sub(var, self._now(self._lr, var) * direction, use_locking=self._use_locking)

    def _resource_apply_dense(self, grad: Any, var: Any) -> Any:
        return self._apply_dense(grad, var).op

    def _apply_sparse(self, grad: Any, var: Any) -> Any:
        return self._apply_rows(grad.values, var, grad.indices)

    def _resource_apply_sparse(self, grad: Any, var: Any, indices: Any) -> Any:
        return self._apply_rows(grad, var, indices)

    def _apply_rows(self, values: Any, var: Any, indices: Any) -> Any:
        return self._apply_dense(dense_gradient(values, indices, var), var).op

    def _averaged(self, grad: Any, var: Any) -> Any:
        now = self._now(self._gbar_weight, var) * grad
        if not callable(self._gbar_decay) and self._gbar_decay == 0:
            return now
        slot = self.get_slot(var, "gbar")
        return tf.convert_to_tensor(tf.assign(slot, self._now(self._gbar_decay, var) * slot + now))

    def _factor(self, grad: Any, var: Any, axis: int) -> tf.Tensor:
        """Returns the power of one preconditioner: a matrix, or the diagonal of a large one."""
        slot = self.get_slot(var, f"Gbar_{axis}")
        others = [place for place in range(var.shape.rank) if place != axis]
        alpha = self._now(self._alpha, var) if callable(self._alpha) else float(self._alpha)
        power = -alpha / var.shape.rank
        decay, weight = self._now(self._mat_decay, var), self._now(self._mat_weight, var)
        if slot.shape.rank == 1:
            squares = tf.reduce_sum(tf.square(grad), others) / (slot.shape.as_list()[0] if others else 1)
            moved = tf.convert_to_tensor(tf.assign(slot, decay * slot + weight * squares))
            seen = moved > 0
            return tf.where(seen, tf.where(seen, moved, tf.ones_like(moved)) ** power, tf.zeros_like(moved))
        interval = self._now(self._sum_interval, var)
        added = weight * interval * tf.tensordot(grad, grad, [others, others])
        due = tf.cast(self._due(interval, var), added.dtype)
        total = tf.convert_to_tensor(tf.assign(slot, slot * (1 - due * (1 - decay)) + due * added))
        size = slot.shape.as_list()[0]
        damped = total / size + self._epsilon * tf.eye(size, dtype=total.dtype)
        if not self._keeps_powers():
            return self._power(damped, power, self._epsilon)
        kept = self.get_slot(var, f"H_{axis}")
        new = tf.cond(
            self._due(self._now(self._power_interval, var), var),
            lambda: self._power(damped, power, self._epsilon),
            lambda: tf.identity(kept),
        )
        return tf.convert_to_tensor(tf.assign(kept, new))

    def _now(self, setting: Any, var: Any) -> tf.Tensor:
        value = setting(self._t) if callable(setting) else setting
        return tf.cast(value, var.dtype.base_dtype)

    def _due(self, interval: tf.Tensor, var: Any) -> tf.Tensor:
        return tf.math.floormod(tf.cast(self._t, interval.dtype), interval) < 1
