"""What every recurrent cell shares: scope, variables and states, as in ``tf.nn.rnn_cell`` 1.15."""

from __future__ import annotations

import collections
import copy
import re
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors


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
                return self._one_step(inputs, state)

    def _one_step(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        return self.call(inputs, state)

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Returns the output and the new state; for subclasses."""
        raise self._unfinished("neither `call` nor a `__call__` of its own", "call(self, inputs, state)")

    @property
    def state_size(self) -> Any:
        """Number of units of the state, or a tuple of such."""
        raise self._unfinished("no `state_size`", "the property `state_size`")

    @property
    def output_size(self) -> Any:
        """Number of units of the output."""
        raise self._unfinished("no `output_size`", "the property `output_size`")

    def _unfinished(self, lacking: str, fix: str) -> errors.UnfinishedCellError:
        text = errors.explain(f"{type(self).__name__} has {lacking}", fix=f"Define {fix} in the class of the cell.")
        return errors.UnfinishedCellError(text)

    @property
    def name(self) -> str:
        """Name of the cell, which its scope begins with."""
        return self._name

    @property
    def variables(self) -> list[Any]:
        """What :meth:`add_variable` made, in order."""
        return list(self._made.values())

    @property
    def weights(self) -> list[Any]:
        """The same as :attr:`variables`."""
        return self.variables

    @property
    def trainable_variables(self) -> list[Any]:
        """What :attr:`variables` holds, or nothing when the cell is not trainable."""
        return self.variables if self._trainable else []

    @property
    def trainable_weights(self) -> list[Any]:
        """The same as :attr:`trainable_variables`."""
        return self.trainable_variables

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """Returns a state of zeros, ``[batch_size, units]`` for each part."""
        with tf.name_scope(type(self).__name__ + "ZeroState"):
            return zeros(self.state_size, batch_size, dtype)

    def get_initial_state(self, inputs: Any = None, batch_size: Any = None, dtype: Any = None) -> Any:
        """Returns :meth:`zero_state` for the batch and dtype of inputs, or for those that are given.

        Raises:
          ArgumentError: neither inputs nor both of the others.
        """
        if inputs is not None:
            inputs = tf.convert_to_tensor(inputs, name="inputs")
            batch_size, dtype = tf.shape(inputs)[0], inputs.dtype
        if batch_size is None or dtype is None:
            raise errors.ArgumentError(
                errors.explain("`batch_size` and `dtype` are needed where no `inputs` are", got=(batch_size, dtype)),
                where=f"{type(self).__name__}.get_initial_state",
            )
        return self.zero_state(batch_size, dtype)

    def add_variable(self, name: str, shape: Any, initializer: Any = None, dtype: Any = None) -> Any:
        """Returns the variable of that name, made at the first call."""
        if name not in self._made:
            self._made[name] = tf.get_variable(
                name, shape, dtype=dtype or self._dtype, initializer=initializer, trainable=self._trainable
            )
        return self._made[name]

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        """Returns a cell like this one that has not been called: it will make variables of its own."""
        made = type(self).__new__(type(self))
        memo[id(self)] = made
        for name, value in vars(self).items():
            if name not in ("_scope", "_made"):
                setattr(made, name, value if _of_graph(value) else copy.deepcopy(value, memo))
        made._scope, made._made = None, {}
        return made

    def _affine(self, inputs: Any, units: int, prefix: str = "", kernel: Any = None, bias: Any = None) -> tf.Tensor:
        """Returns ``inputs @ kernel + bias``."""
        depth = depth_of(inputs, type(self).__name__)
        weights = self.add_variable(f"{prefix}kernel", [depth, units], kernel, inputs.dtype)
        shift = self.add_variable(f"{prefix}bias", [units], bias or tf.zeros_initializer(), inputs.dtype)
        return tf.nn.bias_add(tf.matmul(inputs, weights), shift)


def depth_of(inputs: Any, where: str) -> int:
    """Returns the last dimension of the inputs of ``where``.

    Raises:
      ShapeError: it is not known.
    """
    depth = inputs.shape.as_list()[-1] if inputs.shape.ndims else None
    if depth is None:
        raise errors.ShapeError(
            errors.explain("the last dimension of the inputs must be known", got=str(inputs.shape)), where=where
        )
    return depth


def zeros(size: Any, batch_size: Any, dtype: Any) -> Any:
    """Returns zeros ``[batch_size, ...]`` for each size of a structure: a shape, or a number, which may be a tensor."""
    if isinstance(size, list | tuple):
        parts = [zeros(part, batch_size, dtype) for part in size]
        return type(size)(*parts) if hasattr(size, "_fields") else type(size)(parts)
    if isinstance(size, tf.TensorShape):
        units = size.as_list()
    else:
        units = [size if isinstance(size, tf.Tensor) else int(size)]
    return tf.zeros(tf.stack([batch_size, *units]), dtype)


def _of_graph(value: Any) -> bool:
    """Whether a value belongs to a graph, and has no copy."""
    return isinstance(value, tf.Tensor | tf.Variable | tf.Operation | tf.Graph | tf.VariableScope)


def _snake(name: str) -> str:
    name = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
