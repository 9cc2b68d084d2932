"""Recurrent networks over all steps at once: adaptors, and the LSTM and GRU that had kernels of their own.

The kernels are gone from TensorFlow's public functions or have no gradients there; here are their formulas, so that
numbers, variables and checkpoints are the same and the speed is that of the plain cells.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.calls import made_with
from tf1bn.compat.contrib_rnn.sized import MemoryCell, affine, clipped
from tf1bn.compat.rnn_base import LSTMStateTuple, RNNCell, depth_of
from tf1bn.compat.rnn_units import UnitsCell


@dataclass(frozen=True)
class _Gates:
    num_units: int
    forget_bias: float = 1.0
    cell_clip: float | None = None
    use_peephole: bool = False


@dataclass(frozen=True)
class LSTMBlock(_Gates):
    """What ``LSTMBlockCell`` takes."""

    dtype: Any = None
    reuse: Any = None
    name: str | None = "lstm_cell"


@dataclass(frozen=True)
class LSTMBlockFused(_Gates):
    """What ``LSTMBlockFusedCell`` takes."""

    reuse: Any = None
    dtype: Any = None
    name: str = "lstm_fused_cell"


class LSTMBlockCell(MemoryCell):
    """The LSTM of :class:`tf.nn.rnn_cell.LSTMCell`, whose variables it shares: ``lstm_cell/kernel``, ``bias``, ...

    With peepholes ``w_i_diag``, ``w_f_diag`` (at c before) and ``w_o_diag`` (at c after the step).
    """

    @made_with(LSTMBlock)
    def __init__(self, call: LSTMBlock) -> None:
        super().__init__(call.num_units, dtype=call.dtype, reuse=call.reuse, name=call.name)
        self._forget_bias, self._cell_clip, self._peepholes = call.forget_bias, call.cell_clip, call.use_peephole

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Returns h and the new state."""
        c, h = state
        gates = affine(self, [inputs, h], 4 * self._num_units)
        return lstm_step(gates, c, self._forget_bias, self._cell_clip, self._diagonals(inputs.dtype))

    def _diagonals(self, dtype: Any) -> tuple[Any, Any, Any] | None:
        if not self._peepholes:
            return None
        i, f, o = (self.add_variable(f"w_{gate}_diag", [self._num_units], None, dtype) for gate in "ifo")
        return i, f, o


def lstm_step(
    gates: Any, c: Any, forget_bias: float, cell_clip: float | None, diagonals: tuple[Any, Any, Any] | None
) -> tuple[Any, LSTMStateTuple]:
    """Returns h and the new state of an LSTM from its gates i, j, f, o.

    A clip of 0 or less is none, as in the kernels.
    """
    i, j, f, o = tf.split(gates, 4, axis=1)
    if diagonals is not None:
        i, f = i + diagonals[0] * c, f + diagonals[1] * c
    c = tf.sigmoid(f + forget_bias) * c + tf.sigmoid(i) * tf.tanh(j)
    c = clipped(c, cell_clip if cell_clip and cell_clip > 0 else None)
    h = tf.sigmoid(o if diagonals is None else o + diagonals[2] * c) * tf.tanh(c)
    return h, LSTMStateTuple(c, h)


