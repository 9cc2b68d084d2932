"""`init_from_checkpoint` or a warm start covers the trainable variables only.

What it checks.
    Restore ops that belong to no Saver initialise variables from a checkpoint. If they cover gamma or beta of a
    batch norm and not its averages, that is reported.

Why it matters.
    Fine-tuning starts with trained weights and averages of 0 and 1; a frozen layer is then wrong from the first
    step.

Known limits.
    Only warm starts that are part of the graph are seen.

Fix.
    Add the averages to the assignment map.

References.
    The documentation of tf.train.init_from_checkpoint and of warm-start settings, whose default covers
    trainable variables.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tf1bn.audit import samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN032", "a warm start restores gamma and beta and not the averages", "error", "SD")
FIX = "Add the averages to the assignment map, or map the whole scope."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each average that a warm start leaves out."""
    covered = {v.name for item in model.restores if not item.with_saver for v in item.targets.values()}
    for site in model.sites:
        if not any(variable.name in covered for variable in site.affine):
            continue
        for variable in site.statistics:
            if variable.name not in covered:
                yield RULE.finding(
                    site.scope,
                    f"the warm start covers {site.affine[0].name!r} and not {variable.name!r}.",
                    FIX,
                    variable=variable.name,
                )


def bad() -> samples.Sample:
    """A warm start of the trainable variables."""
    return _warm(samples.tf.trainable_variables)


def good() -> samples.Sample:
    """A warm start of all variables."""
    return _warm(samples.tf.global_variables)


def _warm(which: Any) -> samples.Sample:
    tf = samples.tf
    with samples.program() as p:
        bn = p.norm(p.conv(p.images()))
        chosen = which()
        with tf.name_scope("checkpoint_initializer"):
            for variable in chosen:
                value = tf.raw_ops.RestoreV2(
                    prefix="old", tensor_names=[variable.op.name], shape_and_slices=[""], dtypes=[tf.float32]
                )
                tf.assign(variable, tf.reshape(value[0], variable.shape), name=f"{variable.op.name}/warm")
        p.train(p.loss(bn.output))
        p.save()
        return p.sample()
