"""What the dense and the convolutional layer share: scope, kernel, bias, normalizer, activation."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.core import native_kernel, variables
from tf1bn.layers import arguments
from tf1bn.layers import scope as scopes


@dataclasses.dataclass(frozen=True)
class Linear:
    """The options that every linear layer has, checked.

    Attributes:
      use_bias: None for "unless there is a normalizer": a bias before a mean subtraction has no effect.
    """

    activation: Any
    use_bias: bool | None
    normalizer: Any
    kernel_initializer: Any
    bias_initializer: Any
    kernel_regularizer: Any
    bias_regularizer: Any
    trainable: bool

    def __post_init__(self) -> None:
        if self.use_bias is not None:
            arguments.flag(self.use_bias, "use_bias")
        arguments.flag(self.trainable, "trainable")
        for name in ("activation", "normalizer"):
            arguments.function(getattr(self, name), name)
        for name in ("kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer"):
            object.__setattr__(self, name, arguments.function(getattr(self, name), name))

    def build(
        self,
        inputs: Any,
        scope: Any,
        default: str,
        reuse: Any,
        kernel_shape: tuple[int, ...],
        apply: Callable[[tf.Tensor, Any], tf.Tensor],
        add_bias: Callable[[tf.Tensor, Any], tf.Tensor],
    ) -> tf.Tensor:
        """Returns activation(normalizer(apply(x, kernel) + bias)), all made in the layer's scope."""
        use_bias = self.normalizer is None if self.use_bias is None else self.use_bias
        shapes = {"kernel": kernel_shape, **({"bias": kernel_shape[-1:]} if use_bias else {})}
        dtype = tf.as_dtype(inputs.dtype).base_dtype
        variables.refuse_existing(scopes.foresee(scope, default, reuse), shapes, dtype)
        with scopes.layer_scope(scope, default, reuse, inputs):
            x = tf.convert_to_tensor(inputs)
            y = apply(x, self._variable("kernel", kernel_shape, x.dtype))
            if use_bias:
                y = add_bias(y, self._variable("bias", kernel_shape[-1:], x.dtype))
            if self.normalizer is not None:
                y = self.normalizer(y)
            if self.normalizer is not None and self.activation is tf.nn.relu:
                return native_kernel.relu(y)
            return y if self.activation is None else self.activation(y)

    def _variable(self, leaf: str, shape: tuple[int, ...], dtype: tf.DType) -> Any:
        initializer = getattr(self, f"{leaf}_initializer")
        return tf.convert_to_tensor(
            variables.affine(
                leaf,
                shape,
                dtype,
                initializer=tf.zeros_initializer() if initializer is None and leaf == "bias" else initializer,
                regularizer=getattr(self, f"{leaf}_regularizer"),
                trainable=self.trainable,
            )
        )