class GRUBlockCell(UnitsCell):
    """The GRU of :class:`tf.nn.rnn_cell.GRUCell` with other variables: ``gru_cell/w_ru``, ``b_ru``, ``w_c``, ``b_c``.

    (Some versions of 1.x wrote the kernel of the gates as ``w_c`` and that of the candidate as ``w_ru``; their shapes
    tell them apart: the gates' has twice the columns.)

    Raises:
      ArgumentError: not exactly one of ``num_units`` and its old name ``cell_size``.
    """

    names: tuple[str, ...] = ("w_ru", "b_ru", "w_c", "b_c")

    def __init__(
        self,
        num_units: int | None = None,
        cell_size: int | None = None,
        reuse: Any = None,
        name: str | None = "gru_cell",
    ) -> None:
        if (num_units is None) == (cell_size is None):
            raise errors.ArgumentError(
                errors.explain("exactly one of `num_units` and `cell_size` is needed", got=(num_units, cell_size)),
                where=type(self).__name__,
            )
        super().__init__(int(num_units or cell_size or 0), reuse=reuse, name=name)

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Returns the new state, twice."""
        gates = tf.sigmoid(self._mapped([inputs, state], 2, self.names[:2], tf.ones_initializer()))
        r, u = tf.split(gates, 2, axis=1)
        c = tf.tanh(self._mapped([inputs, r * state], 1, self.names[2:], tf.zeros_initializer()))
        new = u * state + (1 - u) * c
        return new, new

    def _mapped(self, parts: list[Any], gates: int, names: tuple[str, ...], start: Any) -> Any:
        joined, columns = tf.concat(parts, 1), gates * self._num_units
        shape = [depth_of(joined, type(self).__name__), columns]
        kernel = self.add_variable(names[0], shape, None, joined.dtype)
        return tf.nn.bias_add(tf.matmul(joined, kernel), self.add_variable(names[1], [columns], start, joined.dtype))


class GRUBlockCellV2(GRUBlockCell):
    """:class:`GRUBlockCell` with the variables of ``GRUCell``: ``gates/kernel``, ``candidate/kernel``, ..."""

    names = ("gates/kernel", "gates/bias", "candidate/kernel", "candidate/bias")


class FusedRNNCell(abc.ABC):
    """A recurrent network over all steps: maps ``[time, batch, depth]`` to outputs and the last state."""

    @abc.abstractmethod
    def __call__(
        self, inputs: Any, initial_state: Any = None, dtype: Any = None, sequence_length: Any = None, scope: Any = None
    ) -> tuple[Any, Any]:
        """Returns outputs ``[time, batch, units]``, or a list of ``[batch, units]`` for a list, and the last state."""


class FusedRNNCellAdaptor(FusedRNNCell):
    """Runs a cell over all steps, with ``tf.nn.dynamic_rnn`` or, by default, with ``tf.nn.static_rnn``."""

    def __init__(self, cell: Any, use_dynamic_rnn: bool = False) -> None:
        self._cell, self._dynamic = cell, use_dynamic_rnn

    def __call__(
        self, inputs: Any, initial_state: Any = None, dtype: Any = None, sequence_length: Any = None, scope: Any = None
    ) -> tuple[Any, Any]:
        """Returns outputs and the last state."""
        listed = isinstance(inputs, list)
        common = {"initial_state": initial_state, "dtype": dtype, "sequence_length": sequence_length, "scope": scope}
        if self._dynamic:
            stacked = tf.stack(inputs) if listed else inputs
            outputs, state = tf.nn.dynamic_rnn(self._cell, stacked, time_major=True, **common)
            return tf.unstack(outputs) if listed else outputs, state
        outputs, state = tf.nn.static_rnn(self._cell, inputs if listed else tf.unstack(inputs), **common)
        return outputs if listed else tf.stack(outputs), state


class TimeReversedFusedRNN(FusedRNNCell):
    """Runs a fused cell from the last step of each sequence to the first; outputs are in the order of the inputs."""

    def __init__(self, cell: Any) -> None:
        self._cell = cell

    def __call__(
        self, inputs: Any, initial_state: Any = None, dtype: Any = None, sequence_length: Any = None, scope: Any = None
    ) -> tuple[Any, Any]:
        """Returns outputs and the last state."""
        outputs, state = self._cell(
            _reversed(inputs, sequence_length),
            initial_state=initial_state,
            dtype=dtype,
            sequence_length=sequence_length,
            scope=scope,
        )
        return _reversed(outputs, sequence_length), state


def _reversed(sequence: Any, lengths: Any) -> Any:
    if isinstance(sequence, list):
        return sequence[::-1]
    if lengths is None:
        return tf.reverse(sequence, [0])
    return tf.reverse_sequence(sequence, lengths, seq_axis=0, batch_axis=1)


class LSTMBlockWrapper(FusedRNNCell):
    """Base class of LSTMs over all steps: states, lengths and lists; a subclass has the loop.

    A subclass has ``num_units`` and ``_call_cell(inputs, initial_cell_state, initial_output, dtype, sequence_length)``,
    which returns c and h of all steps, each ``[time, batch, num_units]``.
    """

    _name = "lstm_block_wrapper"

    @property
    @abc.abstractmethod
    def num_units(self) -> int:
        """Number of units."""

    @abc.abstractmethod
    def _call_cell(
        self, inputs: Any, initial_cell_state: Any, initial_output: Any, dtype: Any, sequence_length: Any
    ) -> tuple[Any, Any]:
        """Returns c and h of all steps; for subclasses."""

    def __call__(
        self, inputs: Any, initial_state: Any = None, dtype: Any = None, sequence_length: Any = None, scope: Any = None
    ) -> tuple[Any, Any]:
        """Returns outputs, which are 0 after the end of a sequence, and the state at the end of each.

        Raises:
          ArgumentError: neither ``initial_state`` nor ``dtype``.
        """
        with self._scope(scope):
            listed = isinstance(inputs, list)
            inputs = tf.stack(inputs) if listed else tf.convert_to_tensor(inputs)
            c, h = initial_state or self._zeros(inputs, dtype)
            states, outputs = self._call_cell(inputs, c, h, dtype or c.dtype, sequence_length)
            if sequence_length is None:
                final = LSTMStateTuple(states[-1], outputs[-1])
            else:
                lengths = tf.cast(sequence_length, tf.int32)
                mask = tf.transpose(tf.sequence_mask(lengths, tf.shape(inputs)[0], outputs.dtype))
                outputs *= tf.expand_dims(mask, -1)
                final = LSTMStateTuple(_at(c, states, lengths), _at(h, outputs, lengths))
            return tf.unstack(outputs) if listed else outputs, final

    def _scope(self, scope: Any) -> Any:
        return tf.variable_scope(scope or self._name)

    def _zeros(self, inputs: Any, dtype: Any) -> tuple[Any, Any]:
        if dtype is None:
            raise errors.ArgumentError(
                errors.explain("one of `initial_state` and `dtype` is needed"), where=type(self).__name__
            )
        zeros = tf.zeros(tf.stack([tf.shape(inputs)[1], self.num_units]), dtype)
        return zeros, zeros


def _at(first: Any, values: Any, lengths: Any) -> Any:
    """Returns the value after each length, the first state for a length of 0."""
    every = tf.concat([tf.expand_dims(first, 0), values], 0)
    return tf.gather_nd(every, tf.stack([lengths, tf.range(tf.size(lengths))], 1))


class LSTMBlockFusedCell(LSTMBlockWrapper):
    """The LSTM of :class:`LSTMBlockCell` over all steps; the map of the inputs is one product for all of them.

    Variables:
      ``lstm_fused_cell/kernel``, ``bias``, and ``w_i_diag``, ``w_f_diag``, ``w_o_diag`` with peepholes.
    """

    @made_with(LSTMBlockFused)
    def __init__(self, call: LSTMBlockFused) -> None:
        self._num_units, self._forget_bias, self._cell_clip = call.num_units, call.forget_bias, call.cell_clip
        self._variables = RNNCell(name=call.name, dtype=call.dtype, reuse=call.reuse)
        self._peepholes, self._name, self._reuse, self._entered = call.use_peephole, call.name, call.reuse, None

    @property
    def num_units(self) -> int:
        """Number of units."""
        return self._num_units

    @property
    def variables(self) -> list[Any]:
        """Those of the cell, in order."""
        return self._variables.variables

    def _scope(self, scope: Any) -> Any:
        """The scope of the first call, which later ones share."""
        if self._entered is None:
            named = {"name_or_scope": scope or self._name} if self._reuse or scope else {"name_or_scope": None}
            with tf.variable_scope(default_name=self._name, **named) as self._entered:
                pass
            return tf.variable_scope(self._entered, reuse=True if self._reuse else None)
        return tf.variable_scope(self._entered, reuse=True)

    def _call_cell(
        self, inputs: Any, initial_cell_state: Any, initial_output: Any, dtype: Any, sequence_length: Any
    ) -> tuple[Any, Any]:
        add, units, depth = self._variables.add_variable, self._num_units, depth_of(inputs, "LSTMBlockFusedCell")
        kernel = add("kernel", [depth + units, 4 * units], None, dtype)
        bias = add("bias", [4 * units], tf.zeros_initializer(), dtype)
        names = [f"w_{gate}_diag" for gate in "ifo"] if self._peepholes else []
        diagonals = [add(name, [units], None, dtype) for name in names]
        of_inputs, of_state = tf.split(kernel, [depth, units], axis=0)
        mapped = tf.tensordot(inputs, of_inputs, 1) + bias
        options = self._forget_bias, self._cell_clip, tuple(diagonals) or None

        def step(state: Any, gates: Any) -> tuple[Any, Any]:
            return lstm_step(gates + tf.matmul(state[1], of_state), state[0], *options)[1]

        c, h = tf.scan(step, mapped, LSTMStateTuple(initial_cell_state, initial_output))
        return c, h
