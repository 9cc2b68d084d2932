"""What a kind of use must offer; each is a module of this package with one row in the catalog."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

from tf1bn import errors
from tf1bn.convert.layer import Layer
from tf1bn.convert.reader import Reader
from tf1bn.convert.target import Target, whole

Targets = Callable[[Layer], list[Target]]


def as_stored(layer: Layer) -> list[Target]:
    """Returns the tensors of a layer as they are, under their own last words."""
    return [whole(stored.key.rpartition("/")[2], stored) for stored in layer.tensors.values()]


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of use.

    Attributes:
      name: of the kind.
      find: adds the layers of this kind in a graph to a reader.
      torch: the tensors that the layer has in PyTorch; their names are the last words.
      keras: the variables of the Keras layer, in the order of its ``weights``; None where Keras has no such layer.
      notes: sentences on what the weights do not carry, for the framework named.
    """

    name: str
    find: Callable[[Reader], None]
    torch: Targets
    keras: Targets | None
    notes: Callable[[Layer, str], Iterator[str]]


def check(kind: Any) -> None:
    """Refuses what could not be used later.

    Raises:
      ArgumentTypeError: not a :class:`Kind`, or something that must be called cannot be.
    """
    if not isinstance(kind, Kind) or not all(map(callable, (kind.find, kind.torch, kind.notes))):
        raise errors.ArgumentTypeError(errors.explain("not a kind of use", got=kind, expected="a Kind"))


def no_notes(layer: Layer, framework: str) -> Iterator[str]:
    """For a kind whose weights carry everything."""
    yield from ()
