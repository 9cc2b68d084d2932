"""Writes a checkpoint anew with other values for some of its tensors; everything else keeps its bytes."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np

from tf1bn import errors
from tf1bn.checkpoint import dtypes, migration
from tf1bn.checkpoint.migration import Migration
from tf1bn.checkpoint.plan import COPIED, SYNTHESISED, Drop, Plan, Step
from tf1bn.checkpoint.source import Checkpoint, open_checkpoint

GIVEN = "given"


def replace(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    values: Mapping[str, Any],
    *,
    new: Mapping[str, Any] | None = None,
    drop: Iterable[str] = (),
    link: bool = False,
    overwrite: bool = False,
) -> Migration:
    """Writes a new checkpoint in which some tensors of another have other values.

    All other tensors keep their bytes, data types and slices; a replaced tensor keeps its data type. Every tensor
    of the new files is read again and compared before they are moved into place, so there is either no target or a
    whole and right one. Needs no TensorFlow.

    Args:
      source: prefix of the checkpoint to read.
      target: prefix of the new one.
      values: name of a tensor of the source -> array of its shape.
      new: name of a tensor that the source lacks -> array, stored with the array's own data type.
      drop: names of tensors to leave out.
      link: hard links instead of copies of the source's data files.
      overwrite: replaces a checkpoint that is there.

    Returns:
      a :class:`tf1bn.checkpoint.migration.Migration`.

    Raises:
      CheckpointPlanError: a name is not in the source (or, of ``new``, is), or a shape or type does not fit.
      CheckpointExistsError: the target exists.
      CheckpointError: as :func:`tf1bn.checkpoint.migrate`.

    Example:
      >>> from tf1bn import checkpoint
      >>> checkpoint.replace("trained/model", "repaired/model", {"conv1/bn/moving_mean": mean})  # doctest: +SKIP
    """
    with errors.located("replace", source=os.fspath(source), target=os.fspath(target)):
        plan = _plan(source, values, new or {}, dict.fromkeys(drop))
        return migration.migrate(plan, target, link=link, overwrite=overwrite, verify=True)


def _plan(
    source: str | os.PathLike[str], values: Mapping[str, Any], new: Mapping[str, Any], drop: Collection[str]
) -> Plan:
    with open_checkpoint(source) as opened:
        _check_names(opened, values, new, drop)
        steps, given = [], {}
        for name, info in opened.tensors.items():
            if name in values:
                given[name] = _stored(name, np.asarray(values[name]), info.dtype, info.shape)
                steps.append(Step(name, SYNTHESISED, "", (), "", info.dtype.name, info.shape, GIVEN, "other values"))
            elif name not in drop:
                steps.append(Step(name, COPIED, name, (), "", info.dtype.name, info.shape))
        for name in new:
            array = np.asarray(new[name])
            dtype = dtypes.of_name("string" if array.dtype == object else array.dtype.name)
            given[name] = array
            steps.append(Step(name, SYNTHESISED, "", (), "", dtype.name, array.shape, GIVEN, "added"))
    dropped = tuple(Drop(name, name) for name in sorted(drop))
    return Plan(os.fspath(source), "other values", tuple(sorted(steps)), dropped, given=given)


def _check_names(opened: Checkpoint, values: Mapping[str, Any], new: Mapping[str, Any], drop: Collection[str]) -> None:
    for name in [*values, *drop]:
        if name not in opened.tensors:
            raise errors.CheckpointPlanError(
                errors.explain(
                    f"the checkpoint has no tensor {name!r}", fix=errors.did_you_mean(name, opened.tensors).strip()
                )
            )
    for name in values:
        if name in drop:
            raise errors.CheckpointPlanError(errors.explain(f"{name!r} is both replaced and dropped"))
    for name in new:
        if name in opened.tensors:
            raise errors.CheckpointPlanError(
                errors.explain(f"the checkpoint has a tensor {name!r} already", fix="Replace its values instead.")
            )


def _stored(name: str, value: np.ndarray, dtype: dtypes.DType, shape: tuple[int, ...]) -> np.ndarray:
    """Returns a value as the file stores it."""
    if value.shape != shape:
        raise errors.CheckpointPlanError(
            errors.explain(f"the new value of {name!r} has another shape", got=value.shape, expected=str(shape))
        )
    if dtypes.is_float(dtype) and value.dtype.kind == "f":
        return dtypes.from_floats(value, dtype).reshape(shape)
    if dtype.numpy is None or value.dtype != np.dtype(dtype.numpy):
        raise errors.CheckpointPlanError(
            errors.explain(f"the new value of {name!r} has another type", got=value.dtype.name, expected=dtype.name)
        )
    return value
