"""Goes through the data: once for all batch norms, or once for each level of them."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.graph.site import BATCH, MOVING
from tf1bn.graph.values import CheckpointValues
from tf1bn.graph.variables import Variable
from tf1bn.population import feeding, pooling, targets
from tf1bn.population.copying import WorkCopy
from tf1bn.population.feeding import Batches, Feed
from tf1bn.population.pooling import Sums
from tf1bn.population.sessions import Runner, opened, slices_of

Progress = Callable[[int, int | None], None]
_ASIDE = (1.0, 2.0)


class Source:
    """Where the numbers come from, as the user said it.

    Args:
      data, feed, switch, constants, limit: as in ``reestimate``.
    """

    def __init__(self, data: Any, feed: Any, switch: Any, constants: Mapping[Any, Any], limit: int | None) -> None:
        self.data = data
        self.limit = limit
        self.constants = feeding.named(constants)
        self.switch = None if switch is None else feeding.tensor_name(switch)
        several = feed if isinstance(feed, (list, tuple)) else [feed]
        self.feed = [] if feed is None else [feeding.tensor_name(item) for item in several]

    def tensor(self, value: Any) -> str:
        """Returns the name of a tensor."""
        return feeding.tensor_name(value)

    def feed_for(self, copy: WorkCopy, roots: Sequence[int], predicates: Sequence[str]) -> list[str]:
        """Returns the names of the tensors that take the data."""
        # What the user names wins; only then is the one placeholder looked for.
        return self.feed or [feeding.placeholder(copy.model, roots, [*self.constants, *predicates])]

    def batches(self, copy: WorkCopy, predicates: Sequence[str]) -> Batches | None:
        """Returns the feeds, or None for the graph's own input."""
        if self.data is None:
            return None
        roots = [call.x[0] for target in copy.targets for call in target.calls]
        # Asked when a batch comes that is no dictionary: dictionaries name their tensors, and the graph may have no
        # clear one.
        return Batches(self.data, functools.cache(lambda: self.feed_for(copy, roots, predicates)), self.limit)


