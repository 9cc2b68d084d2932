"""The cells of ``tf.nn.rnn_cell`` 1.15, with its variable names, on today's public functions.

They go with ``tf.nn.dynamic_rnn``, ``tf.nn.static_rnn`` and their relatives, which TensorFlow still has. Checkpoints
of TensorFlow 1.2 to 1.15 fit; older ones have other names (``weights``, before that ``Matrix``).
"""

from __future__ import annotations

import collections
import re
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors

Activation = Callable[[Any], Any]


class LSTMStateTuple(collections.namedtuple("LSTMStateTuple", ("c", "h"))):
    """State of an LSTM: ``c`` the memory, ``h`` the last output."""

    __slots__ = ()

    @property
    def dtype(self) -> tf.DType:
        """The dtype of both."""
        if self.c.dtype != self.h.dtype:
            raise errors.ArgumentTypeError(
                errors.explain("the parts of a state differ in dtype", got=(self.c.dtype.name, self.h.dtype.name)),
                where="LSTMStateTuple",
            )
        return self.c.dtype


class RNNCell:
    """Base class: maps ``(inputs, state)`` to ``(output, new_state)``, with the same variables in every call.

    A subclass has ``state_size``, ``output_size``, and either ``call(inputs, state)``, in which ``tf.get_variable``
    makes variables at the first call and finds them later, or a ``__call__(inputs, state, scope=None)`` of its own.

    Variables:
      In a scope named after the class (``BasicLSTMCell`` -> ``basic_lstm_cell``) below the scope of the first call.
    """

    def __init__(
        self,
        trainable: bool = True,
        name: str | None = None,
        dtype: Any = None,
        reuse: Any = None,
        _reuse: Any = None,
    ) -> None:
        self._trainable = trainable
        self._name = name or _snake(type(self).__name__)
        self._dtype = dtype
        self._reuse = reuse if reuse is not None else _reuse
        self._scope: Any = None
        self._made: dict[str, Any] = {}

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> tuple[Any, Any]:
        """Returns the output and the new state of one step."""
        first = self.__dict__.get("_scope") is None
        if first:
            if not hasattr(self, "_made"):
                RNNCell.__init__(self)  # an old subclass need not call it
            if self._reuse:
                entered = tf.variable_scope(scope or self._name)
            else:
                entered = tf.variable_scope(scope, default_name=self._name)
            with entered as self._scope:
                pass
        again = True if self._reuse or not first else None
        with tf.variable_scope(self._scope, reuse=again, auxiliary_name_scope=False):
            with tf.name_scope(self._scope.original_name_scope):
                return self.call(inputs, state)

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Returns the output and the new state; for subclasses."""
        raise NotImplementedError(f"{type(self).__name__} has neither `call` nor a `__call__` of its own")

    @property
    def state_size(self) -> Any:
        """Number of units of the state, or a tuple of such."""
        raise NotImplementedError(f"{type(self).__name__} has no `state_size`")

    @property
    def output_size(self) -> Any:
        """Number of units of the output."""
        raise NotImplementedError(f"{type(self).__name__} has no `output_size`")

    @property
    def name(self) -> str:
        """Name of the cell, which its scope begins with."""
        return self._name

    @property
    def variables(self) -> list[Any]:
        """What :meth:`add_variable` made, in order."""
        return list(self._made.values())

    weights = trainable_variables = trainable_weights = variables

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """Returns a state of zeros, ``[batch_size, units]`` for each part."""
        with tf.name_scope(type(self).__name__ + "ZeroState"):
            return _zeros(self.state_size, batch_size, dtype)

    def add_variable(self, name: str, shape: Any, initializer: Any = None, dtype: Any = None) -> Any:
        """Returns the variable of that name, made at the first call."""
        if name not in self._made:
            self._made[name] = tf.get_variable(
                name, shape, dtype=dtype or self._dtype, initializer=initializer, trainable=self._trainable
            )
        return self._made[name]

    def _affine(self, inputs: Any, units: int, prefix: str = "", kernel: Any = None, bias: Any = None) -> tf.Tensor:
        """Returns ``inputs @ kernel + bias``."""
        depth = _depth(inputs, type(self).__name__)
        weights = self.add_variable(f"{prefix}kernel", [depth, units], kernel, inputs.dtype)
        shift = self.add_variable(f"{prefix}bias", [units], bias or tf.zeros_initializer(), inputs.dtype)
        return tf.nn.bias_add(tf.matmul(inputs, weights), shift)


class BasicRNNCell(RNNCell):
    """output = new state = activation([inputs, state] @ kernel + bias)."""

    def __init__(
        self,
        num_units: int,
        activation: Activation | None = None,
        reuse: Any = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, reuse=reuse)
        self._num_units = num_units
        self._activation = activation or tf.tanh

    @property
    def state_size(self) -> int:
        """Number of units."""
        return self._num_units

    @property
    def output_size(self) -> int:
        """Number of units."""
        return self._num_units

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Returns the new state, twice."""
        output = self._activation(self._affine(tf.concat([inputs, state], 1), self._num_units))
        return output, output


