"""What the networks without branches share: a list of layers, and the fully connected end as convolutions."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat.contrib import layers, named_outputs
from tf1bn.compat.contrib.scoping import arg_scope


def weights_arg_scope(weight_decay: float, bias: float, pool_valid: bool) -> Any:
    """Returns relu, decay of weights, SAME convolutions and, if so asked, VALID pooling."""
    with (
        arg_scope(
            [layers.conv2d, layers.fully_connected],
            activation_fn=tf.nn.relu,
            weights_regularizer=layers.l2_regularizer(weight_decay),
            biases_initializer=tf.constant_initializer(bias) if bias else tf.zeros_initializer(),
        ),
        arg_scope([layers.conv2d], padding="SAME") as scope,
    ):
        if not pool_valid:
            return scope
        with arg_scope([layers.max_pool2d], padding="VALID") as narrower:
            return narrower


def classifier(
    net: Any, window: int, width: int, num_classes: int, is_training: Any, keep_prob: float, **last: Any
) -> Any:
    """Returns fc6, fc7 and fc8 as convolutions, with dropout between them.

    Args:
      last: further arguments of fc8.
    """
    net = layers.conv2d(net, width, [window, window], padding="VALID", scope="fc6")
    net = layers.dropout(net, keep_prob, is_training=is_training, scope="dropout6")
    net = layers.conv2d(net, 4096, [1, 1], scope="fc7")
    net = layers.dropout(net, keep_prob, is_training=is_training, scope="dropout7")
    return layers.conv2d(net, num_classes, [1, 1], activation_fn=None, normalizer_fn=None, scope="fc8", **last)


def finished(net: Any, squeeze: bool, collection: str, scope: str) -> tuple[Any, dict[str, Any]]:
    """Returns logits and the outputs of all layers by name."""
    end_points = named_outputs.convert_collection_to_dict(collection)
    if squeeze:
        net = tf.squeeze(net, [1, 2], name="fc8/squeezed")
        end_points[scope + "/fc8"] = net
    return net, end_points
