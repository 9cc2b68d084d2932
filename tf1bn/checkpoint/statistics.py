"""What the numbers of a site say: were its averages ever moved, are they possible, how far from where they began."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tf1bn.checkpoint import conversions, dtypes
from tf1bn.checkpoint.layout import BETA, GAMMA, INITIAL, MEAN, ROLES, STATISTICS, VARIANCE
from tf1bn.checkpoint.sites import Site
from tf1bn.checkpoint.source import Checkpoint

NEVER, PARTLY, UPDATED, DAMAGED, ABSENT, UNREAD = (
    "never updated",
    "partly updated",
    "updated",
    "damaged",
    "absent",
    "not read",
)
EXPLODED, DEAD = "exploded", "dead channels"
BEYOND = 1e4  # half precision ends at 65,504; no activation that is normalised well comes near
TIMES = 100.0  # the median deviation of all layers
READ_LIMIT = 1 << 20  # elements; no layer has a million channels
_TINY = 1e-12


class Spread(NamedTuple):
    """Smallest, 10th percentile, median, 90th percentile and largest of the finite values of all channels."""

    smallest: float
    low: float
    median: float
    high: float
    largest: float


class State(NamedTuple):
    """State of one site's statistics.

    Attributes:
      verdict: ``never updated`` (every mean 0, every variance 1), ``partly updated`` (some channels so),
        ``updated``, ``damaged`` (NaN, Inf or a negative variance), ``absent`` or ``not read``.
      channels: how many.
      initial: channels whose mean is exactly 0 and variance exactly 1.
      nan, infinite, negative, tiny: channels whose mean or variance is NaN or Inf; whose variance is below 0;
        or between 0 and 1e-12: their input is constant, they are dead.
      mean_distance, variance_distance: largest distance from the initial 0 and 1 among finite channels.
      affine_moved: whether gamma or beta differ from 1 and 0 anywhere; None without them.
      bad_channels: the first ten channels that make it damaged.
      mean, variance: how the finite values are spread; None where the file has none.
      why: why they were not read.
    """

    verdict: str
    channels: int = 0
    initial: int = 0
    nan: int = 0
    infinite: int = 0
    negative: int = 0
    tiny: int = 0
    mean_distance: float = 0.0
    variance_distance: float = 0.0
    affine_moved: bool | None = None
    bad_channels: tuple[int, ...] = ()
    mean: Spread | None = None
    variance: Spread | None = None
    why: str = ""

    @property
    def moved(self) -> int:
        """Channels that are no longer at mean 0 and variance 1."""
        return self.channels - self.initial


def looks(states: Sequence[State]) -> list[str]:
    """Returns what each of all sites looks like among the others: EXPLODED, DEAD, or its verdict.

    Statistics have exploded where a mean or deviation is beyond ``BEYOND``, or a layer's median deviation beyond
    ``TIMES`` that of the median layer.
    """
    medians = sorted(
        math.sqrt(state.variance.median) for state in states if state.variance and state.variance.median > 0.0
    )
    usual = medians[len(medians) // 2] if len(medians) > 2 else math.inf
    return [_look(state, usual) for state in states]


def _look(state: State, usual: float) -> str:
    if state.verdict in (ABSENT, UNREAD, DAMAGED, NEVER):
        return state.verdict
    deviation = math.sqrt(state.variance.median) if state.variance else 0.0
    largest = max(state.mean_distance, math.sqrt(state.variance.largest) if state.variance else 0.0)
    if largest > BEYOND or deviation > TIMES * usual:
        return EXPLODED
    return DEAD if state.tiny else state.verdict


def canonical(checkpoint: Checkpoint, site: Site, role: str) -> np.ndarray | None:
    """Returns the canonical values of a role as flat float64; None where absent, not there or too large to be one.

    Raises:
      CheckpointDamagedError: the bytes do not agree with their checksum.
    """
    name = site.tensors.get(role)
    leaf = site.layout.leaf(role)
    if name is None or leaf is None:
        return None
    info = checkpoint.tensors[name]
    if info.elements > READ_LIMIT or not info.dtype.numpy or not checkpoint.readable(name):
        return None
    value = dtypes.as_floats(checkpoint.read(name).reshape(-1), info.dtype)
    companion = site.tensors.get(leaf.companion)
    steps = conversions.chain(leaf.stored, "identity")
    if not steps or (leaf.companion and companion is None):
        return value
    second = None
    if companion is not None:
        second = dtypes.as_floats(checkpoint.read(companion).reshape(-1), checkpoint.tensors[companion].dtype)
    return conversions.apply(steps, value, second)


def examine(checkpoint: Checkpoint, site: Site) -> State:
    """Returns the state of a site's statistics; reads its four tensors, if their data file is there."""
    if MEAN not in site.tensors and VARIANCE not in site.tensors:
        return State(ABSENT)
    sizes = [checkpoint.tensors[site.tensors[role]].elements for role in STATISTICS if role in site.tensors]
    if not all(checkpoint.readable(site.tensors[role]) for role in STATISTICS if role in site.tensors):
        return State(UNREAD, max(sizes), why="their data file is not there")
    values = {role: canonical(checkpoint, site, role) for role in ROLES}
    if values[MEAN] is None and values[VARIANCE] is None:
        return State(UNREAD, max(sizes), why=f"more than {READ_LIMIT:,} elements are no channels")
    return _state(values)