@dataclasses.dataclass
class Plan:
    """Everything that is settled before the data is gone through.

    Attributes:
      meta: the graph as it was given.
      copy: the working copy by batch.
      stored: the values of its variables.
      source: where the numbers come from.
      predicates: names of the tensors that switch the batch norms.
      batches: the feeds, or None for the graph's own input.
      mode, sequential, only, exclude: as in ``reestimate``.
      training: what the predicates are when batches normalise.
      seen: batches in a pass, once gone through.
    """

    meta: Any
    copy: WorkCopy
    stored: CheckpointValues
    source: Source
    predicates: list[str]
    batches: Batches | None
    mode: str
    sequential: bool
    only: Sequence[str]
    exclude: Sequence[str]
    training: bool = True
    seen: int = 0

    @functools.cached_property
    def by_averages(self) -> WorkCopy:
        """The working copy in which averages normalise."""
        return WorkCopy(self.meta, MOVING, self.only, self.exclude)

    @property
    def switch_on(self) -> Feed:
        """What is fed so that batches normalise."""
        return dict.fromkeys(self.predicates, self.training)

    @property
    def switch_off(self) -> Feed:
        """What is fed so that averages normalise."""
        return dict.fromkeys(self.predicates, not self.training)

    @property
    def averages(self) -> list[Variable]:
        """The variables that get a new mean or variance."""
        return [item for target in self.copy.targets for item in (*target.mean, *target.variance)]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the averages by their names in a checkpoint."""
        return {item.key: tuple(size or 0 for size in item.shape) for item in self.averages if item.shape is not None}

    def feeds(self) -> Iterator[Feed]:
        """Yields what is fed in each run of a pass."""
        return iter(self.batches) if self.batches is not None else itertools.repeat({}, *self._limit)

    @property
    def _limit(self) -> tuple[int, ...]:
        return () if self.source.limit is None else (self.source.limit,)


def prepare(
    meta: Any,
    stored: CheckpointValues,
    source: Source,
    mode: str,
    sequential: bool,
    only: Sequence[str],
    exclude: Sequence[str],
) -> Plan:
    """Makes the working copy, and runs the first batch to see that it does what it should.

    Raises:
      PopulationError: it does not, or cannot be made.
    """
    copy = WorkCopy(meta, BATCH, only, exclude)
    targets.require_supported(copy.targets, mode, sequential)
    _require_whole(copy)
    predicates = [source.switch] if source.switch is not None else copy.predicates
    batches = source.batches(copy, predicates)
    plan = Plan(meta, copy, stored, source, predicates, batches, mode, sequential, tuple(only), tuple(exclude))
    # Before the first batch is taken, as an iterator is gone through once and there are several passes.
    if batches is not None and sequential:
        batches.keep()
    feed = {} if batches is None else batches.first()
    if feed is None:
        raise errors.PopulationError(errors.explain("there is no data", expected="at least one batch"))
    # One batch shows what hours of data would, and the user hears of a mistake at once.
    _settle_switch(plan, feed)
    if sequential:
        with _runner(plan, plan.by_averages) as runner:
            proofs = [proof.name for proof in plan.by_averages.proofs]
            _check_proofs(plan.by_averages, runner.run(proofs, {**plan.switch_off, **feed}))
    return plan


def estimate(plan: Plan, progress: Progress | None) -> tuple[list[Sums], int, int]:
    """Goes through the data; returns the estimate of each target, the number of passes, and of batches in each.

    Raises:
      PopulationError: no data, fewer batches than asked for, or values that are not finite.
    """
    if not plan.sequential:
        # All at once: under their own batches, no level depends on the averages of another.
        numbers = list(range(len(plan.copy.targets)))
        return _pass(plan, plan.copy, numbers, {}, _Count(plan, 1, progress)), 1, plan.seen
    levels = plan.by_averages.levels()
    count = _Count(plan, len(levels), progress)
    found: dict[int, Sums] = {}
    loaded: dict[str, np.ndarray] = {}
    for numbers in levels:
        for number, sums in zip(numbers, _pass(plan, plan.by_averages, numbers, loaded, count), strict=True):
            found[number] = sums
            # The levels above are estimated under these.
            loaded.update(_average_values(plan.by_averages, number, sums))
    return [found[number] for number in sorted(found)], len(levels), plan.seen


class _Count:
    """Tells the progress of several passes."""

    def __init__(self, plan: Plan, passes: int, progress: Progress | None) -> None:
        each = plan.source.limit if plan.batches is None else plan.batches.total
        self._total = None if each is None else each * passes
        self._done = 0
        self._progress = progress

    def advance(self) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._total)


def _pass(
    plan: Plan, copy: WorkCopy, numbers: Sequence[int], loaded: Mapping[str, np.ndarray], count: _Count
) -> list[Sums]:
    estimators = {number: pooling.make(plan.mode, copy.targets[number].bessel) for number in numbers}
    names = [copy.moments[number] for number in numbers]
    switch = plan.switch_on if copy is plan.copy else plan.switch_off
    plan.seen = 0
    with _runner(plan, copy) as runner:
        runner.load(loaded)
        for feed in plan.feeds():
            try:
                # What a batch feeds wins over the switch, so that a feed dictionary can say everything itself.
                found = runner.run(names, {**switch, **feed})
            except tf.errors.OutOfRangeError:
                break
            for number, calls in zip(numbers, found, strict=True):
                for moments in calls:
                    _require_finite(moments, plan.seen, copy.targets[number].scope)
                    estimators[number].add(int(moments.count), moments.mean, moments.variance)
            plan.seen += 1
            count.advance()
    # Fewer batches than asked for would pass for the estimate of all of them.
    if (plan.source.limit is not None and plan.seen < plan.source.limit) or not plan.seen:
        raise errors.PopulationError(
            errors.explain(
                "the data ended too early" if plan.seen else "there is no data",
                got=f"{plan.seen} batches",
                expected=str(plan.source.limit or "at least one"),
            )
        )
    return [estimators[number].result() for number in numbers]


def _require_whole(copy: WorkCopy) -> None:
    """Refuses averages that are stored in slices."""
    parts = slices_of(copy.meta)
    for target in copy.targets:
        for item in (*target.mean, *target.variance):
            if item.name in parts:
                raise errors.PopulationError(
                    errors.explain(f"the average {item.name!r} is a part of a partitioned variable")
                )


def _runner(plan: Plan, copy: WorkCopy) -> Any:
    return opened(copy, plan.stored, plan.source.constants, own_input=plan.batches is None)


def _require_finite(moments: Any, batch: int, scope: str) -> None:
    if not moments.count:
        raise errors.PopulationError(errors.explain(f"batch {batch} is empty at the batch norm {scope!r}"))
    if not (np.isfinite(moments.mean).all() and np.isfinite(moments.variance).all()):
        bad = int(np.sum(~(np.isfinite(moments.mean) & np.isfinite(moments.variance))))
        raise errors.PopulationError(
            errors.explain(
                f"batch {batch} has values at the batch norm {scope!r} that are not finite",
                got=f"{bad} channels of {np.size(moments.mean)}",
                fix="Look for NaN or Inf in the data and in the weights.",
            )
        )


def _average_values(copy: WorkCopy, number: int, sums: Sums) -> dict[str, np.ndarray]:
    """The new averages by the names of their variables in the graph."""
    target = copy.targets[number]
    pairs = [(item, sums.mean) for item in target.mean]
    pairs += [(item, sums.variance) for item in target.variance if not targets.is_deviation(item.name)]
    return {item.name: np.reshape(value, [size or 0 for size in item.shape or ()]) for item, value in pairs}


def _settle_switch(plan: Plan, feed: Feed) -> None:
    """Finds which value of the switch makes batches normalise: moments then do not depend on the averages."""
    for value in (True, False) if plan.predicates else (True,):
        plan.training = value
        given = {**plan.switch_on, **feed}
        if plan.batches is None:
            with _runner(plan, plan.copy) as runner:
                given |= _delivered(runner, given)
        with _runner(plan, plan.copy) as runner:
            first, found = runner.run([plan.copy.moments, [proof.name for proof in plan.copy.proofs]], given)
        with _runner(plan, plan.copy) as runner:
            runner.load(_aside(plan))
            second = runner.run(plan.copy.moments, given)
        if moved := _moved(plan.copy, first, second):
            continue
        _check_proofs(plan.copy, found)
        return
    raise errors.PopulationError(
        errors.explain(
            "no value of the switch makes all batch norms normalise with the batch",
            got=plan.predicates,
            expected=f"moments of {moved[0]!r} that do not depend on the averages",
            fix="Name the tensor that turns training on with `switch`, or leave batch norms out with `exclude`.",
        )
    )


def _delivered(runner: Runner, given: Feed) -> Feed:
    """What the graph's own input delivers first, as a feed, so that it can be run on again."""
    names = runner.sources()
    try:
        return dict(zip(names, runner.run(names, given), strict=True))
    except tf.errors.OutOfRangeError:
        raise errors.PopulationError(errors.explain("there is no data", expected="at least one batch")) from None


