"""How many ops a run needs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def behind(ops: Iterable[Any], but: Iterable[Any] = ()) -> int:
    """Returns the number of ops that a run of ``ops`` executes, in functions too, before TensorFlow simplifies them.

    Variables themselves do not count, their reads do.

    Args:
      ops: what is run, all of one graph.
      but: variables whose reads do not count either.
    """
    pending, seen, handles = list(ops), set(), set(but)
    while pending:
        op = pending.pop()
        if op in seen or op in handles:
            continue
        seen.add(op)
        pending += [tensor.op for tensor in op.inputs] + list(op.control_inputs)
    counted = [op for op in seen if op.type != "VarHandleOp" and not handles & {tensor.op for tensor in op.inputs}]
    calling = [op for op in counted if _called(op.node_def.attr)]
    library = calling[0].graph.as_graph_def().library.function if calling else ()
    bodies = {function.signature.name: function.node_def for function in library}
    return len(counted) + sum(_inside(op, bodies) for op in calling)


def _inside(op: Any, bodies: dict[str, Any]) -> int:
    """Returns the number of ops in the functions that an op calls."""
    total, pending, seen = 0, _called(op.node_def.attr), set()
    while pending:
        name = pending.pop()
        if name in seen or name not in bodies:
            continue
        seen.add(name)
        total += len(bodies[name])
        pending += [called for node in bodies[name] for called in _called(node.attr)]
    return total


def _called(attributes: Any) -> list[str]:
    """Returns the names of the functions in the attributes of an op."""
    names = [value.func.name for value in attributes.values() if value.HasField("func")]
    return names + [function.name for value in attributes.values() for function in value.list.func]
