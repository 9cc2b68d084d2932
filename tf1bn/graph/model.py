"""GraphModel: everything that is asked about a graph, computed once."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Sequence
from typing import Any

from tf1bn.graph import collecting, loading, nodes, saving, switches, training
from tf1bn.graph.flow import Flow
from tf1bn.graph.kinds import SAVED_MODEL, TRAIN_OP, UPDATE_OPS
from tf1bn.graph.runners import Runners
from tf1bn.graph.site import BATCH, BOTH, MOVING, Site
from tf1bn.graph.sites import SiteFinder
from tf1bn.graph.training import TrainOp
from tf1bn.graph.values import CheckpointValues
from tf1bn.graph.variables import Variable, Variables, Writer


class GraphModel:
    """A graph, read once.

    Args:
      graph_or_path: whatever `loading.load` takes.
      train_op: names of the ops that the program runs to train; found by itself when left out.
      checkpoint: a checkpoint of the model, or a mapping of names to arrays.
      fetches: names of what the program runs besides its train op; the name of a collection stands for its entries.
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
        with collecting.paused():
            self._read(train_op, checkpoint, fetches)

    def _read(self, train_op: Sequence[str], checkpoint: Any, fetches: Sequence[str]) -> None:
        self.flow = Flow(nodes.flatten(self.source.graph_def))
        self.flow.order  # noqa: B018 - refuses a graph with a circle before anything else looks at it
        self.nodes = self.flow.nodes
        self.collections = self.source.collections
        self.variables = Variables(self.flow, self.source.initializers, self.source.trainable)
        self.switches = switches.Switches(self.flow, self.variables)
        self.sites: list[Site] = SiteFinder(self.flow, self.variables, self.switches).find()
        self.train_ops: list[TrainOp] = training.find(self.flow, self.variables, train_op)
        self.saves, self.restores = saving.find(self.flow, self.variables)
        self.fetches = tuple(number for name in fetches for number in self._fetched(name))
        self.runners = Runners(self)
        self.checkpoint: Any = CheckpointValues(checkpoint) if checkpoint is not None else None

    def _fetched(self, name: str) -> tuple[int, ...]:
        """The nodes that the name of an op, of a tensor or of a collection means."""
        if name.lstrip("^").split(":")[0] not in self.flow.by_name and name in self.collections:
            return self.collection(name)
        return (training.number_of(self.flow, name),)

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
        """Whether the graph was made for serving: frozen, or a SavedModel without a train op or with signatures."""
        return self.frozen or (self.source.kind == SAVED_MODEL and (not self.trains or bool(self._signatures[1])))

    @functools.cached_property
    def served(self) -> bytearray:
        """Marks what a request runs: what the outputs of the signatures need; everything where there is none."""
        outputs = self._signatures[1]
        return self.flow.reach(outputs) if outputs else bytearray(b"\1") * len(self.nodes)

    @property
    def signed(self) -> frozenset[int]:
        """The inputs of the signatures: what a request can set."""
        return self._signatures[0]

    @functools.cached_property
    def _signatures(self) -> tuple[frozenset[int], frozenset[int]]:
        """The inputs and the outputs of all signatures of a SavedModel."""
        meta = self.source.meta_graph
        defs = meta.signature_def.values() if meta is not None and self.source.kind == SAVED_MODEL else ()

        def known(infos: Any) -> set[int]:
            names = {info.name.split(":")[0] for info in infos}
            return {self.flow.by_name[name] for name in names if name in self.flow.by_name}

        inputs = [known(item.inputs.values()) for item in defs]
        outputs = [known(item.outputs.values()) for item in defs]
        return frozenset().union(*inputs), frozenset().union(*outputs)

    @functools.cached_property
    def trained(self) -> bytearray:
        """Marks what runs with any train op."""
        return self.flow.reach([root for item in self.train_ops for root in item.roots])

    @functools.cached_property
    def ran(self) -> bytearray:
        """Marks what runs with any train op or named fetch.

        An entry of TRAIN_OP is a promise to run it. Optimizers enter all that they make, also where the program
        chooses between several: those are among the train ops, or were not named.
        """
        roots = [root for item in self.train_ops for root in item.roots]
        promised = [
            entry
            for entry in self.collection(TRAIN_OP)
            if not any(self.flow.reach([entry])[number] for number in self._all_applies)
        ]
        return self.flow.reach([*roots, *self.fetches, *promised])

    @functools.cached_property
    def _all_applies(self) -> list[int]:
        return training.applications(self.flow, self.variables)

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
            for number in {item for entry in self.collection(key) for item in self.runners.gathered(entry)}:
                found.setdefault(number, []).append(key)
        return found

    def active(self, site: Site) -> bool:
        """Whether a train op runs the site, as part of the forward pass that it differentiates, or moves its weights.

        A loss that is linear in the output needs no forward pass. Weights tell then, unless another site that does
        run has them: the copy of an evaluation.
        """
        return id(site) in self._active

    def sites_in_training(self) -> list[Site]:
        """The sites that a train op runs."""
        return self._active_sites

    @functools.cached_property
    def _active_sites(self) -> list[Site]:
        return [site for site in self.sites if self.active(site)]

    @functools.cached_property
    def _active(self) -> frozenset[int]:
        run = [site for site in self.sites if any(self.trained[number] for number in site.anchors)]
        moved = self.gradients - {variable.name for site in run for variable in site.affine}
        trained = [site for site in self.sites if any(variable.name in moved for variable in site.affine)]
        return frozenset(map(id, [*run, *trained]))

    @functools.cached_property
    def moved_sites(self) -> list[Site]:
        """The sites that train and whose averages a train op or named fetch moves."""
        return [site for site in self._active_sites if self.reached(self.updates(site))]

    def uses_batch(self, site: Site) -> bool:
        """Whether the site can normalise with the statistics of the batch."""
        return site.mode != MOVING

    def always_batch(self, site: Site) -> bool:
        """Whether no caller can make the site normalise with anything but the statistics of the batch."""
        if site.mode != BOTH or site.predicate is None:
            return site.mode == BATCH
        kind = self.switches.kind(site.predicate)
        if kind == switches.CONSTANT:
            return site.by_batch is not None and self.switches.default(site.predicate) == site.by_batch
        return kind in (switches.GUARD, switches.DATA)

    def updates(self, site: Site) -> list[tuple[Variable, Writer]]:
        """The writers that move a statistic of the site."""
        return site.updates()

    def reached(self, writers: Iterable[tuple[Variable, Writer]]) -> list[tuple[Variable, Writer]]:
        """Those of the writers that run with a train op or a named fetch."""
        return [(variable, writer) for variable, writer in writers if self.ran[writer.node.id]]

    def gates(self, number: int) -> set[switches.Gate]:
        """The conditions under which an op runs, and all that they imply."""
        return self.switches.gates(number)

    def switched(self, writer: Writer) -> bool:
        """Whether a caller can turn a writer off: by a flag that it runs under, or that chooses what it writes.

        A guard against an empty batch, a branch that the data choose and a counter are no such flags.
        """
        if any(self.switches.kind(tensor) == switches.FLAG for tensor, _ in self.gates(writer.node.id)):
            return True
        choosers = map(self.switches.chooser, self.flow.computed(writer.node.inputs[-1]))
        return any(self.switches.kind(item) == switches.FLAG for item in choosers if item is not None)

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
    def calls(self) -> list[dict[str, Any]]:
        """What tf1bn wrote about each call of its own layers; empty for graphs of other libraries."""
        found = []
        for text in self.source.records:
            try:
                record = json.loads(text)
            except ValueError:
                continue
            if isinstance(record, dict) and isinstance(record.get("scope"), str):
                found.append(record)
        return found

    @functools.cached_property
    def records(self) -> dict[str, dict[str, Any]]:
        """The last record of each scope."""
        return {record["scope"]: record for record in self.calls}
