"""A conversion as pure data: which tensor of the source becomes which tensor of the target, how, and how sure."""

from __future__ import annotations

import collections
from collections.abc import Sequence
from typing import Any, NamedTuple

from tf1bn import errors
from tf1bn.convert.layer import Doubt, Layer
from tf1bn.convert.target import Target


class Entry(NamedTuple):
    """One tensor of the target.

    Attributes:
      target: what it is and where it comes from.
      layer: the layer it belongs to.
      sure: ``certain``, ``likely`` or ``given``: the roles of its sources, and the match of its name if there is one.
      why: in a phrase.
    """

    target: Target
    layer: Layer
    sure: str
    why: str


class Plan(NamedTuple):
    """What a conversion does.

    Attributes:
      source: what is read.
      to: form of the target.
      dialect: whose names and axes the target has: ``torch``, ``keras`` or ``tensorflow``.
      layers: in the order of the forward pass.
      entries: the tensors of the target, in the same order.
      left: name of a tensor of the source that is not taken -> why.
      doubts: open questions; with one, nothing is written.
      notes: what a reader should know.
      inputs, outputs: of the forward pass, key -> tensor, where outputs were named.
      axes: key of an input or output that is maps -> what its axes are, such as ``NHWC``.
    """

    source: str
    to: str
    dialect: str
    layers: tuple[Layer, ...]
    entries: tuple[Entry, ...]
    left: dict[str, str]
    doubts: tuple[Doubt, ...] = ()
    notes: tuple[str, ...] = ()
    inputs: dict[str, str] = {}
    outputs: dict[str, str] = {}
    axes: dict[str, str] = {}

    def require(self) -> None:
        """Refuses a plan with open questions.

        Raises:
          ConvertError: lists the first twenty.
        """
        if self.doubts:
            shown = "\n".join(f"  {place}: {text}; {answer}" for place, text, answer in self.doubts[:20])
            more = f"\n  and {len(self.doubts) - 20} more" if len(self.doubts) > 20 else ""
            raise errors.ConvertError(
                f"{len(self.doubts)} questions are open, nothing was written:\n{shown}{more}\n"
                'Answer them in a map file: {"PLACE": {...}}, given as --map.'
            )

    @property
    def nbytes(self) -> int:
        """The size of all tensors of the target."""
        return sum(entry.target.nbytes for entry in self.entries)


def as_json(plan: Plan) -> dict[str, Any]:
    """Returns a plan as JSON values."""
    return {
        "source": plan.source,
        "to": plan.to,
        "dialect": plan.dialect,
        "layers": [
            {"name": layer.name, "kind": layer.kind, "scope": layer.scope, "traits": layer.traits}
            for layer in plan.layers
        ],
        "tensors": [
            {
                "name": entry.target.name,
                "shape": list(entry.target.shape),
                "dtype": entry.target.dtype,
                "layer": entry.layer.name,
                "kind": entry.layer.kind,
                "sources": sorted({part.source.key for part in entry.target.parts}),
                "how": entry.target.text(),
                "sure": entry.sure,
                "why": entry.why,
            }
            for entry in plan.entries
        ],
        "left": plan.left,
        "doubts": [doubt._asdict() for doubt in plan.doubts],
        "notes": list(plan.notes),
        "inputs": plan.inputs,
        "outputs": plan.outputs,
        "axes": plan.axes,
        "bytes": plan.nbytes,
    }


def as_text(plan: Plan) -> str:
    """Returns a plan as lines for people: a layer, and below it its tensors."""
    lines = [f"{plan.source} -> {plan.to}"]
    by_layer = _grouped(plan.entries)
    for layer in plan.layers:
        entries = by_layer.get(id(layer), [])
        sure = entries[0].sure if entries else layer.sure
        lines.append(f"  {layer.name}: {layer.kind} ({sure}: {entries[0].why if entries else layer.why})")
        lines += [
            f"    {entry.target.name} {list(entry.target.shape)} {entry.target.dtype} <- {entry.target.text()}"
            for entry in entries
        ]
    for why, names in _by_reason(plan.left).items():
        shown = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
        lines.append(f"left: {len(names)} tensors, {why} ({shown})")
    lines += [f"note: {note}" for note in plan.notes]
    lines += [f"QUESTION {place}: {text}; {answer}" for place, text, answer in plan.doubts]
    lines.append(f"{len(plan.entries)} tensors of {len(plan.layers)} layers, {plan.nbytes:,} bytes")
    return "\n".join(lines)


def _by_reason(left: dict[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = collections.defaultdict(list)
    for name, why in left.items():
        found[why].append(name)
    return found


def _grouped(entries: Sequence[Entry]) -> dict[int, list[Entry]]:
    found: dict[int, list[Entry]] = collections.defaultdict(list)
    for entry in entries:
        found[id(entry.layer)].append(entry)
    return found
