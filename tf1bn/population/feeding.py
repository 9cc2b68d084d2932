"""Turns what a user calls data into feeds, one for each batch."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from typing import Any

import numpy as np

from tf1bn import errors
from tf1bn.graph.model import GraphModel

Feed = dict[str, Any]


def tensor_name(value: Any) -> str:
    """Returns the name of a tensor that is given by itself or by name; an op's name means its first output."""
    name = value if isinstance(value, str) else getattr(value, "name", None)
    if not isinstance(name, str):
        raise errors.ArgumentTypeError(errors.explain("this is no tensor", got=value, expected="a tensor or its name"))
    return name if ":" in name else f"{name}:0"


def named(values: Mapping[Any, Any]) -> Feed:
    """Returns a feed by names."""
    return {tensor_name(key): value for key, value in values.items()}


def placeholder(model: GraphModel, roots: Sequence[int], taken: Sequence[str]) -> str:
    """Returns the one placeholder that the roots are computed from and that nothing else feeds.

    Raises:
      PopulationError: there is none, or there are several.
    """
    marks = model.flow.feeds(roots)
    names = {name.split(":")[0] for name in taken}
    found = [
        node.name
        for node in model.nodes
        if node.op in ("Placeholder", "PlaceholderV2") and marks[node.id] and node.call < 0 and node.name not in names
    ]
    if len(found) != 1:
        raise errors.PopulationError(
            errors.explain(
                "the tensor that takes the data is not clear",
                got=found,
                expected="one placeholder",
                fix="Name it with `feed`, and feed the others with `constants`.",
            )
        )
    return f"{found[0]}:0"


class Batches:
    """Feeds of one estimation, which can be gone through several times.

    Args:
      data: an iterable of batches, or a function from the number of a batch to a batch or None at the end. A batch
        is an array, a tuple of arrays, or a feed dictionary.
      feed: returns the names of the tensors that the arrays of a batch go to; asked where a batch is no dictionary.
      limit: number of batches; None for all.

    A function may be asked for the same batch several times.
    """

    def __init__(self, data: Any, feed: Callable[[], Sequence[str]], limit: int | None) -> None:
        # These can be gone through as well, and are no batches.
        if isinstance(data, (str, bytes, Mapping)) or not (callable(data) or isinstance(data, Iterable)):
            raise errors.ArgumentTypeError(
                errors.explain("`data` has the wrong type", got=type(data).__name__, expected="batches or a function")
            )
        self._feed = feed
        self._limit = limit
        self._data = data

    @property
    def total(self) -> int | None:
        """How many there are, where that is known."""
        if isinstance(self._data, Sized):
            return len(self._data) if self._limit is None else min(len(self._data), self._limit)
        return self._limit

    def keep(self) -> None:
        """Makes sure that the batches can be gone through again."""
        if isinstance(self._data, Iterator):
            self._data = list(itertools.islice(self._data, self._limit))

    def first(self) -> Feed | None:
        """Returns the first feed, without taking it away; None where there is none."""
        # An iterator gives it once; it is put back in front.
        batch = next(self._batches(), None)
        if batch is None:
            return None
        if isinstance(self._data, Iterator):
            self._data = itertools.chain([batch], self._data)
        return self._feed_of(0, batch)

    def __iter__(self) -> Iterator[Feed]:
        for number, batch in enumerate(itertools.islice(self._batches(), self._limit)):
            yield self._feed_of(number, batch)

    def _batches(self) -> Iterator[Any]:
        given = self._data
        return _called(given) if callable(given) and not isinstance(given, Iterable) else iter(given)

    def _feed_of(self, number: int, batch: Any) -> Feed:
        if isinstance(batch, Mapping):
            return named(batch)
        arrays = batch if isinstance(batch, tuple) else (batch,)
        names = self._feed()
        if len(arrays) != len(names):
            raise errors.PopulationError(
                errors.explain(
                    f"batch {number} has another number of arrays than tensors were named to feed",
                    got=len(arrays),
                    expected=str(len(names)),
                )
            )
        if any(np.ndim(array) and not len(array) for array in arrays):
            raise errors.PopulationError(errors.explain(f"batch {number} is empty"))
        return dict(zip(names, arrays, strict=True))


def _called(function: Callable[[int], Any]) -> Iterator[Any]:
    for number in itertools.count():
        try:
            batch = function(number)
        # In a generator it would become a RuntimeError; a function may end its data by it, as `next` does.
        except StopIteration:
            return
        if batch is None:
            return
        yield batch
