"""Plans a migration: to a layout, to a target graph, or by the user's rules alone."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from tf1bn import errors, progress
from tf1bn.checkpoint import graph_planner, leftovers, naming, object_graph, plan, rules, sites, slots
from tf1bn.checkpoint.bundle import TensorInfo
from tf1bn.checkpoint.layout import Layout
from tf1bn.checkpoint.layouts import catalog, object_based
from tf1bn.checkpoint.plan import Drop, Plan, Step, Trouble
from tf1bn.checkpoint.rules import Rules
from tf1bn.checkpoint.source import Checkpoint, open_checkpoint

Names = Mapping[str, str] | str | os.PathLike[str]


def plan_migration(
    source: str | os.PathLike[str],
    to: str | Layout | None = None,
    *,
    graph: str | os.PathLike[str] | None = None,
    source_layout: str | Layout | None = None,
    source_graph: str | os.PathLike[str] | None = None,
    rename: Iterable[str] = (),
    drop: Iterable[str] = (),
    mapping: Names = (),  # type: ignore[assignment]
) -> Plan:
    """Returns what a migration would do, without doing it.

    Every tensor of the source is copied, renamed, converted, or dropped by a pattern that is named; tensors
    that only the target has are synthesised where a value is certain (a gamma of ones). Anything else is a
    trouble, and a plan with troubles is not carried out.

    Args:
      source: prefix of the checkpoint.
      to: target layout: a registered name, a :class:`Layout`, or a JSON file.
      graph: target graph: a ``.meta`` file, or the prefix of a checkpoint that the target program wrote; needed
        where the target is object-based.
      source_layout: layout of the source, where the names alone do not tell; as ``to``.
      source_graph: ``.meta`` file of the source; by default the one beside it. Needed where automatic names
        have shifted.
      rename: ``REGEX=>NEW``, applied to the target names in order.
      drop: regular expressions; source tensors that match are left out.
      mapping: source name -> target name, or a JSON file of such; wins over everything else.

    Returns:
      a :class:`Plan`.

    Raises:
      ArgumentError: nothing to do was given, or a rule is malformed.
      UnknownNameError: no such layout.
      CheckpointError: a file cannot be read.
    """
    with errors.located("plan_migration", source=os.fspath(source)):
        checked = rules.parse(rename, drop, mapping)
        if to is None and graph is None and not (checked.renames or checked.drops or checked.mapping):
            raise errors.ArgumentError(
                errors.explain("nothing to do", expected="a target layout, a target graph, or rules")
            )
        wanted, origin = _layout(to), _layout(source_layout)
        if wanted is not None and not wanted.writable and graph is None:
            raise errors.ArgumentError(
                errors.explain(
                    f"layout {wanted.name!r} has no names of its own to write",
                    fix="Give the target program's graph, or a checkpoint that it wrote, as `graph`.",
                )
            )
        with open_checkpoint(source) as opened:
            if graph is not None:
                return graph_planner.plan_to_graph(opened, os.fspath(graph), wanted, origin, source_graph, checked)
            return _LayoutPlanner(opened, wanted, origin, checked).plan()


def _layout(given: str | Layout | None) -> Layout | None:
    if isinstance(given, str) and given.endswith(".json"):
        return rules.load_layout(given)
    return catalog.LAYOUTS.get(given) if isinstance(given, str) else given


class _LayoutPlanner:
    """Builds the plan of one migration to a layout, or by rules alone."""

    def __init__(self, opened: Checkpoint, target: Layout | None, origin: Layout | None, checked: Rules) -> None:
        self._opened, self._target, self._origin, self._rules = opened, target, origin, checked
        self._used: set[str] = set()
        self._steps: list[Step] = []
        self._drops: list[Drop] = []
        self._troubles: list[Trouble] = []
        self._notes: list[str] = []

    def plan(self) -> Plan:
        self._names = object_graph.read_names(self._opened) if self._target else object_graph.Names({})
        self._dependent = slots.owners(self._opened.tensors, self._names.shown)
        # The user's word first: what it places is not asked about again.
        left = self._apply_own_rules()
        if self._target is not None:
            left = self._move_sites(left)
        for name in left:
            # Its paths name variables of the old program only.
            if name == object_based.GRAPH_KEY and self._target is not None:
                self._drops.append(Drop(name, f"layout {self._target.name} has no graph of objects"))
            else:
                info = self._info(name)
                self._steps.append(naming.move(name, self._stays_as(name), info, (), info.shape))
        self._rename()
        # After renaming, which may bring a tensor to the name that was to be made.
        self._steps = _without_claimed(self._steps)
        self._troubles += plan.collisions(self._steps) + self._unused()
        return Plan(
            self._opened.prefix,
            f"layout {self._target.name}" if self._target else "the names that the rules give",
            tuple(sorted(self._steps)),
            tuple(sorted(self._drops)),
            tuple(sorted(self._troubles)),
            tuple(self._notes),
        )

    def _info(self, name: str) -> TensorInfo:
        return self._opened.tensors[name]

    def _shown(self, name: str) -> str:
        return self._names.shown.get(name, name)

    def _stays_as(self, name: str) -> str:
        """Returns the name of a tensor that is no part of a site; slots follow a variable that the user maps."""
        slot = self._dependent.get(name)
        owner = self._rules.mapping.get(slot.owner) if slot else None
        return slot.renamed(owner) if slot and owner else self._shown(name)

    def _apply_own_rules(self) -> list[str]:
        """Drops and maps as the user says; returns the names that are left."""
        left = []
        for name, info in self._opened.tensors.items():
            pattern = self._rules.dropped_by(name)
            if name in self._rules.mapping:
                self._used.add(name)
                self._steps.append(naming.move(name, self._rules.mapping[name], info, (), info.shape))
            elif pattern:
                self._used.add(pattern)
                self._drops.append(Drop(name, pattern))
            else:
                left.append(name)
        return left

    def _move_sites(self, left: list[str]) -> list[str]:
        assert self._target is not None
        mapped = {name: target for name, target in self._rules.mapping.items() if name in self._opened.tensors}
        # What the user maps is still a part of its site: without it a gamma of ones would be made beside it.
        tensors = {name: self._info(name) for name in (*left, *mapped)}
        found = object_graph.recognise(tensors, self._names, self._origin)
        if not found:
            wanted = f"of layout {self._origin.name} " if self._origin else ""
            self._troubles.append(Trouble("unplaced", "(all)", f"no batch norm {wanted}was recognised"))
        moves = []
        for site in progress.each(found, "planning", "batch norms"):
            scope = _plain_scope(site, self._names.shown)
            moves.append(naming.SiteMove(site, self._target, scope, tensors, self._names.shown, mapped))
            if self._origin is None and (site.rivals or site.layout.needs_naming):
                names = ", ".join(sorted({site.layout.name, *site.rivals}))
                self._troubles.append(Trouble("ambiguous", site.label, f"may be {names}; say which with --from"))
        near = {
            name: row
            for name, row in sites.satellites(self._dependent, found).items()
            if name in tensors and name not in mapped
        }
        for name, (owner, role, slot) in near.items():
            moves[owner].satellite(name, role, slot)
        for moved in moves:
            self._steps += moved.steps
            self._drops += moved.drops
            self._troubles += moved.troubles
        taken = {name for site in found for name in site.tensors.values()} | set(near)
        left = [name for name in left if name not in taken]
        self._ask_about(left, moves)
        return left

    def _ask_about(self, left: list[str], moves: list[naming.SiteMove]) -> None:
        """Stops where a part of a site would stay behind, and notes what no layout explains."""
        loose = {
            slots.plain(self._shown(name)): self._info(name)
            for name in left
            if name not in self._dependent and name != object_based.GRAPH_KEY
        }
        if self._origin is not None:  # the user names the one layout to move: whole sites of others stay
            others = [site for site in sites.recognise(loose) if site.scope not in {move.site.scope for move in moves}]
            if others:
                text = f"{len(others)} batch norms of other layouts stay as they are, the first {others[0].label}"
                self._notes.append(text)
            taken = {name for site in others for name in site.tensors.values()}
            loose = {name: info for name, info in loose.items() if name not in taken}
        rest = leftovers.Leftovers(moves, loose, self._rules)
        self._troubles += rest.troubles()
        self._notes += rest.notes()

    def _rename(self) -> None:
        for at, step in enumerate(self._steps):
            name = step.target if step.source in self._rules.mapping else self._rules.renamed(step.target, self._used)
            if name != step.target:
                action = plan.RENAMED if step.action == plan.COPIED else step.action
                # A rename may undo what the layout did.
                action = plan.COPIED if action == plan.RENAMED and name == step.source else action
                self._steps[at] = step._replace(target=name, action=action)

    def _unused(self) -> list[Trouble]:
        every = [pattern.pattern for pattern, _ in self._rules.renames] + [drop.pattern for drop in self._rules.drops]
        unused = [rule for rule in (*every, *self._rules.mapping) if rule not in self._used]
        return [Trouble("unused rule", rule, "matches no tensor") for rule in dict.fromkeys(unused)]


def _without_claimed(steps: list[Step]) -> list[Step]:
    """Leaves out a gamma or beta that would be made where the user brings one."""
    claimed = {step.target for step in steps if step.action != plan.SYNTHESISED}
    return [step for step in steps if step.value not in ("ones", "zeros") or step.target not in claimed]


def _plain_scope(site: sites.Site, plain: Mapping[str, str]) -> str | None:
    """Returns the variable scope of a site in an object-based file; None elsewhere."""
    scopes = {plain[name].rpartition("/")[0] for name in site.tensors.values() if name in plain}
    return scopes.pop() if len(scopes) == 1 else None
