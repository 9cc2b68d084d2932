"""An op made inside a while loop moves the averages, and the collection or train op outside refers to it.

What it checks.
    Updates in a loop body (`while_loop`, `map_fn`, dynamic RNN) are looked for in UPDATE_OPS and among what the
    train op waits for from outside the loop.

Why it matters.
    A node outside of a loop cannot wait for one inside: the program fails with "inputs from different frames",
    or the update is dropped.

Known limits.
    An update that runs as part of its loop is right and not reported.

Fix.
    Make the loop body wait for the update, and hand its result out as a loop variable.

References.
    The documentation of tf.while_loop and tf.map_fn.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tf1bn.audit import samples, unreached
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN013", "an update made inside a loop is collected outside of it", "error", "S")
FIX = "Make the loop body's result wait for the update (control_dependencies inside the body)."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each update that is stuck in a loop."""
    stuck = {miss.writer.node.id for miss in unreached.of_cause(model, unreached.LOOP)}
    for site in model.sites:
        for variable, writer in model.updates(site):
            number = writer.node.id
            loops = {item for item in model.flow.contexts[number] if item[0] == "loop"}
            if not loops:
                continue
            held = number in model.update_ops or unreached.foreign(model, writer.node) or number in stuck
            crossing = next((c for c in model.flow.waiting(number) if _leaves(model, c, loops)), None)
            if held or crossing is not None:
                user = model.nodes[crossing].name if crossing is not None else "UPDATE_OPS"
                yield RULE.finding(
                    site.scope,
                    f"{writer.node.name!r}, which moves {variable.name!r}, is inside a loop and {user!r} refers to it"
                    " from outside.",
                    FIX,
                    variable=variable.name,
                    op=writer.node.name,
                    target=user,
                )


def _leaves(model: GraphModel, number: int, loops: set[tuple]) -> bool:
    """Whether an op is in a loop only because of its control inputs."""
    node = model.nodes[number]
    if node.call >= 0 or not node.controls or not node.inputs or node.op in ("Exit", "RefExit"):
        return False
    return not loops <= model.flow.data_context(number)


def bad() -> samples.Sample:
    """Updates of a map_fn body in UPDATE_OPS."""
    return _mapped(inside=False)


def good() -> samples.Sample:
    """The body's result waits for its updates."""
    return _mapped(inside=True)


def _mapped(inside: bool) -> samples.Sample:
    tf = samples.tf
    with samples.program() as p:
        frames = tf.placeholder(tf.float32, [5, None, 4], "frames")
        bn = p.variables("bn", 4)

        def body(x: Any) -> Any:
            mean, variance = tf.nn.moments(x, [0])
            updates = [p.move(bn.mean, mean), p.move(bn.variance, variance, suffix="_1")]
            for update in () if inside else updates:
                tf.add_to_collection(samples.UPDATE_OPS, update)
            with tf.control_dependencies(updates if inside else ()):
                return tf.identity(p.apply(x, bn, mean, variance))

        y = tf.map_fn(body, frames)
        p.train(p.loss(y), ())
        p.save()
        return p.sample()
