"""Averages under gradient accumulation: one move for several micro-batches."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.core import averages, place
from tf1bn.core import decay as schedules
from tf1bn.core import moments as moments_lib
from tf1bn.core.values import Averages, Moments
from tf1bn.strategies.base import OUTPUT, Request, UpdatePlan


class Pool(NamedTuple):
    """The variables that hold the micro-batches since the last real step: their moments, and how many they were."""

    count: Any
    mean: Any
    squares: Any
    batches: Any


class AccumulatedState(NamedTuple):
    """The averages, and in a graph that may train the pool."""

    averages: Averages
    pool: Any
    bessel_correction: bool


@dataclasses.dataclass(frozen=True)
class Accumulated:
    """Collects the moments of k micro-batches, and moves the averages once by the moments of all their values.

    With n values, mean m and sum of squared differences M so far, a micro-batch of b values, mean c and variance v:
    m <- m + (c - m) * b / (n + b);  M <- M + b * v + (c - m)^2 * n * b / (n + b);  n <- n + b. With the last one of
    k: average <- decay * average + (1 - decay) * pooled, with the pooled moments m and M / n, and n, m, M <- 0.

    Use it where gradients are accumulated over k micro-batches before the optimizer applies them: any other
    strategy would move the averages k times per step. Micro-batches may differ in size, and the averages are then
    exactly those of one large batch. The *gradients* are not: each micro-batch is normalised by its own moments. It
    fails where runs with the switch on are not k per step; then pass a tensor that tells the last one.

    Attributes:
      k: micro-batches per real step, or a scalar bool tensor that is true in the last one of them.
      collection: name of the graph collection in which the updates wait; None for the layer's output.
    """

    k: Any
    collection: str | None = None
    name: str = "accumulated"
    pools: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if tf.is_tensor(self.k):
            if self.k.dtype.base_dtype != tf.bool or self.k.shape.rank not in (None, 0):
                raise errors.ArgumentTypeError(
                    errors.explain("`k` must be a positive integer or a scalar bool tensor", got=self.k)
                )
        elif isinstance(self.k, bool) or not isinstance(self.k, int) or self.k < 1:
            raise errors.ArgumentError(
                errors.explain("`k` must be a positive integer or a scalar bool tensor", got=self.k)
            )

    def check(self, request: Request) -> None:
        """Refuses what the layer would move with each micro-batch, and ops that could not be run."""
        if not request.updates:
            return
        place.require_same_graph(self.k, "k")
        beside = [name for name in ("zero_debias",) if name in request.schedule]
        if request.second != "moving_variance":
            beside.append("renorm")
        if beside:
            raise errors.ArgumentError(
                errors.explain(
                    f"`{beside[0]}` keeps variables beside the averages, which would move with every micro-batch",
                    fix="Leave it out, or use another strategy.",
                )
            )
        if self.collection is not None and not request.place.top_level:
            raise errors.PlacementError(
                errors.explain(
                    f"update ops made inside {request.place.describe()} cannot be registered in collection "
                    f"{self.collection!r}",
                    fix="Leave `collection` out, so that the updates run with the output.",
                )
            )

    def create(self, request: Request) -> AccumulatedState:
        kept, pool = request.averages(), None
        if request.updates:
            pool = Pool(
                request.variable("accumulated_count"),
                request.variable("accumulated_mean", shape=request.shape),
                request.variable("accumulated_squares", shape=request.shape),
                request.variable("accumulated_batches"),
            )
        return AccumulatedState(kept, pool, request.bessel_correction)

    def averages(self, state: AccumulatedState) -> Averages:
        return state.averages

    def read(self, state: AccumulatedState) -> Moments:
        return averages.read(state.averages)

    def update(self, state: AccumulatedState, batch: Moments, decay: Any) -> UpdatePlan:
        merged, batches = _merged(state.pool, batch)
        last = self.k if tf.is_tensor(self.k) else batches >= self.k
        moves = tf.logical_and(last, merged.count > 0)
        pooled = Moments(merged.mean, tf.math.divide_no_nan(merged.squares, merged.count), merged.count)
        if state.bessel_correction:
            pooled = moments_lib.unbiased(pooled)
        rest = [tf.where_v2(last, tf.zeros_like(value), value) for value in (*merged[:3], batches)]
        deltas = [_delta(v, value, decay, moves) for v, value in zip(state.averages, pooled[:2], strict=True)]
        # Everything is read and computed before anything is written.
        with tf.control_dependencies([*rest, *deltas]):
            ops = [v.assign_sub(delta, read_value=False) for v, delta in zip(state.averages, deltas, strict=True)]
            ops += [v.assign(value, read_value=False) for v, value in zip(state.pool, rest, strict=True)]
        return UpdatePlan(ops, OUTPUT if self.collection is None else self.collection)


def _merged(pool: Pool, batch: Moments) -> tuple[Pool, Any]:
    """Returns the pool with one more micro-batch, and the number of micro-batches in it."""
    n, mean, squares, batches = (averages.read_value(variable) for variable in pool)
    added = schedules.as_dtype(batch.count, n.dtype)
    total = n + added
    share = tf.math.divide_no_nan(added, total)
    difference = tf.where_v2(added > 0, batch.mean - mean, tf.zeros_like(mean))
    spread = tf.where_v2(added > 0, added * batch.variance, tf.zeros_like(squares))
    mean = mean + difference * share
    squares = squares + spread + tf.square(difference) * (n * share)
    return Pool(total, tf.stop_gradient(mean), tf.stop_gradient(squares), None), batches + 1


def _delta(variable: Any, value: Any, decay: Any, moves: Any) -> Any:
    """Returns what to subtract from an average; zero, also where ``value`` is not a number, if it does not move."""
    rate = schedules.as_dtype(1.0 - decay, variable.dtype.base_dtype)
    delta = (averages.read_value(variable) - value) * rate
    return tf.where_v2(moves, delta, tf.zeros_like(delta))
