"""A migration as pure data: what becomes of every tensor, and what stops the run."""

from __future__ import annotations

import collections
import types
from collections.abc import Mapping
from typing import Any, NamedTuple

from tf1bn import errors

COPIED, RENAMED, CONVERTED, SYNTHESISED = "copied", "renamed", "converted", "synthesised"
ACTIONS = (COPIED, RENAMED, CONVERTED, SYNTHESISED)


class Step(NamedTuple):
    """One tensor of the target.

    Attributes:
      target: its name.
      action: ``copied``, ``renamed``, ``converted`` or ``synthesised``.
      source: the tensor it comes from; empty for a constant.
      conversion: steps of :mod:`tf1bn.checkpoint.conversions`; empty when bytes stay.
      companion: second source of the conversion.
      dtype: of the target.
      shape: of the target.
      value: of a synthesised tensor: ``ones``, ``zeros``, ``copy``, ``constant N``, or ``given`` with the plan.
      why: one phrase.
    """

    target: str
    action: str
    source: str
    conversion: tuple[str, ...]
    companion: str
    dtype: str
    shape: tuple[int, ...]
    value: str = ""
    why: str = ""


class Drop(NamedTuple):
    """One source tensor that is left out, and the pattern that says so."""

    name: str
    pattern: str


class Trouble(NamedTuple):
    """One thing that stops the run.

    ``kind`` is one of ``collision``, ``unplaced``, ``uncovered``, ``shape``, ``dtype``, ``drift``, ``ambiguous``,
    ``unused rule``, ``impossible``, ``split``.
    """

    kind: str
    name: str
    text: str


class Plan(NamedTuple):
    """What a migration does.

    Attributes:
      source: prefix.
      target: what it is made for: a layout, or a graph.
      steps: sorted by target name.
      dropped: sorted by name.
      troubles: empty when the plan can be carried out.
      notes: what a reader should know.
      template: prefix of the checkpoint whose object graph the target takes, if any.
      given: target name -> array of every ``given`` tensor.
    """

    source: str
    target: str
    steps: tuple[Step, ...]
    dropped: tuple[Drop, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    notes: tuple[str, ...] = ()
    template: str = ""
    given: Mapping[str, Any] = types.MappingProxyType({})

    def counts(self) -> dict[str, int]:
        """Returns how many tensors each action concerns."""
        tally = collections.Counter(step.action for step in self.steps)
        return {action: tally[action] for action in ACTIONS} | {"dropped": len(self.dropped)}

    def require(self) -> None:
        """Refuses a plan that does not say what happens to every tensor.

        Raises:
          CheckpointPlanError: lists the first twenty troubles.
        """
        if self.troubles:
            shown = "\n".join(f"  {kind}: {name}: {text}" for kind, name, text in self.troubles[:20])
            more = f"\n  and {len(self.troubles) - 20} more" if len(self.troubles) > 20 else ""
            raise errors.CheckpointPlanError(
                f"the plan leaves {len(self.troubles)} questions open, nothing was written:\n{shown}{more}\n"
                "Answer them with --from, --map, --rename, --drop or --source_graph."
            )


def collisions(steps: list[Step]) -> list[Trouble]:
    """Names targets that two sources claim, and names no file can hold."""
    by_target: dict[str, list[str]] = {}
    for step in steps:
        by_target.setdefault(step.target, []).append(step.source or f"({step.value})")
    found = []
    for target, sources in by_target.items():
        if len(sources) > 1:
            text = f"two sources for one target: {', '.join(sorted(sources))}"
            found.append(Trouble("collision", target, text))
        if not target or target[0] == "\0":
            found.append(Trouble("impossible", target, f"no name for a tensor; from {sources[0]}"))
    return found


def as_json(plan: Plan) -> dict[str, Any]:
    """Returns a plan as JSON values."""
    return {
        "source": plan.source,
        "target": plan.target,
        "counts": plan.counts(),
        "steps": [step._asdict() | {"shape": list(step.shape)} for step in plan.steps],
        "dropped": [drop._asdict() for drop in plan.dropped],
        "troubles": [trouble._asdict() for trouble in plan.troubles],
        "notes": list(plan.notes),
    }


def as_text(plan: Plan) -> str:
    """Returns a plan as lines for people, one per tensor."""
    lines = [f"{plan.source} -> {plan.target}"]
    for step in plan.steps:
        origin = f" <- {step.source}" if step.source and step.source != step.target else ""
        how = "; ".join(part for part in (", ".join(step.conversion), step.value, step.why) if part)
        lines.append(f"  {step.action:11} {step.target}{origin}{f'  ({how})' if how else ''}")
    lines += [f"  {'dropped':11} {drop.name}  ({drop.pattern})" for drop in plan.dropped]
    lines += [f"note: {note}" for note in plan.notes]
    lines += [f"STOP {kind}: {name}: {text}" for kind, name, text in plan.troubles]
    lines.append(", ".join(f"{count} {action}" for action, count in plan.counts().items()))
    return "\n".join(lines)
