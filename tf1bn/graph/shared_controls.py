"""Long lists of control inputs that many nodes have in common: found without reading each of them.

Under `with control_dependencies(updates)` ops of the gradients and the optimizer wait for every update. Written out
these are nine edges in ten of a large graph, and nine bytes in ten of its file. Here they become one NoOp that these
nodes wait for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

LONG = 8
"""From how many control inputs on the nodes that wait for the same ones share them."""
_KEPT = 16
"""How many lists, those found most often, are looked for within the lists of other nodes."""
_NAME, _OP, _INPUT = b"\x0a\x12\x1a"
"""The bytes that begin a node's name, op type, and each of its inputs, in the wire format of protocol buffers."""


class _Known:
    """A list of control inputs that was read: as it stands in the bytes of a node, and as texts."""

    def __init__(self, texts: tuple[str, ...]) -> None:
        self.texts = texts
        self.data = b"".join(map(_entry, texts))
        self.hits = 0


class Lists:
    """The long lists of control inputs of a graph, and the nodes that have them."""

    def __init__(self) -> None:
        self.users: dict[tuple[str, ...], list[Any]] = {}
        self._known: list[_Known] = []

    def take(self, node: Any) -> list[str]:
        """Notes the control inputs of a node if they are many, and returns what is left of its inputs."""
        inputs = node.proto.input
        # Control inputs come last, so one look says whether there are as many.
        if len(inputs) < LONG or inputs[-LONG][0:1] != "^":
            return list(inputs)
        known, left = self._find(node.proto)
        if known is None:
            left = list(inputs)
            end = next(place for place, text in enumerate(left) if text[0:1] == "^")
            known, left = self._keep(tuple(left[end:])), left[:end]
        self.users.setdefault(known.texts, []).append(node)
        return left

    def _find(self, proto: Any) -> tuple[_Known | None, list[str]]:
        """The known list that a node has, and its other inputs.

        Trick: to make strings of 600 control inputs takes a hundred times as long as to find their bytes.
        """
        data = proto.SerializeToString()
        for known in self._known:
            place = data.find(known.data)
            if place < 0:
                continue
            before, start = _entries(data, place)
            # A node may have more control inputs than the known list; they stay its own.
            after, _ = _entries(data, len(data), place + len(known.data))
            if start == place:  # else it was found in the midst of something
                known.hits += 1
                return known, before + after
        return None, []

    def _keep(self, texts: tuple[str, ...]) -> _Known:
        # Every list is looked for in every long node, so only a few are kept.
        if len(self._known) == _KEPT:
            self._known.remove(min(self._known, key=lambda item: item.hits))
        self._known.append(_Known(texts))
        return self._known[-1]


def split(lists: Lists) -> tuple[list[tuple[tuple[str, ...], list[Any]]], list[tuple[tuple[str, ...], Any]]]:
    """Returns the lists that several nodes have, longest first, and those of single nodes."""
    several = [(texts, nodes) for texts, nodes in lists.users.items() if len(nodes) > 1]
    single = [(texts, nodes[0]) for texts, nodes in lists.users.items() if len(nodes) == 1]
    return sorted(several, key=lambda item: -len(item[0])), single


def largest_within(texts: Iterable[str], common: list[tuple[frozenset[str], int]]) -> tuple[frozenset[str], int]:
    """The longest shared list that is a part of another list, with the number of its NoOp; -1 where none is.

    A group that is made under the same control dependencies waits for ops of its own besides.
    """
    return next((item for item in common[:_KEPT] if item[0].issubset(texts)), (frozenset(), -1))


def _entries(data: bytes, end: int, place: int = 0) -> tuple[list[str], int]:
    """The inputs that stand in the bytes of a node up to a place, and the place where what was read ends.

    A node's name and op type come first, its inputs next, as in all that TensorFlow writes.
    """
    texts = []
    while place < end and data[place] in (_NAME, _OP, _INPUT):
        size, start = _varint(data, place + 1)
        if data[place] == _INPUT:
            texts.append(data[start : start + size].decode())
        place = start + size
    return texts, place


def _entry(text: str) -> bytes:
    """The bytes of one input."""
    value = text.encode()
    size, head = len(value), bytearray([_INPUT])
    while size > 0x7F:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    head.append(size)
    return bytes(head) + value


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """Reads a number of variable length; returns it and the place after it."""
    value, shift = 0, 0
    while True:
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
