"""``numpy_input_fn``: arrays as features and labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tf1bn import errors
from tf1bn.compat.calls import takes
from tf1bn.compat.estimator import feeding


@takes(feeding.Fed)
def numpy_input_fn(call: feeding.Fed) -> Callable[[], Any]:
    """Returns an ``input_fn`` that reads arrays row by row.

    Args:
      x: an array, or name -> array; all of the same length.
      y: the labels, the same way; None for none.
      batch_size: rows of a batch; the last one may have fewer.
      num_epochs: how often each row comes; None for ever.
      shuffle: whether in random order; must be given.
      queue_capacity: rows that wait at most.
      num_threads: threads that fill the queue; more than one keeps no order.

    Raises:
      ArgumentError: no ``shuffle``, an empty ``x``, or another length of labels.
      ArgumentTypeError: something that is not an array.
    """
    with errors.located("numpy_input_fn"):
        call.check()
        features, labels = _arrays("x", call.x), _arrays("y", call.y) if call.y is not None else {}
        if not features:
            raise errors.ArgumentError("`x` must not be empty.")
        lengths = {f"x {name}": len(array) for name, array in features.items()}
        lengths |= {f"y {name}": len(array) for name, array in labels.items()}
        if len(set(lengths.values())) > 1 or not all(lengths.values()):
            raise errors.ArgumentError(errors.explain("all arrays must have the same length, above 0", got=lengths))

    def input_fn() -> Any:
        tensors = feeding.batches([*features.values(), *labels.values()], call)
        read = _like(call.x, features, tensors[: len(features)])
        return read if call.y is None else (read, _like(call.y, labels, tensors[len(features) :]))

    return input_fn


def _arrays(name: str, given: Any) -> dict[Any, np.ndarray]:
    entries = dict(given) if isinstance(given, Mapping) else {"": given}
    for key, value in entries.items():
        if not isinstance(value, np.ndarray) or value.ndim == 0:
            raise errors.ArgumentTypeError(
                errors.explain(f"`{name}` {key!r}".replace(" ''", ""), got=value, expected="a NumPy array of rows")
            )
    return entries


def _like(given: Any, arrays: Mapping[Any, np.ndarray], tensors: list[Any]) -> Any:
    """Returns tensors in the shape in which their arrays were given."""
    return dict(zip(arrays, tensors, strict=True)) if isinstance(given, Mapping) else tensors[0]


__all__ = ["numpy_input_fn"]
