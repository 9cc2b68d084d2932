"""What the optimizers share: one formula for whole gradients and for rows, for both kinds of variables."""

from __future__ import annotations

import abc
from typing import Any

import tensorflow.compat.v1 as tf

Slots = dict[str, Any]


class SlotRule(tf.train.Optimizer):
    """An optimizer that is a formula: from a gradient and slots to new slots and what a variable loses.

    To be mixed with the optimizer whose slots and settings it takes, if there is one.

    Attributes:
      slot_names: slots that the formula reads and gives.
      slots_decay: what a sparse gradient means. True: the slots move as for a gradient that is zero in all other rows;
        False: other rows of the slots stay. Other rows of the variable stay in either case.
    """

    slot_names: tuple[str, ...] = ()
    slots_decay = False

    @abc.abstractmethod
    def rule(self, var: Any, value: Any, grad: Any, slots: Slots) -> tuple[Slots, Any]:
        """Returns the new slots and the loss of the variable; only the new slots may enter the latter.

        Args:
          var: the variable, for its dtype and name.
          value: of the variable, or of the rows that have a gradient.
          grad: of the same shape.
          slots: their values, of the same shape.
        """

    def _apply_dense(self, grad: Any, var: Any) -> Any:
        slots, loss = self.rule(var, tf.convert_to_tensor(var), grad, self._values(var))
        return tf.group(*self._kept(var, slots), tf.assign_sub(var, loss, use_locking=self._use_locking))

    def _resource_apply_dense(self, grad: Any, var: Any) -> Any:
        return self._apply_dense(grad, var)

    def _apply_sparse(self, grad: Any, var: Any) -> Any:
        return self._apply_rows(grad.values, var, grad.indices)

    def _resource_apply_sparse(self, grad: Any, var: Any, indices: Any) -> Any:
        return self._apply_rows(grad, var, indices)

    def _apply_rows(self, grad: Any, var: Any, indices: Any) -> Any:
        slots, value = self._values(var), tf.convert_to_tensor(var)
        if self.slots_decay:
            whole = dense_gradient(grad, indices, var)
            slots, loss = self.rule(var, value, whole, slots)
            kept = self._kept(var, slots)
            loss = tf.gather(loss, indices)
        else:
            rows = {name: tf.gather(slot, indices) for name, slot in slots.items()}
            rows, loss = self.rule(var, tf.gather(value, indices), grad, rows)
            kept = [
                tf.scatter_update(self.get_slot(var, name), indices, row, use_locking=self._use_locking)
                for name, row in rows.items()
            ]
        return tf.group(*kept, tf.scatter_sub(var, indices, loss, use_locking=self._use_locking))

    def _values(self, var: Any) -> Slots:
        return {name: tf.convert_to_tensor(self.get_slot(var, name)) for name in self.slot_names}

    def _kept(self, var: Any, slots: Slots) -> list[Any]:
        return [
            tf.assign(self.get_slot(var, name), value, use_locking=self._use_locking) for name, value in slots.items()
        ]


def dense_gradient(values: Any, indices: Any, var: Any) -> tf.Tensor:
    """Returns rows of a gradient as a whole one."""
    shape = tf.shape(var, out_type=indices.dtype)
    return tf.reshape(tf.scatter_nd(indices[:, None], values, shape), var.shape)


def given(value: Any, dtype: Any, name: str | None = None) -> tf.Tensor:
    """Returns a setting as a tensor; it may be a function without arguments."""
    found = value() if callable(value) else value
    if isinstance(found, (int, float)):  # in the dtype at once: 0.1 by way of float32 is another number
        return tf.constant(found, dtype, name=name)
    return tf.cast(tf.convert_to_tensor(found, name=name), dtype)
