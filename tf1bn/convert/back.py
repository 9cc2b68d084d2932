"""The way back: a state of another framework becomes a checkpoint that an old graph restores."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tf1bn import errors, progress
from tf1bn.checkpoint import dtypes, protos, shard
from tf1bn.checkpoint.bundle import data_path
from tf1bn.checkpoint.staging import Staging, check_free
from tf1bn.convert import planner, states
from tf1bn.convert import target as targets
from tf1bn.convert.layer import Stored
from tf1bn.convert.plan import Entry, Plan
from tf1bn.convert.source import Source
from tf1bn.convert.states import State

_PIECE = 1 << 20


class Return(NamedTuple):
    """What :func:`convert_back` wrote.

    Attributes:
      target: prefix of the checkpoint; empty for a dry run.
      plan: the conversion that was undone.
      taken: variables whose numbers come from the state.
      kept: tensors that keep the numbers of the base.
      absent: variables of the graph that the checkpoint does not have; a Saver of all variables needs them.
      unused: tensors of the state that are no layer of the graph.
    """

    target: str
    plan: Plan
    taken: tuple[str, ...]
    kept: tuple[str, ...]
    absent: tuple[str, ...]
    unused: tuple[str, ...]


def convert_back(
    state: Any,
    target: str | os.PathLike[str],
    *,
    graph: Any,
    base: str | os.PathLike[str] | None = None,
    mapping: Any = None,
    dialect: str | None = None,
    outputs: Any = None,
    inputs: Any = None,
    switches: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
) -> Return:
    """Writes weights that were trained elsewhere as a checkpoint for a graph of TensorFlow 1.

    Every step of the conversion is undone, so what comes back unchanged is the same bit for bit. The layers are those
    of the graph; their names in the state are those that :func:`tf1bn.convert.convert` gives, or those that are found
    by kind, shape and order.

    Args:
      state: whatever :func:`tf1bn.convert.states.load` takes, with numbers.
      target: prefix of the new checkpoint.
      graph: a tf.Graph, a MetaGraphDef, or the path of a ``.meta`` file.
      base: prefix of a checkpoint of the graph. Its other tensors, such as optimizer slots and counters, are kept.
        Without one the checkpoint has the weights alone.
      mapping, outputs, inputs, switches: as in :func:`tf1bn.convert.plan_conversion`.
      dialect: ``torch`` or ``tensorflow``; by default the one whose names the state has.
      overwrite: replaces a checkpoint that is there.
      dry_run: makes everything and writes nothing.

    Returns:
      a :class:`Return`.

    Raises:
      ConvertError: a question is open, a tensor is missing or has another shape, or a number was changed that the
        graph has no variable for.
      CheckpointError, GraphError, ExportError: something cannot be read, or the place is taken.

    Example:
      >>> from tf1bn import convert
      >>> convert.convert_back("model.pt", "new/model", graph="run/model.meta", base="run/model")  # doctest: +SKIP
    """
    place = os.fspath(target)
    with errors.located("convert_back", target=place):
        loaded = states.load(state)
        if loaded.read is None:
            raise errors.ConvertError(errors.explain(f"{loaded.where} has names and shapes only", expected="numbers"))
        if not dry_run:
            check_free(place, os.fspath(base) if base else "", overwrite)
        options = {"mapping": mapping, "outputs": outputs, "inputs": inputs, "switches": switches}
        with Source(base if base is not None else _variables(graph)) as source:
            plan = _plan(source, loaded, graph, dialect, options)
            plan.require()
            _require_companions(plan, base)
            groups = _groups(plan.entries)
            taken = sorted({part.source.key for entry in plan.entries for part in entry.target.parts})
            kept = sorted(set(source.infos) - set(taken)) if base is not None else []
            absent = sorted(set(source.infos) - set(taken)) if base is None else []
            if not dry_run:
                _write(place, groups, loaded, source, kept, overwrite)
            else:
                for group in groups:
                    _undone(group, loaded, source)
        names = {entry.target.name for entry in plan.entries}
        unused = sorted(set(loaded.shapes) - names)
        return Return("" if dry_run else place, plan, tuple(taken), tuple(kept), tuple(absent), tuple(unused))


def _variables(graph: Any) -> dict[str, np.ndarray]:
    """Returns arrays of the shapes and types of a graph's variables; they take no memory."""
    from tf1bn.convert import reading

    model, slices = reading.whole(graph)
    found = {}
    for variable in model.variables.by_node.values():
        if variable.name in slices:
            part = slices[variable.name]
            found[part.whole] = _hollow(part.shape, dtypes.of_name(variable.dtype))
        elif variable.shape is not None and None not in variable.shape and variable.dtype not in ("resource", "string"):
            row = dtypes.of_name(variable.dtype)
            found[variable.key] = _hollow(tuple(size or 0 for size in variable.shape), row)
    return found


def _hollow(shape: tuple[int, ...], row: dtypes.DType) -> np.ndarray:
    kind = np.dtype(row.numpy)
    if row.number == dtypes.BFLOAT16:
        import ml_dtypes  # comes with TensorFlow, which read the graph

        kind = np.dtype(ml_dtypes.bfloat16)
    return np.broadcast_to(np.zeros((), kind), shape)


