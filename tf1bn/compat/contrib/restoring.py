"""Assigning values to variables from arrays and checkpoints, at the start of a program."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib.variables import get_unique_variable


def assign_from_values(var_names_to_values: Mapping[str, Any]) -> tuple[tf.Operation, dict[Any, Any]]:
    """Returns an operation that assigns arrays to variables, and what to feed to it.

    Args:
      var_names_to_values: arrays by variable name, without ``:0``.

    Raises:
      ArgumentError: there is no variable of a name.
    """
    return _assigned((get_unique_variable(name), np.asarray(value)) for name, value in var_names_to_values.items())


def assign_from_values_fn(var_names_to_values: Mapping[str, Any]) -> Callable[[Any], Any]:
    """Returns a function of a session that assigns arrays to variables; see ``assign_from_values``."""
    op, feed = assign_from_values(var_names_to_values)
    return lambda session: session.run(op, feed)


def assign_from_checkpoint(
    model_path: str, var_list: Sequence[Any] | Mapping[str, Any], ignore_missing_vars: bool = False
) -> tuple[tf.Operation, dict[Any, Any]]:
    """Returns an operation that assigns the values of a checkpoint, and what to feed to it.

    Args:
      model_path: path of the checkpoint.
      var_list: variables, or variables (or lists of them) by their name in the checkpoint.
      ignore_missing_vars: whether a name that the checkpoint does not have is passed over with a warning.

    Raises:
      CheckpointError: a name is missing, or a shape differs.
    """
    reader = tf.train.NewCheckpointReader(model_path)
    found = []
    for name, value in _named(var_list).items():
        if not reader.has_tensor(name):
            if not ignore_missing_vars:
                raise errors.CheckpointError(
                    errors.explain(
                        f"{model_path} has no variable {name!r}",
                        fix=errors.did_you_mean(name, reader.get_variable_to_shape_map()).strip(),
                    ),
                    where="assign_from_checkpoint",
                )
            tf.logging.warning("Checkpoint %s is missing variable [%s].", model_path, name)
            continue
        saved = reader.get_tensor(name)
        for var in value:
            found.append((var, _part(var, saved, name)))
    return _assigned(found)


def assign_from_checkpoint_fn(
    model_path: str,
    var_list: Sequence[Any] | Mapping[str, Any],
    ignore_missing_vars: bool = False,
    reshape_variables: bool = False,
) -> Callable[[Any], Any] | None:
    """Returns a function of a session that restores variables, or None where nothing is left to restore.

    Args:
      model_path, var_list, ignore_missing_vars: as in ``assign_from_checkpoint``.
      reshape_variables: whether a variable may have another shape of the same size.

    Raises:
      ArgumentError: ``var_list`` is empty.
    """
    if not var_list:
        raise errors.ArgumentError("assign_from_checkpoint_fn: `var_list` is empty. Name what to restore.")
    if ignore_missing_vars:
        reader = tf.train.NewCheckpointReader(model_path)
        missing = {name for name in _named(var_list) if not reader.has_tensor(name)}
        for name in sorted(missing):
            tf.logging.warning("Variable %s missing in checkpoint %s", name, model_path)
        if isinstance(var_list, Mapping):
            var_list = {name: var for name, var in var_list.items() if name not in missing}
        else:
            var_list = [var for var in var_list if _full_name(var) not in missing]
    if not var_list:
        tf.logging.warning("No Variables to restore")
        return None
    saver = tf.train.Saver(var_list, reshape=reshape_variables)
    return lambda session: saver.restore(session, model_path)


def _named(var_list: Sequence[Any] | Mapping[str, Any]) -> dict[str, list[Any]]:
    """Returns lists of variables by name in the checkpoint; the parts of a partitioned variable share one."""
    found: dict[str, list[Any]] = {}
    pairs = var_list.items() if isinstance(var_list, Mapping) else ((_full_name(var), var) for var in var_list)
    for name, value in pairs:
        found.setdefault(name, []).extend(value if isinstance(value, (list, tuple)) else [value])
    return found


def _full_name(var: Any) -> str:
    slice_info = getattr(var, "_save_slice_info", None)
    return slice_info.full_name if slice_info else var.op.name


def _part(var: Any, saved: Any, name: str) -> Any:
    """Returns the values of one variable: all of them, or its part of a partitioned one."""
    slice_info = getattr(var, "_save_slice_info", None)
    if slice_info:
        ends = zip(slice_info.var_offset, slice_info.var_shape, strict=True)
        saved = saved[tuple(slice(start, start + size) for start, size in ends)]
    if tuple(var.shape.as_list()) != saved.shape:
        raise errors.CheckpointError(
            errors.explain(f"{name!r} has another shape", got=saved.shape, expected=str(var.shape)),
            where="assign_from_checkpoint",
        )
    return saved


def _assigned(pairs: Any) -> tuple[tf.Operation, dict[Any, Any]]:
    feed, ops = {}, []
    for var, value in pairs:
        placeholder = tf.placeholder(var.dtype.base_dtype, var.shape, name=f"placeholder/{var.op.name}")
        ops.append(var.assign(placeholder).op)
        feed[placeholder] = np.reshape(value, var.shape.as_list())
    return tf.group(*ops), feed
