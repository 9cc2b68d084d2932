"""Predictions of an Estimator: which tensors are run, and one result for each example."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

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
      ArgumentError: arrays of different length.
    """
    if not isinstance(batch, Mapping):
        yield from batch
        return
    lengths = {name: len(value) for name, value in batch.items() if getattr(value, "ndim", 1)}
    if len(lengths) < len(batch) or len(set(lengths.values())) != 1:
        raise errors.ArgumentError(
            errors.explain(
                "predictions have no batch in common",
                got={name: getattr(value, "shape", None) for name, value in batch.items()},
                fix="Pass yield_single_examples=False to get each batch as it is.",
            )
        )
    for number in range(next(iter(lengths.values()))):
        yield {name: value[number] for name, value in batch.items()}
