"""Averages kept by a tf.train.ExponentialMovingAverage."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.core import averages, place
from tf1bn.core import decay as schedules
from tf1bn.core.values import Averages, Moments
from tf1bn.strategies.base import OUTPUT, Request, UpdatePlan
from tf1bn.terms import DEFAULT_DECAY

_NUM_UPDATES_EXPECTED = "a number, or a scalar variable or tensor that counts steps, such as the global step"


class EmaState(NamedTuple):
    """The averages, and with ``zero_debias`` the weight of all batches so far."""

    averages: Averages
    weight: Any = None


@dataclasses.dataclass(frozen=True)
class Ema:
    """Lets a ``tf.train.ExponentialMovingAverage`` keep the averages, attached to the layer's output.

    shadow <- decay * shadow + (1 - decay) * batch;  average <- shadow

    The object tracks ``moving_mean`` and ``moving_variance`` and keeps its shadows under its own names,
    ``.../moving_mean/ExponentialMovingAverage``. In each update the tracked variable receives the batch value,
    the object moves the shadow, and the tracked variable receives the shadow. So at rest both are equal, and a
    checkpoint restores into an inference graph in two ways: with a plain Saver, and with
    ``tf.train.Saver(ema.variables_to_restore())``, which loads the shadows into the variables.

    Use it where a program averages its weights with one object and wants batch statistics in it, or has
    checkpoints with such names. Averages are resource variables in any mode: the object reads what was
    assigned in the same step, which a reference variable does not promise.

    Attributes:
      ema: a shared object, whose own decay rules (the layer's must then be left at its default); None for an
        object of each layer with the layer's decay.
      num_updates: with an own object, lets the decay start low: min(decay, (1 + n) / (10 + n)), the formula of
        ``tf.train.ExponentialMovingAverage``; a number, tensor or variable.
      zero_debias: with an own object, divides out the weight of the initial values: the averages are the
        weighted mean of the batches seen, from the first update on. Keeps a scalar ``debias_weight``.
    """

    ema: Any = None
    num_updates: Any = None
    zero_debias: bool = False
    name: str = "ema"

    def __post_init__(self) -> None:
        if self.ema is None:
            _check_num_updates(self.num_updates)
            return
        if not isinstance(self.ema, tf.train.ExponentialMovingAverage):
            raise errors.ArgumentTypeError(
                errors.explain("`ema` has the wrong type", got=self.ema, expected="tf.train.ExponentialMovingAverage")
            )
        if self.num_updates is not None or self.zero_debias:
            raise errors.ArgumentError(
                errors.explain(
                    "`num_updates` and `zero_debias` are for an own object",
                    got={"num_updates": self.num_updates, "zero_debias": self.zero_debias},
                    fix="Give num_updates to the shared ExponentialMovingAverage itself; drop zero_debias, which "
                    "that class does not apply to variables.",
                )
            )

    def check(self, request: Request) -> None:
        """Refuses a second decay, a second schedule of it, and a conditional under tf.distribute."""
        if not request.updates:
            return
        if tf.distribute.has_strategy() and (request.conditional or request.place.frames):
            raise errors.PlacementError(
                errors.explain(
                    "an ExponentialMovingAverage under tf.distribute waits for all replicas, which is not possible in "
                    "a conditional",
                    fix='Use update_strategy="inline" or "collection"; or is_training=True, a static batch size and no '
                    "numeric_guard, weights or mask, so that there is no conditional.",
                )
            )
        own = isinstance(request.decay, float) and request.decay == DEFAULT_DECAY
        if self.ema is not None and not own:
            raise errors.ArgumentError(
                errors.explain(
                    "`decay` is given, but the shared ExponentialMovingAverage has a decay of its own",
                    got=request.decay,
                    fix="Leave `decay` out, or let the strategy make its own object: Ema().",
                )
            )
        if request.schedule and (self.ema is not None or self.num_updates is not None or self.zero_debias):
            raise errors.ArgumentError(
                errors.explain(
                    "`zero_debias` or `num_updates` is given to the layer, but this strategy has a schedule of its own",
                    got=self,
                    fix="Give them either to the layer or to Ema(num_updates=..., zero_debias=...).",
                )
            )

    def create(self, request: Request) -> EmaState:
        kept = request.averages(resource=True)
        return EmaState(kept, request.variable("debias_weight", resource=True) if self.zero_debias else None)

    def averages(self, state: EmaState) -> Averages:
        return state.averages

    def read(self, state: EmaState) -> Moments:
        return averages.read(state.averages)

    def update(self, state: EmaState, batch: Moments, decay: Any) -> UpdatePlan:
        tracked = list(state.averages)
        weight_ops: list[Any] = []
        ema = self.ema
        if ema is None and place.wrapped():
            return self._update_by_hand(state, batch, decay)
        if ema is None and state.weight is not None:
            if self.num_updates is not None:
                decay = schedules.warmed_up(decay, self.num_updates, state.weight.dtype.base_dtype)
            weight_op, decay = schedules.debiased(decay, state.weight)
            weight_ops, ema = [weight_op], tf.train.ExponentialMovingAverage(_as_its_decay(decay))
        elif ema is None:
            ema = tf.train.ExponentialMovingAverage(_as_its_decay(decay), self.num_updates)
        with tf.control_dependencies([tracked[0].assign(batch.mean).op, tracked[1].assign(batch.variance).op]):
            applied = _apply(ema, tracked)
        with tf.control_dependencies([applied]):
            settled = [variable.assign(ema.average(variable).read_value()).op for variable in tracked]
        return UpdatePlan([*settled, *weight_ops], OUTPUT)

    def _update_by_hand(self, state: EmaState, batch: Moments, decay: Any) -> UpdatePlan:
        """Does what an own object would do, in a wrapped function: there each object makes shadows of its own."""
        settled: list[Any] = []
        if self.num_updates is not None:
            decay = schedules.warmed_up(decay, self.num_updates, state.averages.mean.dtype.base_dtype)
        if state.weight is not None:
            weight_op, decay = schedules.debiased(decay, state.weight)
            settled.append(weight_op)
        for variable, value in zip(state.averages, batch[:2], strict=True):
            shadow = _shadow(variable)
            with tf.control_dependencies([averages.move(shadow, value, decay)]):
                settled.append(variable.assign(shadow.read_value()).op)
        return UpdatePlan(settled, OUTPUT)


def _shadow(variable: Any) -> Any:
    """Makes or reuses the shadow of a tracked variable under the name that an own object would give it."""
    name = f"{variable.name.split(':')[0]}/{tf.train.ExponentialMovingAverage(0.0).name}"
    root = tf.VariableScope(reuse=tf.AUTO_REUSE, name="", use_resource=True)
    with place.outside(), tf.variable_scope(root, auxiliary_name_scope=False):
        return tf.get_variable(
            name,
            variable.shape,
            variable.dtype.base_dtype,
            initializer=lambda shape, **unused: variable.read_value(),
            trainable=False,
        )


def _as_its_decay(decay: Any) -> Any:
    """The object computes with a float32 decay and takes no tensor of another dtype."""
    return decay if isinstance(decay, float) else tf.cast(decay, tf.float32)


def _apply(ema: Any, tracked: list[Any]) -> tf.Operation:
    """Calls ``ema.apply`` so that a shadow is named after its variable only, and is found again.

    Trick: the object names a shadow below the current variable scope, which would double the layer's scope.
    Entering the root scope as an object avoids that, and restores the counters that would number the shadow
    differently at the second call. The object also lists its variables as moving averages once more, which
    is taken back.
    """
    listed = tf.get_collection_ref(tf.GraphKeys.MOVING_AVERAGE_VARIABLES)
    before = len(listed)
    dtype = tracked[0].dtype.base_dtype
    root = tf.VariableScope(reuse=tf.AUTO_REUSE, name="", use_resource=True, dtype=dtype)
    with tf.variable_scope(root, auxiliary_name_scope=False):
        applied = ema.apply(tracked)
    del listed[before:]
    return applied


def _check_num_updates(value: Any) -> None:
    if value is None or tf.is_tensor(value):
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise errors.ArgumentTypeError(
            errors.explain("`num_updates` has the wrong type", got=value, expected=_NUM_UPDATES_EXPECTED)
        )