def _aside(plan: Plan) -> dict[str, np.ndarray]:
    """Averages that are different from the stored ones."""
    found = {}
    for target in plan.copy.targets:
        for item in (*target.mean, *target.variance):
            old = plan.stored.get(item.key)
            # A checkpoint may lack the averages, which is why they are estimated.
            value = np.zeros([size or 0 for size in item.shape or ()]) if old is None else old
            found[item.name] = np.abs(np.nan_to_num(value)) * _ASIDE[1] + _ASIDE[0]
    return found


def _moved(copy: WorkCopy, first: Any, second: Any) -> list[str]:
    """The batch norms whose moments differ, as scopes."""
    found = []
    for target, before, after in zip(copy.targets, first, second, strict=True):
        for one, two in zip(before, after, strict=True):
            # Relative to the spread of the input: two runs round differently, averages that are moved aside shift by
            # far more.
            near = 1e-3 * (np.sqrt(np.abs(one.variance)) + np.abs(one.mean) + 1e-6)
            same = np.abs(one.mean - two.mean) <= near
            finite = np.isfinite(one.mean) & np.isfinite(two.mean)
            # Infinite in both runs is the fault of the data, which the passes name with its batch.
            if np.any(finite & ~same) or np.any(np.isfinite(one.mean) != np.isfinite(two.mean)):
                found.append(target.scope)
    return found


def _check_proofs(copy: WorkCopy, found: Sequence[float]) -> None:
    """Refuses batch norms whose output is not what the formula says."""
    for proof, error in zip(copy.proofs, found, strict=True):
        # An error that is not finite comes of data that are not, and is told there.
        if np.isfinite(error) and error > proof.tolerance:
            raise errors.PopulationError(
                errors.explain(
                    f"the batch norm {proof.scope!r} does something else than the formula says",
                    got=f"relative error {error:.3g}",
                    expected=f"at most {proof.tolerance}",
                    fix="Leave it out with `exclude`.",
                )
            )
