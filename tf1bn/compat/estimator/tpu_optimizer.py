"""What programs for several TPU cores call, for one replica, where a sum over replicas is the value itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors


class CrossShardOptimizer(tf.train.Optimizer):
    """An optimizer that adds up the gradients of all shards: of one here, so it does what ``opt`` does.

    Args:
      opt: an optimizer.
      reduction: ``tf.losses.Reduction.MEAN`` or ``SUM``, which are the same for one shard.
      name: of the optimizer.
      group_assignment: refused unless None.

    Raises:
      ArgumentError: another reduction, or groups.
    """

    def __init__(
        self,
        opt: tf.train.Optimizer,
        reduction: str = tf.losses.Reduction.MEAN,
        name: str = "CrossShardOptimizer",
        group_assignment: Any = None,
    ) -> None:
        with errors.located("CrossShardOptimizer"):
            if reduction not in (tf.losses.Reduction.MEAN, tf.losses.Reduction.SUM):
                raise errors.ArgumentError(errors.explain("unknown reduction", got=reduction, expected="MEAN or SUM"))
            if group_assignment is not None:
                raise errors.ArgumentError(
                    errors.explain("`group_assignment` is of several TPU cores", got=group_assignment, fix="Pass None.")
                )
        super().__init__(False, name)
        self._opt = opt

    def compute_gradients(self, loss: Any, var_list: Any = None, **kwargs: Any) -> Any:
        """Returns the gradients of ``opt``."""
        return self._opt.compute_gradients(loss, var_list=var_list, **kwargs)

    def apply_gradients(self, grads_and_vars: Any, global_step: Any = None, name: str | None = None) -> Any:
        """Applies them as ``opt`` does."""
        return self._opt.apply_gradients(grads_and_vars, global_step, name)

    def get_slot(self, *args: Any, **kwargs: Any) -> Any:
        """Returns a slot variable of ``opt``."""
        return self._opt.get_slot(*args, **kwargs)

    def get_slot_names(self, *args: Any, **kwargs: Any) -> list[str]:
        """Returns the names of the slots of ``opt``."""
        return list(self._opt.get_slot_names(*args, **kwargs))

    def variables(self) -> Sequence[Any]:
        """Returns the variables of ``opt``."""
        return list(self._opt.variables())


def cross_replica_sum(x: Any, group_assignment: Any = None, name: str | None = None) -> tf.Tensor:
    """Returns the sum over all replicas: of one here, so the value itself.

    Raises:
      ArgumentError: groups of replicas.
    """
    if group_assignment is not None:
        raise errors.ArgumentError(
            errors.explain("`group_assignment` is of several TPU cores", got=group_assignment, fix="Pass None."),
            where="cross_replica_sum",
        )
    return tf.identity(x, name or "CrossReplicaSum")


__all__ = ["CrossShardOptimizer", "cross_replica_sum"]
