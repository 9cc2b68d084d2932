"""``pandas_input_fn``: the columns of a table as features. The package pandas is loaded when it is called."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tf1bn import errors
from tf1bn.compat.calls import takes
from tf1bn.compat.estimator import feeding


@dataclass(frozen=True)
class Table(feeding.Fed):
    """What ``pandas_input_fn`` is given."""

    target_column: str = "target"


@takes(Table)
def pandas_input_fn(call: Table) -> Callable[[], Any]:
    """Returns an ``input_fn`` that reads a table row by row; each column is one feature.

    Args:
      x: a ``pandas.DataFrame``.
      y: labels: a ``pandas.Series``, or a DataFrame, which gives a dictionary; None for none.
      target_column: must not be a column of ``x``, where labels are given.
      others: as of ``numpy_input_fn``.

    Raises:
      MissingExtraError: pandas is not installed.
      ArgumentTypeError: ``x`` or ``y`` is no table.
      ArgumentError: no ``shuffle``; another index of ``y``; a column called ``target_column``.
    """
    with errors.located("pandas_input_fn"):
        pandas = _pandas()
        call.check()
        if not isinstance(call.x, pandas.DataFrame):
            raise errors.ArgumentTypeError(errors.explain("`x` must be a pandas.DataFrame", got=type(call.x)))
        if call.y is not None:
            _check_labels(pandas, call.x, call.y, call.target_column)
        features = {name: np.asarray(call.x[name]) for name in call.x.columns}
        if isinstance(call.y, pandas.DataFrame):
            labels = {name: np.asarray(call.y[name]) for name in call.y.columns}
        else:
            labels = {} if call.y is None else {call.target_column: np.asarray(call.y)}

    def input_fn() -> Any:
        tensors = feeding.batches([*features.values(), *labels.values()], call)
        read = dict(zip(features, tensors, strict=False))
        if call.y is None:
            return read
        answers = tensors[len(features) :]
        return read, dict(zip(labels, answers, strict=True)) if isinstance(call.y, pandas.DataFrame) else answers[0]

    return input_fn


def _pandas() -> Any:
    try:
        return importlib.import_module("pandas")
    except ImportError as error:
        raise errors.MissingExtraError(
            errors.explain(
                f"this needs the package 'pandas', which cannot be imported ({error})",
                fix="Run: pip install pandas",
            )
        ) from error


def _check_labels(pandas: Any, x: Any, y: Any, target_column: str) -> None:
    if not isinstance(y, (pandas.Series, pandas.DataFrame)):
        raise errors.ArgumentTypeError(errors.explain("`y` must be a pandas.Series or a pandas.DataFrame", got=type(y)))
    if not np.array_equal(x.index, y.index):
        raise errors.ArgumentError(
            errors.explain("`x` and `y` must have the same index", fix="Call reset_index on both, or align them.")
        )
    if target_column in x:
        raise errors.ArgumentError(
            errors.explain(f"`x` has a column {target_column!r}", fix="Name the labels by another `target_column`.")
        )


__all__ = ["pandas_input_fn"]
