"""Under which conditions a value is used: a branch may ask for what was made before it."""

from __future__ import annotations

from collections.abc import Iterator

from tf1bn.graph import ops
from tf1bn.graph.contexts import Context
from tf1bn.graph.flow import Flow
from tf1bn.graph.nodes import Tensor, in_gradient

_MOST = 200


def under(flow: Flow, tensor: Tensor) -> Context:
    """Returns the conditions that all uses of a value have in common; gradients are no use of it."""
    found = list(_contexts(flow, tensor))
    return Context.intersection(*found) if found else Context()


def _contexts(flow: Flow, tensor: Tensor) -> Iterator[Context]:
    """The conditions of each use; what only hands the value on is looked through."""
    seen, todo = {tensor}, [tensor]
    while todo:
        tensor = todo.pop()
        for number, position, output in flow.users[tensor[0]]:
            node = flow.nodes[number]
            # What a call is given its bodies use, or nothing does.
            given = position >= 0 and number in flow.bodies
            if output != tensor[1] or given or in_gradient(node.name):
                continue
            if position < 0:  # a body returns it: its branch is the use
                yield flow.contexts[tensor[0]]
            elif node.op in ops.MERGES:
                yield flow.edge(*tensor, flow.contexts)
            elif (node.op in ops.SAME or node.op in ops.SHAPED) and len(seen) < _MOST:
                outputs = (0, 1) if node.op in ops.SWITCHES else (0,)
                fresh = [(number, out) for out in outputs if (number, out) not in seen]
                seen.update(fresh)
                todo.extend(fresh)
            else:
                yield flow.contexts[number]