def _state(values: dict[str, np.ndarray | None]) -> State:
    given = {role: values[role] for role in STATISTICS}
    size = next(value.size for value in given.values() if value is not None)
    mean, variance = (np.full(size, INITIAL[role]) if value is None else value for role, value in given.items())
    initial = int(np.count_nonzero((mean == INITIAL[MEAN]) & (variance == INITIAL[VARIANCE])))
    affine = [(value, INITIAL[role]) for role in (GAMMA, BETA) if (value := values[role]) is not None]
    state = State(
        UPDATED if not initial else NEVER if initial == size else PARTLY,
        size,
        initial,
        affine_moved=any(bool(np.any(value != start)) for value, start in affine) if affine else None,
    )
    spreads = _spread(mean), _spread(variance)
    if spreads[0].whole and spreads[1].whole and spreads[1].values and spreads[1].values.smallest >= _TINY:
        return _with_spreads(state, given, spreads[0].values, spreads[1].values)  # nothing is wrong, as nearly always
    nan = np.isnan(mean) | np.isnan(variance)
    infinite = np.isinf(mean) | np.isinf(variance)
    negative = variance < 0.0
    bad = nan | infinite | negative
    state = state._replace(
        verdict=DAMAGED if bad.any() else state.verdict,
        nan=int(nan.sum()),
        infinite=int(infinite.sum()),
        negative=int(negative.sum()),
        tiny=int(((variance >= 0.0) & (variance < _TINY)).sum()),
        bad_channels=tuple(int(channel) for channel in np.flatnonzero(bad)[:10]),
    )
    return _with_spreads(state, given, spreads[0].values, spreads[1].values)


def _with_spreads(
    state: State, given: dict[str, np.ndarray | None], mean: Spread | None, variance: Spread | None
) -> State:
    """Adds how the values are spread, and how far the farthest is from where all began."""
    return state._replace(
        mean_distance=max(abs(mean.smallest), abs(mean.largest)) if mean else 0.0,
        variance_distance=max(abs(variance.smallest - 1.0), abs(variance.largest - 1.0)) if variance else 0.0,
        mean=None if given[MEAN] is None else mean,
        variance=None if given[VARIANCE] is None else variance,
    )


class _Spread(NamedTuple):
    values: Spread | None
    whole: bool  # every value is finite


def _spread(values: np.ndarray) -> _Spread:
    """Returns where the finite values lie; the percentiles are values of channels, nothing is interpolated."""
    ordered = np.sort(values)  # NaN comes last
    whole = bool(values.size) and math.isfinite(ordered[0]) and math.isfinite(ordered[-1])
    finite = ordered if whole else ordered[np.isfinite(ordered)]
    if not finite.size:
        return _Spread(None, whole)
    places = [round(share * (finite.size - 1)) for share in (0.0, 0.1, 0.5, 0.9, 1.0)]
    return _Spread(Spread(*finite[places].tolist()), whole)
