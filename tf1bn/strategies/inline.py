"""Averages move when the layer's output is computed in training."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

from tf1bn.core import averages
from tf1bn.core.values import Averages, Moments
from tf1bn.strategies.base import OUTPUT, Request, UpdatePlan


@dataclasses.dataclass(frozen=True)
class Inline:
    """Moves the averages by control dependencies of the layer's output.

    average <- decay * average + (1 - decay) * batch

    Use it by default: nothing can be forgotten, and it works at the top level and in branches of tf.cond.
    It is wrong where the training graph itself is evaluated with the switch on: every run of the output,
    the loss or a summary of it moves the averages. Give the switch as a tensor there, or restore the
    checkpoint into a graph built with ``is_training=False``.

    Attributes:
      sequential_loops: promises that loops around the layer run one iteration after the other, as
        ``parallel_iterations=1`` makes them; then every iteration moves the averages once, in their order. Without
        the promise a loop is refused: overlapping iterations would move them in an order that no one knows.
    """

    sequential_loops: bool = False
    name: str = "inline"
    by_difference: ClassVar[bool] = True
    unordered: ClassVar[bool] = True
    takes_shares: ClassVar[bool] = True

    @property
    def repeatable(self) -> bool:
        """Whether it is right in the body of a loop."""
        return self.sequential_loops

    def create(self, request: Request) -> Averages:
        return request.averages()

    def averages(self, state: Averages) -> Averages:
        return state

    def read(self, state: Averages) -> Moments:
        return averages.read(state)

    def update(self, state: Averages, batch: Moments, decay: Any) -> UpdatePlan:
        return UpdatePlan(averages.take_in(state, batch, decay), OUTPUT)
