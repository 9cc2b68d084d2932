"""Inception v2 (Inception with batch norms), with the names of slim's published checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat.calls import takes
from tf1bn.compat.contrib import layers
from tf1bn.compat.contrib.scoping import arg_scope
from tf1bn.compat.slim_nets import recipes, towers


def _mixed(first: int, b: tuple[int, int], c: tuple[int, int], last: int, pool: str = "AvgPool") -> list[str]:
    return [
        f"Conv2d_0a_1x1={first}",
        f"Conv2d_0a_1x1={b[0]}~0.09 Conv2d_0b_3x3={b[1]}",
        f"Conv2d_0a_1x1={c[0]}~0.09 Conv2d_0b_3x3={c[1]} Conv2d_0c_3x3={c[1]}",
        f"{pool}_0a_3x3 Conv2d_0b_1x1={last}~0.1",
    ]


def _smaller(a: tuple[int, int], b: tuple[int, int]) -> list[str]:
    return [
        f"Conv2d_0a_1x1={a[0]}~0.09 Conv2d_1a_3x3={a[1]}/2",
        f"Conv2d_0a_1x1={b[0]}~0.09 Conv2d_0b_3x3={b[1]} Conv2d_1a_3x3={b[1]}/2",
        "MaxPool_1a_3x3/2",
    ]


FIRST = "Conv2d_1a_7x7"
BLOCKS: recipes.Blocks = {
    **recipes.plain("MaxPool_2a_3x3/2", "Conv2d_2b_1x1=64~0.1", "Conv2d_2c_3x3=192", "MaxPool_3a_3x3/2"),
    "Mixed_3b": _mixed(64, (64, 64), (64, 96), 32),
    "Mixed_3c": _mixed(64, (64, 96), (64, 96), 64),
    "Mixed_4a": _smaller((128, 160), (64, 96)),
    "Mixed_4b": _mixed(224, (64, 96), (96, 128), 128),
    "Mixed_4c": _mixed(192, (96, 128), (96, 128), 128),
    "Mixed_4d": _mixed(160, (128, 160), (128, 160), 96),
    "Mixed_4e": _mixed(96, (128, 192), (160, 192), 96),
    "Mixed_5a": _smaller((128, 192), (192, 256)),
    "Mixed_5b": _mixed(352, (192, 320), (160, 224), 128),
    "Mixed_5c": _mixed(352, (192, 320), (192, 224), 128, "MaxPool"),
}


@dataclass(frozen=True)
class _Base(towers.Base):
    """What ``inception_v2_base`` is given."""

    final_endpoint: str = "Mixed_5c"


@takes(_Base)
def inception_v2_base(call: _Base) -> tuple[Any, dict[str, Any]]:
    """Returns the output of a block and the outputs of all blocks up to it, by name.

    Args:
      depth_multiplier, min_depth: scale all numbers of channels, and their least.

    Raises:
      ArgumentError: no such block, or a multiplier of 0 or less.

    Source: Ioffe, Szegedy: Batch normalization (2015).
    """
    depth = call.depth()
    recipes.require_end(call.final_endpoint, [FIRST, *BLOCKS])
    end_points: dict[str, Any] = {}
    with (
        tf.variable_scope(call.scope, "InceptionV2", [call.inputs]),
        recipes.same_stride("SAME"),
        arg_scope([layers.separable_conv2d], stride=1, padding="SAME"),
    ):
        net = layers.separable_conv2d(
            call.inputs,
            depth(64),
            [7, 7],
            depth_multiplier=min(depth(64) // 3, 8),
            stride=2,
            weights_initializer=recipes.deviation(1.0),
            scope=FIRST,
        )
        end_points[FIRST] = net
        if call.final_endpoint == FIRST:
            return net, end_points
        return recipes.build(net, BLOCKS, depth, call.final_endpoint, end_points), end_points


@takes(towers.Tower)
def inception_v2(call: towers.Tower) -> tuple[Any, dict[str, Any]]:
    """Returns logits of images ``[batch, 224, 224, 3]`` and the outputs of all blocks; ``Predictions`` among them."""
    recipes.scaled(call.depth_multiplier, call.min_depth)
    with call.entered("InceptionV2") as entered:
        net, end_points = inception_v2_base(
            call.inputs, scope=entered, min_depth=call.min_depth, depth_multiplier=call.depth_multiplier
        )
        with tf.variable_scope("Logits"):
            net = call.pooled(net, [7, 7])
            logits = recipes.classified(net, call.num_classes, call.spatial_squeeze, "Conv2d_1c_1x1")
        end_points["Logits"] = logits
        end_points["Predictions"] = call.prediction_fn(logits, scope="Predictions")
    return logits, end_points


inception_v2.default_image_size = 224  # type: ignore[attr-defined]


def inception_v2_arg_scope(weight_decay: float = 0.00004, batch_norm_var_collection: str = "moving_vars") -> Any:
    """Returns the arguments that the network was trained with."""
    return recipes.inception_arg_scope(weight_decay, True, batch_norm_var_collection)
