"""The inputs that a step is timed on."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from tf1bn import errors

Shape = tuple[int, ...]

# Small, cached and larger than any cache; channels that are a multiple of 8, of 4 and of neither; ranks 2 to 5.
TABLE: tuple[Shape, ...] = (
    (60, 100),
    (128, 128),
    (256, 100),
    (256, 256),
    (256, 1024),
    (1024, 4096),
    (64, 28, 28, 8),
    (64, 14, 14, 64),
    (32, 8, 8, 512),
    (128, 32, 32, 64),
    (64, 4, 4, 36),
    (64, 14, 14, 20),
    (64, 28, 28, 12),
    (64, 28, 28, 3),
    (64, 28, 28, 30),
    (32, 200, 64),
    (8, 16, 16, 16, 32),
)

# Below, a step takes so little that two sessions of one graph differ by half: several are made of each.
SMALL = 32_768


def parse(texts: Iterable[str] | None) -> tuple[Shape, ...]:
    """Returns shapes written as ``64x28x28x8``; the table for None.

    Raises:
      ArgumentError: a text is no shape of rank 2 to 5 with positive sizes.
    """
    if texts is None:
        return TABLE
    return tuple(dict.fromkeys(_parse(text) for text in texts))


def _parse(text: str) -> Shape:
    sizes = text.strip().split("x")
    if not 2 <= len(sizes) <= 5 or not all(size.isdecimal() and int(size) > 0 for size in sizes):
        raise errors.ArgumentError(
            errors.explain("not a shape", got=text, expected="2 to 5 positive sizes such as 64x28x28x8")
        )
    return tuple(map(int, sizes))


def text(shape: Shape) -> str:
    """Returns a shape as :func:`parse` reads it."""
    return "x".join(map(str, shape))


def facts(shape: Shape) -> dict[str, Any]:
    """Returns what goals ask about a shape."""
    return {"elements": math.prod(shape), "channels": shape[-1], "rank": len(shape)}
