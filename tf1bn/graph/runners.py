"""Who runs an op: a train op, a named fetch, a collection, or a step of its own that only a session call can run.

Updates are gathered before they are run: by `tf.group`, in groups of groups, by the output of a conditional that
stands for what is in its branch. What gathers computes no value, so it is looked through, to any depth.
"""

from __future__ import annotations

import functools
from typing import Any

GATHERS = {
    *("NoOp", "Identity", "IdentityN", "Const", "Merge", "RefMerge", "ReadVariableOp"),
    *("If", "StatelessIf", "Case", "StatelessCase", "PartitionedCall", "StatefulPartitionedCall"),
}
_MOST = 5000


class Runners:
    """Answers who runs an op, for one graph.

    Args:
      model: the GraphModel that this is a part of.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._gathered: dict[int, frozenset[int]] = {}

    def gathered(self, entry: int) -> frozenset[int]:
        """The ops that an entry of a collection, or a group, runs by itself: itself, and what it gathers."""
        if entry not in self._gathered:
            nodes, parents = self._model.nodes, self._model.flow.parents
            seen, todo = {entry}, [entry]
            while todo and len(seen) < _MOST:
                number = todo.pop()
                if nodes[number].op in GATHERS or (nodes[number].call >= 0 and not _writes(nodes[number].op)):
                    fresh = [item for item in parents[number] if item not in seen]
                    seen.update(fresh)
                    todo.extend(fresh)
            self._gathered[entry] = frozenset(seen)
        return self._gathered[entry]

    def step(self, number: int) -> int | None:
        """The program's own step that gathers an op, to be run by a session call of its own; None where none is.

        Such a step is an end of the graph. The entries that a layer puts in a collection are none, and neither is
        the group that `ema.apply` returns, or one for each layer, unless it gathers the averages of several batch
        norms.
        """
        ends = [end for end in self._ends(number) if self._is_step(end)]
        return min(ends, key=lambda end: -len(self.gathered(end))) if ends else None

    def holders(self, number: int) -> tuple[str, ...]:
        """The collections that an op itself was put in: whoever reads them is to run it."""
        return self._held.get(number, ())

    def _ends(self, number: int) -> list[int]:
        model = self._model
        ends, seen, todo = [], {number}, [number]
        while todo and len(seen) < _MOST:
            current = todo.pop()
            users = model.flow.children[current]
            if not users and current != number and model.nodes[current].op == "NoOp" and not model.ran[current]:
                ends.append(current)
            for child in users:
                if child not in seen and model.nodes[child].op in GATHERS:
                    seen.add(child)
                    todo.append(child)
        return sorted(ends)

    def _is_step(self, end: int) -> bool:
        model = self._model
        if end in self._entries or any(model.flow.reach([end])[number] for number in self._applies):
            return False
        if len(self._sites_of(end)) > 1:
            return True
        node = model.nodes[end]
        # The group of `ema.apply` has the name of the scope that its assignments are in. It may wait for what they do.
        own = [item for item in node.controls if model.nodes[item].name.startswith(f"{node.name}/")]
        by_itself = all(model.flow.reach(own)[item] for item in node.controls)
        return not by_itself and self._unrun < 2

    @functools.cached_property
    def _unrun(self) -> int:
        """How many batch norms have updates of which nothing is run."""
        ran = self._model.ran
        return sum(bool(writers) and not any(ran[number] for number in writers) for writers in self._writers.values())

    def _sites_of(self, end: int) -> set[int]:
        inside = self.gathered(end)
        return {place for place, writers in self._writers.items() if inside & writers}

    @functools.cached_property
    def _writers(self) -> dict[int, frozenset[int]]:
        """The updates of each site, by its place in the graph."""
        sites = enumerate(self._model.sites)
        return {place: frozenset(writer.node.id for _, writer in site.updates()) for place, site in sites}

    @functools.cached_property
    def _entries(self) -> frozenset[int]:
        """Everything that layers left in a collection of updates: a promise that the program runs it."""
        known = self._model.flow.by_name
        noted = {str(name).split(":")[0] for record in self._model.calls for name in record.get("updates", ())}
        return frozenset(self._model.update_ops) | {known[name] for name in noted if name in known}

    @functools.cached_property
    def _held(self) -> dict[int, tuple[str, ...]]:
        found: dict[int, tuple[str, ...]] = {}
        for key in self._model.collections:
            for number in self._model.collection(key):
                found[number] = (*found.get(number, ()), key)
        return found

    @functools.cached_property
    def _applies(self) -> tuple[int, ...]:
        return tuple(number for item in self._model.train_ops for number in item.applies)


def _writes(op: str) -> bool:
    return op.startswith(("Assign", "Scatter", "Resource", "Apply")) and op != "ResourceGather"
