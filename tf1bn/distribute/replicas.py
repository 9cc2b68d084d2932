"""Replicas of a tf.distribute strategy."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.distribute import base


@dataclasses.dataclass(frozen=True)
class Replicas:
    """Adds up over the replicas of the surrounding tf.distribute strategy.

    For code that runs as a replica function, ``strategy.run(step)``, of MirroredStrategy or
    MultiWorkerMirroredStrategy. Each replica keeps a copy of the averages (ON_READ), of which the mean is read and
    saved under the plain name. Outside of any strategy there is one replica, so the same model code builds the graph
    of one device. It cannot be used in a branch or loop: a strategy refuses to exchange there.
    """

    name: ClassVar[str] = "replicas"
    in_branch: ClassVar[bool] = False
    own_averages: ClassVar[bool] = True

    @property
    def size(self) -> int:
        """Number of replicas."""
        return tf.distribute.get_replica_context().num_replicas_in_sync if tf.distribute.has_strategy() else 1

    @property
    def index(self) -> Any:
        """Number of the replica that is being built."""
        return tf.distribute.get_replica_context().replica_id_in_sync_group if tf.distribute.has_strategy() else 0

    def check(self) -> None:
        """Refuses the scope of a strategy outside of its replica function."""
        if tf.distribute.has_strategy() and tf.distribute.get_replica_context() is None:
            raise errors.PlacementError(
                errors.explain(
                    "there is no replica here: the call is in the scope of a strategy, but outside of its replica "
                    "function",
                    fix="Build the model in the function that is passed to strategy.run.",
                )
            )

    def all_sum(self, tensors: list[Any]) -> list[Any]:
        """Returns the sums over the replicas; the gradient is the same sum.

        Trick: the gradient that a strategy has of its own looks for variables all the way up the graph, also in
        that of other replicas, and fails there. Nothing is found behind a stop_gradient.
        """
        if not tf.distribute.has_strategy():
            return [tf.identity(tensor) for tensor in tensors]

        @tf.custom_gradient
        def summed(*values: Any) -> Any:
            stopped = [tf.stop_gradient(value) for value in values]
            sums = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, stopped)
            return tuple(sums), lambda *gradients: self.all_sum(base.dense(gradients))

        return _shaped(summed(*tensors), tensors)


def _shaped(sums: Any, like: list[Any]) -> list[Any]:
    found = list(sums) if isinstance(sums, (list, tuple)) else [sums]
    for value, tensor in zip(found, like, strict=True):
        value.set_shape(tensor.shape)
    return found
