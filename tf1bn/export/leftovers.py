"""What an inference graph must not hold, each with the reason and the way out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from tf1bn import errors
from tf1bn.export.cutting import PLACEHOLDERS
from tf1bn.export.draft import Draft, parse, spell

_WRITES = re.compile(
    r"^(Assign\w*|Scatter(Nd)?(Update|Add|Sub|Mul|Div|Min|Max)|Resource\w*Scatter\w*|(Resource)?(Sparse)?Apply\w+)$"
)
_RANDOM = re.compile(r"Random|^Multinomial$|TruncatedNormal|^RandomShuffle$|^StatelessTruncated")
_PIPELINE = re.compile(r"Iterator|Queue|^Reader|Dataset|Reader(V2)?$|^Barrier|^Stage$|^Unstage$|^MapUnstage")
_TABLES = re.compile(r"HashTable|LookupTable")
_PYTHON = ("PyFunc", "PyFuncStateless", "EagerPyFunc")


def check(draft: Draft, inputs: Iterable[str]) -> None:
    """Refuses a graph whose outputs need something that has no place in an inference graph.

    Raises:
      ExportError: a placeholder is neither input nor switch; or an op writes a variable, draws random numbers,
        reads an input pipeline, looks into a table, or calls back into Python.
    """
    given = set(inputs)
    for function, node in _all_nodes(draft):
        if not function and node.op in PLACEHOLDERS and node.name not in given:
            raise errors.ExportError(
                errors.explain(
                    f"the outputs need the placeholder {node.name!r}, which is neither an input nor a switch",
                    fix=f"Name it among the inputs, or give its value for inference: --switch={node.name}=VALUE.",
                )
            )
        # Functions are looked into, too: a random number in the body of a loop is one.
        what, fix = _complaint(node)
        if what:
            place = f" in the function {function!r}" if function else ""
            tensors = _used(draft, node.name) if not function else []
            raise errors.ExportError(
                errors.explain(
                    f"the outputs need {what}: the {node.op} {node.name!r}{place}", fix=fix.format(", ".join(tensors))
                )
            )
    unused = sorted(given - set(draft.nodes))
    if unused:
        raise errors.ExportError(
            errors.explain("the outputs do not depend on an input", got=unused, fix="Leave it out.")
        )


def writes(op: str) -> bool:
    """Whether an op of this type writes a variable."""
    return bool(_WRITES.match(op))


def _complaint(node: Any) -> tuple[str, str]:
    if writes(node.op):
        return "a value that is written to a variable", "Build a graph of its own for inference."
    if _RANDOM.search(node.op):
        return (
            "random numbers",
            "If this is dropout, turn it off by its switch or keep probability, such as --switch=keep_prob=1.0; "
            "noise that is an input can be named among the inputs.",
        )
    if _PIPELINE.search(node.op):
        return "an input pipeline", "Name where to feed instead: --inputs={}."
    if _TABLES.search(node.op):
        return "a lookup table, which has no value in a checkpoint", "Name what it gives among the inputs: --inputs={}."
    if node.op in _PYTHON:
        return "a Python function, which no file holds", "Name what it gives among the inputs: --inputs={}."
    return "", ""


def _all_nodes(draft: Draft) -> Iterator[tuple[str, Any]]:
    """Yields all nodes with the function that they are in; consumers of a pipeline before its sources."""
    for name in reversed(draft.order()):
        yield "", draft.nodes[name]
    for name, function in draft.functions.items():
        for node in function.node_def:
            yield name, node


def _used(draft: Draft, name: str) -> list[str]:
    """Returns the outputs of an op that the graph uses."""
    refs = {ref for node in draft.nodes.values() for ref in map(parse, node.input) if ref[0] == name}
    return [spell(ref) for ref in sorted(refs)] or [name]