def _plan(source: Source, state: State, graph: Any, dialect: str | None, options: Mapping[str, Any]) -> Plan:
    """Returns the plan that the state is the result of: under the names that it would get, else matched."""
    for form in [dialect] if dialect else ["torch", "tensorflow"]:
        plan = planner.make(source, "npz", graph=graph, dialect=form, **options)
        names = [entry.target.name for entry in plan.entries if not _optional(entry)]
        if all(
            state.shapes.get(entry.target.name) == entry.target.shape for entry in plan.entries if not _optional(entry)
        ):
            return _with_optional(plan, state)
        missing = [name for name in names if name not in state.shapes]
        if dialect == "tensorflow":
            raise errors.ConvertError(
                errors.explain(
                    f"{state.where} lacks tensors of the graph, or has them in other shapes", got=missing[:5]
                )
            )
    return planner.make(source, "npz", graph=graph, dialect="torch", like=state, **options)


def _optional(entry: Entry) -> bool:
    return entry.target.constant is not None


def _with_optional(plan: Plan, state: State) -> Plan:
    """Returns a plan without the constants that the state lacks."""
    return plan._replace(entries=tuple(item for item in plan.entries if item.target.name in state.shapes))


def _require_companions(plan: Plan, base: Any) -> None:
    """Refuses statistics whose stored form needs a counter, where no checkpoint says it."""
    for entry in plan.entries:
        for part in entry.target.parts:
            if part.source.companion and base is None:
                raise errors.ConvertError(
                    errors.explain(
                        f"{part.source.key!r} is stored as {part.source.form}, which needs {part.source.companion!r}",
                        fix="Give a checkpoint of the graph as `base`.",
                    )
                )


def _groups(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Returns entries that belong together: those of one layer, and of layers that share a tensor."""
    groups: list[tuple[set[str], list[Entry]]] = []
    by_layer: dict[int, list[Entry]] = {}
    for entry in entries:
        by_layer.setdefault(id(entry.layer), []).append(entry)
    for members in by_layer.values():
        keys = {part.source.key for entry in members for part in entry.target.parts}
        joined = [group for group in groups if group[0] & keys]
        groups = [group for group in groups if not group[0] & keys]
        groups.append((keys.union(*(g[0] for g in joined)), [e for g in joined for e in g[1]] + members))
    return [group for _, group in groups]


def _undone(group: Sequence[Entry], state: State, source: Source) -> dict[str, np.ndarray]:
    """Returns the variables of a group of layers, each in its own data type."""
    assert state.read is not None
    given = {}
    for entry in group:
        value = state.read(entry.target.name)
        if value.shape != entry.target.shape:
            raise errors.ConvertError(
                errors.explain(
                    f"{entry.target.name!r} has another shape", got=value.shape, expected=f"{entry.target.shape}"
                )
            )
        given[entry.target] = _typed(value, state.dtypes.get(entry.target.name, value.dtype.name), entry.target.dtype)
    return targets.undo(given, source.read)


def _typed(value: np.ndarray, have: str, want: str) -> np.ndarray:
    """Returns numbers in another data type, rounded once; the same bits where the types agree."""
    if have == want:
        return value
    row = dtypes.of_name(want)
    if not dtypes.is_float(row) or not dtypes.is_float(dtypes.of_name(have)):
        return value.astype(row.numpy)
    return dtypes.from_floats(dtypes.as_floats(value, dtypes.of_name(have)), row)


def _write(
    place: str, groups: Sequence[Sequence[Entry]], state: State, source: Source, kept: Sequence[str], overwrite: bool
) -> None:
    with Staging(place, overwrite).open() as staging:
        writer = shard.ShardWriter(data_path(staging.prefix, 0, 1), 0)
        items = shard.IndexItems()
        try:
            for name, value, row in _tensors(groups, state, source, kept):
                part = _part(value, row)
                items.add(name, row.number, part.shape, [((), writer.add(row.number, part))])
        except BaseException:
            writer.abandon()
            raise
        writer.close()
        items.write(staging.prefix + ".index", protos.Header(1))
        staging.commit()


def _tensors(
    groups: Sequence[Sequence[Entry]], state: State, source: Source, kept: Sequence[str]
) -> Iterator[tuple[str, np.ndarray, dtypes.DType]]:
    for group in progress.each(groups, "converting", "layers"):
        stored: dict[str, Stored] = {part.source.key: part.source for e in group for part in e.target.parts}
        for name, value in _undone(group, state, source).items():
            yield name, value, dtypes.of_name(stored[name].dtype)
    for name in kept:
        yield name, source.read(name), source.infos[name].dtype


def _part(value: np.ndarray, row: dtypes.DType) -> shard.Part:
    """Returns an array as stored, without a copy of its bytes where it has them in order."""
    if row.number == dtypes.STRING or not value.ndim or not math.prod(value.shape):
        return shard.array_part(value, row)
    data = np.ascontiguousarray(value, row.numpy).reshape(-1).view(np.uint8)
    return shard.Part(value.shape, (data[at : at + _PIECE].tobytes() for at in range(0, data.size, _PIECE)))
