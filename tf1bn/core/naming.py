"""Names, order and collections of what a batch norm makes, for programs that know those of another library."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow.compat.v1 as tf

AFFINE_COLLECTIONS = (tf.GraphKeys.GLOBAL_VARIABLES, tf.GraphKeys.MODEL_VARIABLES)
AVERAGE_COLLECTIONS = (*AFFINE_COLLECTIONS, tf.GraphKeys.MOVING_AVERAGE_VARIABLES)


class Naming(NamedTuple):
    """How the variables and updates of one batch norm stand in the graph.

    Attributes:
      affine_order: gamma and beta in the order in which they are made.
      affine_collections: their collections beside TRAINABLE_VARIABLES.
      average_collections: the collections of everything that is kept.
      regularizes_averages: whether a variable scope's regularizer reaches what is kept, as it does in tf.layers.
      mean_first: whether ``moving_mean`` is made before ``moving_variance`` under batch renormalization, too.
      entries: names of the operations that stand for the update in a collection; empty for whatever the
        strategy made.
      call: the function or class that the program called, in the words of its dialect.
    """

    affine_order: tuple[str, ...] = ("gamma", "beta")
    affine_collections: tuple[str, ...] = AFFINE_COLLECTIONS
    average_collections: tuple[str, ...] = AVERAGE_COLLECTIONS
    regularizes_averages: bool = False
    mean_first: bool = False
    entries: tuple[str, ...] = ()
    call: str = "tf1bn.batch_norm"

    def collections_of_averages(self, tracked: bool) -> list[str]:
        """Returns the collections of something kept; without MOVING_AVERAGE_VARIABLES where it has no shadow."""
        listed = tf.GraphKeys.MOVING_AVERAGE_VARIABLES
        return [name for name in self.average_collections if tracked or name != listed]


OWN = Naming()
