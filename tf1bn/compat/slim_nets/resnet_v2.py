"""Residual networks, version 2, with the names of slim's published checkpoints."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat.calls import takes
from tf1bn.compat.contrib import layers, named_outputs
from tf1bn.compat.contrib.scoping import add_arg_scope
from tf1bn.compat.slim_nets import resnet_utils

resnet_arg_scope = resnet_utils.resnet_arg_scope

__all__ = [
    "bottleneck",
    "resnet_arg_scope",
    "resnet_v2",
    "resnet_v2_101",
    "resnet_v2_152",
    "resnet_v2_200",
    "resnet_v2_50",
    "resnet_v2_block",
]


@add_arg_scope
@takes(resnet_utils.Bottleneck)
def bottleneck(call: resnet_utils.Bottleneck) -> Any:
    """Returns shortcut + three convolutions, each after its batch norm and activation."""
    with tf.variable_scope(call.scope, "bottleneck_v2", [call.inputs]) as entered:
        preact = layers.batch_norm(call.inputs, activation_fn=tf.nn.relu, scope="preact")
        plain: dict[str, Any] = {"normalizer_fn": None, "activation_fn": None}
        if call.depth == named_outputs.last_dimension(call.inputs.shape, min_rank=4):
            shortcut = resnet_utils.subsample(call.inputs, call.stride, "shortcut")
        else:
            shortcut = layers.conv2d(preact, call.depth, [1, 1], stride=call.stride, scope="shortcut", **plain)
        net = layers.conv2d(preact, call.depth_bottleneck, [1, 1], stride=1, scope="conv1")
        net = resnet_utils.conv2d_same(net, call.depth_bottleneck, 3, call.stride, rate=call.rate, scope="conv2")
        output = shortcut + layers.conv2d(net, call.depth, [1, 1], stride=1, scope="conv3", **plain)
        return named_outputs.collect_named_outputs(call.outputs_collections, entered.name, output)


@takes(resnet_utils.Network)
def resnet_v2(call: resnet_utils.Network) -> tuple[Any, dict[str, Any]]:
    """Returns what ``resnet_v1`` does, of units with the batch norm and the activation before each convolution.

    Source: He, Zhang, Ren, Sun: Identity mappings in deep residual networks (2016).
    """

    def normalised(net: Any) -> Any:
        return layers.batch_norm(net, activation_fn=tf.nn.relu, scope="postnorm")

    return call.built("resnet_v2", bottleneck, {"activation_fn": None, "normalizer_fn": None}, normalised)


resnet_v2.default_image_size = 224  # type: ignore[attr-defined]


def resnet_v2_block(scope: str, base_depth: int, num_units: int, stride: int) -> resnet_utils.Block:
    """Returns a block of bottleneck units, the last of which has the stride."""
    return resnet_utils.bottlenecks(scope, bottleneck, base_depth, num_units, stride)


resnet_v2_50 = resnet_utils.network(resnet_v2, resnet_v2_block, 50)
resnet_v2_101 = resnet_utils.network(resnet_v2, resnet_v2_block, 101)
resnet_v2_152 = resnet_utils.network(resnet_v2, resnet_v2_block, 152)
resnet_v2_200 = resnet_utils.network(resnet_v2, resnet_v2_block, 200)
