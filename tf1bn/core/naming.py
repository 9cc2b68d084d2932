"""Names, order and collections of what a batch norm makes, for programs that know those of another library."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import tensorflow.compat.v1 as tf

AFFINE_COLLECTIONS = (tf.GraphKeys.GLOBAL_VARIABLES, tf.GraphKeys.MODEL_VARIABLES)
AVERAGE_COLLECTIONS = (*AFFINE_COLLECTIONS, tf.GraphKeys.MOVING_AVERAGE_VARIABLES)


OUTPUT, ENTRY = "output", "entry"


class OpName(NamedTuple):
    """A name that another library's batch norm gives to an op or a scope within its own name scope.

    Attributes:
      name: what is counted up where it is taken.
      leaves: the ops below it, if it is a scope.
      role: what it stands for: the output, an entry of the collection of updates, or nothing that is looked up.
    """

    name: str
    leaves: tuple[str, ...] = ()
    role: str = ""


class OpNames(NamedTuple):
    """All such names of one call, in the order in which they are taken.

    Attributes:
      taken: the names; empty for a call that goes by names of its own.
      tensors: whether entries are tensors, of the new averages; else operations.
    """

    taken: Sequence[OpName] = ()
    tensors: bool = False

    def claim(self) -> dict[str, list[str]]:
        """Takes the names in the current name scope, and returns them by role, each in full.

        Trick: a name that ends in a slash is given to an op as it is, in whatever scope the op is made.
        """
        found: dict[str, list[str]] = {}
        for name, leaves, role in self.taken:
            unique = tf.get_default_graph().unique_name(name)
            found.setdefault(role, []).extend(f"{unique}/{leaf}/" if leaf else f"{unique}/" for leaf in leaves or ("",))
        return found

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Enters a scope for everything that has no name in the original, so that it takes none of its names."""
        if not self.taken:
            yield
            return
        with tf.name_scope("normalize"):
            yield


class Naming(NamedTuple):
    """How the variables and updates of one batch norm stand in the graph.

    Attributes:
      affine_order: gamma and beta in the order in which they are made.
      affine_collections: their collections beside TRAINABLE_VARIABLES.
      average_collections: the collections of everything that is kept.
      regularizes_averages: whether a variable scope's regularizer reaches what is kept, as it does in tf.layers.
      mean_first: whether ``moving_mean`` is made before ``moving_variance`` under batch renormalization, too.
      ops: names of the output and of what stands for the update in a collection.
    """

    affine_order: tuple[str, ...] = ("gamma", "beta")
    affine_collections: tuple[str, ...] = AFFINE_COLLECTIONS
    average_collections: tuple[str, ...] = AVERAGE_COLLECTIONS
    regularizes_averages: bool = False
    mean_first: bool = False
    ops: OpNames = OpNames()

    def collections_of_averages(self, tracked: bool) -> list[str]:
        """Returns the collections of something kept; without MOVING_AVERAGE_VARIABLES where it has no shadow."""
        listed = tf.GraphKeys.MOVING_AVERAGE_VARIABLES
        return [name for name in self.average_collections if tracked or name != listed]


OWN = Naming()
