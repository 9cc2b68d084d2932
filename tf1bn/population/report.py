"""Estimates and merges as text for people and as JSON values. Needs no TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def estimate_as_json(done: Any) -> dict[str, Any]:
    """Returns a Reestimation as JSON values."""
    return {
        "mode": done.mode,
        "sequential": done.sequential,
        "batches": done.batches,
        "passes": done.passes,
        "accuracy_before": done.accuracy_before,
        "accuracy_after": done.accuracy_after,
        "target": done.target,
        "verified": done.verified,
        "sites": [
            {
                "scope": site.scope,
                "variables": list(site.variables),
                "calls": site.calls,
                "batches": site.batches,
                "count": site.count,
                "old_mean": _range(site.old_mean),
                "mean": _range(site.mean),
                "old_variance": _range(site.old_variance),
                "variance": _range(site.variance),
            }
            for site in done.sites
        ],
        "skipped": [row._asdict() for row in done.skipped],
    }


def estimate_as_text(done: Any) -> str:
    """Returns a Reestimation as lines: for each batch norm the range of its averages before and after."""
    how = "level by level" if done.sequential else "at once"
    lines = [f"{len(done.sites)} batch norms, {done.mode}, {how}: {done.batches} batches in {done.passes} passes"]
    for site in done.sites:
        lines.append(f"  {site.scope}: {len(site.mean)} channels, {site.count:.0f} values each")
        lines.append(f"    mean     {_spoken(site.old_mean)} -> {_spoken(site.mean)}")
        lines.append(f"    variance {_spoken(site.old_variance)} -> {_spoken(site.variance)}")
    lines += [f"  {row.scope}: left as it is, {row.reason}" for row in done.skipped]
    if done.accuracy_before is not None:
        lines.append(f"accuracy: {done.accuracy_before:.4f} before, {done.accuracy_after:.4f} after")
    lines.append(_written(done))
    return "\n".join(lines)


def merge_as_json(done: Any) -> dict[str, Any]:
    """Returns a Merging as JSON values."""
    return done._asdict() | {
        "sites": [
            {
                "scope": site.scope,
                "variables": list(site.variables),
                "mean": _range(site.mean),
                "variance": _range(site.variance),
                "spread": site.spread,
            }
            for site in done.sites
        ]
    }


def merge_as_text(done: Any) -> str:
    """Returns a Merging as lines."""
    shares = ", ".join(f"{source} {share:.3g}" for source, share in zip(done.sources, done.shares, strict=True))
    lines = [f"{len(done.sites)} batch norms, {done.mode}; shares: {shares}"]
    lines += [
        f"  {site.scope}: mean {_spoken(site.mean)}, variance {_spoken(site.variance)}; "
        f"means up to {site.spread:.3g} standard deviations apart"
        for site in done.sites
    ]
    if done.from_first:
        lines.append(f"taken from the first checkpoint though they differ: {_listed(done.from_first)}")
    lines.append(_written(done))
    return "\n".join(lines)


def _written(done: Any) -> str:
    return f"wrote {done.target}: {done.verified} tensors compared" if done.target else "nothing was written"


def _range(value: np.ndarray | None) -> list[float | None] | None:
    """Smallest and largest value; one that is not finite is null."""
    if value is None:
        return None
    low_high = (float(np.min(value)), float(np.max(value)))
    return [number if np.isfinite(number) else None for number in low_high]


def _spoken(value: np.ndarray | None) -> str:
    return "none" if value is None else f"[{np.min(value):.4g}, {np.max(value):.4g}]"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
