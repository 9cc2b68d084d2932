"""Assignments or reference ops were left in a frozen graph.

What it checks.
    In a graph without variables, ops that write a variable or need a reference (`AssignSub`, `RefSwitch`, ...)
    and whose target is a constant.

Why it matters.
    Freezing turned the variables into constants but kept the update branch. Importing fails: "passed float ...
    incompatible with float_ref".

Known limits.
    Other uses of reference ops on constants would be reported as well.

Fix.
    Freeze an inference graph, or prune the update branch first.

References.
    The documentation of graph freezing with convert_variables_to_constants.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit import samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN036", "a frozen graph still holds updates of the averages", "error", "S")
FIX = "Freeze a graph built with training=False, which has no updates."
_REFERENCE = (
    "RefSwitch",
    "RefMerge",
    "RefEnter",
    "RefIdentity",
    "RefExit",
    "RefSelect",
    "Assign",
    "AssignSub",
    "AssignAdd",
    "AssignVariableOp",
    "AssignSubVariableOp",
    "AssignAddVariableOp",
)


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each frozen op that needs a variable."""
    if model.variables.by_node:
        return
    for node in model.nodes:
        if node.op in _REFERENCE and node.inputs and model.nodes[model.flow.strip(node.inputs[0])[0]].op == "Const":
            target = model.nodes[model.flow.strip(node.inputs[0])[0]].name
            scope = target.rsplit("/", 1)[0]
            yield RULE.finding(
                scope,
                f"{node.op} {node.name!r} needs the variable {target!r}, which freezing made a constant.",
                FIX,
                variable=target,
                op=node.name,
            )


def bad() -> samples.Sample:
    """A frozen graph with the update of a branch left in."""
    with samples.program() as p:
        y = p.norm(p.conv(p.images()), training=False).output
        graph_def = samples.tf.get_default_graph().as_graph_def(add_shapes=True)
        values = {v.op.name: p.values()[v.op.name] for v in samples.tf.global_variables()}
    result = samples.freeze(graph_def, values, y.op.name)
    switch = result.node.add()
    switch.name, switch.op = "bn/cond/RefSwitch", "RefSwitch"
    switch.input.extend(["bn/moving_mean", "bn/cond/pred_id"])
    flag = result.node.add()
    flag.name, flag.op = "bn/cond/pred_id", "Placeholder"
    return samples.Sample(result)


def good() -> samples.Sample:
    """A clean frozen graph."""
    return samples.frozen(lambda p: p.norm(p.conv(p.images()), training=False).output)
