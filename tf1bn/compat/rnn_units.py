"""Cells whose state is what they give out, ``[batch, num_units]``: what they are made with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat.rnn_base import RNNCell

Activation = Callable[[Any], Any]


class UnitsCell(RNNCell):
    """A cell whose state and output are both ``[batch, num_units]``."""

    def __init__(self, num_units: int, activation: Activation | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._num_units = num_units
        self._activation = activation or tf.tanh

    @property
    def state_size(self) -> Any:
        """Number of units."""
        return self._num_units

    @property
    def output_size(self) -> Any:
        """Number of units."""
        return self._num_units


class PlainCell(UnitsCell):
    """A cell of units with an activation, and no more to choose."""

    def __init__(
        self,
        num_units: int,
        activation: Activation | None = None,
        reuse: Any = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(num_units, activation, reuse=reuse, name=name, dtype=dtype)


class GatedCell(UnitsCell):
    """A cell of units with gates, whose kernels and biases begin as the program says."""

    def __init__(
        self,
        num_units: int,
        activation: Activation | None = None,
        reuse: Any = None,
        kernel_initializer: Any = None,
        bias_initializer: Any = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(num_units, activation, reuse=reuse, name=name, dtype=dtype)
        self._kernel, self._bias = kernel_initializer, bias_initializer
