"""One checkpoint from several whose weights are the same and whose averages were kept apart. Needs no TensorFlow."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tf1bn import errors, progress
from tf1bn.checkpoint import comparison, dtypes, inspector, replacement
from tf1bn.checkpoint import sites as sites_module
from tf1bn.checkpoint.layout import MEAN, STATISTICS, VARIANCE
from tf1bn.checkpoint.layouts import catalog
from tf1bn.checkpoint.source import Checkpoint, open_checkpoint
from tf1bn.population import companions, pooling
from tf1bn.population.companions import Tensors
from tf1bn.population.pooling import POOLED, Sums

_FREE = ("optimizer slots", "global step")
_EPSILON = 1e-3


class MergedSite(NamedTuple):
    """One batch norm of the merged checkpoint.

    Attributes:
      scope: its place.
      variables: names of everything that got a new value.
      mean, variance: the merged averages, float64, flat.
      spread: largest distance of one checkpoint's mean from the merged one, in standard deviations.
    """

    scope: str
    variables: tuple[str, ...]
    mean: np.ndarray
    variance: np.ndarray
    spread: float


class Merging(NamedTuple):
    """What :func:`merge_checkpoints` did.

    Attributes:
      target: prefix of the new checkpoint, or an empty string for a dry run.
      sources: the prefixes.
      shares: weight of each, 1 in all.
      mode: as asked for.
      sites: the batch norms.
      from_first: optimizer slots and steps that differ and are those of the first checkpoint.
      verified: number of tensors of the new checkpoint that were compared.
    """

    target: str
    sources: tuple[str, ...]
    shares: tuple[float, ...]
    mode: str
    sites: tuple[MergedSite, ...]
    from_first: tuple[str, ...]
    verified: int


def merge_checkpoints(
    prefixes: Sequence[str | os.PathLike[str]],
    target: str | os.PathLike[str],
    *,
    counts: Sequence[float] | None = None,
    mode: str = POOLED,
    tolerance: float = 0.0,
    overwrite: bool = False,
    dry_run: bool = False,
) -> Merging:
    """Writes a checkpoint whose averages are those of several together, for ranks or towers that kept their own.

    With counts n_i, means m_i and variances v_i:  mean = sum(n_i m_i) / sum(n_i);  variance, ``pooled``:
    sum(n_i (v_i + (m_i - mean)^2)) / sum(n_i), which has the variance of the means in it;  ``mean_of_batches``:
    sum(n_i v_i) / sum(n_i).

    All other tensors must be the same, and are taken from the first checkpoint with their bits: weights, gamma, beta,
    averages of weights. Optimizer slots and the global step are taken from the first one where they differ. Shadows,
    debiasing and renormalization follow as in :func:`tf1bn.population.reestimate`.

    Args:
      prefixes: at least two checkpoints.
      target: prefix of the new one.
      counts: how many examples, or batches, each has seen; alike by default.
      mode: ``pooled`` or ``mean_of_batches``.
      tolerance: largest absolute difference of a weight that counts as none.
      overwrite: replaces a checkpoint that is there.
      dry_run: checks and merges, writes nothing.

    Returns:
      a :class:`Merging`.

    Raises:
      PopulationError: names, shapes, gamma, beta or weights differ (the text says which and by how much), there is no
        batch norm, its averages are not finite or are stored in a form that cannot be merged.
      ArgumentError: fewer than two prefixes, or counts that do not fit.
      CheckpointError: one of them cannot be read, or the target not be written.

    Example:
      >>> from tf1bn import population
      >>> population.merge_checkpoints(["rank0/model", "rank1/model"], "merged/model")  # doctest: +SKIP
    """
    sources = [os.fspath(prefix) for prefix in prefixes]
    with errors.located("merge_checkpoints", target=os.fspath(target)):
        pooling.make(mode, False)
        weights = _weights(sources, counts)
        found = inspector.inspect(sources[0])
        with open_checkpoint(sources[0]) as first:
            sites = _sites(first)
            tensors = Tensors({name: info.shape for name, info in first.tensors.items()})
        free = {name for kind in _FREE for name in found.others[kind]}
        # Before anything is read: of different weights no averages can be merged.
        from_first = _require_same(sources, _owned(sites, tensors) | free, free, tolerance)
        statistics = zip(
            *(_read(source, sites) for source in progress.each(sources, "reading averages", "checkpoints")), strict=True
        )
        paired = progress.each(list(zip(sites, statistics, strict=True)), "merging", "batch norms")
        rows = [_merge(site, each, weights, mode, tensors) for site, each in paired]
        values = {name: value for new, _ in rows for name, value in new.items()}
        verified = 0
        if not dry_run:
            verified = replacement.replace(sources[0], target, values, overwrite=overwrite).verified
        total = sum(weights)
        return Merging(
            "" if dry_run else os.fspath(target), tuple(sources), tuple(weight / total for weight in weights), mode,
            tuple(row for _, row in rows), from_first, verified,
        )  # fmt: skip


def _weights(sources: Sequence[str], counts: Sequence[float] | None) -> list[float]:
    if len(sources) < 2:
        raise errors.ArgumentError(errors.explain("there is nothing to merge", got=sources, expected="two prefixes"))
    weights = [1.0] * len(sources) if counts is None else [float(count) for count in counts]
    if len(weights) != len(sources) or not all(0 < weight < float("inf") for weight in weights):
        raise errors.ArgumentError(
            errors.explain("`counts` do not fit", got=counts, expected=f"{len(sources)} numbers above 0")
        )
    return weights


def _sites(first: Checkpoint) -> list[sites_module.Site]:
    found = [site for site in sites_module.recognise(first.tensors) if set(STATISTICS) <= set(site.tensors)]
    if not found:
        raise errors.PopulationError(errors.explain(f"no batch norm with averages is in {first.prefix!r}"))
    for site in found:
        # Names that may mean two layouts may mean two stored forms.
        layouts = [site.layout, *(catalog.LAYOUTS.get(name) for name in site.rivals)]
        stored = [layout.leaf(role) for layout in layouts for role in STATISTICS]
        # The mean of deviations is no deviation: only means and variances themselves pool.
        if any(leaf is None or leaf.stored != "identity" for leaf in stored):
            raise errors.PopulationError(
                errors.explain(
                    f"the averages of {site.label!r} are, or may be, stored in another form and cannot be merged",
                    got=[layout.name for layout in layouts],
                    fix="Migrate the checkpoints to the layout tf1bn first.",
                )
            )
    return found


def _owned(sites: Sequence[sites_module.Site], tensors: Tensors) -> set[str]:
    """The names of everything that a merge gives a new value."""
    # Only the names are wanted, and they do not depend on the values.
    nothing = np.zeros(1)
    return {name for site in sites for name in _companions(site, tensors, nothing, nothing)}


def _companions(
    site: sites_module.Site, tensors: Tensors, mean: np.ndarray, variance: np.ndarray
) -> dict[str, np.ndarray]:
    epsilon = _EPSILON if site.layout.epsilon is None else site.layout.epsilon
    names = [site.tensors[MEAN]], [site.tensors[VARIANCE]]
    return companions.values(tensors, *names, mean, variance, epsilon)


def _require_same(sources: Sequence[str], allowed: set[str], free: set[str], tolerance: float) -> tuple[str, ...]:
    """Refuses checkpoints that differ in more than what is allowed; returns what is taken from the first."""
    from_first: set[str] = set()
    for other in sources[1:]:
        found = comparison.compare(sources[0], other, tolerance=tolerance)
        if found.only_first or found.only_second:
            raise errors.PopulationError(
                errors.explain(
                    f"{sources[0]!r} and {other!r} do not hold the same tensors",
                    got=[*found.only_first, *found.only_second][:3],
                )
            )
        for row in found.differences:
            if row.what != "value" or row.name not in allowed:
                others = sum(item.name not in allowed for item in found.differences) - 1
                raise errors.PopulationError(
                    errors.explain(
                        f"{sources[0]!r} and {other!r} differ in more than averages: {row.what} of {row.name!r}: "
                        f"{row.text}" + (f", and {others} more tensors" if others > 0 else ""),
                        fix="Only checkpoints of the same weights can be merged.",
                    )
                )
            from_first.update({row.name} & free)
    return tuple(sorted(from_first))


def _read(source: str, sites: Sequence[sites_module.Site]) -> list[Sums]:
    """The averages of one checkpoint, as if one value stood behind each."""
    found = []
    with open_checkpoint(source) as opened:
        for site in sites:
            mean, variance = (
                dtypes.as_floats(opened.read(site.tensors[role]).reshape(-1), opened.tensors[site.tensors[role]].dtype)
                for role in STATISTICS
            )
            if not (np.isfinite(mean).all() and np.isfinite(variance).all() and (variance >= 0).all()):
                raise errors.PopulationError(
                    errors.explain(
                        f"the averages of {site.label!r} in {source!r} are not finite, or negative variances"
                    )
                )
            # The weight of a checkpoint comes in when they are pooled.
            found.append(Sums.of(1, mean, variance))
    return found


def _merge(
    site: sites_module.Site,
    each: Sequence[Sums],
    weights: Sequence[float],
    mode: str,
    tensors: Tensors,
) -> tuple[dict[str, np.ndarray], MergedSite]:
    pooled = pooling.Pooled()
    for sums, weight in zip(each, weights, strict=True):
        pooled.add(weight, sums.mean, sums.variance)
    result = pooled.result()
    variance = result.variance
    if mode != POOLED:
        variance = np.average([sums.variance for sums in each], axis=0, weights=weights)
    # A dead channel has no deviation to measure with.
    deviation = np.sqrt(np.maximum(variance, 1e-30))
    spread = max(float(np.max(np.abs(sums.mean - result.mean) / deviation, initial=0.0)) for sums in each)
    values = _companions(site, tensors, result.mean, variance)
    return values, MergedSite(site.label, tuple(sorted(values)), result.mean, variance, spread)
