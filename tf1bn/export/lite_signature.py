"""Puts a signature into a TFLite file: the converter of graphs writes none, and without one inputs have no keys.

A flatbuffer is read from its root, which points forward to everything else. So nothing of a file has to be moved or
understood: a new root, which points to the same parts and to the signature, is put in front of the old bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

_FIELDS = 8
"""Of the table `Model` in TFLite's schema, in its order: version, operator codes, subgraphs, description, buffers,
metadata buffers, metadata, signatures."""

_SIGNATURES = 7
_ALIGNMENT = 64
"""Weights lie on multiples of 16 bytes; the new front keeps this, with some room for more."""

_IDENTIFIER = b"TFL3"


def signed(content: bytes, name: str, inputs: Mapping[str, int], outputs: Mapping[str, int]) -> bytes:
    """Returns a TFLite file with one signature of its first subgraph.

    Args:
      content: the file.
      name: of the signature.
      inputs, outputs: key -> number of the tensor in the subgraph.
    """
    import flatbuffers

    old = content + bytes(-len(content) % _ALIGNMENT)
    version, parts = _root(old)
    builder = flatbuffers.Builder(len(old) + 4096)
    builder.Bytes[len(builder.Bytes) - len(old) :] = old
    builder.head = len(builder.Bytes) - len(old)
    builder.Prep(_ALIGNMENT, 0)
    signature = _signature(builder, name, _tensors(builder, inputs), _tensors(builder, outputs))
    parts[_SIGNATURES] = _vector(builder, [signature])
    builder.StartObject(_FIELDS)
    builder.PrependUint32Slot(0, version, 0)
    for number, offset in parts.items():
        builder.PrependUOffsetTRelativeSlot(number, offset, 0)
    builder.Finish(builder.EndObject(), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


def _root(content: bytes) -> tuple[int, dict[int, int]]:
    """Returns the version, and field -> where its part begins, counted from the end as a builder does."""
    (root,) = struct.unpack_from("<I", content)
    (back,) = struct.unpack_from("<i", content, root)
    table = root - back
    (size,) = struct.unpack_from("<H", content, table)
    # The first four bytes are the sizes of this list and of the table.
    places = struct.unpack_from(f"<{size // 2 - 2}H", content, table + 4)
    fields = {number: root + place for number, place in enumerate(places[:_FIELDS]) if place}
    version = struct.unpack_from("<I", content, fields.pop(0))[0] if 0 in fields else 0
    return version, {n: len(content) - at - struct.unpack_from("<I", content, at)[0] for n, at in fields.items()}


def _tensors(builder: Any, numbers: Mapping[str, int]) -> int:
    """Adds a list of `TensorMap`: the key and the number of each tensor."""
    made = []
    for key, number in numbers.items():
        text = builder.CreateString(key)
        builder.StartObject(2)
        builder.PrependUOffsetTRelativeSlot(0, text, 0)
        builder.PrependUint32Slot(1, number, 0)
        made.append(builder.EndObject())
    return _vector(builder, made)


def _signature(builder: Any, name: str, inputs: int, outputs: int) -> int:
    """Adds a `SignatureDef`, whose fields are inputs, outputs, key, and two that stay as they are by default."""
    text = builder.CreateString(name)
    builder.StartObject(5)
    for number, offset in enumerate((inputs, outputs, text)):
        builder.PrependUOffsetTRelativeSlot(number, offset, 0)
    return int(builder.EndObject())


def _vector(builder: Any, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())
