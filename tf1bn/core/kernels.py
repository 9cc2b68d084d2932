"""Which implementation normalises with batch moments, and which with given ones.

A kernel is a pair of functions with one signature; all give the same outputs, moments (variance divided by
the count) and gradients within rounding, so the choice is one of speed only. :func:`choose` is the table.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import tensorflow.compat.v1 as tf

from tf1bn.core import views
from tf1bn.core.axes import Axes
from tf1bn.core.fused import CHANNEL_MULTIPLE, Fused, FusedWide
from tf1bn.core.plain import ORDINARY, PLAIN, Variant, Wide, moments, widen
from tf1bn.core.values import Moments

__all__ = ["FUSED", "FUSED_WIDE", "ORDINARY", "PLAIN", "WIDE", "Kernel", "Variant", "choose", "moments", "widen"]

FUSED_DTYPES = (tf.float32, tf.float16, tf.bfloat16)
FUSED_FROM_ELEMENTS = 131072
WIDE_FROM_ELEMENTS = 4096
WIDE_BELOW_CHANNELS = 64
UNKNOWN_SIZE = 32


class Kernel(Protocol):
    """Normalises one input; gamma and beta may be None."""

    @property
    def name(self) -> str:
        """What messages and records call it."""

    def train(
        self, x: Any, axes: Axes, gamma: Any, beta: Any, epsilon: float, variant: Variant = ORDINARY
    ) -> tuple[Any, Moments]:
        """Returns x normalised by its own moments, and these; no gradient flows into the moments."""

    def infer(self, x: Any, axes: Axes, moments: Moments, gamma: Any, beta: Any, epsilon: float) -> Any:
        """Returns x normalised by given moments."""


WIDE, FUSED, FUSED_WIDE = Wide(), Fused(), FusedWide()


def choose(dims: tuple[int | None, ...], dtype: tf.DType, axes: Axes, variant: Variant = ORDINARY) -> Kernel:
    """Returns the kernel for an input of static shape ``dims``."""
    if not variant.ordinary or len(axes.kept) > 1:
        return PLAIN
    channels = axes.parameter_shape[0]
    elements = math.prod(UNKNOWN_SIZE if size is None else size for size in dims)
    if elements >= FUSED_FROM_ELEMENTS and dtype in FUSED_DTYPES:
        if channels % CHANNEL_MULTIPLE == 0:
            return FUSED
        return FUSED_WIDE if views.rows_per_row(dims, axes, CHANNEL_MULTIPLE) else PLAIN
    few = channels < WIDE_BELOW_CHANNELS and elements >= WIDE_FROM_ELEMENTS
    return WIDE if few and views.rows_per_row(dims, axes) else PLAIN
