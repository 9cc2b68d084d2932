"""Proves a migration with numbers: both graphs on the same inputs, the output of every batch norm side by side."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors, progress
from tf1bn.checkpoint import correspondence, graph_file, rules, sites, target_graph
from tf1bn.checkpoint.graph_file import GraphFile
from tf1bn.checkpoint.layout import ROLES, STATISTICS
from tf1bn.checkpoint.layouts import catalog
from tf1bn.checkpoint.sites import Site
from tf1bn.checkpoint.target_graph import Target
from tf1bn.graph import loading

_BATCH, _SIZE = 4, 16  # stand for sizes that a graph leaves open


class SiteProof(NamedTuple):
    """One pair of batch norms.

    Attributes:
      source, target: their places.
      largest: largest absolute difference of the outputs; infinite where one alone is NaN, or shapes differ.
      relative: the same, over the largest absolute output of the source.
      place: index of the largest difference.
      shape: of the output.
    """

    source: str
    target: str
    largest: float
    relative: float
    place: tuple[int, ...]
    shape: tuple[int, ...]


class Proof(NamedTuple):
    """What :func:`prove` found.

    Attributes:
      sites: one row per pair, in the order of the source.
      unmatched: source sites without a counterpart.
      tolerance: the relative difference that was allowed.
    """

    sites: tuple[SiteProof, ...]
    unmatched: tuple[str, ...]
    tolerance: float

    @property
    def equal(self) -> bool:
        """Whether every site of the source has a counterpart whose output is the same within the tolerance."""
        return not self.unmatched and all(row.relative <= self.tolerance for row in self.sites)

    def worst(self) -> SiteProof | None:
        """Returns the pair that differs most."""
        return max(self.sites, key=lambda row: row.relative, default=None)


class _Side(NamedTuple):
    """One graph with its checkpoint."""

    graph: GraphFile
    path: str
    prefix: str
    sites: list[Site]


def prove(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    source_graph: str | os.PathLike[str] | None = None,
    target_graph_file: str | os.PathLike[str] | None = None,
    source_layout: str | None = None,
    target_layout: str | None = None,
    inputs: Mapping[str, np.ndarray] | None = None,
    rename: Iterable[str] = (),
    tolerance: float = 1e-5,
    seed: int = 0,
) -> Proof:
    """Runs two inference graphs with their checkpoints on the same inputs and compares every batch norm's output.

    Sites are paired by their place in the graph, as in a migration; the output of a site is the first tensor that
    all its variables and its input have reached. In training mode outputs do not depend on the averages, so a site
    whose averages do not reach its output is refused.

    Args:
      source, target: prefixes of the checkpoints.
      source_graph, target_graph_file: ``.meta`` files; by default those beside the checkpoints.
      source_layout, target_layout: where names do not tell.
      inputs: name of a placeholder -> values. None: random normal values for floating-point placeholders, with 4
        and 16 for open sizes, zeros for integers, False for booleans.
      rename: rules that bring scopes of the source to those of the target, as in a migration.
      tolerance: largest difference relative to the largest output of the site.
      seed: of the random inputs.

    Returns:
      a :class:`Proof`.

    Raises:
      CheckpointPlanError: no site can be paired, or a site does not use its averages.
      ArgumentError: placeholders differ, or an input is missing.
      CheckpointError: a file cannot be read, or a graph wants what its checkpoint lacks.
    """
    with (
        errors.located("prove", source=os.fspath(source), target=os.fspath(target)),
        progress.stage("proving", 5, progress.STEPS) as steps,
    ):
        steps.begin("reading the first graph")
        ours = _side(source, source_graph, source_layout)
        steps.begin("reading the second graph")
        theirs = _side(target, target_graph_file, target_layout)
        steps.begin("pairing batch norms")
        wanted = Target(theirs.path, theirs.graph.variables, {}, theirs.graph)
        tensors = target_graph.infos(ours.graph.variables)
        checked = rules.parse(rename)
        pairs = correspondence.find(ours.sites, theirs.sites, tensors, wanted, ours.path, ours.prefix, checked)
        if not pairs.sites:
            raise errors.CheckpointPlanError(errors.explain("no batch norm of the source could be paired"))
        order = sorted(pairs.sites)
        feeds = _Feeds(inputs, seed)
        steps.begin("running the first graph")
        one = _run(ours, [ours.sites[at] for at in order], feeds)
        steps.begin("running the second graph")
        two = _run(theirs, [pairs.sites[at] for at in order], feeds)
        steps.advance()
        rows = [
            _row(ours.sites[at].label, pairs.sites[at].label, left, right)
            for at, left, right in zip(order, one, two, strict=True)
        ]
        unmatched = tuple(site.label for at, site in enumerate(ours.sites) if at not in pairs.sites)
        return Proof(tuple(rows), unmatched, tolerance)


def _side(prefix: str | os.PathLike[str], graph: str | os.PathLike[str] | None, layout: str | None) -> _Side:
    path = os.fspath(graph) if graph is not None else os.fspath(prefix) + ".meta"
    parsed = graph_file.read_graph(path)
    only = catalog.LAYOUTS.get(layout) if layout else None
    found = sites.recognise(target_graph.infos(parsed.variables), only)
    return _Side(parsed, path, os.fspath(prefix), found)


class _Feeds:
    """The same inputs for both graphs: by name, or the only one by being the only one."""

    def __init__(self, given: Mapping[str, np.ndarray] | None, seed: int) -> None:
        self._given = given
        self._random = np.random.RandomState(seed)
        self._made: dict[str, np.ndarray] = {}

    def of(self, graph: Any) -> dict[Any, np.ndarray]:
        holders = [op.outputs[0] for op in graph.get_operations() if op.type == "Placeholder"]
        main = [holder for holder in holders if holder.dtype != tf.bool]
        feeds = {}
        for holder in holders:
            key = holder.op.name if len(main) != 1 or holder.dtype == tf.bool else "(the input)"
            feeds[holder] = self._value(key, holder)
        return feeds

    def _value(self, key: str, holder: Any) -> np.ndarray:
        if self._given is not None:
            value = self._given.get(holder.op.name)
            if value is None and len(self._given) == 1 and key == "(the input)":
                value = next(iter(self._given.values()))
            if value is None and holder.dtype != tf.bool:
                raise errors.ArgumentError(
                    errors.explain(f"no input for placeholder {holder.op.name!r}", got=sorted(self._given))
                )
            return np.zeros(_shape(holder), bool) if value is None else np.asarray(value)
        if key not in self._made:
            kind = holder.dtype.as_numpy_dtype
            draws = (
                self._random.standard_normal(_shape(holder)) if holder.dtype.is_floating else np.zeros(_shape(holder))
            )
            self._made[key] = draws.astype(kind)
        value = self._made[key]
        if not holder.shape.is_compatible_with(value.shape):
            raise errors.ArgumentError(
                errors.explain(
                    f"placeholder {holder.op.name!r} of the target has another shape than the source's",
                    got=str(holder.shape),
                    expected=str(value.shape),
                    fix="Pass `inputs`.",
                )
            )
        return value


def _shape(holder: Any) -> list[int]:
    if holder.shape.rank is None:
        return []
    sizes = holder.shape.as_list()
    return [(size or (_SIZE if at else _BATCH)) for at, size in enumerate(sizes)]


def _run(side: _Side, wanted: Sequence[Site], feeds: _Feeds) -> list[np.ndarray]:
    """Returns the outputs of the sites, with the checkpoint restored."""
    with tf.Graph().as_default() as graph, tf.Session() as session:
        saver = tf.train.import_meta_graph(loading.load(side.path).meta_graph, clear_devices=True)
        if saver is None:
            raise errors.CheckpointPlanError(errors.explain(f"{side.path} has no Saver to restore with"))
        outputs = [_output(graph, side.graph, site) for site in wanted]
        fed = feeds.of(graph)
        try:
            saver.restore(session, side.prefix)
            return list(session.run(outputs, fed))
        except (tf.errors.OpError, ValueError) as error:
            raise errors.CheckpointError(
                errors.explain(f"{side.prefix!r} does not run in {side.path!r}", got=str(error)[:300])
            ) from error


def _output(graph: Any, parsed: GraphFile, site: Site) -> Any:
    """Returns the first tensor that the input and all variables of a site have reached."""
    present = [role for role in ROLES if role in site.tensors]
    reached = {}
    for role in present:
        variable = parsed.variables[site.tensors[role]]
        reached[role] = _behind(graph, variable.node)
    inputs = _behind_all(graph, [op for op in graph.get_operations() if _is_input(op)])
    for op in graph.get_operations():
        if op.name in inputs and all(op.name in names for names in reached.values()) and _is_output(op, site, parsed):
            return op.outputs[0]
    idle = [role for role in STATISTICS if role in reached]
    raise errors.CheckpointPlanError(
        errors.explain(
            f"no tensor of {site.label} depends on its input and on {', '.join(idle)}",
            fix="A proof wants inference graphs, whose batch norms use their averages.",
        )
    )


def _is_input(op: Any) -> bool:
    return op.type.startswith(("Placeholder", "Iterator", "Queue", "Reader"))


def _is_output(op: Any, site: Site, parsed: GraphFile) -> bool:
    """Returns whether an op gives a normalised tensor, not the shift that is computed on the way to it."""
    ranks = [len(parsed.variables[name].shape or ()) for name in site.tensors.values()]
    # A write and a switch have seen everything too, and give nothing new.
    writes = op.type.startswith(("Assign", "ResourceAssign", "Save", "Switch", "RefSwitch"))
    if writes or not op.outputs or not op.outputs[0].dtype.is_floating:
        return False
    rank = op.outputs[0].shape.rank
    return rank is None or rank > max(ranks) or max(ranks) > 1


def _behind(graph: Any, name: str) -> set[str]:
    return _behind_all(graph, [graph.get_operation_by_name(name)])


def _behind_all(graph: Any, starts: Sequence[Any]) -> set[str]:
    """Returns the names of the operations that data of the given ones reach; not through what a variable keeps."""
    seen: set[str] = set()
    stack = list(starts)
    while stack:
        op = stack.pop()
        if op.name in seen:
            continue
        seen.add(op.name)
        for output in op.outputs:
            # Through what is written, a variable would lead to every reader of it.
            stack += [consumer for consumer in output.consumers() if not consumer.type.startswith(("Assign", "Save"))]
    return seen


def _row(source: str, target: str, left: np.ndarray, right: np.ndarray) -> SiteProof:
    left, right = np.asarray(left, np.float64), np.asarray(right, np.float64)
    if left.shape != right.shape:
        return SiteProof(source, target, np.inf, np.inf, (), left.shape)
    with np.errstate(all="ignore"):
        gap = np.abs(left - right)
    # NaN on both sides is agreement, on one side the largest difference there is.
    gap[np.isnan(left) & np.isnan(right)] = 0.0
    gap[np.isnan(gap)] = np.inf
    if not gap.size:
        return SiteProof(source, target, 0.0, 0.0, (), left.shape)
    worst = np.unravel_index(int(np.argmax(gap)), gap.shape)
    finite = np.abs(left[np.isfinite(left)])
    largest, scale = float(gap[worst]), float(finite.max(initial=0.0))
    relative = largest / scale if scale and largest else largest
    return SiteProof(source, target, largest, relative, tuple(int(at) for at in worst), left.shape)


def as_json(proof: Proof) -> dict[str, Any]:
    """Returns a proof as JSON values; a difference that is not finite is null."""
    rows = []
    for row in proof.sites:
        values = row._asdict() | {"place": list(row.place), "shape": list(row.shape)}
        rows.append(
            {
                key: None if isinstance(value, float) and not np.isfinite(value) else value
                for key, value in values.items()
            }
        )
    return {"equal": proof.equal, "tolerance": proof.tolerance, "sites": rows, "unmatched": list(proof.unmatched)}


def as_text(proof: Proof) -> str:
    """Returns a proof as lines for people, one per site."""
    lines = [
        f"{row.source} and {row.target}: largest difference {row.largest:.3g} at {list(row.place)} "
        f"of {list(row.shape)}, relative {row.relative:.3g}" + ("" if row.relative <= proof.tolerance else "  DIFFERS")
        for row in proof.sites
    ]
    lines += [f"{label} of the source has no counterpart" for label in proof.unmatched]
    lines.append("the outputs of all batch norms agree" if proof.equal else "the outputs DIFFER")
    return "\n".join(lines)
