"""Update ops wait in a graph collection until the program runs them."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.core import averages
from tf1bn.core.values import Averages, Moments
from tf1bn.strategies.base import NOWHERE, OUTPUT, Request, UpdatePlan


@dataclasses.dataclass(frozen=True)
class Collection:
    """Registers the ops that move the averages in a collection, by default ``GraphKeys.UPDATE_OPS``.

    average <- decay * average + (1 - decay) * batch

    Use it where a program already groups the collection with its train op, or where only some runs should
    move the averages. It fails where the program forgets to run the collection: train with
    ``tf1bn.minimize``, or pass the train op through ``tf1bn.with_updates``. It cannot work inside a branch
    or a loop, since an op made there cannot be run from outside, and refuses that while building.

    Attributes:
      collection: name of the graph collection.
    """

    collection: str = tf.GraphKeys.UPDATE_OPS
    name: str = "collection"
    by_difference: ClassVar[bool] = True
    unordered: ClassVar[bool] = True
    takes_shares: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not isinstance(self.collection, str) or self.collection in ("", OUTPUT, NOWHERE):
            raise errors.ArgumentError(
                errors.explain(
                    "`collection` cannot be the name of a graph collection for updates",
                    got=self.collection,
                    expected=f"a non-empty string other than {OUTPUT!r} and {NOWHERE!r}",
                )
            )

    def check(self, request: Request) -> None:
        """Refuses to register an op that could not be run from outside."""
        if not request.updates or request.place.top_level:
            return
        raise errors.PlacementError(
            errors.explain(
                f"update ops made inside {request.place.describe()} cannot be registered in collection "
                f"{self.collection!r}: run from outside, they fail or silently cancel the whole train step",
                fix='Pass update_strategy="inline" or "ema", or call the layer once outside the conditional with the '
                "predicate as `is_training`.",
            )
        )

    def create(self, request: Request) -> Averages:
        return request.averages()

    def averages(self, state: Averages) -> Averages:
        return state

    def read(self, state: Averages) -> Moments:
        return averages.read(state)

    def update(self, state: Averages, batch: Moments, decay: Any) -> UpdatePlan:
        return UpdatePlan(averages.take_in(state, batch, decay), self.collection)
