"""Device towers: copies of a model that share variables, told apart by name or by device."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tf1bn.audit import ordering
from tf1bn.graph.variables import Writer

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

_NAME = re.compile(r"(?:^|/)((?:tower|clone|replica|gpu)_?\d+)(?:/|$)", re.IGNORECASE)
_DEVICE = re.compile(r"(gpu|tpu):(\d+)", re.IGNORECASE)


def name_of(writer: Writer) -> str:
    """Returns the tower of a writer, or an empty string."""
    match = _NAME.search(writer.node.name)
    if match:
        return match.group(1)
    device = _DEVICE.search(writer.node.device)
    return f"{device.group(1).lower()}:{device.group(2)}" if device else ""


def of(model: GraphModel, writers: Sequence[Writer]) -> list[str]:
    """Returns the towers that the writers belong to, when there are two or more and no writer waits for another."""
    names = sorted({name_of(writer) for writer in writers} - {""})
    if len(names) < 2:
        return []
    numbers = [writer.node.id for writer in writers]
    ordered = all(
        ordering.waits(model, one, two) or ordering.waits(model, two, one)
        for place, one in enumerate(numbers)
        for two in numbers[:place]
    )
    return [] if ordered else names
