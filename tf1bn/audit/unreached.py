"""Updates that no train op runs, and the most likely reason: the shared analysis of BN001 to BN008."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from tf1bn.audit import own
from tf1bn.graph.kinds import UPDATE_OPS
from tf1bn.graph.nodes import Node
from tf1bn.graph.once import once
from tf1bn.graph.runners import GATHERS
from tf1bn.graph.site import Site
from tf1bn.graph.variables import Variable, Writer

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

NEVER, NONE, SUBSET, LOSS, GATE, KERAS, PRIVATE, LOOP, BRANCH, SEPARATE = (
    "never",
    "none",
    "subset",
    "loss",
    "gate",
    "keras",
    "private",
    "loop",
    "branch",
    "separate",
)
_KERAS_NAME = re.compile(r"(^|/)(sync_)?batch_normalization(_v\d)?(_\d+)?/")
_PLAIN_COLLECTIONS = {
    "variables",
    "trainable_variables",
    "model_variables",
    "local_variables",
    "moving_average_variables",
    "train_op",
    "summaries",
    "losses",
    "cond_context",
    "while_context",
    "moving_vars",
}


_OUTPUTS = ("Merge", "RefMerge", "If", "StatelessIf", "Case", "StatelessCase")


class Miss(NamedTuple):
    """One statistic that nothing the program is known to run moves.

    Attributes:
      cause: one of the constants above.
      evidence: the op that shows the cause, where there is one; of a private collection the entry that gathers.
      collections: the collections that hold the update.
    """

    site: Site
    variable: Variable
    writer: Any
    cause: str
    evidence: Any
    collections: tuple[str, ...]

    def path(self, model: GraphModel) -> tuple[str, ...]:
        """The path that is missing: from the train op to the update."""
        return (model.train_ops[0].name, "...", self.writer.node.name) if self.writer else ()


@once
def misses(model: GraphModel) -> tuple[Miss, ...]:
    """Returns the statistics of trained sites that are not moved by any train op or named fetch."""
    if not model.trains:
        return ()
    found = []
    for site in model.sites_in_training():
        if not model.uses_batch(site) or not site.statistics or _explicit(model, site):
            continue
        found += _of_site(model, site)
    return tuple(found)


def _of_site(model: GraphModel, site: Site) -> list[Miss]:
    """The misses of one site, all with one cause: that of an update in UPDATE_OPS where there is one."""
    found = []
    for variable in site.statistics:
        writers = [writer for owner, writer in model.updates(site) if owner is variable]
        if not any(model.ran[writer.node.id] for writer in writers):
            found.append(_miss(model, site, variable, writers))
    written = [miss for miss in found if miss.writer is not None]
    leading = next((miss for miss in written if UPDATE_OPS in miss.collections), written[0] if written else None)
    if leading is None:
        return found
    return [miss._replace(cause=leading.cause, evidence=leading.evidence) for miss in written]


def fix(model: GraphModel, miss: Miss, usual: str) -> str:
    """What mends a miss: the usual; of an update in a branch, which nothing outside can wait for, something else."""
    number = miss.writer.node.id
    predicate = next((tensor for tensor, _ in sorted(model.gates(number))), None)
    entries = {entry for key in miss.collections for entry in model.collection(key)}
    if predicate is None or any(not model.gates(e) and number in model.runners.gathered(e) for e in entries):
        return usual + own.advice(model, miss.site)
    return (
        f"The update is inside a branch of {model.nodes[predicate[0]].name!r}: have the output of that branch wait for"
        " it, with tf.control_dependencies inside the branch function; or rewrite the graph: tf1bn audit --fix."
    )


def of_cause(model: GraphModel, *causes: str) -> list[Miss]:
    """Returns the misses of some causes."""
    return [miss for miss in misses(model) if miss.cause in causes]


def _explicit(model: GraphModel, site: Site) -> bool:
    """Whether tf1bn itself recorded that these averages are not meant to move."""
    record = model.records.get(site.scope)
    return record is not None and (record.get("is_training") is False or record.get("strategy") == "frozen")


def _miss(model: GraphModel, site: Site, variable: Variable, writers: list[Writer]) -> Miss:
    if not writers:
        return Miss(site, variable, None, NONE, None, ())
    writer = writers[0]
    held = [*model.collections_of(writer.node.id), *(k for k in model.source.foreign if foreign(model, writer.node, k))]
    collections = tuple(key for key in dict.fromkeys(held) if key not in _PLAIN_COLLECTIONS)
    cause, evidence = _cause(model, site, writer, collections)
    return Miss(site, variable, writer, cause, evidence, collections)


def _cause(model: GraphModel, site: Site, writer: Writer, held: tuple[str, ...]) -> tuple[str, Node | None]:
    number = writer.node.id
    if any(item[0] == "loop" for item in model.flow.contexts[number]):
        return LOOP, None
    if model.gates(number) and (number in model.update_ops or foreign(model, writer.node)):
        return BRANCH, None
    step = model.runners.step(number)
    if step is not None:
        return (PRIVATE if private(model.runners.holders(step)) else SEPARATE), model.nodes[step]
    gate = _gate(model, number, site)
    if gate is not None:
        forward = model.flow.reach([source for source, _ in gate.inputs])
        return (LOSS if any(forward[anchor] for anchor in site.anchors) else GATE), gate
    if held and private(held) == held:
        return PRIVATE, None
    own = site.scope in model.records
    if not held and not own and model.collections and _KERAS_NAME.search(f"{writer.node.name}"):
        return KERAS, None
    other = next((item for item in model.moved_sites if item is not site), None)
    return (SUBSET, other.normalizers[0].node) if other is not None else (NEVER, None)


def _gate(model: GraphModel, number: int, site: Site) -> Node | None:
    """An op that waits for the update by a control edge and that no train op runs.

    Inside a branch such an op is the conditional's own output, which stands for the update.
    """
    own = {variable.node.id for variable in site.statistics}
    inner = model.flow.reach(model.update_ops)  # part of an update that a layer left there, not of the program
    constant = None
    seen, todo = {number}, [number]
    while todo:
        current = todo.pop()
        for child in model.flow.children[current]:
            node = model.nodes[child]
            if child in seen or model.ran[child]:
                continue
            # What stands for the update outside of its branch: the output of the conditional, and copies of it.
            known = child in model.update_ops or model.flow.contexts[child]
            copies = node.op == "Identity" and current not in node.controls
            stands = bool(inner[child]) or (node.op in GATHERS and (known or copies or node.op in _OUTPUTS))
            if not stands and (current not in node.controls or model.flow.contexts[child]):
                continue
            seen.add(child)
            # A read of the average that waits for its update stands for it, too.
            reads = child in own or bool({source for source, _ in model.flow.origins((child, 0))} & own)
            if stands or reads or node.op == "NoOp":
                todo.append(child)
            elif node.op == "Const":  # made for another op of the block, which says more
                constant = constant or node
            else:
                return node
    return constant


def private(collections: Iterable[str]) -> tuple[str, ...]:
    """Those of the collections that a program made for itself."""
    return tuple(key for key in collections if key not in _PLAIN_COLLECTIONS and key != UPDATE_OPS)


def stalled(model: GraphModel, number: int) -> str:
    """The name of an optimizer application that is conditional only because it waits for an op in a branch, or ""."""
    conditions = {item for item in model.flow.contexts[number] if item[0] == "cond"}
    for apply, added in _waiting(model) if conditions else ():
        shared = conditions & model.flow.contexts[apply]
        if shared and shared <= added and model.flow.reach([apply])[number]:
            return model.nodes[apply].name
    return ""


@once
def _waiting(model: GraphModel) -> tuple[tuple[int, frozenset[Any]], ...]:
    """The optimizer applications that are in a branch only because an update is, with the conditions that this adds."""
    contexts = model.flow.contexts
    applies = [number for item in model.train_ops for number in item.applies if contexts[number]]
    if not applies:
        return ()
    without = model.flow.contexts_without({w.node.id for site in model.sites for _, w in model.updates(site)})
    lost = ((number, contexts[number] - without[number]) for number in applies)
    return tuple((number, conditions) for number, conditions in lost if conditions)


def foreign(model: GraphModel, node: Node, key: str = UPDATE_OPS) -> bool:
    """Whether a collection names an op of the branch body that an update is in; only names tell which body."""
    return node.call >= 0 and node.proto.name in model.source.foreign.get(key, ())
