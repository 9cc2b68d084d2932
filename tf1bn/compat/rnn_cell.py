"""The cells of ``tf.nn.rnn_cell`` 1.15, with its variable names, on today's public functions.

They go with ``tf.nn.dynamic_rnn``, ``tf.nn.static_rnn`` and their relatives, which TensorFlow still has. Checkpoints
of TensorFlow 1.2 to 1.15 fit; older ones have other names (``weights``, before that ``Matrix``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.calls import given, made_with
from tf1bn.compat.rnn_base import LSTMStateTuple, RNNCell, depth_of
from tf1bn.compat.rnn_units import Activation, GatedCell, PlainCell


class BasicRNNCell(PlainCell):
    """output = new state = activation([inputs, state] @ kernel + bias)."""

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Returns the new state, twice."""
        output = self._activation(self._affine(tf.concat([inputs, state], 1), self._num_units))
        return output, output


class GRUCell(GatedCell):
    """Gated recurrent unit.

    r, u = sigmoid([inputs, state] @ gates/kernel + gates/bias); the bias begins at 1.
    c = activation([inputs, r * state] @ candidate/kernel + candidate/bias)
    output = new state = u * state + (1 - u) * c
    """

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Returns the new state, twice."""
        ones = self._bias or tf.ones_initializer()
        gates = self._affine(tf.concat([inputs, state], 1), 2 * self._num_units, "gates/", self._kernel, ones)
        r, u = tf.split(tf.sigmoid(gates), 2, axis=1)
        joined = tf.concat([inputs, r * state], 1)
        c = self._activation(self._affine(joined, self._num_units, "candidate/", self._kernel, self._bias))
        new = u * state + (1 - u) * c
        return new, new


@dataclass(frozen=True)
class _Units:
    num_units: int


@dataclass(frozen=True)
class _Sizes(_Units):
    use_peepholes: bool = False
    cell_clip: float | None = None
    initializer: Any = None
    num_proj: int | None = None
    proj_clip: float | None = None
    num_unit_shards: int | None = None
    num_proj_shards: int | None = None


@dataclass(frozen=True)
class BasicLSTM(_Units):
    """What ``BasicLSTMCell`` takes, which is the end of what ``LSTMCell`` takes."""

    forget_bias: float = 1.0
    state_is_tuple: bool = True
    activation: Activation | None = None
    reuse: Any = None
    name: str | None = None
    dtype: Any = None


@dataclass(frozen=True)
class LSTM(BasicLSTM, _Sizes):
    """What ``LSTMCell`` takes."""


class LSTMCell(RNNCell):
    """Long short-term memory, with peepholes and a projection when asked for.

    i, j, f, o = [inputs, h] @ kernel + bias
    c = sigmoid(f + forget_bias) * c + sigmoid(i) * activation(j)
    h = sigmoid(o) * activation(c)

    With peepholes w_i_diag * c and w_f_diag * c (before) and w_o_diag * c (after the step) are added to i, f and o.
    With ``num_proj`` h is multiplied by ``projection/kernel``.

    Raises:
      ArgumentError: shards, which named a way to split variables that is gone.
    """

    @made_with(LSTM)
    def __init__(self, call: LSTM) -> None:
        super().__init__(name=call.name, dtype=call.dtype, reuse=call.reuse)
        for option in ("num_unit_shards", "num_proj_shards"):
            value = getattr(call, option)
            if value not in (None, 1):
                raise errors.ArgumentError(
                    errors.explain(f"`{option}` is not served", got=value, fix="Use a variable scope's partitioner."),
                    where="LSTMCell",
                )
        self._num_units = call.num_units
        self._peepholes = call.use_peepholes
        self._cell_clip, self._proj_clip = call.cell_clip, call.proj_clip
        self._initializer = call.initializer
        self._num_proj = call.num_proj
        self._forget_bias = call.forget_bias
        self._tuple = call.state_is_tuple
        self._activation = call.activation or tf.tanh

    @property
    def state_size(self) -> Any:
        """Units of c and of h, as a tuple or as their sum."""
        return LSTMStateTuple(self._num_units, self.output_size) if self._tuple else self._num_units + self.output_size

    @property
    def output_size(self) -> int:
        """Number of units, or of the projection."""
        return self._num_proj or self._num_units

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Returns h and the new state."""
        c, h = state if self._tuple else tf.split(state, [self._num_units, self.output_size], axis=1)
        gates = self._affine(tf.concat([inputs, h], 1), 4 * self._num_units, kernel=self._initializer)
        i, j, f, o = tf.split(gates, 4, axis=1)
        if self._peepholes:
            f, i = f + self._diagonal("w_f_diag", c) * c, i + self._diagonal("w_i_diag", c) * c
            peephole = self._diagonal("w_o_diag", c)
        c = tf.sigmoid(f + self._forget_bias) * c + tf.sigmoid(i) * self._activation(j)
        if self._cell_clip is not None:
            c = tf.clip_by_value(c, -self._cell_clip, self._cell_clip)
        if self._peepholes:
            o = o + peephole * c
        h = self._projected(tf.sigmoid(o) * self._activation(c))
        return h, LSTMStateTuple(c, h) if self._tuple else tf.concat([c, h], 1)

    def _diagonal(self, name: str, c: Any) -> Any:
        return self.add_variable(name, [self._num_units], self._initializer, c.dtype)

    def _projected(self, h: Any) -> Any:
        if self._num_proj is None:
            return h
        kernel = self.add_variable("projection/kernel", [self._num_units, self._num_proj], self._initializer, h.dtype)
        h = tf.matmul(h, kernel)
        return h if self._proj_clip is None else tf.clip_by_value(h, -self._proj_clip, self._proj_clip)


class BasicLSTMCell(LSTMCell):
    """The LSTM without options; see :class:`LSTMCell`."""

    @made_with(BasicLSTM)
    def __init__(self, call: BasicLSTM) -> None:
        super().__init__(**given(call))


def _linear(
    args: Any, output_size: int, bias: bool, bias_initializer: Any = None, kernel_initializer: Any = None
) -> tf.Tensor:
    """Returns ``concat(args) @ kernel + bias`` with variables ``kernel`` and ``bias`` of the current scope."""
    joined = tf.concat(args, 1) if isinstance(args, list | tuple) else args
    shape = [depth_of(joined, "_linear"), output_size]
    product = tf.matmul(joined, tf.get_variable("kernel", shape, joined.dtype, initializer=kernel_initializer))
    if not bias:
        return product
    zeros = bias_initializer or tf.zeros_initializer()
    return tf.nn.bias_add(product, tf.get_variable("bias", [output_size], joined.dtype, initializer=zeros))
