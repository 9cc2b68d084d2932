"""Plans a migration to a target graph: every variable it wants, each from the source tensor that it is."""

from __future__ import annotations

import os

from tf1bn import errors
from tf1bn.checkpoint import conversions, correspondence, naming, object_graph, plan, sites, slots, target_graph
from tf1bn.checkpoint.bundle import TensorInfo
from tf1bn.checkpoint.layout import ROLES, Layout
from tf1bn.checkpoint.layouts.object_based import GRAPH_KEY
from tf1bn.checkpoint.plan import SYNTHESISED, Drop, Plan, Step, Trouble
from tf1bn.checkpoint.rules import Rules
from tf1bn.checkpoint.sites import Site
from tf1bn.checkpoint.source import Checkpoint
from tf1bn.checkpoint.target_graph import Target

_CERTAIN = {"gamma": "ones", "beta": "zeros", "debias_weight": "ones"}  # values that leave the function as it is


def plan_to_graph(
    opened: Checkpoint,
    path: str,
    wanted: Layout | None,
    origin: Layout | None,
    source_graph: str | os.PathLike[str] | None,
    rules: Rules,
) -> Plan:
    """Returns the plan of one migration to a target graph.

    Args:
      opened: the source.
      path: a ``.meta`` file, or the prefix of a checkpoint of the target program.
      wanted: layout of the target, where its names do not tell.
      origin: layout of the source, where its names do not tell.
      source_graph: ``.meta`` file of the source.
      rules: the user's own.
    """
    return GraphPlanner(opened, target_graph.read_target(path), wanted, origin, source_graph, rules).plan()


