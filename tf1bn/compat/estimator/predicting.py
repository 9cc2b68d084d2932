"""Predictions of an Estimator: which tensors are run, and one result for each example."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tf1bn import errors


def chosen(predictions: Any, keys: Any) -> Any:
    """Returns the predictions of a spec that are asked for.

    Raises:
      ArgumentError: keys of predictions that are one tensor, or keys none of which there is.
    """
    if not keys:
        return predictions
    if not isinstance(predictions, Mapping):
        raise errors.ArgumentError(
            errors.explain("`predict_keys` are given, but the predictions are one tensor", got=keys)
        )
    keys = [keys] if isinstance(keys, str) else list(keys)
    found = {name: value for name, value in predictions.items() if name in keys}
    if not found:
        raise errors.ArgumentError(
            errors.explain("there are no such predictions", got=keys, expected=f"some of {sorted(predictions)}")
        )
    return found


def examples(batch: Any) -> Iterator[Any]:
    """Yields the predictions of each example of a batch.

    Raises:
      ArgumentError: arrays of different length, scalars, or what is sparse or ragged.
    """
    entries = batch if isinstance(batch, Mapping) else {"predictions": batch}
    # A sparse or ragged value has a length, too, which is not that of the batch.
    lengths = {len(value) if isinstance(value, np.ndarray) and value.ndim else None for value in entries.values()}
    if None in lengths or len(lengths) != 1:
        raise errors.ArgumentError(
            errors.explain(
                "predictions have no batch in common",
                got={name: _form(value) for name, value in entries.items()},
                fix="Pass yield_single_examples=False to get each batch as it is.",
            )
        )
    if entries is not batch:
        yield from batch
        return
    for number in range(lengths.pop() or 0):
        yield {name: value[number] for name, value in entries.items()}


def _form(value: Any) -> Any:
    """Returns the shape of an array, and the type of what is none."""
    return value.shape if isinstance(value, (np.ndarray, np.generic)) else type(value).__name__