class GRUCell(RNNCell):
    """Gated recurrent unit.

    r, u = sigmoid([inputs, state] @ gates/kernel + gates/bias); the bias begins at 1.
    c = activation([inputs, r * state] @ candidate/kernel + candidate/bias)
    output = new state = u * state + (1 - u) * c
    """

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
        super().__init__(name=name, dtype=dtype, reuse=reuse)
        self._num_units = num_units
        self._activation = activation or tf.tanh
        self._kernel, self._bias = kernel_initializer, bias_initializer

    @property
    def state_size(self) -> int:
        """Number of units."""
        return self._num_units

    @property
    def output_size(self) -> int:
        """Number of units."""
        return self._num_units

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Returns the new state, twice."""
        ones = self._bias or tf.ones_initializer()
        gates = self._affine(tf.concat([inputs, state], 1), 2 * self._num_units, "gates/", self._kernel, ones)
        r, u = tf.split(tf.sigmoid(gates), 2, axis=1)
        joined = tf.concat([inputs, r * state], 1)
        c = self._activation(self._affine(joined, self._num_units, "candidate/", self._kernel, self._bias))
        new = u * state + (1 - u) * c
        return new, new


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

    def __init__(
        self,
        num_units: int,
        use_peepholes: bool = False,
        cell_clip: float | None = None,
        initializer: Any = None,
        num_proj: int | None = None,
        proj_clip: float | None = None,
        num_unit_shards: int | None = None,
        num_proj_shards: int | None = None,
        forget_bias: float = 1.0,
        state_is_tuple: bool = True,
        activation: Activation | None = None,
        reuse: Any = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, reuse=reuse)
        for option, value in {"num_unit_shards": num_unit_shards, "num_proj_shards": num_proj_shards}.items():
            if value not in (None, 1):
                raise errors.ArgumentError(
                    errors.explain(f"`{option}` is not served", got=value, fix="Use a variable scope's partitioner."),
                    where="LSTMCell",
                )
        self._num_units = num_units
        self._peepholes = use_peepholes
        self._cell_clip, self._proj_clip = cell_clip, proj_clip
        self._initializer = initializer
        self._num_proj = num_proj
        self._forget_bias = forget_bias
        self._tuple = state_is_tuple
        self._activation = activation or tf.tanh

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

    def __init__(
        self,
        num_units: int,
        forget_bias: float = 1.0,
        state_is_tuple: bool = True,
        activation: Activation | None = None,
        reuse: Any = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            num_units,
            forget_bias=forget_bias,
            state_is_tuple=state_is_tuple,
            activation=activation,
            reuse=reuse,
            name=name,
            dtype=dtype,
        )


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


class _Wrapper(RNNCell):
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
    def state_size(self) -> Any:
        """That of the cell inside."""
        return self._cell.state_size

    @property
    def output_size(self) -> Any:
        """That of the cell inside."""
        return self._cell.output_size

    @property
    def variables(self) -> list[Any]:
        """Those of the cell inside."""
        return self._cell.variables

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """Returns that of the cell inside."""
        return self._cell.zero_state(batch_size, dtype)


class DropoutWrapper(_Wrapper):
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
        keep = self._keep[what]
        if isinstance(keep, float | int) and keep >= 1:
            return value
        return tf.nn.dropout(value, rate=1 - keep, seed=self._seed)

    def _state(self, state: Any) -> Any:
        if isinstance(state, LSTMStateTuple):
            return LSTMStateTuple(state.c, self._dropped("state", state.h))
        if isinstance(state, tuple):
            return tuple(self._state(part) for part in state)
        return self._dropped("state", state)


class ResidualWrapper(_Wrapper):
    """Adds the inputs to the outputs of a cell, or joins both with a function ``(inputs, outputs)``."""

    def __init__(self, cell: Any, residual_fn: Callable[[Any, Any], Any] | None = None) -> None:
        super().__init__(cell)
        self._join = residual_fn or (lambda inputs, outputs: inputs + outputs)

    def _step(self, inputs: Any, state: Any, scope: Any) -> tuple[Any, Any]:
        output, new = super()._step(inputs, state, scope)
        return self._join(inputs, output), new


class DeviceWrapper(_Wrapper):
    """Computes a cell on a device."""

    def __init__(self, cell: Any, device: Any) -> None:
        super().__init__(cell)
        self._device = device

    def _step(self, inputs: Any, state: Any, scope: Any) -> tuple[Any, Any]:
        with tf.device(self._device):
            return super()._step(inputs, state, scope)


def _linear(
    args: Any, output_size: int, bias: bool, bias_initializer: Any = None, kernel_initializer: Any = None
) -> tf.Tensor:
    """Returns ``concat(args) @ kernel + bias`` with variables ``kernel`` and ``bias`` of the current scope."""
    joined = tf.concat(args, 1) if isinstance(args, list | tuple) else args
    shape = [_depth(joined, "_linear"), output_size]
    product = tf.matmul(joined, tf.get_variable("kernel", shape, joined.dtype, initializer=kernel_initializer))
    if not bias:
        return product
    zeros = bias_initializer or tf.zeros_initializer()
    return tf.nn.bias_add(product, tf.get_variable("bias", [output_size], joined.dtype, initializer=zeros))


def _depth(inputs: Any, where: str) -> int:
    depth = inputs.shape[-1].value if inputs.shape.ndims else None
    if depth is None:
        raise errors.ShapeError(
            errors.explain("the last dimension of the inputs must be known", got=str(inputs.shape)), where=where
        )
    return depth


def _zeros(size: Any, batch_size: Any, dtype: Any) -> Any:
    if isinstance(size, LSTMStateTuple):
        return LSTMStateTuple(*(_zeros(part, batch_size, dtype) for part in size))
    if isinstance(size, list | tuple):
        return type(size)(_zeros(part, batch_size, dtype) for part in size)
    units = tf.TensorShape(size).as_list() if isinstance(size, tf.TensorShape) else [int(size)]
    return tf.zeros(tf.stack([batch_size, *units]), dtype)


def _snake(name: str) -> str:
    name = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