class GraphPlanner:
    """Builds the plan of one migration to a target graph."""

    def __init__(
        self,
        opened: Checkpoint,
        target: Target,
        wanted: Layout | None,
        origin: Layout | None,
        source_graph: str | os.PathLike[str] | None,
        rules: Rules,
    ) -> None:
        self._opened, self._target, self._rules = opened, target, rules
        self._wanted, self._origin, self._source_graph = wanted, origin, source_graph
        self._steps: list[Step] = []
        self._drops: list[Drop] = []
        self._troubles: list[Trouble] = []
        self._used: set[str] = set()
        self._plain = object_graph.variable_names(opened)
        self._there: dict[str, str] = {}  # source -> the target's variable, of what is placed
        self._chains: dict[str, tuple[str, ...]] = {}  # source -> how its stored form changes

    def plan(self) -> Plan:
        tensors = self._apply_own_rules()
        notes = self._move_sites(tensors)
        self._move_slots(tensors)
        self._move_rest(tensors)
        self._add_extras()
        covered = {step.target for step in self._steps}
        for name in self._target.variables:
            if self._key(name) not in covered:
                self._troubles.append(Trouble("uncovered", name, "the target wants it, nothing in the source is it"))
        self._troubles += plan.collisions(self._steps) + self._unused()
        return Plan(
            self._opened.prefix,
            f"graph {self._target.path}",
            tuple(sorted(self._steps)),
            tuple(sorted(self._drops)),
            tuple(sorted(set(self._troubles))),
            tuple(notes),
            self._target.template,
        )

    def _key(self, name: str) -> str:
        return self._target.keys.get(name, name)

    def _apply_own_rules(self) -> dict[str, TensorInfo]:
        """Drops and maps as the user says; returns the tensors that are left."""
        left = {}
        for name, info in self._opened.tensors.items():
            pattern = self._rules.dropped_by(name)
            if name in self._rules.mapping:
                self._used.add(name)
                self._place(name, self._rules.mapping[name])
            elif pattern:
                self._used.add(pattern)
                self._drops.append(Drop(name, pattern))
            elif name == GRAPH_KEY:
                self._drops.append(Drop(name, "the source's own graph of objects"))
            else:
                left[name] = info
        return left

    def _place(
        self, name: str, there: str, chain: tuple[str, ...] = (), companion: str = "", *, vector: bool = False
    ) -> None:
        """Adds the step of one tensor, if type and shape are what the target wants."""
        info, variable = self._opened.tensors[name], self._target.variables.get(there)
        if variable is None:
            self._troubles.append(Trouble("unplaced", name, f"the target has no variable {there!r}"))
            return
        if variable.dtype != info.dtype.name:
            text = f"{info.dtype.name} in the source, {variable.dtype} in the target"
            self._troubles.append(Trouble("dtype", there, text))
        shape = info.shape if variable.shape is None else variable.shape
        # A slice says where it lies in the old shape, and so cannot be reshaped.
        if shape != info.shape and not (vector and _only_ones_differ(info.shape, shape) and not info.slices):
            text = f"{list(info.shape)} in the source ({name}), {list(shape)} in the target"
            self._troubles.append(Trouble("shape", there, text))
            return
        self._there[name], self._chains[name] = there, chain
        self._steps.append(naming.move(name, self._key(there), info, chain, shape, companion))

    def _move_sites(self, tensors: dict[str, TensorInfo]) -> list[str]:
        plain = {self._plain.get(name, name): name for name in tensors}
        named = {shown: tensors[name]._replace(name=shown) for shown, name in plain.items()}
        found = sites.recognise(named, self._origin)
        theirs = sites.recognise(target_graph.infos(self._target.variables), self._wanted)
        pairs = correspondence.find(
            found, theirs, named, self._target, self._source_graph, self._opened.prefix, self._rules
        )
        self._troubles += pairs.troubles
        for at, other in pairs.sites.items():
            self._refuse_rivals(found[at], other)
            self._move_site(found[at], other, plain, tensors)
        for shown, there in pairs.names.items():
            if plain.get(shown) in tensors:
                self._place(plain[shown], there)
                tensors.pop(plain[shown])
        for at, site in enumerate(found):
            # Where automatic names have shifted, a tensor must not go by its name to another layer.
            if at not in pairs.sites and any(trouble.kind == "drift" for trouble in pairs.troubles):
                for shown in site.tensors.values():
                    tensors.pop(plain[shown], None)
        return pairs.notes

    def _refuse_rivals(self, site: Site, other: Site) -> None:
        """Names sites whose stored values mean one thing or another, unless both sides are of one kind."""
        if site.layout is other.layout and self._origin is None and self._wanted is None:
            return
        if (site.rivals and self._origin is None) or (other.rivals and self._wanted is None):
            names = ", ".join(sorted({site.layout.name, *site.rivals, other.layout.name, *other.rivals}))
            text = f"may be {names}; say which with --from and --to"
            self._troubles.append(Trouble("ambiguous", site.label, text))

    def _move_slots(self, tensors: dict[str, TensorInfo]) -> None:
        """Moves slots of optimizers and averages of weights to those of the variable that their owner becomes.

        The scope that the optimizer was built in may be another one in the target.
        """
        wanted: dict[tuple[str, str], list[str]] = {}
        for name, slot in slots.owners(target_graph.infos(self._target.variables)).items():
            wanted.setdefault((slot.owner, slot.tail), []).append(name)
        for name, slot in slots.owners(self._opened.tensors, self._plain).items():
            there = self._there.get(slot.owner) or self._by_name(slot.owner)
            if name not in tensors or not there:
                continue
            places = wanted.get((there, slot.tail), [])
            same = slot.renamed(there)
            if same in self._target.variables or len(places) == 1:
                # An average is stored in the form of its variable; a slot of an optimizer is something else.
                chain = self._chains.get(slot.owner, ()) if slot.averages else ()
                self._place(name, same if same in self._target.variables else places[0], chain, vector=True)
                tensors.pop(name)

    def _by_name(self, name: str) -> str:
        """Returns the target's variable of a tensor that keeps its name, after the user's renames; or nothing."""
        there = self._rules.renamed(self._plain.get(name, name), set())
        return there if there in self._target.variables else ""

    def _move_site(self, site: Site, other: Site, plain: dict[str, str], tensors: dict[str, TensorInfo]) -> None:
        for role, shown in site.tensors.items():
            name = plain[shown]
            tensors.pop(name, None)
            if role not in other.tensors:
                if role in ROLES:
                    text = f"{role} of {other.label} does not exist in the target; drop it if that is meant"
                    self._troubles.append(Trouble("unplaced", name, text))
                else:
                    self._drops.append(Drop(name, f"{other.label} of the target has no {role}"))
                continue
            try:
                chain = conversions.chain(_stored(site, role), _stored(other, role))
            except errors.CheckpointPlanError as error:
                self._troubles.append(Trouble("impossible", name, error.text))
                continue
            leaf = site.layout.leaf(role)
            companion = plain.get(site.tensors.get(leaf.companion, ""), "") if leaf else ""
            self._place(name, other.tensors[role], chain, companion, vector=True)
        for role, there in other.tensors.items():
            if role not in site.tensors:
                self._make(role, there, site, other, plain)

    def _make(self, role: str, there: str, site: Site, other: Site, plain: dict[str, str]) -> None:
        """Adds a tensor that only the target has, where its value is certain."""
        variable, leaf = self._target.variables[there], other.layout.leaf(role)
        statistic = self._target.variables[other.tensors.get("moving_mean", there)]
        shape = variable.shape if variable.shape is not None else statistic.shape
        how = _CERTAIN.get(role) or (leaf.make if leaf else "")
        if not how or shape is None:
            return
        value, why = how, "absent in the source"
        if how.startswith("copy "):
            origin = plain.get(site.tensors.get(how.removeprefix("copy "), ""), "")
            if origin:
                step = Step(self._key(there), SYNTHESISED, origin, (), "", variable.dtype, shape, "copy", how)
                self._steps.append(step)
            return
        if how.startswith("constant "):
            value = " ".join(how.split()[:2])
        chain = conversions.chain("identity", _stored(other, role))
        self._steps.append(Step(self._key(there), SYNTHESISED, "", chain, "", variable.dtype, shape, value, why))

    def _move_rest(self, tensors: dict[str, TensorInfo]) -> None:
        """Places everything else by its name, after the user's renames."""
        # By now sites, slots and the user's own map have their places, and a name does not overrule them.
        taken = {step.target for step in self._steps}
        for name in tensors:
            there = self._rules.renamed(self._plain.get(name, name), self._used)
            if there in self._target.variables and self._key(there) not in taken:
                self._place(name, there)
            elif self._plain and name.startswith("save_counter/"):
                self._drops.append(Drop(name, "the source's own save counter"))
            else:
                self._troubles.append(Trouble("unplaced", name, "the target has no such variable; drop or map it"))

    def _add_extras(self) -> None:
        """Takes the graph of objects, and its save counter, from the target's own checkpoint."""
        for key in self._target.extras:
            dtype, shape = ("string", ()) if key == GRAPH_KEY else ("int64", ())
            self._steps.append(Step(key, SYNTHESISED, "", (), "", dtype, shape, "template", "of the target program"))

    def _unused(self) -> list[Trouble]:
        for pattern, _ in self._rules.renames:
            # A rule that was needed for finding a counterpart has been used, though no name of a step came of it.
            if any(pattern.search(name) for name in self._opened.tensors):
                self._used.add(pattern.pattern)
        rules = [
            *(pattern.pattern for pattern, _ in self._rules.renames),
            *(drop.pattern for drop in self._rules.drops),
        ]
        unused = [rule for rule in (*rules, *self._rules.mapping) if rule not in self._used]
        return [Trouble("unused rule", rule, "matches no tensor") for rule in dict.fromkeys(unused)]


def _stored(site: Site, role: str) -> str:
    leaf = site.layout.leaf(role)
    return leaf.stored if leaf else "identity"


def _only_ones_differ(shape: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Returns whether two shapes are one vector with and without axes of 1, scalars aside."""
    return bool(shape) and bool(other) and [s for s in shape if s != 1] == [s for s in other if s != 1]
