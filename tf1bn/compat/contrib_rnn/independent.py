"""Cells whose units see only their own state: IndRNN, IndyGRU and IndyLSTM.

Sources: Li, Li, Cook, Zhu, Gao: Independently recurrent neural network (2018); Gonnet, Deselaers: IndyLSTMs (2019).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn.compat.calls import made_with
from tf1bn.compat.contrib_rnn.sized import MemoryCell
from tf1bn.compat.rnn_base import LSTMStateTuple, RNNCell, depth_of
from tf1bn.compat.rnn_units import Gated, GatedCell, PlainCell


class _Names(NamedTuple):
    """Variables of one map: of the inputs, of the state, and the bias."""

    inputs: str = "kernel_w"
    state: str = "kernel_u"
    bias: str = "bias"


_PLAIN = _Names()


def _mapped(
    cell: RNNCell, inputs: Any, state: Any, gates: int, kernel: Any, bias: Any, names: _Names = _PLAIN
) -> tf.Tensor:
    """Returns ``inputs @ w + state * u + bias`` for each of the gates, side by side."""
    where = type(cell).__name__
    units = gates * depth_of(state, where)
    w = cell.add_variable(names.inputs, [depth_of(inputs, where), units], kernel, inputs.dtype)
    u = cell.add_variable(names.state, [1, units], tf.random_uniform_initializer(-1, 1), inputs.dtype)
    shift = cell.add_variable(names.bias, [units], bias, inputs.dtype)
    return tf.nn.bias_add(tf.matmul(inputs, w) + tf.tile(state, [1, gates]) * u, shift)


class IndRNNCell(PlainCell):
    """output = new state = activation(inputs @ kernel_w + kernel_u * state + bias)."""

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Returns the new state, twice."""
        new = self._activation(_mapped(self, inputs, state, 1, None, tf.zeros_initializer()))
        return new, new


class IndyGRUCell(GatedCell):
    """A GRU whose recurrent matrices are diagonal.

    r, u = sigmoid(inputs @ gates/kernel_w + [state, state] * gates/kernel_u + gates/bias); the bias begins at 1
    c = activation(inputs @ candidate/kernel + r * state * candidate/kernel_u + candidate/bias)
    output = new state = u * state + (1 - u) * c
    """

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Returns the new state, twice."""
        ones, zeros = self._bias or tf.ones_initializer(), self._bias or tf.zeros_initializer()
        names = _Names("gates/kernel_w", "gates/kernel_u", "gates/bias")
        r, u = tf.split(tf.sigmoid(_mapped(self, inputs, state, 2, self._kernel, ones, names)), 2, axis=1)
        names = _Names("candidate/kernel", "candidate/kernel_u", "candidate/bias")
        c = self._activation(_mapped(self, inputs, r * state, 1, self._kernel, zeros, names))
        new = u * state + (1 - u) * c
        return new, new


@dataclass(frozen=True)
class IndyLSTM(Gated):
    """What ``IndyLSTMCell`` takes."""

    forget_bias: float = 1.0


class IndyLSTMCell(MemoryCell):
    """An LSTM whose recurrent matrices are diagonal.

    i, j, f, o = inputs @ kernel_w + [h, h, h, h] * kernel_u + bias
    c = sigmoid(f + forget_bias) * c + sigmoid(i) * activation(j)
    h = sigmoid(o) * activation(c)
    """

    @made_with(IndyLSTM)
    def __init__(self, call: IndyLSTM) -> None:
        super().__init__(**call.of_units())
        self._forget_bias, self._kernel, self._bias = call.forget_bias, call.kernel_initializer, call.bias_initializer

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Returns h and the new state."""
        c, h = state
        gates = _mapped(self, inputs, h, 4, self._kernel, self._bias or tf.zeros_initializer())
        i, j, f, o = tf.split(gates, 4, axis=1)
        c = tf.sigmoid(f + self._forget_bias) * c + tf.sigmoid(i) * self._activation(j)
        h = tf.sigmoid(o) * self._activation(c)
        return h, LSTMStateTuple(c, h)
