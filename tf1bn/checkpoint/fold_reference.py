"""Convolutions and matrix products in NumPy, float64: what a folded layer is compared with.

Each output is a sum of products, so that `y = sum over taps and inputs of x * kernel`; everything here loops over
the taps of the kernel and multiplies matrices. Padding as in TensorFlow: SAME puts the smaller half in front.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from tf1bn.graph.folding.linear import DEPTHWISE, TRANSPOSED, Linear
from tf1bn.graph.nodes import Node


class _Window(NamedTuple):
    """One spatial axis: kernel size, stride, dilation, padding in front and behind, and the number of places."""

    size: int
    stride: int
    dilation: int
    before: int
    after: int
    places: int

    def taken(self, tap: int) -> slice:
        start = tap * self.dilation
        return slice(start, start + (self.places - 1) * self.stride + 1, self.stride)


def apply(layer: Linear, kernel: np.ndarray, x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Returns what a layer without bias gives.

    Args:
      layer: the layer.
      kernel: its kernel, as it takes it.
      x: its input.
      shape: the shape of its output, which a transposed convolution is told.
    """
    if layer.node.op not in ("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"):
        convolve = _transposed if layer.node.op in TRANSPOSED else _convolved
        return _last(layer, convolve(layer, kernel, _first(layer, x), tuple(_first_shape(layer, shape))))
    left, right = ("transpose_a", "transpose_b") if layer.node.op == "MatMul" else ("adj_x", "adj_y")
    return _turned(layer.node, left, x) @ _turned(layer.node, right, kernel)


def terms(layer: Linear, kernel: np.ndarray) -> int:
    """Returns how many products one output is the sum of, at most."""
    return kernel.size // layer.channels(kernel)


def batch_to_space(x: np.ndarray, block: np.ndarray, crops: np.ndarray) -> np.ndarray:
    """Returns what BatchToSpaceND gives."""
    sizes = [int(size) for size in block]
    count = len(sizes)
    batch = x.shape[0] // int(np.prod(sizes))
    parts = x.reshape(*sizes, batch, *x.shape[1:])
    order = [count]
    for axis in range(count):
        order += [count + 1 + axis, axis]
    order += range(2 * count + 1, parts.ndim)
    spread = parts.transpose(order).reshape(
        batch, *(x.shape[1 + at] * size for at, size in enumerate(sizes)), *x.shape[1 + count :]
    )
    index = [slice(int(low), spread.shape[1 + at] - int(high)) for at, (low, high) in enumerate(crops)]
    return spread[(slice(None), *index)]


def _turned(node: Node, key: str, value: np.ndarray) -> np.ndarray:
    stated = node.attr(key)
    return np.swapaxes(value, -1, -2) if stated is not None and stated.b else value


def _first(layer: Linear, x: np.ndarray) -> np.ndarray:
    """Moves the channels to the end."""
    return np.moveaxis(x, 1, -1) if layer.channels_first else x


def _first_shape(layer: Linear, shape: tuple[int, ...]) -> Iterator[int]:
    yield from (shape[0], *shape[2:], shape[1]) if layer.channels_first else shape


def _last(layer: Linear, y: np.ndarray) -> np.ndarray:
    return np.moveaxis(y, -1, 1) if layer.channels_first else y


def _windows(layer: Linear, kernel: np.ndarray, sizes: tuple[int, ...]) -> list[_Window]:
    """Returns the spatial axes of a convolution of an input of these spatial sizes."""
    node, count = layer.node, len(sizes)
    at = 2 if layer.channels_first else 1
    strides = list(node.attr("strides").list.i)[at : at + count]
    stated = node.attr("dilations")
    dilations = list(stated.list.i)[at : at + count] if stated is not None and stated.list.i else [1] * count
    padding: Any = node.attr("padding").s
    explicit = node.attr("explicit_paddings")
    found = []
    for axis, (size, stride, dilation) in enumerate(zip(sizes, strides, dilations, strict=True)):
        reach = (kernel.shape[axis] - 1) * dilation + 1
        if padding == b"SAME":
            places = -(-size // stride)
            total = max((places - 1) * stride + reach - size, 0)
            before, after = total // 2, total - total // 2
        else:
            pair = list(explicit.list.i)[2 * (at + axis) : 2 * (at + axis) + 2] if padding == b"EXPLICIT" else [0, 0]
            before, after = pair
            places = (size + before + after - reach) // stride + 1
        found.append(_Window(kernel.shape[axis], stride, dilation, before, after, places))
    return found


def _padding(windows: list[_Window]) -> list[tuple[int, int]]:
    return [(0, 0), *((item.before, item.after) for item in windows), (0, 0)]


def _taps(windows: list[_Window]) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...]]]:
    for tap in np.ndindex(*(item.size for item in windows)):
        yield tap, (slice(None), *(item.taken(at) for item, at in zip(windows, tap, strict=True)))


def _convolved(layer: Linear, kernel: np.ndarray, x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    windows = _windows(layer, kernel, x.shape[1:-1])
    padded = np.pad(x, _padding(windows))
    y = np.zeros((x.shape[0], *(item.places for item in windows), shape[-1]))
    for tap, index in _taps(windows):
        piece, weights = padded[index], kernel[tap]
        if layer.node.op == DEPTHWISE:
            y += (piece[..., None] * weights).reshape(y.shape)
            continue
        groups = x.shape[-1] // weights.shape[0]
        wide = weights.shape[1] // groups
        for group in range(groups):
            outs = slice(group * wide, (group + 1) * wide)
            ins = slice(group * weights.shape[0], (group + 1) * weights.shape[0])
            y[..., outs] += piece[..., ins] @ weights[:, outs]
    return y


def _transposed(layer: Linear, kernel: np.ndarray, x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Spreads each input over the places that the plain convolution would gather it from."""
    windows = _windows(layer, kernel, shape[1:-1])
    y = np.zeros([size + low + high for size, (low, high) in zip(shape, _padding(windows), strict=True)])
    for tap, index in _taps(windows):
        y[index] += x @ kernel[tap].T
    inner = [slice(item.before, item.before + size) for item, size in zip(windows, shape[1:-1], strict=True)]
    return y[(slice(None), *inner)]
