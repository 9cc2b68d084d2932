"""Residual networks, version 1, with the names of slim's published checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat.contrib import layers, named_outputs
from tf1bn.compat.contrib.scoping import add_arg_scope, arg_scope
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
def bottleneck(
    inputs: Any,
    depth: int,
    depth_bottleneck: int,
    stride: int,
    rate: int = 1,
    outputs_collections: Any = None,
    scope: Any = None,
) -> Any:
    """Returns relu(shortcut + three convolutions); the middle one, of 3x3, has the stride and the dilation."""
    with tf.variable_scope(scope, "bottleneck_v1", [inputs]) as entered:
        if depth == named_outputs.last_dimension(inputs.shape, min_rank=4):
            shortcut = resnet_utils.subsample(inputs, stride, "shortcut")
        else:
            shortcut = layers.conv2d(inputs, depth, [1, 1], stride=stride, activation_fn=None, scope="shortcut")
        net = layers.conv2d(inputs, depth_bottleneck, [1, 1], stride=1, scope="conv1")
        net = resnet_utils.conv2d_same(net, depth_bottleneck, 3, stride, rate=rate, scope="conv2")
        net = layers.conv2d(net, depth, [1, 1], stride=1, activation_fn=None, scope="conv3")
        output = tf.nn.relu(shortcut + net)
        return named_outputs.collect_named_outputs(outputs_collections, entered.name, output)


def resnet_v1(
    inputs: Any,
    blocks: Sequence[resnet_utils.Block],
    num_classes: int | None = None,
    is_training: Any = True,
    global_pool: bool = True,
    output_stride: int | None = None,
    include_root_block: bool = True,
    reuse: Any = None,
    scope: Any = None,
) -> tuple[Any, dict[str, Any]]:
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
    with tf.variable_scope(scope, "resnet_v1", [inputs], reuse=reuse) as entered:
        collection = entered.original_name_scope + "_end_points"
        with (
            arg_scope([layers.conv2d, bottleneck, resnet_utils.stack_blocks_dense], outputs_collections=collection),
            arg_scope([layers.batch_norm], is_training=is_training),
        ):
            net = inputs
            if include_root_block:
                output_stride = resnet_utils.reduced_stride(output_stride)
                net = resnet_utils.conv2d_same(net, 64, 7, stride=2, scope="conv1")
                net = layers.max_pool2d(net, [3, 3], stride=2, scope="pool1")
            net = resnet_utils.stack_blocks_dense(net, blocks, output_stride)
            return resnet_utils.classified(net, num_classes, global_pool, collection)


resnet_v1.default_image_size = 224  # type: ignore[attr-defined]


def resnet_v1_block(scope: str, base_depth: int, num_units: int, stride: int) -> resnet_utils.Block:
    """Returns a block of bottleneck units, the last of which has the stride."""
    return resnet_utils.bottlenecks(scope, bottleneck, base_depth, num_units, stride)


resnet_v1_50 = resnet_utils.network(resnet_v1, resnet_v1_block, 50)
resnet_v1_101 = resnet_utils.network(resnet_v1, resnet_v1_block, 101)
resnet_v1_152 = resnet_utils.network(resnet_v1, resnet_v1_block, 152)
resnet_v1_200 = resnet_utils.network(resnet_v1, resnet_v1_block, 200)
