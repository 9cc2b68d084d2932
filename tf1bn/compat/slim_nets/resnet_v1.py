"""Residual networks, version 1, with the names of slim's published checkpoints."""

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
    "resnet_v1",
    "resnet_v1_101",
    "resnet_v1_152",
    "resnet_v1_200",
    "resnet_v1_50",
    "resnet_v1_block",
]


@add_arg_scope
@takes(resnet_utils.Bottleneck)
def bottleneck(call: resnet_utils.Bottleneck) -> Any:
    """Returns relu(shortcut + three convolutions); the middle one, of 3x3, has the stride and the dilation."""
    with tf.variable_scope(call.scope, "bottleneck_v1", [call.inputs]) as entered:
        if call.depth == named_outputs.last_dimension(call.inputs.shape, min_rank=4):
            shortcut = resnet_utils.subsample(call.inputs, call.stride, "shortcut")
        else:
            shortcut = layers.conv2d(
                call.inputs, call.depth, [1, 1], stride=call.stride, activation_fn=None, scope="shortcut"
            )
        net = layers.conv2d(call.inputs, call.depth_bottleneck, [1, 1], stride=1, scope="conv1")
        net = resnet_utils.conv2d_same(net, call.depth_bottleneck, 3, call.stride, rate=call.rate, scope="conv2")
        net = layers.conv2d(net, call.depth, [1, 1], stride=1, activation_fn=None, scope="conv3")
        output = tf.nn.relu(shortcut + net)
        return named_outputs.collect_named_outputs(call.outputs_collections, entered.name, output)


@takes(resnet_utils.Network)
def resnet_v1(call: resnet_utils.Network) -> tuple[Any, dict[str, Any]]:
    """Returns logits ``[batch, 1, 1, classes]``, or features, and the outputs of all layers by name.

    Args:
      num_classes: None for features.
      global_pool: whether they are averaged over the image; False for a network of every place.
      output_stride: of the features, by dilation; None for the network's own 32.
      include_root_block: whether the network begins with a convolution and a pooling, stride 4 together.

    Raises:
      ArgumentError: an ``output_stride`` that cannot be reached.

    Source: He, Zhang, Ren, Sun: Deep residual learning for image recognition (2015).
    """
    return call.built("resnet_v1", bottleneck, {})


resnet_v1.default_image_size = 224  # type: ignore[attr-defined]


def resnet_v1_block(scope: str, base_depth: int, num_units: int, stride: int) -> resnet_utils.Block:
    """Returns a block of bottleneck units, the last of which has the stride."""
    return resnet_utils.bottlenecks(scope, bottleneck, base_depth, num_units, stride)


resnet_v1_50 = resnet_utils.network(resnet_v1, resnet_v1_block, 50)
resnet_v1_101 = resnet_utils.network(resnet_v1, resnet_v1_block, 101)
resnet_v1_152 = resnet_utils.network(resnet_v1, resnet_v1_block, 152)
resnet_v1_200 = resnet_utils.network(resnet_v1, resnet_v1_block, 200)
