"""What a comparison says: the largest difference, and the first layer where two sides part."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tf1bn import errors
from tf1bn.convert import naming
from tf1bn.convert.plan import Plan
from tf1bn.convert.proof import axes
from tf1bn.convert.proof.results import Results

TOLERANCE = 1e-4
"""Allowed difference, relative to the largest number of the source or 1: another library sums in another order."""


class Row(NamedTuple):
    """One output or layer: the largest difference over the largest number of the source, or 1."""

    name: str
    difference: float


class Verdict(NamedTuple):
    """What was compared.

    Attributes:
      outputs: each output.
      layers: each layer that both sides show, in forward order.
      tolerance: what is allowed.
      unseen: layers that only one side shows.
    """

    outputs: tuple[Row, ...]
    layers: tuple[Row, ...]
    tolerance: float
    unseen: tuple[str, ...]

    @property
    def largest(self) -> float:
        """The largest difference of an output."""
        return max(row.difference for row in self.outputs)

    @property
    def parted(self) -> str:
        """The first layer that differs; empty where none of those compared does."""
        return next((row.name for row in self.layers if not row.difference <= self.tolerance), "")

    @property
    def agrees(self) -> bool:
        """Whether all outputs are the same."""
        return all(row.difference <= self.tolerance for row in self.outputs)

    def require(self) -> None:
        """Refuses sides that differ.

        Raises:
          ConvertError: says by how much, and from which layer on.
        """
        if not self.agrees:
            compared = f"the {len(self.layers)} layers that can be compared agree, so look between and behind them"
            if self.parted:
                compared = f"the first layer that differs is {self.parted!r}"
            raise errors.ConvertError(
                errors.explain(
                    f"the target does not compute what the source does: {compared}",
                    got=self.largest,
                    expected=f"a difference of at most {self.tolerance:g}",
                    fix="Compare padding, epsilon, axes and activations with the report of what weights do not carry.",
                )
            )


def compare(plan: Plan, source: Results, target: Results, tolerance: float = TOLERANCE) -> Verdict:
    """Returns how far the two sides are apart."""
    turned = plan.dialect == naming.TORCH
    outputs = []
    for key, value in source.outputs.items():
        expected = axes.channels_first(value, plan.axes.get(key, "")) if turned else value
        outputs.append(Row(key, difference(target.outputs[key], expected)))
    rows, unseen = [], []
    for layer in plan.layers:
        if layer.name in source.layers and layer.name in target.layers:
            value = source.layers[layer.name]
            other = target.layers[layer.name]
            if turned:
                value = axes.of_layer(value, layer)
                other = axes.cropped(other, layer, value.shape)
            rows.append(Row(layer.name, difference(other, value)))
        else:
            unseen.append(layer.name)
    return Verdict(tuple(outputs), tuple(rows), tolerance, tuple(unseen))


def difference(found: np.ndarray, expected: np.ndarray) -> float:
    """Returns the largest difference over the largest expected number or 1; infinite for other shapes or NaN."""
    if found.shape != expected.shape:
        if found.size != expected.size or [n for n in found.shape if n > 1] != [n for n in expected.shape if n > 1]:
            return float("inf")
        found = found.reshape(expected.shape)
    if expected.dtype.kind not in "fc":
        return 0.0 if np.array_equal(found, expected) else float("inf")
    one, two = found.astype(np.float64), expected.astype(np.float64)
    scale = max(1.0, float(np.max(np.abs(two), initial=0.0)))
    worst = float(np.max(np.abs(one - two), initial=0.0)) / scale
    return float("inf") if np.isnan(worst) else worst


def as_json(verdict: Verdict) -> dict[str, Any]:
    """Returns a verdict as JSON values; what is infinite becomes null."""

    def rows(items: tuple[Row, ...]) -> dict[str, float | None]:
        return {row.name: row.difference if np.isfinite(row.difference) else None for row in items}

    return {
        "agrees": verdict.agrees,
        "largest": verdict.largest if np.isfinite(verdict.largest) else None,
        "tolerance": verdict.tolerance,
        "parted": verdict.parted,
        "outputs": rows(verdict.outputs),
        "layers": rows(verdict.layers),
        "unseen": list(verdict.unseen),
    }


def as_text(verdict: Verdict) -> str:
    """Returns a verdict as lines for people."""
    lines = [f"output {row.name}: largest difference {row.difference:.3g}" for row in verdict.outputs]
    if verdict.agrees:
        lines.append(f"verified: at most {verdict.largest:.3g} apart, {len(verdict.layers)} layers compared")
    else:
        where = f"first at layer {verdict.parted!r}" if verdict.parted else "at no layer that can be compared"
        lines.append(f"DIFFERENT: {verdict.largest:.3g} apart; {where}")
    return "\n".join(lines)
