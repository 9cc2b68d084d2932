"""What the networks without branches share: a list of layers, and the fully connected end as convolutions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat.contrib import layers, named_outputs
from tf1bn.compat.contrib.scoping import arg_scope
from tf1bn.compat.slim_nets import recipes


@dataclass(frozen=True)
class Network:
    """What these networks take; each has its name as the default scope."""

    inputs: Any
    num_classes: int = 1000
    is_training: Any = True
    dropout_keep_prob: float = 0.5
    spatial_squeeze: bool = True
    scope: Any = field(init=False)


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


def initialised_classifier(net: Any, window: int, width: int, call: Network) -> Any:
    """Returns :func:`classifier` with weights of deviation 0.005, and biases 0.1 but for fc8's zeros."""
    weights, biases = recipes.deviation(0.005), tf.constant_initializer(0.1)
    with arg_scope([layers.conv2d], weights_initializer=weights, biases_initializer=biases):
        settings = (call.num_classes, call.is_training, call.dropout_keep_prob)
        return classifier(net, window, width, *settings, biases_initializer=tf.zeros_initializer())


def finished(net: Any, squeeze: bool, collection: str, scope: str) -> tuple[Any, dict[str, Any]]:
    """Returns logits and the outputs of all layers by name."""
    end_points = named_outputs.convert_collection_to_dict(collection)
    if squeeze:
        net = tf.squeeze(net, [1, 2], name="fc8/squeezed")
        end_points[scope + "/fc8"] = net
    return net, end_points
