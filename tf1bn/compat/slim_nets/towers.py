"""What the Inception networks are given: to their blocks alone, and to the whole with its logits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat.contrib import layers
from tf1bn.compat.contrib.scoping import arg_scope
from tf1bn.compat.slim_nets import recipes


@dataclass(frozen=True)
class Base:
    """What ``inception_v2_base`` and ``inception_v3_base`` are given."""

    inputs: Any
    final_endpoint: str = "Mixed_7c"
    min_depth: int = 16
    depth_multiplier: float = 1.0
    scope: Any = None

    def depth(self) -> recipes.Depth:
        """Returns what scales a number of channels."""
        return recipes.scaled(self.depth_multiplier, self.min_depth)


@dataclass(frozen=True)
class Tower:
    """What the networks are given; version 1 does not scale, and only version 3 has logits on the way."""

    inputs: Any
    num_classes: int = 1000
    is_training: Any = True
    dropout_keep_prob: float = 0.8
    min_depth: int = 16
    depth_multiplier: float = 1.0
    prediction_fn: Callable[..., Any] = layers.softmax
    spatial_squeeze: bool = True
    reuse: Any = None
    create_aux_logits: bool = field(default=False, init=False)
    scope: Any = "InceptionV2"

    @contextmanager
    def entered(self, default: str) -> Iterator[Any]:
        """Enters the scope of the network, with batch norms and dropout in its mode."""
        with (
            tf.variable_scope(self.scope, default, [self.inputs], reuse=self.reuse) as entered,
            arg_scope([layers.batch_norm, layers.dropout], is_training=self.is_training),
        ):
            yield entered

    def pooled(self, net: Any, window: list[int]) -> Any:
        """Returns the mean of a window, or of the image where it is smaller, after dropout."""
        kernel = recipes.reduced(net, window)
        net = layers.avg_pool2d(net, kernel, padding="VALID", scope="AvgPool_1a_{}x{}".format(*kernel))
        return layers.dropout(net, keep_prob=self.dropout_keep_prob, scope="Dropout_1b")
