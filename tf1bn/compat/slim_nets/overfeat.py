"""OverFeat, as slim has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat.calls import takes
from tf1bn.compat.contrib import layers
from tf1bn.compat.contrib.scoping import arg_scope
from tf1bn.compat.slim_nets import stacked

__all__ = ["overfeat", "overfeat_arg_scope"]


def overfeat_arg_scope(weight_decay: float = 0.0005) -> Any:
    """Returns the arguments that the network was trained with."""
    return stacked.weights_arg_scope(weight_decay, 0.0, True)


@dataclass(frozen=True)
class OverFeat(stacked.Network):
    """What ``overfeat`` takes."""

    scope: Any = "overfeat"


@takes(OverFeat)
def overfeat(call: OverFeat) -> tuple[Any, dict[str, Any]]:
    """Returns logits of images ``[batch, 231, 231, 3]`` and the outputs of all layers by name.

    Source: Sermanet, Eigen, Zhang, Mathieu, Fergus, LeCun: OverFeat (2013).
    """
    with tf.variable_scope(call.scope, "overfeat", [call.inputs]) as entered:
        collection = entered.name + "_end_points"
        outputs = [layers.conv2d, layers.fully_connected, layers.max_pool2d]
        with arg_scope(outputs, outputs_collections=collection):
            net = layers.conv2d(call.inputs, 64, [11, 11], 4, padding="VALID", scope="conv1")
            net = layers.max_pool2d(net, [2, 2], scope="pool1")
            net = layers.conv2d(net, 256, [5, 5], padding="VALID", scope="conv2")
            net = layers.max_pool2d(net, [2, 2], scope="pool2")
            for number, channels in enumerate((512, 1024, 1024), 3):
                net = layers.conv2d(net, channels, [3, 3], scope=f"conv{number}")
            net = layers.max_pool2d(net, [2, 2], scope="pool5")
            net = stacked.initialised_classifier(net, 6, 3072, call)
        return stacked.finished(net, call.spatial_squeeze, collection, entered.name)


overfeat.default_image_size = 231  # type: ignore[attr-defined]
