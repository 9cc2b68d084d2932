"""What the layers with weights of tf.contrib.layers are given, and how they make their layer of it and finish."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat.contrib import named_outputs
from tf1bn.compat.contrib.initializers import XAVIER, ZEROS
from tf1bn.compat.contrib.variables import model_getter

NAMES = {"kernel": "weights", "bias": "biases"}


@dataclass(frozen=True)
class Outputs:
    """What is multiplied, and into how many channels."""

    inputs: Any
    num_outputs: int


@dataclass(frozen=True)
class Affine:
    """The arguments behind the sizes, which all these layers share; ``inputs`` and ``num_outputs`` stand before.

    Only ``separable_conv2d`` has a ``pointwise_initializer``.
    """

    activation_fn: Any = tf.nn.relu
    normalizer_fn: Any = None
    normalizer_params: dict[str, Any] | None = None
    weights_initializer: Any = XAVIER
    pointwise_initializer: Any = field(default=None, init=False)
    weights_regularizer: Any = None
    biases_initializer: Any = ZEROS
    biases_regularizer: Any = None
    reuse: Any = None
    variables_collections: Any = None
    outputs_collections: Any = None
    trainable: bool = True
    scope: Any = None

    def entered(
        self, default: str, inputs: Any, names: Mapping[str, str] | None = None
    ) -> contextlib.AbstractContextManager[Any]:
        """Enters the layer's variable scope, where variables are model variables with contrib's last names."""
        getter = None if names is None else model_getter(names)
        return tf.variable_scope(self.scope, default, [inputs], reuse=self.reuse, custom_getter=getter)

    @property
    def uses_bias(self) -> bool:
        """Whether there are biases: not before a normalizer, whose mean would take them out."""
        return not self.normalizer_fn and self.biases_initializer is not None

    def weights(self) -> dict[str, Any]:
        """Returns how kernel and bias are made, in the words of tf.layers."""
        return {
            "kernel_initializer": self.weights_initializer,
            "kernel_regularizer": self.weights_regularizer,
            **self.biases(),
        }

    def biases(self) -> dict[str, Any]:
        """Returns how the bias is made, in the words of tf.layers."""
        return {
            "use_bias": self.uses_bias,
            "bias_initializer": self.biases_initializer,
            "bias_regularizer": self.biases_regularizer,
        }

    def applied(
        self, kind: Any, inputs: tf.Tensor, entered: Any, kernels: Sequence[str] = ("kernel",), **arguments: Any
    ) -> tf.Tensor:
        """Returns the finished output of a layer of tf.layers.

        Args:
          kind: the class of the layer.
          entered: the variable scope.
          kernels: attributes of the layer that are ``weights`` for ``variables_collections``.
          **arguments: what else the layer is made with.
        """
        layer = kind(
            **arguments,
            trainable=self.trainable,
            name=entered.name,
            dtype=inputs.dtype.base_dtype,
            _scope=entered,
            _reuse=self.reuse,
        )
        outputs = layer(inputs)
        for leaf in (*kernels, "bias"):
            variable = getattr(layer, leaf)
            if variable is not None:
                use = "biases" if leaf == "bias" else "weights"
                named_outputs.add_variable(variable, self.variables_collections, use)
        return self.finished(outputs, entered)

    def finished(self, outputs: tf.Tensor, entered: Any) -> tf.Tensor:
        """Returns an output after normalizer and activation, kept in ``outputs_collections``."""
        if self.normalizer_fn is not None:
            outputs = self.normalizer_fn(outputs, **(self.normalizer_params or {}))
        return activated(self, outputs, entered)


def activated(call: Any, outputs: tf.Tensor, entered: Any) -> tf.Tensor:
    """Returns the output of a call after ``activation_fn``, kept in ``outputs_collections``."""
    if call.activation_fn is not None:
        outputs = call.activation_fn(outputs)
    return named_outputs.collect_named_outputs(call.outputs_collections, entered.name, outputs)
