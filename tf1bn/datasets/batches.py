"""Batches of a split: shuffled without end for training, in order for evaluation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tf1bn import errors
from tf1bn.datasets import counts
from tf1bn.datasets.splits import Split


def batches(split: Split, batch_size: int, *, seed: int, start_step: int = 0) -> Iterator[Split]:
    """Yields full shuffled batches for ever; the batch of a step depends only on ``seed`` and the step.

    With ``n = len(labels) // batch_size`` batches in an epoch, step ``k`` is batch ``k % n`` of epoch ``k // n``.
    Each epoch is a new order of all examples, drawn from ``(seed, epoch)`` alone; its first ``n * batch_size``
    examples make the batches and the rest sits this epoch out. So a run resumed at step ``k`` with
    ``start_step=k`` gets the batches that the uninterrupted run gets, at no cost, whatever ``k`` is.

    The order comes from NumPy's frozen ``RandomState`` stream, which is the same in every NumPy release.

    Args:
      split: images and labels of equal length.
      batch_size: examples in every batch, 1 to the size of the split.
      seed: 0 to 2**32 - 1.
      start_step: number of batches that were consumed before, 0 to 2**32 - 1.

    Returns:
      An iterator of new arrays, which the caller may change.

    Raises:
      ArgumentTypeError: an argument is not an integer.
      ArgumentError: an argument is out of range, or images and labels differ in number.

    Example:
      >>> split = Split(np.arange(5.0), np.arange(5))
      >>> first, second = (next(batches(split, 2, seed=1, start_step=step)) for step in (0, 1))
      >>> run = batches(split, 2, seed=1)
      >>> np.array_equal(next(run).labels, first.labels), np.array_equal(next(run).labels, second.labels)
      (True, True)
    """
    with errors.located("batches"):
        size = counts.whole("batch_size", batch_size, minimum=1)
        seed = counts.whole("seed", seed, maximum=counts.SEED_MAXIMUM)
        step = counts.whole("start_step", start_step, maximum=counts.SEED_MAXIMUM)
        return _endless(split, size, seed, step, _full_batches(split, size))


def in_order(split: Split, batch_size: int) -> Iterator[Split]:
    """Yields every example once, in order; the last batch holds what is left.

    Args:
      split: images and labels of equal length; may be empty, and then yields nothing.
      batch_size: most examples in a batch, at least 1; may exceed the size of the split.

    Returns:
      An iterator of views into ``split``: changing a batch changes the split.

    Raises:
      ArgumentTypeError: ``batch_size`` is not an integer.
      ArgumentError: ``batch_size`` is less than 1, or images and labels differ in number.

    Example:
      >>> [batch.labels.tolist() for batch in in_order(Split(np.zeros(5), np.arange(5)), 2)]
      [[0, 1], [2, 3], [4]]
    """
    with errors.located("in_order"):
        size = counts.whole("batch_size", batch_size, minimum=1)
        total = _examples(split)
        pieces = (slice(start, start + size) for start in range(0, total, size))
        return (Split(split.images[piece], split.labels[piece]) for piece in pieces)


def steps_per_epoch(split: Split, batch_size: int) -> int:
    """Returns the number of full batches in one epoch of :func:`batches`.

    Raises:
      ArgumentTypeError: ``batch_size`` is not an integer.
      ArgumentError: ``batch_size`` is not in 1 to the size of the split, or images and labels differ in number.
    """
    with errors.located("steps_per_epoch"):
        return _full_batches(split, counts.whole("batch_size", batch_size, minimum=1))


def _full_batches(split: Split, size: int) -> int:
    """Returns the number of full batches, at least 1."""
    total = _examples(split)
    if size > total:
        raise errors.ArgumentError(
            errors.explain(
                "the split is too small for one full batch", got=size, expected=f"a `batch_size` of at most {total}"
            )
        )
    return total // size


def _examples(split: Split) -> int:
    """Returns the number of examples."""
    images, labels = len(split.images), len(split.labels)
    if images != labels:
        raise errors.ArgumentError(
            errors.explain("images and labels differ in number", got=(images, labels), expected="two equal numbers")
        )
    return labels


def _endless(split: Split, size: int, seed: int, step: int, per_epoch: int) -> Iterator[Split]:
    epoch, position = divmod(step, per_epoch)
    while True:
        order = np.random.RandomState([seed, epoch]).permutation(len(split.labels))
        for start in range(position * size, per_epoch * size, size):
            chosen = order[start : start + size]
            yield Split(split.images[chosen], split.labels[chosen])
        epoch, position = epoch + 1, 0
