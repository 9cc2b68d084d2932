"""Makes of an export the graph that a reader computes, or says what stands in the way."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from tf1bn import errors
from tf1bn.export import pruning, variables
from tf1bn.export.draft import Draft, parse
from tf1bn.export.forms import Product
from tf1bn.export.runtimes import settling
from tf1bn.export.runtimes.runtime import Runtime, View

_SHOWN = 3


def fit(runtime: Runtime, product: Product) -> tuple[Product, list[str]]:
    """Returns an export without variables that the runtime reads, and what was done, in words.

    Raises:
      ExportError: the graph has something that the runtime lacks or computes wrongly; the text says what and where.
    """
    draft = product.draft.copy()
    variables.freeze(draft, product.values)
    ends = [parse(name) for name in product.outputs.values()]
    settled = settling.settle(draft, ends)
    changed = _rewrite(runtime, draft)
    pruning.shorten(draft, ends)
    refusals = list(_refusals(runtime, draft))
    if refusals:
        raise errors.ExportError(_text(runtime, refusals))
    notes = [f"{settled} ops on constants are constants now"] if settled else []
    notes += [f"in other words for {runtime.name}: {', '.join(sorted(changed))}"] if changed else []
    return dataclasses.replace(product, draft=draft, values={}), notes


def _rewrite(runtime: Runtime, draft: Draft) -> set[str]:
    """Puts ops in other words; returns the types of those that changed."""
    changed, view = set(), View(draft)
    for node in [node for node in draft.nodes.values() if node.op in runtime.rewrites]:
        runtime.rewrites[node.op](draft, node, view)
        if draft.nodes[node.name] is not node:
            changed.add(node.op)
    return changed


def _refusals(runtime: Runtime, draft: Draft) -> Iterator[tuple[str, str]]:
    """Yields what a runtime cannot do, and the way out of each."""
    if runtime.reads is None:
        return
    view, nodes = View(draft), draft.nodes.values()
    # First what is asked of ops that it has: what it lacks is often there only to compute a size that it wants fixed.
    for node in nodes:
        for limit in runtime.limits.get(node.op, ()):
            if limit.holds(node, view):
                yield f"{node.op} {node.name!r}: {limit.what}", limit.fix
    for node in nodes:
        if node.op not in runtime.reads:
            yield f"it has no {node.op}: {node.name!r}", runtime.fixes.get(node.op, "")
    what, fix = runtime.whole(view)
    if what:
        yield what, fix


def _text(runtime: Runtime, refusals: list[tuple[str, str]]) -> str:
    shown = "; ".join(what for what, _ in refusals[:_SHOWN])
    more = f"; and {len(refusals) - _SHOWN} more" if len(refusals) > _SHOWN else ""
    fixes = dict.fromkeys(fix for _, fix in refusals if fix)
    return errors.explain(
        f"{runtime.reader} cannot run the graph: {shown}{more}",
        fix=" ".join([*fixes, "Or export without `runtime` (--for)."]),
    )
