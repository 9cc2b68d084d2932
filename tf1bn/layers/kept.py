"""What one layer keeps: the strategy's averages, and what batch renormalization and debiasing keep beside them."""

from __future__ import annotations

import dataclasses
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.core import averages, renorm
from tf1bn.core import decay as schedules
from tf1bn.core.values import Averages, Moments, is_variable
from tf1bn.layers.options import Options
from tf1bn.strategies import base

DEBIAS_WEIGHT = "debias_weight"
RENORM_LEAVES = ("moving_stddev", "renorm_mean", "renorm_stddev")


@dataclasses.dataclass(frozen=True)
class Kept:
    """The kept variables of one layer, and how they are read and moved.

    Under batch renormalization the strategy averages standard deviations: its second variable is
    ``moving_stddev``, and ``moving_variance`` is derived from it after each update, as in tf.layers.

    Attributes:
      strategy: the update strategy.
      state: what its ``create`` returned.
      options: the options of the call.
      dtype: dtype of the averages.
      weight: the variable ``debias_weight``, with zero_debias in a graph that may train.
      references: ``renorm_mean`` and ``renorm_stddev``, with renorm.
      derived: the variable ``moving_variance``, with renorm.
    """

    strategy: base.UpdateStrategy
    state: Any
    options: Options
    dtype: tf.DType
    weight: Any = None
    references: renorm.References | None = None
    derived: Any = None

    @property
    def by_reference(self) -> bool:
        """Whether the averages are reference variables."""
        found = self.state if isinstance(self.state, Averages) else getattr(self.state, "averages", ())
        return any(averages.by_reference(variable) for variable in found)

    @property
    def unordered(self) -> bool:
        """Whether updates are right in any order: each variable moves in one step, and none is derived from others."""
        return base.needs_no_order(self.strategy) and self.references is None and self.weight is None

    def read(self) -> Moments:
        """Returns what inference normalises with."""
        kept = self.strategy.read(self.state)
        if self.derived is None:
            return kept
        return kept._replace(variance=averages.read_value(self.derived))

    def spoken(self) -> list[str]:
        """Returns the names of what :meth:`read` reads: of variables without a colon, of tensors with one.

        A strategy that does not say which variables it reads is asked to read, which makes ops.
        """
        plain = getattr(self.strategy, "averages", None)
        mean, variance = (plain(self.state) if callable(plain) else self.strategy.read(self.state))[:2]
        return [_spoken(value) for value in (mean, variance if self.derived is None else self.derived)]

    def update(self, batch: Moments) -> base.UpdatePlan:
        """Returns the strategy's plan for one batch, completed by the moves of everything kept beside it."""
        scheduled, decay = self._decay()
        if self.references is None:
            plan = _checked(self.strategy, self.strategy.update(self.state, batch, decay))
            return plan._replace(ops=[*plan.ops, *scheduled]) if plan.ops else plan
        stddev = tf.sqrt(batch.variance + self.options.epsilon)
        plan = _checked(self.strategy, self.strategy.update(self.state, batch._replace(variance=stddev), decay))
        if not plan.ops:
            return plan
        moved = renorm.move(self.references, batch.mean, stddev, self.options.renorm.decay)
        with tf.control_dependencies(as_ops(plan.ops)):
            kept = self.strategy.read(self.state)
            variance = tf.maximum(tf.square(kept.variance) - self.options.epsilon, 0.0)
            derived = self.derived.assign(variance, read_value=False)
        return plan._replace(ops=[*plan.ops, *scheduled, *moved, derived])

    def _decay(self) -> tuple[list[Any], Any]:
        decay, schedule, statistics = self.options.decay, self.options.schedule, self.options.statistics
        if schedule.num_updates is not None:
            decay = schedules.warmed_up(decay, schedule.num_updates, self.dtype)
        if statistics is not None and statistics.writers > 1:
            decay = schedules.shared(decay, statistics.writers)
        if self.weight is None:
            return [], decay
        op, decay = schedules.debiased(decay, self.weight)
        return [op], decay


def create(request: base.Request, options: Options) -> Kept:
    """Makes or reuses everything that one layer keeps, in the current variable scope.

    The weight of debiasing is made for graphs that may train only: inference has no use for it.
    """
    if options.renorm is None:
        state = options.strategy.create(request)
        return Kept(options.strategy, state, options, request.dtype, _weight(request, options))
    deviation = _square_root(options.variance_initializer)
    wanted = dataclasses.replace(request, variance_initializer=deviation)

    def derive() -> Any:
        return request.variable("moving_variance", shape=request.shape, initializer=options.variance_initializer)

    if request.naming.mean_first:
        state = options.strategy.create(dataclasses.replace(wanted, between=derive))
        derived = request.made["moving_variance"] if "moving_variance" in request.made else derive()
    else:
        derived = derive()
        state = options.strategy.create(wanted)
    references = renorm.References(
        request.variable("renorm_mean", shape=request.shape, initializer=options.mean_initializer),
        request.variable("renorm_stddev", shape=request.shape, initializer=deviation),
    )
    return Kept(options.strategy, state, options, request.dtype, _weight(request, options), references, derived)


def _weight(request: base.Request, options: Options) -> Any:
    return request.variable(DEBIAS_WEIGHT) if options.schedule.zero_debias and request.updates else None


def _spoken(value: Any) -> str:
    return str(value.name).split(":")[0] if is_variable(value) else str(value.name)


def as_ops(entries: Any) -> list[Any]:
    """Returns operations and tensors as they are, and the operation behind a variable-like object."""
    return [entry if isinstance(entry, (tf.Operation, tf.Tensor)) else entry.op for entry in entries]


def _square_root(initializer: Any) -> Any:
    def stddev(shape: Any, dtype: Any = tf.float32, **unused: Any) -> Any:
        return tf.sqrt(initializer(shape, dtype=dtype))

    return stddev


def _checked(strategy: base.UpdateStrategy, plan: Any) -> base.UpdatePlan:
    if not isinstance(plan, base.UpdatePlan):
        raise errors.StrategyError(
            errors.explain(
                f"`update` of strategy {strategy.name!r} returned something else", got=plan, expected="an UpdatePlan"
            )
        )
    return plan
