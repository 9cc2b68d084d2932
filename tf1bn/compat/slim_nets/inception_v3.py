"""Inception v3, with the names of slim's published checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat.calls import takes
from tf1bn.compat.contrib import layers
from tf1bn.compat.slim_nets import recipes, towers


def _of_35(last: int, b: str = "Conv2d_0a_1x1=48 Conv2d_0b_5x5=64") -> list[str]:
    return [
        "Conv2d_0a_1x1=64",
        b,
        "Conv2d_0a_1x1=64 Conv2d_0b_3x3=96 Conv2d_0c_3x3=96",
        f"AvgPool_0a_3x3 Conv2d_0b_1x1={last}",
    ]


def _of_17(n: int) -> list[str]:
    return [
        "Conv2d_0a_1x1=192",
        f"Conv2d_0a_1x1={n} Conv2d_0b_1x7={n} Conv2d_0c_7x1=192",
        f"Conv2d_0a_1x1={n} Conv2d_0b_7x1={n} Conv2d_0c_1x7={n} Conv2d_0d_7x1={n} Conv2d_0e_1x7=192",
        "AvgPool_0a_3x3 Conv2d_0b_1x1=192",
    ]


def _of_8(second: str) -> list[str]:
    return [
        "Conv2d_0a_1x1=320",
        f"Conv2d_0a_1x1=384 [Conv2d_0b_1x3=384|{second}=384]",
        "Conv2d_0a_1x1=448 Conv2d_0b_3x3=384 [Conv2d_0c_1x3=384|Conv2d_0d_3x1=384]",
        "AvgPool_0a_3x3 Conv2d_0b_1x1=192",
    ]


STEM: recipes.Blocks = {
    **recipes.plain("Conv2d_1a_3x3=32/2", "Conv2d_2a_3x3=32"),
    "Conv2d_2b_3x3": ["Conv2d_2b_3x3=64"],
    **recipes.plain("MaxPool_3a_3x3/2", "Conv2d_3b_1x1=80", "Conv2d_4a_3x3=192", "MaxPool_5a_3x3/2"),
}
BLOCKS: recipes.Blocks = {
    "Mixed_5b": _of_35(32),
    "Mixed_5c": _of_35(64, "Conv2d_0b_1x1=48 Conv_1_0c_5x5=64"),
    "Mixed_5d": _of_35(64),
    "Mixed_6a": [
        "Conv2d_1a_1x1=384@3x3/2V",
        "Conv2d_0a_1x1=64 Conv2d_0b_3x3=96 Conv2d_1a_1x1=96@3x3/2V",
        "MaxPool_1a_3x3/2V",
    ],
    "Mixed_6b": _of_17(128),
    "Mixed_6c": _of_17(160),
    "Mixed_6d": _of_17(160),
    "Mixed_6e": _of_17(192),
    "Mixed_7a": [
        "Conv2d_0a_1x1=192 Conv2d_1a_3x3=320/2V",
        "Conv2d_0a_1x1=192 Conv2d_0b_1x7=192 Conv2d_0c_7x1=192 Conv2d_1a_3x3=192/2V",
        "MaxPool_1a_3x3/2V",
    ],
    "Mixed_7b": _of_8("Conv2d_0b_3x1"),
    "Mixed_7c": _of_8("Conv2d_0c_3x1"),
}


@dataclass(frozen=True)
class _Tower(towers.Tower):
    """What ``inception_v3`` is given."""

    create_aux_logits: bool = True
    scope: Any = "InceptionV3"


@takes(towers.Base)
def inception_v3_base(call: towers.Base) -> tuple[Any, dict[str, Any]]:
    """Returns the output of a block and the outputs of all blocks up to it; see ``inception_v2_base``.

    Source: Szegedy, Vanhoucke, Ioffe, Shlens, Wojna: Rethinking the Inception architecture for computer vision (2015).
    """
    depth = call.depth()
    recipes.require_end(call.final_endpoint, [*STEM, *BLOCKS])
    end_points: dict[str, Any] = {}
    with tf.variable_scope(call.scope, "InceptionV3", [call.inputs]):
        net = call.inputs
        for name, words in STEM.items():
            padding = "SAME" if name == "Conv2d_2b_3x3" else "VALID"
            with recipes.same_stride(padding):
                net = recipes.build(net, {name: words}, depth, call.final_endpoint, end_points)
            if name == call.final_endpoint:
                return net, end_points
        with recipes.same_stride("SAME"):
            return recipes.build(net, BLOCKS, depth, call.final_endpoint, end_points), end_points


@takes(_Tower)
def inception_v3(call: _Tower) -> tuple[Any, dict[str, Any]]:
    """Returns logits of images ``[batch, 299, 299, 3]`` and the outputs of all blocks.

    Among these are ``Predictions``, ``PreLogits`` and, with ``create_aux_logits``, ``AuxLogits``.
    """
    depth = recipes.scaled(call.depth_multiplier, call.min_depth)
    with call.entered("InceptionV3") as entered:
        net, end_points = inception_v3_base(
            call.inputs, scope=entered, min_depth=call.min_depth, depth_multiplier=call.depth_multiplier
        )
        if call.create_aux_logits and call.num_classes:
            with recipes.same_stride("SAME"), tf.variable_scope("AuxLogits"):
                aux = _auxiliary(end_points["Mixed_6e"], call.num_classes, call.spatial_squeeze, depth)
                end_points["AuxLogits"] = aux
        with tf.variable_scope("Logits"):
            end_points["PreLogits"] = net = call.pooled(net, [8, 8])
            logits = recipes.classified(net, call.num_classes, call.spatial_squeeze, "Conv2d_1c_1x1")
        end_points["Logits"] = logits
        end_points["Predictions"] = call.prediction_fn(logits, scope="Predictions")
    return logits, end_points


inception_v3.default_image_size = 299  # type: ignore[attr-defined]


def _auxiliary(net: Any, num_classes: int, squeeze: bool, depth: recipes.Depth) -> Any:
    net = layers.avg_pool2d(net, [5, 5], stride=3, padding="VALID", scope="AvgPool_1a_5x5")
    net = layers.conv2d(net, depth(128), [1, 1], scope="Conv2d_1b_1x1")
    kernel = recipes.reduced(net, [5, 5])
    net = layers.conv2d(
        net,
        depth(768),
        kernel,
        weights_initializer=recipes.deviation(0.01),
        padding="VALID",
        scope="Conv2d_2a_{}x{}".format(*kernel),
    )
    weights = recipes.deviation(0.001)
    return recipes.classified(net, num_classes, squeeze, "Conv2d_2b_1x1", weights_initializer=weights)


def inception_v3_arg_scope(
    weight_decay: float = 0.00004,
    batch_norm_var_collection: str = "moving_vars",
    batch_norm_decay: float = 0.9997,
    batch_norm_epsilon: float = 0.001,
    updates_collections: Any = tf.GraphKeys.UPDATE_OPS,
    use_fused_batchnorm: bool = True,
) -> Any:
    """Returns the arguments that the network was trained with."""
    return recipes.inception_arg_scope(
        weight_decay,
        True,
        batch_norm_var_collection,
        decay=batch_norm_decay,
        epsilon=batch_norm_epsilon,
        updates_collections=updates_collections,
        fused=use_fused_batchnorm,
    )
