"""Inception v1 (GoogLeNet), with the names of slim's published checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat.calls import takes
from tf1bn.compat.contrib import layers
from tf1bn.compat.contrib.scoping import arg_scope
from tf1bn.compat.slim_nets import recipes, towers


def _mixed(first: int, b: tuple[int, int], c: tuple[int, int], last: int, third: str = "Conv2d_0b_3x3") -> list[str]:
    return [
        f"Conv2d_0a_1x1={first}",
        f"Conv2d_0a_1x1={b[0]} Conv2d_0b_3x3={b[1]}",
        f"Conv2d_0a_1x1={c[0]} {third}={c[1]}",
        f"MaxPool_0a_3x3 Conv2d_0b_1x1={last}",
    ]


BLOCKS: recipes.Blocks = {
    **recipes.plain("Conv2d_1a_7x7=64/2", "MaxPool_2a_3x3/2", "Conv2d_2b_1x1=64", "Conv2d_2c_3x3=192"),
    **recipes.plain("MaxPool_3a_3x3/2"),
    "Mixed_3b": _mixed(64, (96, 128), (16, 32), 32),
    "Mixed_3c": _mixed(128, (128, 192), (32, 96), 64),
    **recipes.plain("MaxPool_4a_3x3/2"),
    "Mixed_4b": _mixed(192, (96, 208), (16, 48), 64),
    "Mixed_4c": _mixed(160, (112, 224), (24, 64), 64),
    "Mixed_4d": _mixed(128, (128, 256), (24, 64), 64),
    "Mixed_4e": _mixed(112, (144, 288), (32, 64), 64),
    "Mixed_4f": _mixed(256, (160, 320), (32, 128), 128),
    **recipes.plain("MaxPool_5a_2x2/2"),
    "Mixed_5b": _mixed(256, (160, 320), (32, 128), 128, "Conv2d_0a_3x3"),
    "Mixed_5c": _mixed(384, (192, 384), (48, 128), 128),
}


def inception_v1_base(
    inputs: Any, final_endpoint: str = "Mixed_5c", scope: Any = "InceptionV1"
) -> tuple[Any, dict[str, Any]]:
    """Returns the output of a block and the outputs of all blocks up to it, by name.

    Raises:
      ArgumentError: no such block.

    Source: Szegedy and others: Going deeper with convolutions (2014).
    """
    recipes.require_end(final_endpoint, list(BLOCKS))
    end_points: dict[str, Any] = {}
    with tf.variable_scope(scope, "InceptionV1", [inputs]):
        weights = recipes.deviation(0.01)
        with (
            arg_scope([layers.conv2d, layers.fully_connected], weights_initializer=weights),
            arg_scope([layers.conv2d, layers.max_pool2d], stride=1, padding="SAME"),
        ):
            return recipes.build(inputs, BLOCKS, int, final_endpoint, end_points), end_points


@dataclass(frozen=True)
class _Tower(towers.Tower):
    """What ``inception_v1`` is given."""

    min_depth: int = field(default=0, init=False)
    depth_multiplier: float = field(default=1.0, init=False)
    scope: Any = "InceptionV1"


@takes(_Tower)
def inception_v1(call: _Tower) -> tuple[Any, dict[str, Any]]:
    """Returns logits of images ``[batch, 224, 224, 3]`` and the outputs of all blocks; ``Predictions`` among them."""
    with call.entered("InceptionV1") as entered:
        net, end_points = inception_v1_base(call.inputs, scope=entered)
        with tf.variable_scope("Logits"):
            net = layers.avg_pool2d(net, [7, 7], stride=1, scope="MaxPool_0a_7x7")
            net = layers.dropout(net, call.dropout_keep_prob, scope="Dropout_0b")
            logits = recipes.classified(net, call.num_classes, call.spatial_squeeze, "Conv2d_0c_1x1")
            end_points["Logits"] = logits
            end_points["Predictions"] = call.prediction_fn(logits, scope="Predictions")
    return logits, end_points


inception_v1.default_image_size = 224  # type: ignore[attr-defined]


def inception_v1_arg_scope(
    weight_decay: float = 0.00004, use_batch_norm: bool = True, batch_norm_var_collection: str = "moving_vars"
) -> Any:
    """Returns the arguments that the network was trained with."""
    return recipes.inception_arg_scope(weight_decay, use_batch_norm, batch_norm_var_collection)
