"""GraphModel: everything that is asked about a graph, computed once."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Sequence
from typing import Any

from tf1bn.graph import loading, nodes, ops, saving, training
from tf1bn.graph.flow import Flow
from tf1bn.graph.kinds import SAVED_MODEL, UPDATE_OPS
from tf1bn.graph.nodes import Tensor
from tf1bn.graph.sites import BATCH, MOVING, Site, SiteFinder
from tf1bn.graph.training import TrainOp
from tf1bn.graph.values import CheckpointValues
from tf1bn.graph.variables import Variable, Variables, Writer


class GraphModel:
    """A graph, read once.

    Args:
      graph_or_path: whatever `loading.load` takes.
      train_op: names of the ops that the program runs to train; found by itself when left out.
      checkpoint: a checkpoint of the model, or a mapping of names to arrays.
      fetches: names of what the program runs besides its train op.
    """

    def __init__(
        self,
        graph_or_path: Any,
        *,
        train_op: Sequence[str] = (),
        checkpoint: Any = None,
        fetches: Sequence[str] = (),
    ) -> None:
        self.source = loading.load(graph_or_path)
        self.flow = Flow(nodes.flatten(self.source.graph_def))
        self.flow.order  # noqa: B018 - refuses a graph with a circle before anything else looks at it
        self.nodes = self.flow.nodes
        self.collections = self.source.collections
        self.variables = Variables(self.flow, self.source.initializers, self.source.trainable)
        self.sites: list[Site] = SiteFinder(self.flow, self.variables).find()
        self.train_ops: list[TrainOp] = training.find(self.flow, self.variables, train_op)
        self.saves, self.restores = saving.find(self.flow, self.variables)
        self.fetches = tuple(training.number_of(self.flow, name) for name in fetches)
        self.checkpoint: Any = CheckpointValues(checkpoint) if checkpoint is not None else None

    @property
    def trains(self) -> bool:
        """Whether the graph has a train op."""
        return any(item.applies for item in self.train_ops)

    @functools.cached_property
    def frozen(self) -> bool:
        """Whether the graph is for serving alone: it has sites and no variable of its own."""
        return bool(self.sites) and not self.variables.by_node

    @property
    def deployed(self) -> bool:
        """Whether the graph was made for serving: frozen, or a SavedModel without a train op."""
        return self.frozen or (self.source.kind == SAVED_MODEL and not self.trains)

    @functools.cached_property
    def trained(self) -> bytearray:
        """Marks what runs with any train op."""
        return self.flow.reach([root for item in self.train_ops for root in item.roots])

    @functools.cached_property
    def ran(self) -> bytearray:
        """Marks what runs with any train op or named fetch."""
        return self.flow.reach([*(root for item in self.train_ops for root in item.roots), *self.fetches])

    @functools.cached_property
    def update_ops(self) -> tuple[int, ...]:
        """The entries of UPDATE_OPS."""
        return self.collection(UPDATE_OPS)

    def collection(self, name: str) -> tuple[int, ...]:
        """The nodes of a collection."""
        return tuple(self.flow.by_name[item] for item in self.collections.get(name, ()) if item in self.flow.by_name)

    def collections_of(self, number: int) -> list[str]:
        """The collections that hold an op, or something that runs it from inside a branch."""
        return self._holders.get(number, [])

    @functools.cached_property
    def _holders(self) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        for key in self.collections:
            for number in {item for entry in self.collection(key) for item in (entry, *self.near(entry))}:
                found.setdefault(number, []).append(key)
        return found

    @functools.lru_cache(maxsize=10_000)  # noqa: B019 - lives as long as the model, on purpose
    def near(self, entry: int) -> frozenset[int]:
        """The writes that a collection entry runs by itself: through groups, reads after a write, and branches."""
        through = (
            "NoOp",
            "Identity",
            "Merge",
            "RefMerge",
            "ReadVariableOp",
            "If",
            "StatelessIf",
            "IdentityN",
            "PartitionedCall",
            "StatefulPartitionedCall",
            "Case",
        )
        seen, todo = {entry}, [entry]
        while todo:
            number = todo.pop()
            node = self.nodes[number]
            inner = node.call >= 0 or (node.op.startswith("Assign") is False and node.op in through)
            if inner and len(seen) < 500:
                fresh = [item for item in self.flow.parents[number] if item not in seen]
                seen.update(fresh)
                todo.extend(fresh)
        return frozenset(seen)

    def active(self, site: Site) -> bool:
        """Whether a train op runs the site, as part of the forward pass that it differentiates."""
        return any(self.trained[number] for number in site.anchors)

    def sites_in_training(self) -> list[Site]:
        """The sites that a train op runs."""
        return self._active_sites

    @functools.cached_property
    def _active_sites(self) -> list[Site]:
        return [site for site in self.sites if self.active(site)]

    @functools.cached_property
    def moved_sites(self) -> list[Site]:
        """The sites that train and whose averages a train op or named fetch moves."""
        return [site for site in self._active_sites if self.reached(self.updates(site))]

    def uses_batch(self, site: Site) -> bool:
        """Whether the site can normalise with the statistics of the batch."""
        return site.mode != MOVING

    def always_batch(self, site: Site) -> bool:
        """Whether the site always normalises with the statistics of the batch."""
        return site.mode == BATCH

    def updates(self, site: Site) -> list[tuple[Variable, Writer]]:
        """The writers that move a statistic of the site."""
        return site.updates()

    def reached(self, writers: Iterable[tuple[Variable, Writer]]) -> list[tuple[Variable, Writer]]:
        """Those of the writers that run with a train op or a named fetch."""
        return [(variable, writer) for variable, writer in writers if self.ran[writer.node.id]]

    def gates(self, number: int) -> set[tuple[Tensor, Any]]:
        """The conditions under which an op runs."""
        return {(item[1], item[2]) for item in self.flow.contexts[number] if item[0] == "cond"}

    def switched(self, writer: Writer) -> bool:
        """Whether a writer depends on a condition: it runs in a branch, or what it writes is chosen by one."""
        if self.gates(writer.node.id):
            return True
        choosers = ("Merge", "RefMerge", "Select", "SelectV2", "If", "StatelessIf", *ops.SWITCHES)
        value = writer.node.inputs[-1]
        return any(self.nodes[number].op in choosers for number in self.flow.computed(value))

    def decay(self, writer: Writer) -> float | None:
        """The share of the old average that a writer keeps, where the graph states it as a constant."""
        node = writer.node
        value = self.nodes[self.flow.strip(node.inputs[-1])[0]]
        if node.op.startswith("AssignSub") and value.op == "Sub":  # rate * value, less what the rounded decay is off
            value = self.nodes[self.flow.strip(value.inputs[0])[0]]
        if node.op in ("AssignSub", "AssignSubVariableOp", "AssignAdd", "AssignAddVariableOp") and value.op == "Mul":
            for tensor in value.inputs:
                rate = self.flow.scalar(tensor)
                if rate is not None and 0 < rate <= 1:
                    return 1.0 - rate
        if node.op in ("Assign", "AssignVariableOp") and value.op in ("Add", "AddV2"):
            for tensor in value.inputs:
                term = self.nodes[self.flow.strip(tensor)[0]]
                rate = next((r for r in map(self.flow.scalar, term.inputs) if r is not None), None)
                moved = any(self.flow.is_batch_moment(source) for source in self.flow.sources(tensor))
                if term.op == "Mul" and rate is not None and 0 <= rate <= 1:
                    return 1.0 - rate if moved else rate
        return None

    def stored(self, variable: Variable) -> Any:
        """The value of a variable in the checkpoint, or None."""
        return self.checkpoint.get(variable.key) if self.checkpoint is not None else None

    @functools.cached_property
    def gradients(self) -> frozenset[str]:
        """The names of all variables that a train op moves."""
        return frozenset(variable.name for item in self.train_ops for variable in item.weights)

    @functools.cached_property
    def records(self) -> dict[str, dict[str, Any]]:
        """What tf1bn wrote about its own layers, by scope; empty for graphs of other libraries."""
        found = {}
        for text in self.source.records:
            try:
                record = json.loads(text)
            except ValueError:
                continue
            if isinstance(record, dict) and isinstance(record.get("scope"), str):
                found[record["scope"]] = record
        return found
