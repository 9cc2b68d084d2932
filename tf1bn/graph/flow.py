"""What depends on what: reachability, the conditions under which a node runs, and where a value comes from."""

from __future__ import annotations

import functools
from collections.abc import Callable, Container, Iterable

import numpy as np

from tf1bn import errors
from tf1bn.graph import consts, ops
from tf1bn.graph.nodes import Flat, Node, Tensor, in_gradient

Context = frozenset
"""The conditions under which a node runs: `("cond", predicate, branch)` and `("loop", which, level)` items."""

_MAX_STEPS = 4000
_HANDING = {*ops.SAME, *ops.SHAPED, *ops.READS, *ops.MERGES, "Select", "SelectV2"}
"""Op types through which a value comes unchanged; what `Flow.step` knows."""
_COMPUTING = {*_HANDING, *ops.REDUCE, *ops.ARITHMETIC}
"""These, and those that compute it."""
_KEPT = 200
_KEPT_ITEMS = 1_000_000
"""How many tensors and nodes the answers that are kept may hold together."""


class Flow:
    """Edges of a flat graph and the questions that are asked of them."""

    def __init__(self, flat: Flat) -> None:
        self.nodes = flat.nodes
        self.by_name = flat.by_name
        self.bodies = flat.bodies
        self._reached: dict[tuple[int, ...], bytearray] = {}
        self._axes: dict[int, tuple[int, ...] | None] = {}
        self._traced: dict[tuple[Tensor, bool], tuple[frozenset[Tensor], frozenset[int]]] = {}
        self._traced_items = 0

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

    def feeds(self, roots: Iterable[int]) -> bytearray:
        """Marks every node whose value the roots are computed from."""
        return _closure(roots, self.data_parents)

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

    @functools.cached_property
    def contexts(self) -> list[Context]:
        """For each node the branches and loops that it runs in; see Context."""
        return self.contexts_without(frozenset())

    def contexts_without(self, skipped: Container[int]) -> list[Context]:
        """As `contexts`, with some ops that run always, so that what waits for them is in no branch because of that."""
        found: list[Context] = [Context()] * len(self.nodes)
        # Most graphs have no branch; walking them in order would only cost time.
        if not self.bodies and not any(op in self.by_op for op in (*ops.SWITCHES, *ops.ENTERS)):
            return found
        changed, touched = self._changed_by_branches(), bytearray(len(self.nodes))
        for number in self.order:
            if number in skipped:
                continue
            if changed[number]:
                found[number] = self._context(self.nodes[number], found)
            elif touched[number]:
                node = self.nodes[number]
                # Nearly always all inputs agree, and then one set is shared instead of a new one for each node.
                inherited = {found[source] for source in (*(source for source, _ in node.inputs), *node.controls)}
                found[number] = inherited.pop() if len(inherited) == 1 else Context().union(*inherited)
            if found[number]:
                for child in self.children[number]:
                    touched[child] = 1
        return found

    def _changed_by_branches(self) -> bytearray:
        """Marks the nodes whose context is not just that of what they need: of most graphs these are few."""
        marks = bytearray(len(self.nodes))
        for op in (*ops.ENTERS, *ops.EXITS, *ops.MERGES):
            for number in self.by_op.get(op, ()):
                marks[number] = 1
        for op in (*ops.SWITCHES, *ops.NEXTS):
            for number in self.by_op.get(op, ()):
                for child in self.children[number]:
                    marks[child] = 1
        for node in self.nodes if self.bodies else ():
            if node.call >= 0:
                marks[node.id] = 1
        return marks

    def data_context(self, number: int) -> Context:
        """The context that a node has from its data inputs alone."""
        result: Context = Context()
        for source, output in self.nodes[number].inputs:
            result |= self.edge(source, output, self.contexts)
        return result

    def _context(self, node: Node, found: list[Context]) -> Context:
        controls = Context().union(*(found[source] for source in node.controls))
        given = [tensor for tensor in node.inputs if self.nodes[tensor[0]].op not in ops.NEXTS]
        edges = [self.edge(*tensor, found) for tensor in given]
        # Whichever branch came, a merge runs: only what all of them have in common holds behind it.
        if node.op in ops.MERGES and edges:
            return controls | Context.intersection(*edges)
        result = controls.union(*edges)
        if node.call >= 0:
            result |= found[node.call] | self._branch(self.nodes[node.call], node.branch)
        if node.op in ops.ENTERS:
            level = sum(1 for item in result if item[0] == "loop")
            frame = node.attr("frame_name")
            result |= {("loop", frame.s if frame is not None else b"", level)}
        elif node.op in ops.EXITS:
            level = max((item[2] for item in result if item[0] == "loop"), default=-1)
            result = Context(item for item in result if item[0] != "loop" or item[2] != level)
        return result

    def edge(self, source: int, output: int, found: list[Context]) -> Context:
        """The context that a use of an output has."""
        node = self.nodes[source]
        if node.op not in ops.SWITCHES or len(node.inputs) < 2:
            return found[source]
        predicate = self.strip(node.inputs[1])
        # The switch of a loop is no choice of the program; Enter has noted the loop already.
        if self.nodes[predicate[0]].op == "LoopCond":
            return found[source]
        return found[source] | {("cond", predicate, output)}

    def _branch(self, call: Node, branch: str) -> Context:
        if call.op in ("If", "StatelessIf", "Case", "StatelessCase") and call.inputs:
            which = int(branch == "then_branch") if call.op.endswith("If") else branch
            return Context({("cond", self.strip(call.inputs[0]), which)})
        if call.op in ("While", "StatelessWhile"):
            return Context({("loop", call.id, call.name.count("/body/"))})
        return Context()

    def strip(self, tensor: Tensor) -> Tensor:
        """Follows a tensor back through ops that hand on the same value from one place."""
        for _ in range(_MAX_STEPS):
            node = self.nodes[tensor[0]]
            if node.op not in ops.SAME or not node.inputs or node.carried is not None:
                return tensor
            # IdentityN alone hands on several values, each at its own place.
            place = tensor[1] if node.op == "IdentityN" and tensor[1] < len(node.inputs) else 0
            tensor = node.inputs[place]
        return tensor

    def origins(self, tensor: Tensor) -> frozenset[Tensor]:
        """Returns where a value comes from, through reads, reshapes, branches, loops and calls.

        A variable is returned as its own node. A value that depends on a branch has several origins.
        """
        return self._backward(tensor, arithmetic=False)[0]

    def sources(self, tensor: Tensor) -> frozenset[Tensor]:
        """As `origins`, and through arithmetic too, up to variables, batch moments and anything unknown."""
        return self._backward(tensor, arithmetic=True)[0]

    def traced(self, tensor: Tensor) -> tuple[frozenset[Tensor], frozenset[int]]:
        """Returns what `sources` and `computed` do."""
        return self._backward(tensor, arithmetic=True)

    def passed(self, tensor: Tensor) -> frozenset[int]:
        """Returns the nodes between a tensor and its origins."""
        return self._backward(tensor, arithmetic=False)[1]

    def computed(self, tensor: Tensor) -> frozenset[int]:
        """Returns the nodes between a tensor and its sources."""
        return self._backward(tensor, arithmetic=True)[1]

    def _backward(self, tensor: Tensor, *, arithmetic: bool) -> tuple[frozenset[Tensor], frozenset[int]]:
        """Where a value comes from, and what is between; several rules ask the same, so answers are kept."""
        key = (tensor, arithmetic)
        found = self._traced.get(key)
        if found is None:
            found = self._walk_back(tensor, arithmetic)
            # All at once, as keeping order of use would cost more than asking again.
            if self._traced_items > _KEPT_ITEMS:
                self._traced.clear()
                self._traced_items = 0
            self._traced[key] = found
            self._traced_items += len(found[0]) + len(found[1])
        return found

    def _walk_back(self, tensor: Tensor, arithmetic: bool) -> tuple[frozenset[Tensor], frozenset[int]]:
        nodes, bodies = self.nodes, self.bodies
        passing = _COMPUTING if arithmetic else _HANDING
        leaves: set[Tensor] = set()
        seen = {tensor}
        todo = [tensor]
        while todo and len(seen) < _MAX_STEPS:
            current = todo.pop()
            if nodes[current[0]].op not in passing and current[0] not in bodies:
                leaves.add(current)
                continue
            # A batch moment ends the way back: behind it are activations, which lead to every earlier layer.
            steps = None if arithmetic and self.is_batch_moment(current) else self.step(current, arithmetic)
            if not steps:
                leaves.add(current)
                continue
            for step in steps:
                if step not in seen:
                    seen.add(step)
                    todo.append(step)
        return frozenset(leaves), frozenset(number for number, _ in seen - leaves)

    def step(self, tensor: Tensor, arithmetic: bool = False) -> list[Tensor]:
        """What a value is handed on from, directly; with `arithmetic` also what it is computed from."""
        number, output = tensor
        node = self.nodes[number]
        if number in self.bodies:
            return [
                body.returns[output]
                for body in self.bodies[number]
                if output < len(body.returns) and not (body.branch == "cond" and node.op in ("While", "StatelessWhile"))
            ] + (node.inputs[output : output + 1] if node.op in ("While", "StatelessWhile") else [])
        if node.op == "IdentityN":
            return node.inputs[output : output + 1]
        if node.op in ops.SAME or node.op in ops.SHAPED or node.op in ops.READS:
            return node.inputs[:1] + ([node.carried] if node.carried is not None else [])
        if node.op in ops.MERGES and output == 0:
            return list(node.inputs)
        # The first input only chooses.
        if node.op in ("Select", "SelectV2"):
            return node.inputs[1:3]
        if arithmetic and node.op in ops.REDUCE:
            # The second input of a reduction holds the axes.
            return node.inputs[:1] if self._reduces_moments(node) else []
        return list(node.inputs) if arithmetic and node.op in ops.ARITHMETIC else []

    def _reduces_moments(self, node: Node) -> bool:
        """Whether a reduction that is no batch moment may be a further step of one.

        Layer, group and instance norm reduce the activations of one example: what these are computed from, a bias
        say, is no statistic of theirs.
        """
        if self.reduced_axes(node.id) is None:
            return True
        tensor = node.inputs[0]
        for _ in range(_MAX_STEPS):
            node = self.nodes[self.strip(tensor)[0]]
            if node.op not in ops.SHAPED or not node.inputs:
                break
            tensor = node.inputs[0]
        return node.op in ops.REDUCE or node.op in ops.FUSED

    def is_batch_moment(self, tensor: Tensor) -> bool:
        """Whether a tensor is a mean or sum over the batch axis, or a statistics output of a fused batch norm.

        The op that sums for the gradient of a bias counts where it is not in a gradient: it sums columns fast.
        """
        node = self.nodes[tensor[0]]
        if node.op in ops.FUSED:
            return tensor[1] in (1, 2)
        if node.op not in ops.REDUCE or (node.op == "BiasAddGrad" and in_gradient(node.name)):
            return False
        axes = self.reduced_axes(tensor[0])
        return axes is not None and 0 in axes

    def reduced_axes(self, number: int) -> tuple[int, ...] | None:
        """The constant axes of a reduction, counted from the front where the rank is known."""
        if number not in self._axes:
            self._axes[number] = self._reduced_axes(self.nodes[number])
        return self._axes[number]

    def _reduced_axes(self, node: Node) -> tuple[int, ...] | None:
        if node.op == "BiasAddGrad":
            return self._all_but_channels(node)
        if len(node.inputs) < 2:
            return None
        value = self.constant(node.inputs[1])
        if value is None:
            return None
        axes = tuple(int(axis) for axis in np.ravel(value))
        rank = self.rank(node.inputs[0])
        # Negative axes count from the end; without a rank they cannot be compared, and stay as they are.
        return tuple(axis % rank for axis in axes) if rank else axes

    def _all_but_channels(self, node: Node) -> tuple[int, ...]:
        """The axes that the gradient of a bias sums over."""
        layout, rank = node.attr("data_format"), self.rank(node.inputs[0]) or 2
        channels = 1 if layout is not None and layout.s == b"NCHW" else rank - 1
        return tuple(axis for axis in range(rank) if axis != channels)

    def constant(self, tensor: Tensor) -> np.ndarray | None:
        """Returns the value of a tensor that is a Const, or None."""
        node = self.nodes[self.strip(tensor)[0]]
        value = node.attr("value") if node.op == "Const" else None
        return consts.tensor_value(value.tensor) if value is not None else None

    def scalar(self, tensor: Tensor) -> float | None:
        """Returns the value of a constant of one element; `1 - c` of a constant c counts as constant."""
        value = self.constant(tensor)
        if value is not None:
            return float(np.ravel(value)[0]) if value.size == 1 else None
        node = self.nodes[self.strip(tensor)[0]]
        if node.op in ("Sub", "Cast") and node.inputs:
            parts = [part for part in map(self.constant, node.inputs) if part is not None and part.size == 1]
            if len(parts) == len(node.inputs):
                numbers = [float(np.ravel(part)[0]) for part in parts]
                return numbers[0] - numbers[1] if node.op == "Sub" else numbers[0]
        return None

    def shape(self, tensor: Tensor) -> tuple[int | None, ...] | None:
        """Returns the static shape of a tensor where the graph states it."""
        tensor = self.strip(tensor)
        node = self.nodes[tensor[0]]
        stated = node.attr("_output_shapes")
        if stated is not None and tensor[1] < len(stated.list.shape):
            return consts.shape_of(stated.list.shape[tensor[1]])
        if node.op == "Const":
            value = node.attr("value")
            return consts.shape_of(value.tensor.tensor_shape) if value is not None else None
        own = node.attr("shape")
        if own is not None and node.op != "_Arg":
            return consts.shape_of(own.shape)
        return None

    def rank(self, tensor: Tensor) -> int | None:
        """Returns the static rank of a tensor, or None."""
        shape = self.shape(tensor)
        return None if shape is None else len(shape)


def _closure(roots: Iterable[int], edges: list[list[int]]) -> bytearray:
    marks = bytearray(len(edges))
    todo = list(roots)
    for number in todo:
        marks[number] = 1
    while todo:
        for number in edges[todo.pop()]:
            if not marks[number]:
                marks[number] = 1
                todo.append(number)
    return marks
