"""Brings numbers of a channels-last source into the order that a channels-first target has them in."""

from __future__ import annotations

import numpy as np

from tf1bn.convert.layer import Layer
from tf1bn.convert.steps import ChannelsFirst


def channels_first(value: np.ndarray, axes: str) -> np.ndarray:
    """Returns maps with their channels behind the batch; anything else as it is.

    Args:
      value: numbers of the source.
      axes: what its axes are, such as ``NHWC``; empty where it is no maps.
    """
    if len(axes) != value.ndim or not axes.endswith("C") or len(axes) < 3:
        return value
    return np.moveaxis(value, -1, 1)


def of_layer(value: np.ndarray, layer: Layer) -> np.ndarray:
    """Returns what a layer gives, as a channels-first target has it."""
    if value.ndim == 2:
        channels = layer.traits.get("features") or layer.traits.get("shaped") or 0
        return ChannelsFirst(1, channels).apply(value) if channels > 1 else value
    return channels_first(value, layer.axes)


def cropped(value: np.ndarray, layer: Layer, shape: tuple[int, ...]) -> np.ndarray:
    """Returns the part of a transposed convolution's full result that SAME keeps; anything else as it is.

    Args:
      value: what a channels-first target gives.
      layer: the layer.
      shape: of what the source gives, channels first.
    """
    cut = layer.traits.get("cut") or []
    if len(cut) != value.ndim - 2 or value.shape == shape:
        return value
    for axis, (before, _) in enumerate(cut, start=2):
        value = value.take(range(before, min(before + shape[axis], value.shape[axis])), axis)
    return value
