"""Which averages are estimated anew, and which calls of batch norm they serve."""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import Sequence
from typing import Any, NamedTuple

from tf1bn import errors
from tf1bn.graph import recorded
from tf1bn.graph.model import GraphModel
from tf1bn.graph.nodes import Tensor
from tf1bn.graph.once import once
from tf1bn.graph.site import BATCH, MOVING, Normalizer, Site
from tf1bn.graph.variables import STATISTIC_NAME, VARIANCE_NAME, Variable

_DEVIATION = ("stddev", "renorm_std")


@dataclasses.dataclass(eq=False)
class Call:
    """One site, and the tensor whose moments its averages stand for.

    Attributes:
      site: the site.
      normalizer: the one of its normalisers that uses the batch, where there is one.
      x: what is normalised, as the layer got it.
      record: what tf1bn wrote about the call, or None.
    """

    site: Site
    normalizer: Normalizer
    x: Tensor
    record: dict[str, Any] | None


@dataclasses.dataclass(eq=False)
class Target:
    """One set of averages with the calls that feed it.

    Attributes:
      scope: of the batch norm.
      calls: several where one batch norm is called several times on different data.
      mean, variance: its variables; more than one where an ExponentialMovingAverage keeps a shadow.
      epsilon: of the batch norm.
      bessel: whether its own updates average unbiased variances.
    """

    scope: str
    calls: list[Call]
    mean: list[Variable]
    variance: list[Variable]
    epsilon: float
    bessel: bool

    @property
    def channels(self) -> int | None:
        """Number of channels, where the graph states it."""
        total = 1
        for size in self.mean[0].shape or (None,):
            if size is None:
                return None
            total *= size
        return total


class Skipped(NamedTuple):
    """A batch norm that is left as it is, and why."""

    scope: str
    reason: str


def find(
    model: GraphModel, only: Sequence[str] = (), exclude: Sequence[str] = ()
) -> tuple[list[Target], list[Skipped]]:
    """Returns the averages to estimate, in graph order, and the batch norms that are left alone.

    Of several calls on the same averages those count that a train op runs, or all where none does; and of these the
    ones that can normalise with the batch: an evaluation tower beside the training tower adds nothing.

    Args:
      only, exclude: patterns of scopes, such as ``head/*``.

    Raises:
      PopulationError: there is no batch norm with averages, or a pattern fits none.
    """
    if not model.sites:
        raise errors.PopulationError(errors.explain("no batch norm is recognised in the graph"))
    groups: dict[tuple[str, ...], list[Site]] = {}
    skipped = []
    for site in model.sites:
        mean, variance = averages(model, site)
        if not mean or not variance:
            skipped.append(Skipped(site.scope, "it keeps no averages"))
        else:
            groups.setdefault((mean[0].name, variance[0].name), []).append(site)
    targets = []
    for sites in groups.values():
        scope = sites[0].scope
        if (only and not _fits(scope, only)) or _fits(scope, exclude):
            skipped.append(Skipped(scope, "it was left out on purpose"))
        else:
            targets.append(_target(model, sites))
    # A misspelt pattern would leave out nothing without a word.
    for pattern in [*only, *exclude]:
        if not any(_fits(sites[0].scope, [pattern]) for sites in groups.values()):
            raise errors.PopulationError(
                errors.explain("no batch norm has this scope", got=pattern, expected=", ".join(_scopes(groups)))
            )
    if not targets:
        raise errors.PopulationError(
            errors.explain(
                "no batch norm of the graph keeps averages that could be estimated",
                got=[f"{row.scope}: {row.reason}" for row in skipped],
            )
        )
    return targets, skipped


def require_supported(targets: Sequence[Target], mode: str, sequential: bool) -> None:
    """Refuses batch norms whose moments would not be those of their input.

    Raises:
      PopulationError: weights, batch renormalization, or ghost batches that do not fit the mode.
    """
    for target in targets:
        for call in target.calls:
            record = call.record or {}
            if record.get("weighted"):
                _refuse(target, "its moments are weighted or masked, and the graph alone does not say by what")
            if not sequential and (record.get("renorm") or _renormalised(target)):
                _refuse(
                    target,
                    "it is a batch renormalization, whose training mode depends on the averages themselves",
                    "Estimate sequentially, or leave it out with `exclude`.",
                )
            if mode != "pooled" and record.get("virtual_batch_size"):
                _refuse(target, "its averages take in groups of a batch, not batches", "Use the mode 'pooled'.")


def alone(model: GraphModel, site: Site) -> Target:
    """Returns one site as if nothing shared its averages."""
    return _target(model, [site])


def averages(model: GraphModel, site: Site) -> tuple[list[Variable], list[Variable]]:
    """Returns the variables of a site's mean and of its variance, those that inference reads first.

    What renormalization keeps beside them is left out. Where nothing connects one of the two with the site, as under
    debiasing, its name does.
    """
    mean = [item for item in site.mean if "renorm_" not in item.name]
    variance = [item for item in site.variance if "renorm_" not in item.name and not is_deviation(item.name)]
    if bool(mean) != bool(variance):
        scope = (mean or variance)[0].scope
        for item in _statistics(model).get(scope, ()):
            role = variance if VARIANCE_NAME.search(item.name) else mean
            role += [item] if item not in role else []
    return mean, variance


@once
def _statistics(model: GraphModel) -> dict[str, list[Variable]]:
    """The variables that are called like a mean or variance, by their scope."""
    found: dict[str, list[Variable]] = {}
    for item in model.variables.by_node.values():
        if STATISTIC_NAME.search(item.name) and not is_deviation(item.name):
            found.setdefault(item.scope, []).append(item)
    return found


def is_deviation(name: str) -> bool:
    """Whether a variable of this name keeps a standard deviation instead of a variance."""
    return any(word in name.rsplit("/", 1)[-1] for word in _DEVIATION)


def _target(model: GraphModel, sites: list[Site]) -> Target:
    active = [site for site in sites if model.active(site)] or sites
    # An evaluation tower takes the same averages and its inputs are not those of training.
    active = [site for site in active if site.mode != MOVING] or active
    calls = [_call(model, site) for site in active]
    mean, variance = averages(model, active[0])
    return Target(
        active[0].scope, calls, mean, variance, calls[0].normalizer.epsilon, any(_corrects(call) for call in calls)
    )


def _call(model: GraphModel, site: Site) -> Call:
    normalizer = next((item for item in site.normalizers if item.mode != MOVING), site.normalizers[0])
    record = recorded.record_of(model, site)
    # The record knows what the layer was given; the op may see it shifted, reshaped or grouped.
    x = normalizer.x
    if record is not None:
        name, _, output = record["inputs"].partition(":")
        x = (model.flow.by_name[name], int(output or 0))
    return Call(site, normalizer, x, record)


def _corrects(call: Call) -> bool:
    """Whether the updates of a call average unbiased variances, as those by TensorFlow's fused op do."""
    if call.record is not None:
        return bool(call.record.get("bessel_correction"))
    return call.normalizer.fused and call.normalizer.mode == BATCH


def _renormalised(target: Target) -> bool:
    return any("renorm_" in item.name for call in target.calls for item in call.site.statistics)


def _fits(scope: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(scope, pattern) for pattern in patterns)


def _scopes(groups: dict[tuple[str, ...], list[Site]]) -> list[str]:
    return sorted(sites[0].scope for sites in groups.values())


def _refuse(target: Target, reason: str, fix: str = "Leave it out with `exclude`.") -> None:
    raise errors.PopulationError(
        errors.explain(f"the batch norm {target.scope!r} cannot be estimated: {reason}", fix=fix)
    )
