"""Layers of a checkpoint without a graph: by names and shapes, with a question wherever they do not decide."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tf1bn.checkpoint import inspector, sites
from tf1bn.checkpoint.layout import ROLES
from tf1bn.convert.layer import BIAS, KERNEL, LIKELY, Doubt, Layer, Stored
from tf1bn.convert.source import Source
from tf1bn.convert.uses import cudnn, gru

_KERNELS = re.compile(r"(^|/)(kernel|weights?|W|w|filters?|embeddings?|(depthwise|pointwise)_(kernel|weights))(:0)?$")
_BIASES = re.compile(r"(^|/)(bias(es)?|b)(:0)?$")
_DROP = '"drop": true'


def read(source: Source) -> tuple[list[Layer], dict[str, str]]:
    """Returns the layers, in the natural order of their names, and what is left out, with the reason."""
    stored = source.stored()
    layers = [_norm(site, stored) for site in source.sites()]
    taken = {item.key for layer in layers for item in layer.tensors.values()}
    taken |= {item.companion for layer in layers for item in layer.tensors.values()}
    left: dict[str, str] = {}
    free: dict[str, Stored] = {}
    for name in source.infos:
        if name in taken:
            continue
        kind = inspector.kind_of(name)
        if name not in stored or kind != "other tensors" or not stored[name].dtype.startswith(("float", "bfloat")):
            left[name] = kind if kind != "other tensors" else f"no weight: {source.infos[name].dtype.name}"
        else:
            free[name] = stored[name]
    layers += _with_kernels(free)
    _ask_flattened(layers)
    _ask_dealt(layers, source)
    layers.sort(key=lambda layer: natural(layer.scope))
    for place, layer in enumerate(layers):
        layer.place = place
    return layers, left


def natural(name: str) -> list[Any]:
    """Returns a key that sorts ``conv2`` before ``conv10``."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _norm(site: sites.Site, stored: Mapping[str, Stored]) -> Layer:
    tensors = {role: stored[name] for role, name in site.tensors.items() if role in ROLES and name in stored}
    layer = Layer(
        "batch_norm", site.label.removeprefix("(root)"), tensors, {}, site.sure, f"names of {site.layout.name}"
    )
    if site.layout.epsilon is not None:
        layer.traits["epsilon_default"] = site.layout.epsilon
    if site.sure == sites.GUESS:
        layer.sure = LIKELY
    if site.rivals or site.layout.needs_naming:  # layouts of one meaning need no answer
        question = f"its names fit {', '.join((site.layout.name, *site.candidates))}, and what they store may differ"
        layer.doubts.append(
            Doubt(layer.scope, question, 'give "kind": "batch_norm" where ' + site.layout.name + " is right")
        )
    if "moving_mean" not in tensors or "moving_variance" not in tensors:
        layer.doubts.append(Doubt(layer.scope, "the file has no mean or no variance for it", f"give {_DROP}"))
    return layer


def _with_kernels(free: dict[str, Stored]) -> list[Layer]:
    layers: list[Layer] = []
    for name in [name for name in free if _KERNELS.search(name)]:
        if name in free:
            layers.append(_layer(name, free))
    for name in list(free):
        item = free.pop(name)
        layer = Layer("parameter", name, {name: item}, {}, LIKELY, "a tensor of its own")
        if sum(size != 1 for size in item.shape) > 1:
            text = f"no layer is known for {list(item.shape)}"
            layer.doubts.append(Doubt(name, text, f'give "axes": their new order, such as [0, 1], or {_DROP}'))
        layers.append(layer)
    return layers


