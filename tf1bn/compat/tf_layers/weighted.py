"""What dense layers and convolutions share: kernels and a bias that are made as the arguments say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tf1bn import errors
from tf1bn.compat.tf_layers import signatures, words
from tf1bn.compat.tf_layers.base import Layer


class Weighted(Layer):
    """A layer with a kernel, a bias and an activation."""

    def _take(self, given: signatures.Weights) -> None:
        """Takes the arguments over as attributes of the same names."""
        super().__init__(**given.of_layer())
        with errors.located(type(self).__name__):
            self.activation = words.activation(given.activation)
            self.kernel_initializer = words.initializer(given.kernel_initializer)
            self.bias_initializer = words.initializer(given.bias_initializer)
        self.use_bias = given.use_bias
        self.kernel_regularizer, self.bias_regularizer = given.kernel_regularizer, given.bias_regularizer
        self.kernel_constraint, self.bias_constraint = given.kernel_constraint, given.bias_constraint
        self.kernel: Any = None
        self.bias: Any = None

    def _variable(self, name: str, shape: Sequence[int], part: str) -> Any:
        """Returns a variable that is made with the arguments ``<part>_initializer`` and so on."""
        return self.add_weight(
            name,
            shape,
            initializer=getattr(self, f"{part}_initializer"),
            regularizer=getattr(self, f"{part}_regularizer"),
            constraint=getattr(self, f"{part}_constraint"),
        )

    def _build_bias(self, size: int) -> None:
        if self.use_bias:
            self.bias = self._variable("bias", [size], "bias")
