"""Cells whose state is what they give out, ``[batch, num_units]``: what they are made with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat.calls import made_with
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


@dataclass(frozen=True)
class Plain:
    """What a cell of units takes; cells with gates have more in its places."""

    num_units: int
    forget_bias: float = field(default=1.0, init=False)
    activation: Activation | None = None
    reuse: Any = None
    kernel_initializer: Any = field(default=None, init=False)
    bias_initializer: Any = field(default=None, init=False)
    name: str | None = None
    dtype: Any = None

    def of_units(self) -> dict[str, Any]:
        """Returns the arguments of :class:`UnitsCell`."""
        return {name: getattr(self, name) for name in ("num_units", "activation", "reuse", "name", "dtype")}


@dataclass(frozen=True)
class Gated(Plain):
    """What a cell of units with gates takes."""

    kernel_initializer: Any = None
    bias_initializer: Any = None


class PlainCell(UnitsCell):
    """A cell of units with an activation, and no more to choose."""

    @made_with(Plain)
    def __init__(self, call: Plain) -> None:
        super().__init__(**call.of_units())


class GatedCell(UnitsCell):
    """A cell of units with gates, whose kernels and biases begin as the program says."""

    @made_with(Gated)
    def __init__(self, call: Gated) -> None:
        super().__init__(**call.of_units())
        self._kernel, self._bias = call.kernel_initializer, call.bias_initializer
