"""The VGG networks, with the names of slim's published checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat.contrib import layers
from tf1bn.compat.contrib.scoping import arg_scope
from tf1bn.compat.slim_nets import stacked

__all__ = ["vgg_16", "vgg_19", "vgg_a", "vgg_arg_scope", "vgg_d", "vgg_e"]

_REPEATS = {"vgg_a": (1, 1, 2, 2, 2), "vgg_16": (2, 2, 3, 3, 3), "vgg_19": (2, 2, 4, 4, 4)}
_CHANNELS = (64, 128, 256, 512, 512)


def vgg_arg_scope(weight_decay: float = 0.0005) -> Any:
    """Returns the arguments that the networks were trained with."""
    return stacked.weights_arg_scope(weight_decay, 0.0, False)


def _network(name: str) -> Callable[..., tuple[Any, dict[str, Any]]]:
    def network(
        inputs: Any,
        num_classes: int = 1000,
        is_training: Any = True,
        dropout_keep_prob: float = 0.5,
        spatial_squeeze: bool = True,
        scope: Any = name,
    ) -> tuple[Any, dict[str, Any]]:
        with tf.variable_scope(scope, name, [inputs]) as entered:
            collection = entered.original_name_scope + "_end_points"
            outputs = [layers.conv2d, layers.fully_connected, layers.max_pool2d]
            with arg_scope(outputs, outputs_collections=collection):
                net = inputs
                for number, (count, channels) in enumerate(zip(_REPEATS[name], _CHANNELS, strict=True), 1):
                    net = layers.repeat(net, count, layers.conv2d, channels, [3, 3], scope=f"conv{number}")
                    net = layers.max_pool2d(net, [2, 2], scope=f"pool{number}")
                net = stacked.classifier(net, 7, 4096, num_classes, is_training, dropout_keep_prob)
            return stacked.finished(net, spatial_squeeze, collection, entered.name)

    network.__name__ = network.__qualname__ = name
    network.__doc__ = f"""Returns logits of images ``[batch, 224, 224, 3]`` and the outputs of all layers of {name}.

    Source: Simonyan, Zisserman: Very deep convolutional networks for large-scale image recognition (2014).
    """
    network.default_image_size = 224  # type: ignore[attr-defined]
    return network


vgg_a = _network("vgg_a")
vgg_16 = vgg_d = _network("vgg_16")
vgg_19 = vgg_e = _network("vgg_19")
