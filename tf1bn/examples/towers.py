"""Training by the classic loop over towers: one graph, one session, one device for each shard of the batch."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import distribute
from tf1bn.examples.distribution import Distribution
from tf1bn.examples.training_graph import OneDevice, Recipe


class Towers(OneDevice):
    """Towers on the CPU devices of one session; their batch norms meet in collective ops.

    The first session of a process decides how many CPU devices it has.
    """

    def __init__(self, distribution: Distribution) -> None:
        self._towers = distribution.devices
        reducer = distribute.Collectives(self._towers)
        self._statistics = distribute.Statistics(reducer, normalize=distribution.statistics)
        self.config = distribute.session_config(devices=self._towers, timeout_seconds=distribution.timeout_seconds)

    def train(self, recipe: Recipe) -> tuple[tf.Tensor, tf.Operation]:
        """Returns the loss of a step, and the op that trains: one step along the sum of the towers' gradients."""
        optimizer = recipe.optimizer()
        losses, gradients = [], []
        for index in range(self._towers):
            # The first tower makes the variables, the others share them.
            with tf.device(f"/cpu:{index}"), tf.name_scope(f"tower_{index}"):
                with tf.variable_scope(tf.get_variable_scope(), reuse=index > 0):
                    losses.append(recipe.loss_of_shard(index, self._towers, self._statistics))
                gradients.append(optimizer.compute_gradients(losses[-1]))
        loss = tf.add_n(losses)
        train_op = optimizer.apply_gradients(summed(gradients), global_step=recipe.global_step)
        return loss, recipe.updating(train_op, loss)


def summed(gradients: list[list[tuple[Any, Any]]]) -> list[tuple[Any, Any]]:
    """Returns each variable with the sum of its gradients over the towers."""
    return [(tf.add_n([gradient for gradient, _ in of_one]), of_one[0][1]) for of_one in zip(*gradients, strict=True)]
