"""Averages of a recurrent network: one row for each time step."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.core import decay as schedules
from tf1bn.core import place
from tf1bn.core.values import Averages, Moments
from tf1bn.strategies.base import OUTPUT, Request, UpdatePlan


@dataclasses.dataclass(frozen=True)
class PerStep:
    """Keeps averages of shape ``[steps, C]``; a call reads and moves the row of its time step.

    average[t] <- decay * average[t] + (1 - decay) * batch,  t = min(step, steps - 1)

    Use it in the body of ``tf.while_loop`` or in the cell of a dynamic RNN, where every iteration is the same
    op: activations of the first steps are distributed unlike later ones, so one pair of averages does not fit
    them all (Cooijmans et al., "Recurrent Batch Normalization", 2017, section 3). Iterations may overlap, since
    each moves a row of its own. It fails where a loop runs longer than ``steps`` in training: then several
    iterations move the last row, at the same time, and some of it may get lost.

    Attributes:
      step: scalar integer tensor, the loop's counter, starting at 0.
      steps: number of rows. Later time steps read the last row.
    """

    step: Any
    steps: int
    name: str = "per_step"
    repeatable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if isinstance(self.steps, bool) or not isinstance(self.steps, int) or self.steps < 1:
            raise errors.ArgumentError(errors.explain("`steps` must be a positive integer", got=self.steps))
        integer = tf.is_tensor(self.step) and self.step.dtype.is_integer and self.step.shape.rank in (None, 0)
        if not integer and (isinstance(self.step, bool) or not isinstance(self.step, int)):
            raise errors.ArgumentTypeError(
                errors.explain("`step` must be an integer or a scalar integer tensor", got=self.step)
            )

    def check(self, request: Request) -> None:
        """Refuses what the layer keeps once for all time steps, and a counter of another graph."""
        place.require_same_graph(self.step, "step")
        shared = [name for name in ("zero_debias",) if name in request.schedule]
        if request.second != "moving_variance":
            shared.append("renorm")
        if shared:
            raise errors.PlacementError(
                errors.explain(
                    f"`{shared[0]}` keeps variables of the whole layer beside the averages, and averages per time step "
                    "would need one for each",
                    fix="Leave it out, or keep one pair of averages for all time steps with "
                    "tf1bn.Inline(sequential_loops=True).",
                )
            )

    def create(self, request: Request) -> Averages:
        return request.averages(shape=(self.steps, *request.shape), resource=True)

    def read(self, state: Averages) -> Moments:
        row = self._row()
        return Moments(*(tf.gather(variable.read_value(), row) for variable in state))

    def update(self, state: Averages, batch: Moments, decay: Any) -> UpdatePlan:
        row, kept = self._row(), self.read(state)
        ops = []
        for variable, old, new in zip(state, kept[:2], batch[:2], strict=True):
            delta = (old - new) * (1.0 - schedules.as_dtype(decay, old.dtype))
            ops.append(tf.scatter_sub(variable, row, delta))
        return UpdatePlan(ops, OUTPUT)

    def _row(self) -> Any:
        return tf.minimum(self.step, self.steps - 1)
