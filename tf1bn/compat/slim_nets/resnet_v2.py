"""Residual networks, version 2, with the names of slim's published checkpoints."""

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
    "resnet_v2",
    "resnet_v2_101",
    "resnet_v2_152",
    "resnet_v2_200",
    "resnet_v2_50",
    "resnet_v2_block",
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
    """Returns shortcut + three convolutions, each after its batch norm and activation."""
    with tf.variable_scope(scope, "bottleneck_v2", [inputs]) as entered:
        preact = layers.batch_norm(inputs, activation_fn=tf.nn.relu, scope="preact")
        plain: dict[str, Any] = {"normalizer_fn": None, "activation_fn": None}
        if depth == named_outputs.last_dimension(inputs.shape, min_rank=4):
            shortcut = resnet_utils.subsample(inputs, stride, "shortcut")
        else:
            shortcut = layers.conv2d(preact, depth, [1, 1], stride=stride, scope="shortcut", **plain)
        net = layers.conv2d(preact, depth_bottleneck, [1, 1], stride=1, scope="conv1")
        net = resnet_utils.conv2d_same(net, depth_bottleneck, 3, stride, rate=rate, scope="conv2")
        output = shortcut + layers.conv2d(net, depth, [1, 1], stride=1, scope="conv3", **plain)
        return named_outputs.collect_named_outputs(outputs_collections, entered.name, output)


def resnet_v2(
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

    Source: He, Zhang, Ren, Sun: Identity mappings in deep residual networks (2016).
    """
    with tf.variable_scope(scope, "resnet_v2", [inputs], reuse=reuse) as entered:
        collection = entered.original_name_scope + "_end_points"
        with (
            arg_scope([layers.conv2d, bottleneck, resnet_utils.stack_blocks_dense], outputs_collections=collection),
            arg_scope([layers.batch_norm], is_training=is_training),
        ):
            net = inputs
            if include_root_block:
                output_stride = resnet_utils.reduced_stride(output_stride)
                with arg_scope([layers.conv2d], activation_fn=None, normalizer_fn=None):
                    net = resnet_utils.conv2d_same(net, 64, 7, stride=2, scope="conv1")
                net = layers.max_pool2d(net, [3, 3], stride=2, scope="pool1")
            net = resnet_utils.stack_blocks_dense(net, blocks, output_stride)
            net = layers.batch_norm(net, activation_fn=tf.nn.relu, scope="postnorm")
            return resnet_utils.classified(net, num_classes, global_pool, collection)


resnet_v2.default_image_size = 224  # type: ignore[attr-defined]


def resnet_v2_block(scope: str, base_depth: int, num_units: int, stride: int) -> resnet_utils.Block:
    """Returns a block of bottleneck units, the last of which has the stride."""
    return resnet_utils.bottlenecks(scope, bottleneck, base_depth, num_units, stride)


resnet_v2_50 = resnet_utils.network(resnet_v2, resnet_v2_block, 50)
resnet_v2_101 = resnet_utils.network(resnet_v2, resnet_v2_block, 101)
resnet_v2_152 = resnet_utils.network(resnet_v2, resnet_v2_block, 152)
resnet_v2_200 = resnet_utils.network(resnet_v2, resnet_v2_block, 200)
