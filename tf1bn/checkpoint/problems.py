"""What is wrong with the batch norms of a checkpoint, in the words and codes of the audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tf1bn.checkpoint import statistics
from tf1bn.checkpoint.layout import BETA, GAMMA, STATISTICS
from tf1bn.checkpoint.sites import Site
from tf1bn.checkpoint.source import Checkpoint


class Problem(NamedTuple):
    """One complaint about a checkpoint, with the code of the audit catalogue."""

    code: str
    place: str
    text: str


def judge(opened: Checkpoint, site: Site, state: statistics.State, averages: Mapping[str, str]) -> list[Problem]:
    """Returns what is wrong with one site.

    Args:
      opened: the checkpoint.
      site: what is judged.
      state: of its statistics.
      averages: role -> name of the average of weights over it.
    """
    label, found = site.label, []
    lost = [role for role in STATISTICS if role not in site.tensors]
    if lost:
        there = [role for role in (GAMMA, BETA) if role in site.tensors]
        only = f"{' and '.join(there)} only: statistics missing; " if len(lost) == len(STATISTICS) else ""
        found.append(Problem("BN022", label, f"{only}no {' and no '.join(lost)} in the file"))
    if state.verdict == statistics.NEVER and state.affine_moved is not False:
        text = "every mean is 0 and every variance 1: the averages were never updated"
        found.append(
            Problem("BN024", label, text + (", though gamma or beta was trained" if state.affine_moved else ""))
        )
    elif state.verdict == statistics.PARTLY:
        text = f"{state.initial} of {state.channels} channels still have mean 0 and variance 1"
        found.append(Problem("BN024", label, text))
    if state.verdict == statistics.DAMAGED:
        counts = ((state.nan, "NaN"), (state.infinite, "Inf"), (state.negative, "negative"))
        parts = ", ".join(f"{count} {what}" for count, what in counts if count)
        found.append(Problem("BN025", label, f"impossible statistics: {parts}; channels {list(state.bad_channels)}"))
    if site.rivals:
        text = f"names fit {site.layout.name} and {', '.join(site.rivals)}, which store other quantities"
        found.append(Problem("BN030", label, text + "; say which with --from"))
    return found + _judge_averages(opened, site, averages)


def _judge_averages(opened: Checkpoint, site: Site, averages: Mapping[str, str]) -> list[Problem]:
    """Says what the audit rule BN027 says: gamma and beta averaged with plain statistics beside them is usual."""
    doubled = [
        role
        for role in STATISTICS
        if role in averages and role in site.tensors and not _same(opened, site.tensors[role], averages[role])
    ]
    if doubled:
        text = f"{site.tensors[doubled[0]]!r} is a moving average and is averaged again"
        return [Problem("BN027", site.label, text)]
    covered = [role for role in (GAMMA, BETA) if role in averages]
    if len(covered) == 1 and {GAMMA, BETA} <= set(site.tensors):
        other = BETA if covered == [GAMMA] else GAMMA
        return [Problem("BN027", site.label, f"{covered[0]} has an average of weights and {other} has none")]
    return []


def _same(opened: Checkpoint, name: str, shadow: str) -> bool:
    """Whether an average takes its value from its own shadow, as a strategy keeps it: the two are then equal."""
    if not (opened.readable(name) and opened.readable(shadow)):
        return False
    one, two = opened.tensors[name], opened.tensors[shadow]
    if (one.dtype, one.shape) != (two.dtype, two.shape) or one.elements > statistics.READ_LIMIT:
        return False
    return bool(np.array_equal(opened.read(name), opened.read(shadow), equal_nan=True))


def twins(rows: Sequence[tuple[Site, statistics.State]]) -> list[Problem]:
    """Names second families of names in one scope of which only one family was ever moved, as audit rule BN028.

    Averages that are named after operations have numbers of their own, one for each layer: they are no copies.
    """
    plain = {site.scope: state for site, state in rows if not site.twin}
    complaints = []
    for site, state in rows:
        first = plain.get(site.scope)
        if not site.twin or first is None or len(site.missing()) < 2 or not _numbers_copies(site):
            continue
        if (state.verdict == statistics.NEVER) != (first.verdict == statistics.NEVER):
            text = f"a second family of names in scope {site.scope!r} without gamma and beta of its own"
            still = site.label if state.verdict == statistics.NEVER else site.scope
            complaints.append(Problem("BN028", site.label, f"{text}; the averages of {still!r} were never moved"))
    return complaints


def _numbers_copies(site: Site) -> bool:
    """Whether the number stands behind the name of the variable, not behind that of an operation."""
    leaf = site.layout.leaf(STATISTICS[0])
    return leaf is not None and leaf.name.endswith("{twin}")
