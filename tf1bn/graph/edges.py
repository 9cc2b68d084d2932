"""What runs before and after each node of a flat graph, and in which order."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping

from tf1bn import errors
from tf1bn.graph import ops
from tf1bn.graph.nodes import Flat, Node, Tensor

MAX_STEPS = 4000
"""How far a chain of ops is followed."""
_KEPT = 200


class Edges:
    """Edges of a flat graph and the questions that these alone answer."""

    def __init__(self, flat: Flat) -> None:
        self.nodes = flat.nodes
        self.by_name = flat.by_name
        self.bodies = flat.bodies
        self._reached: dict[tuple[int, ...], bytearray] = {}

    @functools.cached_property
    def by_op(self) -> dict[str, list[int]]:
        """The nodes of each op type, in graph order."""
        found: dict[str, list[int]] = {}
        for node in self.nodes:
            found.setdefault(node.op, []).append(node.id)
        return found

    def of_ops(self, wanted: Callable[[str], bool]) -> list[Node]:
        """Returns the nodes whose op type is wanted, in graph order."""
        return [self.nodes[i] for i in sorted(i for op, found in self.by_op.items() if wanted(op) for i in found)]

    @functools.cached_property
    def parents(self) -> list[list[int]]:
        """What runs before each node: inputs, control inputs, and for a call all that its bodies return."""
        lists = [[source for source, _ in node.inputs] + node.controls for node in self.nodes]
        for call, bodies in self.bodies.items():
            for body in bodies:
                lists[call] = lists[call] + [source for source, _ in body.returns] + list(body.controls)
        for node in self.nodes:
            if node.carried is not None:
                lists[node.id] = [*lists[node.id], node.carried[0]]
            # What has no input in a body still runs only when the call does, and the call waits for its predicate.
            elif node.call >= 0 and not node.inputs and node.op != "_Arg":
                lists[node.id] = [*lists[node.id], *(source for source, _ in self.nodes[node.call].inputs[:1])]
        return lists

    @functools.cached_property
    def children(self) -> list[list[int]]:
        """The nodes that use each node, by data or by control."""
        lists: list[list[int]] = [[] for _ in self.nodes]
        for number, sources in enumerate(self.parents):
            for source in sources:
                lists[source].append(number)
        return lists

    def waiting(self, number: int) -> list[int]:
        """The children of a node; a NoOp that stands for control inputs that several nodes share is looked through."""
        found = []
        for child in self.children[number]:
            shared = self.nodes[child].op == "NoOp" and self.nodes[child].proto is None
            found += self.children[child] if shared else [child]
        return found

    @functools.cached_property
    def users(self) -> list[list[tuple[int, int, int]]]:
        """The data uses of each node: (user, position of the input, which output).

        A call uses what its bodies return; the position is then `~output` of the call.
        """
        lists: list[list[tuple[int, int, int]]] = [[] for _ in self.nodes]
        for node in self.nodes:
            for position, (source, output) in enumerate(node.inputs):
                lists[source].append((node.id, position, output))
        for call, bodies in self.bodies.items():
            for body in bodies:
                for position, (source, output) in enumerate(body.returns):
                    lists[source].append((call, ~position, output))
        return lists

    def reach(self, roots: Iterable[int]) -> bytearray:
        """Marks every node that runs when the roots are fetched."""
        key = tuple(sorted(set(roots)))
        if key not in self._reached:
            if len(self._reached) >= _KEPT:
                self._reached.pop(next(iter(self._reached)))
            self._reached[key] = _closure(key, self.parents)
        return self._reached[key]

    @functools.cached_property
    def data_parents(self) -> list[list[int]]:
        """As `parents`, without control edges."""
        lists = [[source for source, _ in node.inputs] for node in self.nodes]
        for call, bodies in self.bodies.items():
            lists[call] = lists[call] + [source for body in bodies for source, _ in body.returns]
        return lists

    def feeds(self, roots: Iterable[int], up_to: int = -1) -> bytearray:
        """Marks every node whose value the roots are computed from; what only leads to `up_to` is left out."""
        return _closure(roots, self.data_parents, up_to)

    def inherited(self, own: Mapping[int, int], *, data: bool = False) -> list[int]:
        """Returns what each node is behind, as the bits of a number: its own and those of all that it runs after.

        One walk answers here for many roots what `reach` and `feeds` answer for one.

        Args:
          own: a number for each node that is asked about, such as 1 shifted by its place.
          data: follows values alone, without control edges.
        """
        edges = self.data_parents if data else self.parents
        bits = [0] * len(self.nodes)
        changed = True
        # In order, so that one round is enough, and a second one sees it; a loop takes what comes round in the next.
        while changed:
            changed = False
            for number in self.order:
                found = own.get(number, 0)
                for source in edges[number]:
                    found |= bits[source]
                if found != bits[number]:
                    bits[number], changed = found, True
        return bits

    def computed_from(self, tensors: set[Tensor]) -> set[int]:
        """Returns the nodes whose value is computed from one of the tensors."""
        found: set[int] = set()
        todo = [user for number, out in tensors for user, _, output in self.users[number] if output == out]
        while todo:
            number = todo.pop()
            if number not in found:
                found.add(number)
                todo.extend(user for user, _, _ in self.users[number])
        return found

    def downstream(self, roots: Iterable[int]) -> bytearray:
        """Marks every node that needs one of the roots."""
        return _closure(roots, self.children)

    @functools.cached_property
    def order(self) -> list[int]:
        """All nodes, each after what it needs; the back edges of loops are left out.

        Raises:
          GraphError: nodes wait for each other in a circle.
        """
        children = self.children
        waiting = [len(sources) for sources in self.parents]
        for node in self.nodes:
            if node.op in ops.MERGES or node.carried is not None:
                # A loop waits for its own next round, which no order can grant.
                waiting[node.id] -= sum(self._is_back_edge(source, node) for source in self.parents[node.id])
        done = [number for number, count in enumerate(waiting) if not count]
        for number in done:  # grows as what they need is done
            closes = self.nodes[number].op in ops.NEXTS or number in self._carried
            for child in children[number]:
                if closes and self._is_back_edge(number, self.nodes[child]):
                    continue
                waiting[child] -= 1
                if not waiting[child]:
                    done.append(child)
        if len(done) < len(self.nodes):
            stuck = sorted(self.nodes[i].name for i, count in enumerate(waiting) if count)[:5]
            raise errors.GraphError(
                errors.explain("nodes of the graph wait for each other in a circle", got=stuck, expected="no cycle")
            )
        return done

    def _is_back_edge(self, source: int, node: Node) -> bool:
        carried = node.carried is not None and source == node.carried[0]
        return carried or (node.op in ops.MERGES and self.nodes[source].op in ops.NEXTS)

    @functools.cached_property
    def _carried(self) -> frozenset[int]:
        """The nodes whose value a loop hands to its next round."""
        return frozenset(node.carried[0] for node in self.nodes if node.carried is not None)

    def strip(self, tensor: Tensor) -> Tensor:
        """Follows a tensor back through ops that hand on the same value from one place."""
        for _ in range(MAX_STEPS):
            node = self.nodes[tensor[0]]
            if node.op not in ops.SAME or not node.inputs or node.carried is not None:
                return tensor
            place = tensor[1] if node.op == "IdentityN" and tensor[1] < len(node.inputs) else 0
            tensor = node.inputs[place]
        return tensor


def _closure(roots: Iterable[int], edges: list[list[int]], up_to: int = -1) -> bytearray:
    marks = bytearray(len(edges))
    todo = list(roots)
    for number in todo:
        marks[number] = 1
    if up_to >= 0:
        todo = [number for number in todo if number != up_to]
        marks[up_to] = 1
    while todo:
        for number in edges[todo.pop()]:
            if not marks[number]:
                marks[number] = 1
                todo.append(number)
    return marks
