"""The evaluation copy of a network shares its weights but not its averages.

What it checks.
    Two batch norms whose scopes differ only in a number take their input from the same weights, and the
    averages that the inference one reads are never written. With a checkpoint: an average with a number is
    missing while the one without is there. inspect_checkpoint.py reports two families of averages in one scope of
    which one was never moved; numbers of operations (`moments_1/...`) are one per layer and no copies.

Why it matters.
    Reuse does not reach a layer without a name: a second, untouched set `..._1` is created, and evaluation uses
    it.

Known limits.
    The shared weight is looked for directly before the batch norm.

Fix.
    Give every layer a name, and check that building the evaluation copy creates no variable.

References.
    The documentation of tf.variable_scope, `reuse`; measured: two unnamed calls make two sets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tf1bn.audit import keys, samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN028", "a second set of averages is made instead of the shared one", "error", "SC")
FIX = "Name the layer, so that the evaluation copy reuses its variables instead of creating a numbered set."
_NUMBER = re.compile(r"_\d+(?=/|$)")


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each untouched twin."""
    updated = {_NUMBER.sub("", site.scope): site for site in model.sites_in_training() if model.updates(site)}
    for site in model.sites:
        twin = updated.get(_NUMBER.sub("", site.scope))
        if twin is None or twin is site or not site.statistics or not model.trains or model.active(site):
            continue
        unwritten = not any(v.of_kind("update", "other", "copy") for v in site.statistics)
        apart = not {v.name for v in site.statistics} & {v.name for v in twin.statistics}
        shared = _weight(model, site) & _weight(model, twin)
        if site.mode == "moving" and unwritten and apart and (shared or set(site.affine) & set(twin.affine)):
            yield RULE.finding(
                site.scope,
                f"it reads {site.statistics[0].name!r}, which nothing writes; training moves"
                f" {twin.statistics[0].name!r}.",
                FIX,
                variable=site.statistics[0].name,
                op=site.normalizers[0].node.name,
            )
    for site, variable, base in keys.renumbered(model):
        yield RULE.finding(
            site.scope,
            f"the checkpoint has {base!r} and not {variable.key!r}: the layer was built twice.",
            FIX,
            variable=variable.name,
        )


def _weight(model: GraphModel, site: Any) -> set[str]:
    """The weights of the layer that a batch norm takes its input from."""
    node = model.nodes[model.flow.strip(site.x)[0]]
    for _ in range(3):
        names = {v.name for t in node.inputs[1:2] for v in model.variables.among(model.flow.origins(t))}
        if names and node.op not in ("BiasAdd", "Add", "AddV2"):
            return names
        if not node.inputs:
            break
        node = model.nodes[model.flow.strip(node.inputs[0])[0]]
    return set()


def bad() -> samples.Sample:
    """The evaluation copy makes bn_1."""
    return _twins("bn_1")


def good() -> samples.Sample:
    """The evaluation copy shares bn."""
    return _twins("bn")


def _twins(scope: str) -> samples.Sample:
    with samples.program() as p:
        p.train(p.loss(p.norm(p.conv(p.images())).output))
        with samples.tf.name_scope("evaluation"):
            p.norm(p.conv(p.images("test")), scope, training=False)
        p.save()
        return p.sample()
