"""Restores into a graph without rewriting the checkpoint, covers what must be saved, and checks what was restored."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.checkpoint import dtypes, live_graph, rules, sites, target_graph
from tf1bn.checkpoint.graph_planner import GraphPlanner
from tf1bn.checkpoint.layout import INITIAL, STATISTICS, Layout
from tf1bn.checkpoint.layouts import catalog
from tf1bn.checkpoint.plan import CONVERTED, SYNTHESISED, Plan, Trouble
from tf1bn.checkpoint.sites import Site
from tf1bn.checkpoint.source import Checkpoint, open_checkpoint

_SHADOW = "/ExponentialMovingAverage"
_AVERAGES = ("never", "prefer", "require")


class Covered(NamedTuple):
    """One variable: its name, the key it is restored from, and whether that is the ``raw`` or the ``averaged`` one."""

    variable: str
    key: str
    kind: str


class Coverage(NamedTuple):
    """What a restore map covers.

    Attributes:
      restored: the variables that are restored, and from what.
      initial: variables that keep their initial value, which is certain to be right (a gamma of ones).
      uncovered: variables that nothing in the checkpoint is; with the reason.
      unused: keys of the checkpoint that no variable takes.
      notes: automatic names that have shifted, and how that was resolved.
    """

    restored: tuple[Covered, ...]
    initial: tuple[str, ...]
    uncovered: tuple[Trouble, ...]
    unused: tuple[str, ...]
    notes: tuple[str, ...]

    def text(self) -> str:
        """Returns the report as lines for people."""
        lines = [f"{row.variable} <- {row.key} ({row.kind})" for row in self.restored]
        lines += [f"{name} keeps its initial value" for name in self.initial]
        lines += [f"NOT RESTORED {trouble.name}: {trouble.text}" for trouble in self.uncovered]
        lines += [f"unused: {name}" for name in self.unused]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])


class RestoreMap(dict[str, Any]):
    """Key in the checkpoint -> variable, as ``tf.train.Saver`` takes it; :attr:`coverage` says what it covers."""

    coverage: Coverage


def restore_map(
    checkpoint: str | os.PathLike[str],
    variables: Sequence[Any] | None = None,
    *,
    averages: str = "never",
    statistics: str = "raw",
    source_layout: str | Layout | None = None,
    source_graph: str | os.PathLike[str] | None = None,
    rename: Iterable[str] = (),
    mapping: Mapping[str, str] | None = None,
    strict: bool = True,
) -> RestoreMap:
    """Returns which key of a checkpoint each variable of the graph is restored from.

    ``tf.train.Saver(restore_map(prefix)).restore(session, prefix)`` restores a checkpoint of any layout whose
    values are stored as the graph keeps them; where they are not (gamma less one), migrate it.

    Args:
      checkpoint: prefix.
      variables: those to restore; None for all global variables of the default graph.
      averages: ``never`` takes raw values, ``prefer`` the average of a variable where the file has one and else
        the raw value, ``require`` refuses variables without an average. Concerns trainable variables.
      statistics: ``raw``, or ``averaged`` to treat moving averages as trainable variables are treated.
      source_layout, source_graph, rename, mapping: as in :func:`tf1bn.checkpoint.plan_migration`.
      strict: refuses a map that leaves a variable out. Otherwise it is in ``coverage.uncovered``.

    Returns:
      a :class:`RestoreMap`. A gamma that the checkpoint lacks is not in it: run the initializers first.

    Raises:
      ArgumentError: an unknown choice.
      CheckpointPlanError: a variable is not covered, and ``strict``.
      CheckpointError: the checkpoint cannot be read.
    """
    with errors.located("restore_map", checkpoint=os.fspath(checkpoint)):
        _check_choice("averages", averages, _AVERAGES)
        _check_choice("statistics", statistics, ("raw", "averaged"))
        wanted = live_graph.by_name(tf.global_variables() if variables is None else variables)
        origin = catalog.LAYOUTS.get(source_layout) if isinstance(source_layout, str) else source_layout
        checked = rules.parse(rename, (), mapping or {})
        with open_checkpoint(checkpoint) as opened:
            graph = live_graph.read()
            kept = {name: variable for name, variable in graph.variables.items() if name in wanted}
            target = target_graph.Target("the graph", kept, {}, graph)
            plan = GraphPlanner(opened, target, None, origin, source_graph, checked).plan()
            keys = _keys(plan)
            kinds = _choose_averages(keys, kept, opened, averages, _averaged(wanted, kept, statistics))
            made = _build(plan, keys, kinds, wanted, opened)
        if strict and made.coverage.uncovered:
            shown = "\n".join(f"  {trouble.name}: {trouble.text}" for trouble in made.coverage.uncovered[:20])
            raise errors.CheckpointPlanError(
                f"{len(made.coverage.uncovered)} variables are not restored:\n{shown}\n"
                "Pass strict=False to leave them out, `variables` to name those wanted, or migrate the checkpoint."
            )
        return made


def assignment_map(checkpoint: str | os.PathLike[str], variables: Sequence[Any] | None = None, **options: Any) -> Any:
    """Returns the map of :func:`restore_map` for ``tf.train.init_from_checkpoint``; takes the same options."""
    return restore_map(checkpoint, variables, **options)


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise errors.ArgumentError(errors.explain(f"unknown `{name}`", got=value, expected=" or ".join(choices)))


def _keys(plan: Plan) -> dict[str, str]:
    """Returns variable -> key for everything that needs no new bytes."""
    # A Saver would fail at these, or restore one value into two variables.
    blocked = {trouble.name for trouble in plan.troubles if trouble.kind in ("dtype", "shape", "collision")}
    steps = [step for step in plan.steps if step.action not in (SYNTHESISED, CONVERTED) and step.target not in blocked]
    return {step.target: step.source for step in steps}


def _averaged(wanted: Mapping[str, Any], kept: Mapping[str, Any], statistics: str) -> set[str]:
    """Returns the variables whose averages may be taken."""
    trainable = set(live_graph.by_name(tf.trainable_variables())) & set(wanted)
    if statistics == "raw":
        return trainable
    found = sites.recognise(target_graph.infos(dict(kept)))
    return trainable | {site.tensors[role] for site in found for role in STATISTICS if role in site.tensors}


def _choose_averages(
    keys: dict[str, str], kept: Mapping[str, Any], opened: Checkpoint, averages: str, eligible: set[str]
) -> dict[str, str]:
    """Puts averages in place of raw keys where that is asked for; returns variable -> kind."""
    kinds = dict.fromkeys(keys, "raw")
    if averages == "never":
        return kinds
    for name in eligible:
        # The average lies beside the key, which may be another name than the variable's.
        shadow = keys.get(name, name) + _SHADOW
        if shadow in opened.tensors and opened.tensors[shadow].shape == (kept[name].shape or ()):
            keys[name], kinds[name] = shadow, "averaged"
        elif averages == "require":
            # With `require` a raw value in its place would pass unseen.
            keys.pop(name, None)
            kinds.pop(name, None)
    return kinds


def _build(
    plan: Plan, keys: Mapping[str, str], kinds: Mapping[str, str], wanted: Mapping[str, Any], opened: Checkpoint
) -> RestoreMap:
    made = RestoreMap({key: wanted[name] for name, key in keys.items()})
    constants = {step.target for step in plan.steps if step.action == SYNTHESISED and not step.source}
    # Sorted so that a reason wins over the bare fact that nothing was found.
    reasons = {trouble.name: trouble for trouble in sorted(plan.troubles, key=lambda row: row.kind != "uncovered")}
    changed = {step.target: step for step in plan.steps if step.action == CONVERTED or (step.source and step.value)}
    lost = []
    for name in wanted:
        if name in keys or name in constants:
            continue
        step = changed.get(name)
        text = "nothing in the checkpoint is it"
        if step is not None:
            how = ", ".join(step.conversion) or step.why
            text = f"needs another stored form ({how}): migrate the checkpoint"
        lost.append(reasons.get(name) or Trouble("uncovered", name, text))
    lost += [trouble for trouble in plan.troubles if trouble.kind in ("drift", "ambiguous", "unused rule")]
    made.coverage = Coverage(
        tuple(Covered(name, keys[name], kinds[name]) for name in sorted(keys)),
        tuple(sorted(name for name in constants if name not in keys)),
        tuple(lost),
        tuple(name for name in opened.tensors if name not in set(keys.values())),
        plan.notes,
    )
    return made


def _graph_sites(variables: Sequence[Any]) -> tuple[list[Site], dict[str, Any]]:
    graph = live_graph.read()
    named = live_graph.by_name(variables)
    kept = {name: variable for name, variable in graph.variables.items() if name in named}
    return sites.recognise(target_graph.infos(kept)), named


def saver(var_list: Sequence[Any] | None = None, **options: Any) -> tf.train.Saver:
    """Returns a ``tf.train.Saver`` that covers trainable variables and the averages of every batch norm.

    A Saver over trainable variables alone saves a model that cannot be evaluated: its averages are missing. This
    one adds, to whatever is asked for, all tensors of every batch norm in the default graph and the global step.

    Args:
      var_list: variables to save as well; None for the trainable ones.
      **options: of ``tf.train.Saver``.

    Raises:
      ArgumentError: the graph has nothing to save.
    """
    with errors.located("saver"):
        chosen = list(tf.trainable_variables() if var_list is None else var_list)
        found, named = _graph_sites(tf.global_variables())
        for site in found:
            for name in site.tensors.values():
                chosen += named[name] if isinstance(named[name], list) else [named[name]]
        step = tf.train.get_global_step()
        chosen += [step] if step is not None else []
        # A Saver refuses a variable that is named twice.
        unique = list({variable.op.name: variable for variable in chosen}.values())
        if not unique:
            raise errors.ArgumentError(errors.explain("the graph has no variables to save"))
        return tf.train.Saver(unique, **options)


class Restored(NamedTuple):
    """What :func:`verify_restored` looked at: number of sites, and of variables compared with the checkpoint."""

    sites: int
    compared: int


def verify_restored(session: Any, checkpoint: str | os.PathLike[str] | None = None, **options: Any) -> Restored:
    """Checks in a session that batch-norm variables hold what was restored, and not their initial values.

    Without a checkpoint: refuses sites whose averages are all 0 and 1. With one: compares every tensor of every
    site, bit by bit, with the key it is restored from. Catches initializers that run after the restore.

    Args:
      session: after the restore.
      checkpoint: prefix that was restored.
      **options: those that :func:`restore_map` got.

    Returns:
      a :class:`Restored`.

    Raises:
      CheckpointError: names the variables that do not hold what they should.
    """
    with errors.located("verify_restored", checkpoint=os.fspath(checkpoint) if checkpoint else ""):
        with session.graph.as_default():
            found, named = _graph_sites(tf.global_variables())
            values = {name: _fetch(session, named[name]) for site in found for name in site.tensors.values()}
            if checkpoint:
                compared, wrong = _against(checkpoint, values, options)
            else:
                compared, wrong = 0, [text for site in found if (text := _untouched(site, values))]
        if wrong:
            shown = "\n".join(f"  {text}" for text in wrong[:20])
            raise errors.CheckpointError(
                f"{len(wrong)} batch-norm variables do not hold restored values:\n{shown}\n"
                "Run initializers before the restore, and restore averages as well as trainable variables."
            )
        return Restored(len(found), compared)


def _against(
    checkpoint: str | os.PathLike[str], values: Mapping[str, np.ndarray], options: Mapping[str, Any]
) -> tuple[int, list[str]]:
    """Compares values in a session with the checkpoint; returns how many, and what is wrong."""
    coverage = restore_map(checkpoint, **{"strict": False} | dict(options)).coverage
    rows = [row for row in coverage.restored if row.variable in values]
    with open_checkpoint(checkpoint) as opened:
        wrong = [
            f"{row.variable} is not {row.key} of the checkpoint"
            for row in rows
            if not _same(opened.read(row.key), values[row.variable], opened.tensors[row.key].dtype)
        ]
    wrong += [f"{trouble.name}: {trouble.text}" for trouble in coverage.uncovered if trouble.name in values]
    return len(rows), wrong


def _fetch(session: Any, variable: Any) -> np.ndarray:
    if not isinstance(variable, list):
        return np.asarray(session.run(variable))
    # A partitioned variable is one tensor in the checkpoint, and several in the graph.
    whole = np.zeros(variable[0]._get_save_slice_info().full_shape, variable[0].dtype.base_dtype.as_numpy_dtype)
    for part in variable:
        info = part._get_save_slice_info()
        place = tuple(slice(at, at + size) for at, size in zip(info.var_offset, info.var_shape, strict=True))
        whole[place] = session.run(part)
    return whole


def _untouched(site: Site, values: Mapping[str, np.ndarray]) -> str:
    present = [(values[site.tensors[role]], INITIAL[role]) for role in STATISTICS if role in site.tensors]
    if present and all(bool(np.all(value == start)) for value, start in present):
        return f"{site.label}: every mean is 0 and every variance 1"
    return ""


def _same(stored: np.ndarray, value: np.ndarray, dtype: dtypes.DType) -> bool:
    if dtype.number == dtypes.BFLOAT16:
        value = value.view(np.uint16)
    # By bits, so that NaN equals itself, and -0 is not 0.
    return stored.shape == value.shape and stored.tobytes() == np.ascontiguousarray(value).tobytes()