def _layer(name: str, free: dict[str, Stored]) -> Layer:
    """Takes a kernel and its bias out of what is free; returns their layer."""
    stored = free.pop(name)
    scope = name.rpartition("/")[0]
    kind, doubt = _kind(name, scope, len(stored.shape))
    layer = Layer(kind, scope or name, {KERNEL: stored}, {}, LIKELY, "its name and its rank")
    if doubt:
        layer.doubts.append(Doubt(layer.scope, doubt, 'give "kind": "conv", "depthwise", "transposed", "dense", ...'))
    width = (
        stored.shape[2] * stored.shape[3] if kind == "depthwise" else stored.shape[-2 if kind == "transposed" else -1]
    )
    fitting = {(width,)} | ({stored.shape[-1:], stored.shape[-2:-1]} if doubt else set())
    for other in [item for item in free if item.rpartition("/")[0] == scope and _BIASES.search(item)]:
        if free[other].shape in fitting:
            layer.tensors[BIAS] = free.pop(other)
    if kind == "lstm" and scope.endswith(cudnn.LSTM_CELL):
        layer.traits = cudnn.as_cell(stored).traits
        layer.why = "CudnnLSTM saves its cells under this name"
    elif kind == "lstm":
        layer.traits |= {"units": width // 4, "inputs": stored.shape[0] - width // 4, "order": [0, 2, 1, 3]}
        text = "which constant does the cell add to its forget gate (1 is the default of TensorFlow 1)"
        layer.doubts.append(Doubt(layer.scope, text, 'give "forget_bias": 1.0'))
    elif cudnn.GRU_CELL in scope:
        layer.doubts.append(Doubt(layer.scope, cudnn.GRU_QUESTION, f"give {_DROP}"))
    elif kind == "gru":
        _join_candidate(layer, scope, free)
    return layer


def _kind(name: str, scope: str, rank: int) -> tuple[str, str]:
    """Returns the kind of a kernel and, where names do not decide, a question."""
    leaf, place = name.rpartition("/")[2], scope.lower()
    if leaf.startswith("depthwise"):
        return "depthwise", ""
    if leaf.startswith("pointwise"):
        return "conv", ""
    if rank >= 3:
        if re.search(r"transpos|deconv|upconv", place):
            return "transposed", ""
        return "conv", "" if "conv" in place else f"is its kernel {leaf!r} of {rank} axes that of a convolution"
    if rank == 2 and leaf.startswith("embedding"):
        return "embedding", ""
    if rank == 2 and "lstm" in place:
        return "lstm", ""
    if rank == 2 and place.endswith("gates") and "gru" in place:
        return "gru", ""
    return "dense", "" if rank == 2 else f"what is its kernel {leaf!r} of {rank} axes"


def _join_candidate(layer: Layer, scope: str, free: dict[str, Stored]) -> None:
    cell = scope.rpartition("/")[0]
    rows, width = layer.tensors[KERNEL].shape
    layer.scope = cell
    layer.traits |= {"units": width // 2, "inputs": rows - width // 2}
    for role, leaf in ((gru.CANDIDATE, "kernel"), (gru.CANDIDATE_BIAS, "bias")):
        found = free.pop(f"{cell}/candidate/{leaf}", None)
        if found is not None:
            layer.tensors[role] = found
    if gru.CANDIDATE not in layer.tensors:
        layer.doubts.append(Doubt(cell, "the file has no kernel of the candidate", f"give {_DROP}"))


def _ask_flattened(layers: list[Layer]) -> None:
    """Asks of a dense layer whether it takes flattened maps, where its rows could be those of some convolution."""
    dense = [layer for layer in layers if layer.kind == "dense"]
    widths = {layer.tensors[KERNEL].shape[-1] for layer in layers if layer.kind == "conv"}
    widths |= {layer.tensors[KERNEL].shape[-2] for layer in layers if layer.kind == "transposed"}
    vectors = {layer.tensors[KERNEL].shape[1] for layer in dense if len(layer.tensors[KERNEL].shape) == 2}
    for layer in dense:
        rows = layer.tensors[KERNEL].shape[0]
        possible = sorted(width for width in widths if rows % width == 0 and rows > width > 1)
        if possible and rows not in vectors and rows not in widths:
            text = f"does it take flattened maps of {' or '.join(map(str, possible))} channels"
            layer.doubts.append(Doubt(layer.scope, text, 'give "flattened": the number of channels, or 0 for no'))


def _ask_dealt(layers: list[Layer], source: Source) -> None:
    """Asks of a table that is stored in parts whether its rows were dealt out to them in turn."""
    for layer in layers:
        parts = source.infos[layer.tensors[KERNEL].key].slices if layer.kind == "embedding" else ()
        if len(parts) > 1 and len({extents[0] for extents in parts}) == len(parts):
            text = f"its rows are stored in {len(parts)} parts: were they dealt out in turn (partition_strategy 'mod')"
            layer.doubts.append(Doubt(layer.scope, text, f'give "dealt": {len(parts)}, or 0 for no ("div")'))
