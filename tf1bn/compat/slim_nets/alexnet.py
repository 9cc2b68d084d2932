"""AlexNet in its second version, as slim has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat.calls import takes
from tf1bn.compat.contrib import layers
from tf1bn.compat.contrib.scoping import arg_scope
from tf1bn.compat.slim_nets import stacked

__all__ = ["alexnet_v2", "alexnet_v2_arg_scope"]


def alexnet_v2_arg_scope(weight_decay: float = 0.0005) -> Any:
    """Returns the arguments that the network was trained with."""
    return stacked.weights_arg_scope(weight_decay, 0.1, True)


@dataclass(frozen=True)
class AlexNet(stacked.Network):
    """What ``alexnet_v2`` takes."""

    scope: Any = "alexnet_v2"


@takes(AlexNet)
def alexnet_v2(call: AlexNet) -> tuple[Any, dict[str, Any]]:
    """Returns logits of images ``[batch, 224, 224, 3]`` and the outputs of all layers by name.

    Source: Krizhevsky: One weird trick for parallelizing convolutional neural networks (2014).
    """
    with tf.variable_scope(call.scope, "alexnet_v2", [call.inputs]) as entered:
        collection = entered.original_name_scope + "_end_points"
        outputs = [layers.conv2d, layers.fully_connected, layers.max_pool2d]
        with arg_scope(outputs, outputs_collections=[collection]):
            net = layers.conv2d(call.inputs, 64, [11, 11], 4, padding="VALID", scope="conv1")
            net = layers.max_pool2d(net, [3, 3], 2, scope="pool1")
            net = layers.conv2d(net, 192, [5, 5], scope="conv2")
            net = layers.max_pool2d(net, [3, 3], 2, scope="pool2")
            for number, channels in enumerate((384, 384, 256), 3):
                net = layers.conv2d(net, channels, [3, 3], scope=f"conv{number}")
            net = layers.max_pool2d(net, [3, 3], 2, scope="pool5")
            net = stacked.initialised_classifier(net, 5, 4096, call)
        return stacked.finished(net, call.spatial_squeeze, collection, entered.name)


alexnet_v2.default_image_size = 224  # type: ignore[attr-defined]
