"""``pandas_input_fn``: the columns of a table as features. The package pandas is loaded when it is called."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from tf1bn import errors
from tf1bn.compat.estimator import feeding


def pandas_input_fn(
    x: Any,
    y: Any = None,
    batch_size: int = 128,
    num_epochs: int | None = 1,
    shuffle: bool | None = None,
    queue_capacity: int = 1000,
    num_threads: int = 1,
    target_column: str = "target",
) -> Callable[[], Any]:
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
        options = feeding.Feeding(batch_size, num_epochs, shuffle, queue_capacity, num_threads)  # type: ignore[arg-type]
        options.check()
        if not isinstance(x, pandas.DataFrame):
            raise errors.ArgumentTypeError(errors.explain("`x` must be a pandas.DataFrame", got=type(x)))
        if y is not None:
            _check_labels(pandas, x, y, target_column)
        features = {name: np.asarray(x[name]) for name in x.columns}
        if isinstance(y, pandas.DataFrame):
            labels = {name: np.asarray(y[name]) for name in y.columns}
        else:
            labels = {} if y is None else {target_column: np.asarray(y)}

    def input_fn() -> Any:
        tensors = feeding.batches([*features.values(), *labels.values()], options)
        read = dict(zip(features, tensors, strict=False))
        if y is None:
            return read
        answers = tensors[len(features) :]
        return read, dict(zip(labels, answers, strict=True)) if isinstance(y, pandas.DataFrame) else answers[0]

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
