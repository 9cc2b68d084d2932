"""Proves a turned graph by running it beside the one that it was made of, op of images by op of images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tf1bn import errors
from tf1bn.export import variables
from tf1bn.export.draft import Draft
from tf1bn.export.layout.turning import Turned
from tf1bn.graph import running
from tf1bn.graph.data_formats import to_first, to_last

_CLOSE = 1e-4
"""Relative to the largest value of a tensor: both kernels sum the same products, in another order, layer by layer."""

_HALF = {"float16": 1e-2, "bfloat16": 8e-2}


def prove(draft: Draft, values: Mapping[str, np.ndarray], turned: Turned, feed: Mapping[str, Any]) -> str:
    """Runs both graphs on the same numbers; returns what was compared, in words.

    Args:
      draft: the graph as it was.
      values: of its variables.
      turned: what was made of it.
      feed: values of the placeholders by name, as the old graph takes them.

    Raises:
      ExportError: a tensor differs by more than the order of summation explains.
      RunError: one of the graphs cannot be run.
    """
    names = [old for old, _ in turned.sites]
    before = _run(draft, values, names, feed)
    given = {name: last(value) if name in turned.inputs else value for name, value in feed.items()}
    after = _run(turned.draft, turned.values, [new for _, new in turned.sites], given)
    worst = 0.0
    for name, old, new in zip(names, before, after, strict=True):
        found = first(new) if old.ndim > 2 else new
        distance = _distance(found, old)
        worst = max(worst, distance)
        if not distance <= _HALF.get(old.dtype.name, _CLOSE):
            raise errors.ExportError(
                errors.explain(
                    f"the check failed: channels last, {name!r} differs by {distance:.3g} of its largest value",
                    fix="Export it channels first.",
                )
            )
    return f"{len(names)} ops give channels last what they gave channels first, within {worst:.1e} of the largest value"


def first(value: np.ndarray) -> np.ndarray:
    """Returns an array of images with channels first."""
    return np.transpose(value, to_first(value.ndim))


def last(value: np.ndarray) -> np.ndarray:
    """Returns an array of images with channels last."""
    return np.transpose(value, to_last(np.ndim(value)))


def _run(draft: Draft, values: Mapping[str, np.ndarray], names: list[str], feed: Mapping[str, Any]) -> list[Any]:
    held = {name: values[name] for name in variables.names(draft)}
    meta = variables.with_initializers(draft, {name: value.shape for name, value in held.items()})
    with running.opened(meta, held) as session:
        given = {tensor.name: value for tensor, value in running.feeds(session.graph, feed)}
        return list(running.fed(session, names, given))


def _distance(found: np.ndarray, expected: np.ndarray) -> float:
    if found.shape != expected.shape:
        return float("inf")
    found, expected = found.astype(np.float64), expected.astype(np.float64)
    largest = float(np.max(np.abs(expected), initial=0.0)) or 1.0
    return float(np.max(np.abs(found - expected), initial=0.0)) / largest
