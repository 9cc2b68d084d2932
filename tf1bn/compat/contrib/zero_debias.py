"""The debiased moving mean of contrib's batch norm, with the variables that its checkpoints hold."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn.compat import dialect
from tf1bn.core import averages, variables
from tf1bn.core.naming import Naming
from tf1bn.core.values import Averages, Moments
from tf1bn.strategies.base import OUTPUT, Request, UpdatePlan
from tf1bn.strategies.collection import Collection
from tf1bn.strategies.inline import Inline

LEAVES = ("biased", "local_step")
_ORDINARY = Naming(average_collections=(tf.GraphKeys.GLOBAL_VARIABLES,))


class Debiased(NamedTuple):
    """The averages, and in a graph that may train the average before debiasing and the number of updates."""

    averages: Averages
    biased: Any = None
    steps: Any = None


@dataclasses.dataclass(frozen=True)
class ZeroDebias:
    """Divides the weight of the initial zero out of the moving mean, and leaves the variance as it is.

    biased <- decay * biased + (1 - decay) * batch mean;  steps <- steps + 1;
    moving_mean <- biased / (1 - decay^steps)

    The two variables stand below the scope's name a second time: ``BatchNorm/BatchNorm/moving_mean/biased``.

    Attributes:
      inner: says where the updates belong.
    """

    inner: Collection | Inline
    name: str = "zero_debias"

    @property
    def repeatable(self) -> bool:
        """Whether it is right in the body of a loop."""
        return bool(getattr(self.inner, "repeatable", False))

    def check(self, request: Request) -> None:
        """Refuses a place that the inner strategy refuses, and loops whose iterations may overlap."""
        if isinstance(self.inner, Collection):
            self.inner.check(request)
        elif request.updates and not self.inner.sequential_loops:
            dialect.require_steps(request.place, "zero_debias")

    def create(self, request: Request) -> Debiased:
        kept = request.averages()
        if not request.updates:
            return Debiased(kept)
        biased, steps = (
            variables.average(
                f"{kept.mean.name.split(':')[0]}/{leaf}",
                shape,
                request.dtype,
                initializer=tf.zeros_initializer(),
                naming=_ORDINARY,
            )
            for leaf, shape in zip(LEAVES, (request.shape, ()), strict=True)
        )
        return Debiased(kept, biased, steps)

    def averages(self, state: Debiased) -> Averages:
        return state.averages

    def read(self, state: Debiased) -> Moments:
        return averages.read(state.averages)

    def update(self, state: Debiased, batch: Moments, decay: Any) -> UpdatePlan:
        decay = tf.cast(decay, state.steps.dtype.base_dtype)
        first = [averages.move(state.biased, batch.mean, decay), state.steps.assign_add(1.0, read_value=False)]
        with tf.control_dependencies(first):
            weight = 1.0 - tf.pow(decay, averages.read_value(state.steps))
            mean = state.averages.mean.assign(averages.read_value(state.biased) / weight, read_value=False)
        variance = averages.move(state.averages.variance, batch.variance, decay)
        return UpdatePlan([mean, variance], OUTPUT if isinstance(self.inner, Inline) else self.inner.collection)
