"""An update that only a training branch asks for is built outside of it, so it runs in every mode.

What it checks.
    An op that moves an average has no condition of its own, and all that waits for it lies in a branch that the
    batch norm's own switch selects.

Why it matters.
    Ops outside a branch run whenever the conditional runs. `ema.apply` built before `tf.cond` and named as a
    control input inside it moves the averages in evaluation too: test data leaks into the model.

Known limits.
    An update whose decay is switched to 1, or whose value is chosen by the switch, is right and not reported.

Fix.
    Build the update inside the branch function.

References.
    The documentation of tf.cond: only ops defined within the functions are conditional.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tf1bn.audit import samples
from tf1bn.audit.finding import Finding, Rule
from tf1bn.graph.runners import GATHERS

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN011", "the update runs in every mode: it is built outside the branch", "error", "SD")
FIX = "Call ema.apply, or build the assign op, inside the branch function of tf.cond."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each update that belongs in a branch and is not in it."""
    for site in model.sites:
        if site.predicate is None:
            continue
        for variable, writer in model.updates(site):
            number = writer.node.id
            if model.switched(writer):
                continue
            if _only_in_branch(model, number, site.predicate):
                yield RULE.finding(
                    site.scope,
                    f"{writer.node.name!r} moves {variable.name!r} in every mode: it is built outside the"
                    f" branch of {model.nodes[site.predicate[0]].name!r} that waits for it.",
                    FIX,
                    variable=variable.name,
                    op=writer.node.name,
                    target=model.nodes[site.predicate[0]].name,
                )


def _only_in_branch(model: GraphModel, number: int, predicate: tuple[int, int]) -> bool:
    """Whether all users of an op run under the predicate; none is no.

    What gathers is looked through, and so is a guard of its own that an update is in: the guard's output stands for it.
    """
    todo, seen, inside = [number], {number}, False
    while todo:
        for child in model.flow.children[todo.pop()]:
            node = model.nodes[child]
            if child in seen:
                continue
            seen.add(child)
            if any(tensor == predicate for tensor, _ in model.gates(child)) or _calls(model, child, predicate):
                inside = True
            elif node.op == "NoOp" or ((node.op in GATHERS or node.op == "Switch") and len(seen) < 100):
                todo.append(child)
            else:
                return False
    return inside


def _calls(model: GraphModel, number: int, predicate: tuple[int, int]) -> bool:
    """Whether an op is a conditional of the predicate, alone or beside a guard: both are in what it implies."""
    if model.nodes[number].op not in ("If", "StatelessIf"):
        return False
    chosen = model.switches.chooser(number)
    return chosen is not None and any(tensor == predicate for tensor, _ in model.switches.parts((chosen, 1)))


def bad() -> samples.Sample:
    """The classic snippet, with ema.apply before the conditional."""
    return _classic(inside=False)


def good() -> samples.Sample:
    """The classic snippet, with ema.apply in the branch."""
    return _classic(inside=True)


def _classic(inside: bool) -> samples.Sample:
    tf = samples.tf
    with samples.program() as p:
        flag = tf.placeholder(tf.bool, [], "phase_train")
        y = p.conv(p.images())
        with tf.variable_scope("bn"):
            beta = tf.get_variable("beta", [4], initializer=tf.zeros_initializer())
            gamma = tf.get_variable("gamma", [4], initializer=tf.ones_initializer())
            mean, variance = tf.nn.moments(y, [0, 1, 2], name="moments")
            ema = tf.train.ExponentialMovingAverage(0.9)
            early = None if inside else ema.apply([mean, variance])

            def train() -> tuple[Any, Any]:
                with tf.control_dependencies([early if early is not None else ema.apply([mean, variance])]):
                    return tf.identity(mean), tf.identity(variance)

            chosen = tf.cond(flag, train, lambda: (ema.average(mean), ema.average(variance)))
            y = tf.nn.batch_normalization(y, *chosen, beta, gamma, 1e-3)
        p.train(p.loss(y))
        p.save()
        return p.sample()
