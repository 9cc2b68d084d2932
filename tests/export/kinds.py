"""Every kind of batch norm that tf1bn has, each under a scope of its own, with its switch given from outside."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn.compat import contrib, slim, tf_layers
from tf1bn.strategies.accumulated import Accumulated
from tf1bn.testing.graphs import graph_mode

BATCH = 4
F32, F16, BF16, F64 = tf.float32, tf.float16, tf.bfloat16, tf.float64


class Kind(NamedTuple):
    """A shape and the arguments beside input, switch and scope.

    Attributes:
      shape: of the input, without the batch.
      options: of ``tf1bn.batch_norm``; a function is called in the graph.
      dtype: of the input.
      layer: what is called.
      of: the strategies that the kind goes with; all when empty.
    """

    shape: tuple[int, ...]
    options: Any = {}
    dtype: Any = F32
    layer: Any = tf1bn.batch_norm
    of: tuple[str, ...] = ()

    def build(self, x: Any, is_training: Any, strategy: Any, scope: str) -> Any:
        """Returns the output."""
        options = self.options() if callable(self.options) else dict(self.options)
        if self.layer not in (by_tf_layers, by_contrib, by_slim):
            options.setdefault("update_strategy", strategy)
        return self.layer(x, is_training, scope=scope, **options)


def weights():
    return {"batch_weights": tf.constant([1.0, 0.5, 0.0, 2.0])}


def mask():
    return {"mask": tf.constant([True, True, False, True])}


def adjusted(shape):
    """Fixed numbers, which would show in an inference graph."""
    return tf.constant(1.5, shape=[1]), tf.constant(0.25, shape=[1])


def per_step():
    return {"update_strategy": tf1bn.PerStep(step=tf.constant(1), steps=3)}


def towers(x, is_training, scope, **options):
    halves = tf.split(x, 2)
    return tf.concat(tf1bn.batch_norm_towers(halves, is_training, scope=scope, **options), 0)


def alone(x, is_training, scope, **options):
    with tf.device("/cpu:0"):
        return tf1bn.batch_norm(x, is_training, scope=scope, statistics=tf1bn.distribute.Collectives(1), **options)


def twice(x, is_training, scope, **options):
    y = tf1bn.batch_norm(x, is_training, scope=scope, **options)
    return tf1bn.batch_norm(y * 2.0, is_training, scope=scope, reuse=True, **options)


def merged(x, is_training, scope, **options):
    with tf1bn.merged_updates():
        return twice(x, is_training, scope, **options)


def by_tf_layers(x, is_training, scope, **options):
    return tf_layers.batch_normalization(x, training=is_training, name=scope, **options)


def by_contrib(x, is_training, scope, **options):
    return contrib.layers.batch_norm(x, is_training=is_training, scope=scope, **options)


def by_slim(x, is_training, scope, **options):
    return slim.batch_norm(x, is_training=is_training, scope=scope, **options)


IMAGE = (4, 6, 8)
OWN = {
    "rank2": Kind((5,)),
    "rank3": Kind((6, 5)),
    "rank4": Kind(IMAGE),
    "rank5": Kind((2, 3, 2, 8)),
    "large_image": Kind((28, 28, 64)),
    "no_center": Kind(IMAGE, {"center": False}),
    "no_scale": Kind((5,), {"scale": False}),
    "neither": Kind(IMAGE, {"center": False, "scale": False}),
    "half": Kind(IMAGE, dtype=F16),
    "bfloat16": Kind((5,), dtype=BF16),
    "double": Kind(IMAGE, dtype=F64),
    "weights": Kind(IMAGE, weights),
    "mask": Kind((5,), mask),
    "ghost": Kind((5,), {"virtual_batch_size": 2}),
    "ghost_weights": Kind(IMAGE, lambda: {"virtual_batch_size": 2, **weights()}),
    "renorm": Kind(IMAGE, {"renorm": True, "renorm_clipping": {"rmax": 3.0, "rmin": 0.3, "dmax": 5.0}}),
    "adjustment": Kind((5,), {"adjustment": adjusted}),
    "adjustment_image": Kind(IMAGE, {"adjustment": adjusted}),
    "renorm_ghost": Kind((5,), {"renorm": True, "virtual_batch_size": 2}),
    "axes13": Kind((4, 5, 3), {"axis": [1, 3]}),
    "axes12": Kind((4, 5), {"axis": [1, 2]}),
    "first": Kind(IMAGE, {"axis": 1}),
    "first_rank3": Kind((6, 5), {"axis": 1}),
    "first_rank5": Kind((4, 2, 3, 2), {"axis": 1}),
    "middle": Kind(IMAGE, {"axis": 2}),
    "bessel": Kind(IMAGE, {"bessel_correction": True}),
    "guard_skip": Kind((5,), {"numeric_guard": "skip"}),
    "guard_raise": Kind((5,), {"numeric_guard": "raise"}),
    "zero_debias": Kind((5,), {"zero_debias": True}),
    "num_updates": Kind((5,), lambda: {"num_updates": tf.constant(3)}),
    "precise": Kind((5,), {"precise": True}),
    "precise_image": Kind((28, 28, 64), {"precise": True}),
    "tracking": Kind((5,), {"use_batch_statistics": False}),
    "statistics": Kind((5,), layer=alone),
    "per_step": Kind((5,), per_step, of=("inline",)),
    "accumulated": Kind((5,), {"update_strategy": Accumulated(2)}, of=("inline",)),
    "frozen": Kind(IMAGE, {"update_strategy": "frozen"}, of=("inline",)),
    "shared_ema": Kind(
        (5,), lambda: {"update_strategy": tf1bn.Ema(tf.train.ExponentialMovingAverage(0.9))}, of=("inline",)
    ),
    "towers": Kind(IMAGE, layer=towers, of=("inline",)),
    "twice": Kind((5,), layer=twice, of=("inline",)),
    "merged": Kind((5,), layer=merged, of=("inline",)),
    **{
        f"kernel_{name}": Kind((4, 4, 8) if name != "fused_wide" else (4, 4, 3), {"kernel": name})
        for name in ("plain", "wide", "fused", "fused_wide")
    },
    "kernel_fused_rank3": Kind((6, 8), {"kernel": "fused"}),
    "kernel_fused_half": Kind((6, 8), {"kernel": "fused"}, F16),
    "kernel_wide_precise": Kind((4, 4, 8), {"kernel": "wide", "precise": True}),
}
DROP_INS = {
    "layers": Kind(IMAGE, layer=by_tf_layers),
    "layers_dense": Kind((5,), layer=by_tf_layers),
    "layers_first": Kind(IMAGE, {"axis": 1}, layer=by_tf_layers),
    "layers_unfused": Kind(IMAGE, {"fused": False}, layer=by_tf_layers),
    "layers_renorm": Kind(IMAGE, {"renorm": True}, layer=by_tf_layers),
    "layers_virtual": Kind(IMAGE, {"virtual_batch_size": 2}, layer=by_tf_layers),
    "layers_adjustment": Kind((5,), {"adjustment": adjusted}, layer=by_tf_layers),
    "layers_virtual_adjusted": Kind((5,), {"virtual_batch_size": 2, "adjustment": adjusted}, layer=by_tf_layers),
    "layers_axes": Kind((4, 5, 3), {"axis": [1, 3]}, layer=by_tf_layers),
    "layers_half": Kind(IMAGE, dtype=F16, layer=by_tf_layers),
    "contrib": Kind(IMAGE, layer=by_contrib),
    "contrib_fused": Kind(IMAGE, {"fused": True, "scale": True}, layer=by_contrib),
    "contrib_first": Kind(IMAGE, {"data_format": "NCHW", "fused": True}, layer=by_contrib),
    "contrib_relu": Kind((5,), {"activation_fn": tf.nn.relu}, layer=by_contrib),
    "contrib_inline": Kind((5,), {"updates_collections": None}, layer=by_contrib),
    "contrib_debias": Kind((5,), {"zero_debias_moving_mean": True}, layer=by_contrib),
    "contrib_weights": Kind((5,), weights, layer=by_contrib),
    "contrib_renorm": Kind(IMAGE, {"renorm": True}, layer=by_contrib),
    "slim": Kind(IMAGE, {"scale": True}, layer=by_slim),
}


def network(kinds: dict[str, Kind], is_training: Any, strategy: Any) -> dict[str, str]:
    """Builds every kind on an input of its own, behind and before another op; returns name -> output."""
    for name, kind in kinds.items():
        x = tf.placeholder(kind.dtype, [BATCH, *kind.shape], f"{name}_x")
        y = kind.build(tf.square(x), is_training, strategy, name)
        tf.nn.relu(y, f"{name}_y")
    return {name: f"{name}_y:0" for name in kinds}


def feed(kinds: dict[str, Kind]) -> dict[str, np.ndarray]:
    """Returns an input for each kind."""
    generator = np.random.default_rng(1)
    return {
        f"{name}_x:0": (generator.normal(size=[BATCH, *kind.shape]) * 2 + 1).astype(kind.dtype.as_numpy_dtype)
        for name, kind in kinds.items()
    }


__all__ = ["DROP_INS", "OWN", "Kind", "feed", "graph_mode", "network"]
