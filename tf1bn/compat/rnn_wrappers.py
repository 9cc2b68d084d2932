"""Cells made of cells: stacks, dropout, residual connections, devices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.rnn_base import LSTMStateTuple, RNNCell


class MultiRNNCell(RNNCell):
    """Cells one on top of the other; their variables are in ``multi_rnn_cell/cell_0``, ``cell_1``, ...

    Raises:
      ArgumentError: no cell.
    """

    def __init__(self, cells: Sequence[Any], state_is_tuple: bool = True) -> None:
        super().__init__()
        if not cells:
            raise errors.ArgumentError(
                errors.explain("`cells` is empty", got=cells, expected="at least one cell"), where="MultiRNNCell"
            )
        self._cells = list(cells)
        self._tuple = state_is_tuple

    @property
    def state_size(self) -> Any:
        """The sizes of all cells, as a tuple or as their sum."""
        sizes = tuple(cell.state_size for cell in self._cells)
        return sizes if self._tuple else sum(sizes)

    @property
    def output_size(self) -> Any:
        """That of the last cell."""
        return self._cells[-1].output_size

    @property
    def variables(self) -> list[Any]:
        """Those of all cells."""
        return [variable for cell in self._cells for variable in cell.variables]

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """Returns the zero states of all cells."""
        states = tuple(cell.zero_state(batch_size, dtype) for cell in self._cells)
        return states if self._tuple else tf.concat(states, 1)

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Returns the last cell's output and all states."""
        states = state if self._tuple else tf.split(state, [cell.state_size for cell in self._cells], axis=1)
        new = []
        for number, (cell, old) in enumerate(zip(self._cells, states, strict=True)):
            with tf.variable_scope(f"cell_{number}"):
                inputs, after = cell(inputs, old)
                new.append(after)
        return inputs, tuple(new) if self._tuple else tf.concat(new, 1)


class Around(RNNCell):
    """A cell around a cell, ``_cell``, whose state and output have the sizes of the one inside."""

    _cell: Any

    @property
    def state_size(self) -> Any:
        """That of the cell inside."""
        return self._cell.state_size

    @property
    def output_size(self) -> Any:
        """That of the cell inside."""
        return self._cell.output_size

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """Returns that of the cell inside."""
        return self._cell.zero_state(batch_size, dtype)


class CellWrapper(Around):
    """A cell around a cell: no variables and no scope of its own."""

    def __init__(self, cell: Any) -> None:
        super().__init__()
        self._cell = cell

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> tuple[Any, Any]:
        """Returns the output and the new state of one step."""
        return self._step(inputs, state, scope)

    def _step(self, inputs: Any, state: Any, scope: Any) -> tuple[Any, Any]:
        return self._cell(inputs, state) if scope is None else self._cell(inputs, state, scope)

    @property
    def variables(self) -> list[Any]:
        """Those of the cell inside."""
        return self._cell.variables


class DropoutWrapper(CellWrapper):
    """Dropout on inputs, outputs and state of a cell, drawn anew at each step; an LSTM's memory ``c`` is spared.

    Raises:
      ArgumentError: a variational dropout, which is not served.
    """

    def __init__(
        self,
        cell: Any,
        input_keep_prob: Any = 1.0,
        output_keep_prob: Any = 1.0,
        state_keep_prob: Any = 1.0,
        variational_recurrent: bool = False,
        input_size: Any = None,
        dtype: Any = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(cell)
        if variational_recurrent or input_size is not None or dtype is not None:
            raise errors.ArgumentError(
                errors.explain(
                    "`variational_recurrent` and its `input_size` and `dtype` are not served",
                    got=(variational_recurrent, input_size, dtype),
                    fix="Multiply by a mask that the program draws once per sequence.",
                ),
                where="DropoutWrapper",
            )
        self._keep = {"input": input_keep_prob, "output": output_keep_prob, "state": state_keep_prob}
        self._seed = seed

    def _step(self, inputs: Any, state: Any, scope: Any) -> tuple[Any, Any]:
        output, new = super()._step(self._dropped("input", inputs), state, scope)
        return self._dropped("output", output), self._state(new)

    def _dropped(self, what: str, value: Any) -> Any:
        return value if self._kept(what) else tf.nn.dropout(value, rate=1 - self._keep[what], seed=self._seed)

    def _kept(self, what: str) -> bool:
        keep = self._keep[what]
        return isinstance(keep, float | int) and keep >= 1

    def _state(self, state: Any) -> Any:
        if self._kept("state"):
            return state  # of any structure, also one with arrays, such as a cell with attention has
        if isinstance(state, LSTMStateTuple):
            return LSTMStateTuple(state.c, self._dropped("state", state.h))
        if isinstance(state, tuple):
            parts = [self._state(part) for part in state]
            return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)
        return state if isinstance(state, tf.TensorArray) else self._dropped("state", state)


class ResidualWrapper(CellWrapper):
    """Adds the inputs to the outputs of a cell, or joins both with a function ``(inputs, outputs)``."""

    def __init__(self, cell: Any, residual_fn: Callable[[Any, Any], Any] | None = None) -> None:
        super().__init__(cell)
        self._join = residual_fn or (lambda inputs, outputs: inputs + outputs)

    def _step(self, inputs: Any, state: Any, scope: Any) -> tuple[Any, Any]:
        output, new = super()._step(inputs, state, scope)
        return self._join(inputs, output), new


class DeviceWrapper(CellWrapper):
    """Computes a cell on a device."""

    def __init__(self, cell: Any, device: Any) -> None:
        super().__init__(cell)
        self._device = device

    def _step(self, inputs: Any, state: Any, scope: Any) -> tuple[Any, Any]:
        with tf.device(self._device):
            return super()._step(inputs, state, scope)
