"""``separable_conv2d`` of tf.contrib.layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.calls import takes
from tf1bn.compat.contrib.affine import Affine
from tf1bn.compat.contrib.convolution import Window
from tf1bn.compat.contrib.scoping import add_arg_scope
from tf1bn.compat.tf_layers import windows
from tf1bn.compat.tf_layers.separable import SeparableConv2D

_NAMES = {"bias": "biases", "depthwise_kernel": "depthwise_weights", "pointwise_kernel": "pointwise_weights"}


class _Depthwise(SeparableConv2D):
    """The first half of a separable convolution: each channel by itself."""

    def _shapes(self, channels: int) -> dict[str, tuple[int, ...]]:
        self.filters = channels * self.depth_multiplier
        return {"depthwise": super()._shapes(channels)["depthwise"]}

    def _convolved(self, x: tf.Tensor) -> tf.Tensor:
        strides = (1, *self.strides, 1)
        return tf.nn.depthwise_conv2d(
            x, self.depthwise_kernel, strides, self.padding.upper(), rate=self.dilation_rate, name="depthwise"
        )


@dataclass(frozen=True)
class Separable(Affine, Window):
    """What ``separable_convolution2d`` is given."""

    num_outputs: int | None  # type: ignore[assignment]  # no other layer can do without
    depth_multiplier: int = 1
    data_format: str = "NHWC"
    pointwise_initializer: Any = None

    def kernels(self) -> dict[str, Any]:
        """Returns how the two kernels and the bias are made, in the words of tf.layers."""
        pointwise = self.weights_initializer if self.pointwise_initializer is None else self.pointwise_initializer
        return {
            "depth_multiplier": self.depth_multiplier,
            "depthwise_initializer": self.weights_initializer,
            "pointwise_initializer": pointwise,
            "depthwise_regularizer": self.weights_regularizer,
            "pointwise_regularizer": self.weights_regularizer,
            **self.biases(),
        }


@add_arg_scope
@takes(Separable)
def separable_convolution2d(call: Separable) -> tf.Tensor:
    """Returns activation_fn(normalizer_fn(separable convolution + biases)).

    Variables (in ``scope``, by default ``SeparableConv2d``, ...; also in MODEL_VARIABLES):
      depthwise_weights ``[*window, channels, depth_multiplier]``; pointwise_weights
      ``[1, 1, channels * depth_multiplier, num_outputs]``; biases as in ``convolution``.

    Args:
      num_outputs: None leaves the second half out; there are then ``channels * depth_multiplier`` outputs.
      others: as in contrib.
    """
    with errors.located("separable_conv2d", scope=getattr(call.scope, "name", call.scope)):
        sizes = call.sizes(("NHWC", "NCHW"))
        with call.entered("SeparableConv2d", call.inputs, _NAMES) as entered:
            inputs = tf.convert_to_tensor(call.inputs)
            if not inputs.dtype.is_floating:
                raise errors.ArgumentTypeError(
                    errors.explain("`weights` cannot be of a non-floating point type", got=inputs.dtype.name)
                )
            sizes |= {"dilation_rate": windows.sizes(call.rate, 2, "rate"), **call.kernels()}
            kind, parts = SeparableConv2D, ("depthwise_kernel", "pointwise_kernel")
            if call.num_outputs is None:
                kind, sizes["filters"] = _Depthwise, 1
            return call.applied(kind, inputs, entered, parts, **sizes)


separable_conv2d = separable_convolution2d
