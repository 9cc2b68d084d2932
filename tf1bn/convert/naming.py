"""What a layer is called in the target, where nobody says."""

from __future__ import annotations

import collections
from collections.abc import Sequence

from tf1bn.convert.layer import KERNEL, Layer

TORCH, KERAS, PLAIN = "torch", "keras", "tensorflow"
_SHORT = {"batch_norm": "bn", "embedding": "embedding", "lstm": "lstm", "gru": "gru", "transposed": "deconv"}
BARE = ("parameter", "bias")
"""Kinds of one tensor, which has the whole name."""


def name_all(layers: Sequence[Layer], dialect: str) -> None:
    """Gives every layer that has none a name of its own, made of its scope."""
    taken = {layer.name for layer in layers if layer.name}
    waiting = [layer for layer in layers if not layer.name]
    counts = collections.Counter(_plain(layer, dialect) for layer in waiting)
    for layer in waiting:
        name = _plain(layer, dialect)
        if counts[name] > 1 and layer.kind not in BARE:
            name += _joint(dialect) + _word(layer)
        stem, number = name, 1
        while name in taken:
            number += 1
            name = f"{stem}_{number}"
        taken.add(name)
        layer.name = name


def _joint(dialect: str) -> str:
    return "." if dialect == TORCH else "/"


def _plain(layer: Layer, dialect: str) -> str:
    scope = layer.scope.removesuffix(":0")
    return scope.replace("/", ".") if dialect == TORCH else scope


def _word(layer: Layer) -> str:
    """Returns what tells a layer from others in one scope: its kind, or the word before ``kernel`` in its variable."""
    if layer.kind in _SHORT:
        return _SHORT[layer.kind]
    leaf = layer.tensors[KERNEL].key.rpartition("/")[2] if KERNEL in layer.tensors else ""
    for end in ("kernel", "weights"):
        if leaf.endswith(f"_{end}"):
            return leaf.removesuffix(f"_{end}")
    return layer.kind
