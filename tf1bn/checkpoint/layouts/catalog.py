"""The catalog of layouts: one row each. Installed packages add theirs through the entry points ``tf1bn.layouts``.

Where names alone fit several rows and nothing else tells them apart, the first one is taken.
"""

from __future__ import annotations

from tf1bn.checkpoint import layout
from tf1bn.checkpoint.layout import Layout
from tf1bn.checkpoint.layouts import (
    dotted,
    ema_moments,
    keras,
    lingvo,
    moving_avg,
    mu_sigma,
    mxnet,
    object_based,
    pop_mean,
    running_mean,
    slim,
    sonnet_v1,
    sonnet_v2,
    tensorpack,
    tf1bn,
    tf_layers,
    unnamed,
)
from tf1bn.registry import Registry

LAYOUTS: Registry[Layout] = Registry("checkpoint layout", layout.check, "tf1bn.layouts")

_ROWS = (
    tf_layers.LAYOUT,
    slim.LAYOUT,
    tf1bn.INLINE,
    tf1bn.COLLECTION,
    tf1bn.FROZEN,
    tf1bn.EMA,
    keras.LAYOUT,
    tensorpack.LAYOUT,
    sonnet_v1.LAYOUT,
    sonnet_v2.LAYOUT,
    lingvo.LAYOUT,
    lingvo.ONE_INIT,
    object_based.LAYOUT,
    ema_moments.SQUEEZE,
    ema_moments.PRE_1_1,
    ema_moments.NORMALIZE,
    moving_avg.LAYOUT,
    pop_mean.LAYOUT,
    running_mean.LAYOUT,
    mu_sigma.VARIANCE,
    mu_sigma.DEVIATION,
    mxnet.LAYOUT,
    mxnet.MOVING,
    mxnet.MMDNN,
    dotted.LAYOUT,
    unnamed.LAYOUT,
)
for _row in _ROWS:
    LAYOUTS.register(_row.name, _row)


def ordered() -> list[Layout]:
    """Returns all layouts in the order in which they are preferred: built-in rows, then others by name."""
    first = [row.name for row in _ROWS]
    return [LAYOUTS.get(name) for name in (*first, *(name for name in LAYOUTS.names() if name not in first))]
