"""What the residual networks of slim share: blocks, strides and dilation, and the arguments they were trained with."""

from __future__ import annotations

import collections
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib import layers, named_outputs
from tf1bn.compat.contrib.scoping import add_arg_scope, arg_scope

__all__ = ["Block", "conv2d_same", "resnet_arg_scope", "stack_blocks_dense", "subsample"]


class Block(collections.namedtuple("Block", ["scope", "unit_fn", "args"])):
    """A scope, the function of a unit, and the arguments of each unit."""

    __slots__ = ()


def subsample(inputs: Any, factor: int, scope: str | None = None) -> Any:
    """Returns each ``factor``-th row and column."""
    return inputs if factor == 1 else layers.max_pool2d(inputs, [1, 1], stride=factor, scope=scope)


def conv2d_same(
    inputs: Any, num_outputs: int, kernel_size: int, stride: int, rate: int = 1, scope: str | None = None
) -> Any:
    """Returns a convolution whose padding does not depend on the size of the image.

    With a stride above 1 SAME pads by what the size leaves over; here it is always half of the kernel on each side.
    """
    if stride == 1:
        return layers.conv2d(inputs, num_outputs, kernel_size, stride=1, rate=rate, padding="SAME", scope=scope)
    total = (kernel_size - 1) * rate
    around = [total // 2, total - total // 2]
    inputs = tf.pad(inputs, [[0, 0], around, around, [0, 0]])
    return layers.conv2d(inputs, num_outputs, kernel_size, stride=stride, rate=rate, padding="VALID", scope=scope)


@add_arg_scope
def stack_blocks_dense(
    net: Any, blocks: Sequence[Block], output_stride: Any = None, outputs_collections: Any = None
) -> Any:
    """Returns the output of all blocks; from ``output_stride`` on units are dilated instead of having a stride.

    Raises:
      ArgumentError: a stride that the blocks cannot reach.
    """
    stride, rate = 1, 1
    for block in blocks:
        with tf.variable_scope(block.scope, "block", [net]) as entered:
            for number, unit in enumerate(block.args):
                if output_stride is not None and stride > output_stride:
                    raise _unreachable(output_stride)
                own = unit.get("stride", 1)
                with tf.variable_scope(f"unit_{number + 1}", values=[net]):
                    if output_stride is not None and stride == output_stride:
                        net = block.unit_fn(net, rate=rate, **{**unit, "stride": 1})
                        rate *= own
                    else:
                        net = block.unit_fn(net, rate=1, **unit)
                        stride *= own
            net = named_outputs.collect_named_outputs(outputs_collections, entered.name, net)
    if output_stride is not None and stride != output_stride:
        raise _unreachable(output_stride)
    return net


def resnet_arg_scope(
    weight_decay: float = 0.0001,
    batch_norm_decay: float = 0.997,
    batch_norm_epsilon: float = 1e-5,
    batch_norm_scale: bool = True,
) -> Any:
    """Returns the arguments that the networks were trained with."""
    batch_norm = {
        "decay": batch_norm_decay,
        "epsilon": batch_norm_epsilon,
        "scale": batch_norm_scale,
        "updates_collections": tf.GraphKeys.UPDATE_OPS,
    }
    with (
        arg_scope(
            [layers.conv2d],
            weights_regularizer=layers.l2_regularizer(weight_decay),
            weights_initializer=layers.variance_scaling_initializer(),
            activation_fn=tf.nn.relu,
            normalizer_fn=layers.batch_norm,
            normalizer_params=batch_norm,
        ),
        arg_scope([layers.batch_norm], **batch_norm),
        arg_scope([layers.max_pool2d], padding="SAME") as scope,
    ):
        return scope


def reduced_stride(output_stride: Any) -> Any:
    """Returns the stride that is left for the blocks after the first layers, which have 4.

    Raises:
      ArgumentError: no multiple of 4.
    """
    if output_stride is None:
        return None
    if output_stride % 4:
        raise errors.ArgumentError(
            errors.explain("`output_stride` is no multiple of 4", got=output_stride), where="resnet"
        )
    return output_stride // 4


def bottlenecks(scope: str, unit: Any, base_depth: int, num_units: int, stride: int) -> Block:
    """Returns a block of bottleneck units, the last of which has the stride."""
    common = {"depth": base_depth * 4, "depth_bottleneck": base_depth}
    return Block(scope, unit, [{**common, "stride": 1}] * (num_units - 1) + [{**common, "stride": stride}])


@dataclass(frozen=True)
class Bottleneck:
    """What the ``bottleneck`` of either version is given."""

    inputs: Any
    depth: int
    depth_bottleneck: int
    stride: int
    rate: int = 1
    outputs_collections: Any = None
    scope: Any = None


@dataclass(frozen=True)
class Network:
    """What ``resnet_v1`` and ``resnet_v2`` are given."""

    inputs: Any
    blocks: Sequence[Block]
    num_classes: int | None = None
    is_training: Any = True
    global_pool: bool = True
    output_stride: int | None = None
    include_root_block: bool = True
    reuse: Any = None
    scope: Any = None

    def built(
        self, default: str, unit: Any, first: Mapping[str, Any], last: Callable[[Any], Any] = lambda net: net
    ) -> tuple[Any, dict[str, Any]]:
        """Returns logits or features, and the outputs of all layers by name.

        Args:
          default: the scope, unless another one is given.
          unit: the bottleneck, whose outputs are among those.
          first: arguments of the first convolution.
          last: what follows the blocks.
        """
        with tf.variable_scope(self.scope, default, [self.inputs], reuse=self.reuse) as entered:
            collection = entered.original_name_scope + "_end_points"
            with (
                arg_scope([layers.conv2d, unit, stack_blocks_dense], outputs_collections=collection),
                arg_scope([layers.batch_norm], is_training=self.is_training),
            ):
                net, output_stride = self.inputs, self.output_stride
                if self.include_root_block:
                    output_stride = reduced_stride(output_stride)
                    with arg_scope([layers.conv2d], **first):
                        net = conv2d_same(net, 64, 7, stride=2, scope="conv1")
                    net = layers.max_pool2d(net, [3, 3], stride=2, scope="pool1")
                net = last(stack_blocks_dense(net, self.blocks, output_stride))
                return classified(net, self.num_classes, self.global_pool, collection)


UNITS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3), 200: (3, 24, 36, 3)}
"""Number of layers -> units of each of the four blocks."""


