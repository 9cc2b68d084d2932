"""Converts a checkpoint: makes the plan, writes the files, reads them again."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from tf1bn import errors, progress
from tf1bn.convert import placing, planner, planning, states
from tf1bn.convert.plan import Plan
from tf1bn.convert.source import Source
from tf1bn.convert.writers import catalog
from tf1bn.convert.writers.writer import Making, Writer, deal, shard_names, write_index

Names = Mapping[str, str] | Iterable[str]
SHARD_MB = 512


class Conversion(NamedTuple):
    """What :func:`convert` wrote.

    Attributes:
      plan: what was done.
      files: paths; where there are several, the index is the last.
      bytes: of all tensors.
    """

    plan: Plan
    files: tuple[str, ...]
    bytes: int


def plan_conversion(
    source: Any,
    to: str = "torch",
    *,
    graph: Any = None,
    like: Any = None,
    mapping: Any = None,
    dialect: str | None = None,
    outputs: Names | None = None,
    inputs: Names | None = None,
    switches: Mapping[str, Any] | None = None,
    ema: bool = False,
) -> Plan:
    """Returns what a conversion would do: which tensor becomes which, by which steps, and how sure that is.

    Args:
      source: prefix of a checkpoint, or a mapping of names to arrays.
      to: ``torch``, ``safetensors``, ``npz`` or ``keras``.
      graph: a tf.Graph, a MetaGraphDef, or the path of the ``.meta`` file. Roles and order come from it. Without one
        they come from names and shapes, and every doubt is a question.
      like: the state of the target, for its names: whatever :func:`tf1bn.convert.states.load` takes.
      mapping: answers: a mapping, or the path of a JSON file. A layer or tensor of the source -> its name in the
        target, or an object with some of ``to``, ``kind``, ``drop``, ``flattened``, ``forget_bias``, ``axes``, ...
      dialect: whose names and axes: ``torch``, ``tensorflow`` or ``keras``; by default that of the form.
      outputs: tensors that the forward pass computes: names, or key -> name. With them everything that only training
        needs is left out first.
      inputs, switches: as in :func:`tf1bn.export.inference_graph`.
      ema: takes the ExponentialMovingAverage of each weight that has one.

    Returns:
      a :class:`tf1bn.convert.plan.Plan`; its ``doubts`` are the open questions.

    Raises:
      ConvertError: the source does not fit the graph, or an answer does not fit the source.
      CheckpointError, GraphError, ExportError: something cannot be read.

    Example:
      >>> import numpy as np
      >>> from tf1bn import convert
      >>> weights = {"dense/kernel": np.zeros((3, 5), "f4"), "dense/bias": np.zeros(5, "f4")}
      >>> for entry in convert.plan_conversion(weights).entries:
      ...     print(entry.target.name, entry.target.shape)
      dense.weight (5, 3)
      dense.bias (5,)
    """
    with errors.located("plan_conversion"):
        opened = Source(source, ema=ema)
        try:
            return planner.make(
                opened,
                to,
                graph=graph,
                like=like,
                mapping=mapping,
                dialect=dialect,
                outputs=outputs,
                inputs=inputs,
                switches=switches,
            )
        finally:
            opened.close()


def plan_apart(source: Any, to: str = "torch", **options: Any) -> Plan:
    """As :func:`plan_conversion`, in a process of its own where that keeps TensorFlow out of this one's memory."""
    if planning.separable(source, options):
        return planning.elsewhere(source, to, options)
    return plan_conversion(source, to, **options)


def convert(
    source: Any,
    output: str | os.PathLike[str],
    *,
    to: str = "torch",
    plan: Plan | None = None,
    ema: bool = False,
    shard_mb: float = SHARD_MB,
    overwrite: bool = False,
    **options: Any,
) -> Conversion:
    """Writes the weights of a checkpoint for another framework.

    Tensors are read, turned and written one file after the other, so memory is that of one file. Files appear when
    all of them are whole; names, shapes and types of what was written are read again first.

    Args:
      source: prefix of a checkpoint, or a mapping of names to arrays.
      output: the file to write. Where the tensors take more than ``shard_mb``, ``NAME.safetensors`` becomes
        ``NAME-00001-of-0000N.safetensors`` and so on, and ``NAME.safetensors.index.json`` names them; an ``.npz`` is
        always one file.
      to: ``torch`` (a state dict), ``safetensors`` or ``npz``.
      plan: of :func:`plan_conversion`; made from the options when None.
      ema: as in :func:`plan_conversion`.
      shard_mb: most megabytes (of 2**20 bytes) in one file; a larger tensor is a file alone.
      overwrite: replaces what is there.
      options: those of :func:`plan_conversion`.

    Returns:
      a :class:`Conversion`.

    Raises:
      ConvertError: a question is open, the place is taken, or what was written is not what was meant.
      MissingExtraError: the library of that form is not installed.
      CheckpointError, GraphError, ExportError: something cannot be read.

    Example:
      >>> from tf1bn import convert
      >>> convert.convert("run/model", "model.pt", graph="run/model.meta", outputs=["logits"])  # doctest: +SKIP
    """
    target = os.fspath(output)
    with errors.located("convert", output=target):
        row = writer(to)
        if not shard_mb > 0:
            raise errors.ArgumentError(errors.explain("`shard_mb` must be above 0", got=shard_mb))
        placing.check(target, overwrite)
        plan = plan or plan_apart(source, to, ema=ema, **options)
        plan.require()
        with Source(source, ema=ema) as opened:
            files = _write(plan, row, opened, target, int(shard_mb * 2**20), overwrite)
        return Conversion(plan, tuple(files), plan.nbytes)


def writer(to: str) -> Writer:
    """Returns the writer of a form.

    Raises:
      UnknownNameError: no such form is written as a file here.
    """
    return catalog.WRITERS.get(to)


def _write(plan: Plan, row: Writer, source: Source, target: str, most: int, overwrite: bool) -> list[str]:
    targets = [entry.target for entry in plan.entries]
    groups = deal(targets, most) if row.index else [targets]
    base = os.path.basename(target)
    names = shard_names(base, row.ending, len(groups))
    metadata = {"format": "pt" if plan.dialect == "torch" else "np"}
    with (
        placing.staged(target, overwrite) as folder,
        progress.stage("converting", plan.nbytes, progress.BYTES) as done,
        Making(source, done.advance) as making,
    ):
        for name, group in zip(names, groups, strict=True):
            row.write(os.path.join(folder, name), group, making, metadata)
        if len(groups) > 1:
            names = [*names, os.path.basename(placing.index_path(target))]
            write_index(os.path.join(folder, names[-1]), groups, names[:-1])
        _check(os.path.join(folder, names[-1] if len(groups) > 1 else names[0]), plan)
        return placing.commit(folder, names, target, overwrite)


def _check(path: str, plan: Plan) -> None:
    """Reads names, shapes and types of what was written."""
    state = states.load(path)
    wrong = [
        entry.target.name
        for entry in plan.entries
        if state.shapes.get(entry.target.name) != entry.target.shape
        or state.dtypes.get(entry.target.name) != entry.target.dtype
    ]
    if wrong or len(state.shapes) != len(plan.entries):
        raise errors.ConvertError(
            errors.explain("the written file does not hold what was planned", got=wrong[:5] or sorted(state.shapes)[:5])
        )