def classified(net: Any, num_classes: int | None, global_pool: bool, collection: str) -> tuple[Any, dict[str, Any]]:
    """Returns logits, or pooled features without classes, and the outputs of all layers by name."""
    if global_pool:
        net = tf.reduce_mean(net, [1, 2], name="pool5", keepdims=True)
    if num_classes is not None:
        net = layers.conv2d(net, num_classes, [1, 1], activation_fn=None, normalizer_fn=None, scope="logits")
    end_points = named_outputs.convert_collection_to_dict(collection)
    if num_classes is not None:
        end_points["predictions"] = layers.softmax(net, scope="predictions")
    return net, end_points


def _unreachable(output_stride: Any) -> errors.ArgumentError:
    return errors.ArgumentError(
        errors.explain("the blocks do not come to this `output_stride`", got=output_stride), where="resnet"
    )


def network(whole: Callable[..., Any], block: Callable[..., Block], number: int) -> Callable[..., Any]:
    """Returns the function of a network with a number of layers, called ``resnet_v1_50`` and so on.

    Args:
      whole: the function that builds a network of blocks.
      block: the function that describes one block.
      number: how many layers; a key of ``UNITS``.
    """
    name = f"{whole.__name__}_{number}"
    blocks = [block(f"block{n + 1}", 64 * 2**n, count, 1 if n == 3 else 2) for n, count in enumerate(UNITS[number])]

    def made(
        inputs: Any,
        num_classes: int | None = None,
        is_training: Any = True,
        global_pool: bool = True,
        output_stride: int | None = None,
        reuse: Any = None,
        scope: Any = name,
    ) -> tuple[Any, dict[str, Any]]:
        options: dict[str, Any] = {"reuse": reuse, "scope": scope}
        found: tuple[Any, dict[str, Any]] = whole(
            inputs, blocks, num_classes, is_training, global_pool, output_stride, **options
        )
        return found

    made.__name__ = made.__qualname__ = name
    made.__doc__ = f"Returns :func:`{whole.__name__}` of {number} layers."
    made.default_image_size = 224  # type: ignore[attr-defined]
    return made
