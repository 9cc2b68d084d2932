"""Cells around cells: attention, highway, embeddings, projections, and compilation."""

from __future__ import annotations

import math
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib_rnn.sized import affine
from tf1bn.compat.rnn_base import RNNCell, depth_of
from tf1bn.compat.rnn_units import Activation
from tf1bn.compat.rnn_wrappers import Around, CellWrapper


class _ScopedWrapper(Around):
    """A cell around a cell, in a scope of its own below which the inner cell's is."""

    def __init__(self, cell: Any, reuse: Any = None) -> None:
        super().__init__(reuse=reuse)
        self._cell = cell

    @property
    def variables(self) -> list[Any]:
        """Its own, then those of the cell inside."""
        return [*super().variables, *self._cell.variables]


class AttentionCellWrapper(_ScopedWrapper):
    """A cell that looks back at its last outputs.

    x = [inputs, attended before] @ kernel + bias, the inputs of the cell
    q = all states of the cell, joined, @ attention/kernel + attention/bias
    s[t] = sum(attn_v * tanh(window[t] @ attn_w + q)), over the ``attn_length`` last outputs
    attended = sum over t of softmax(s)[t] * window[t]
    output = [output of the cell, attended] @ attn_output_projection/kernel + bias, the newest of the window

    Raises:
      ArgumentError: a window below 1, or a cell whose state is a tuple with ``state_is_tuple=False``.

    Source: Cheng, Dong, Lapata: Long short-term memory-networks for machine reading (2016).
    """

    def __init__(
        self,
        cell: Any,
        attn_length: int,
        attn_size: int | None = None,
        attn_vec_size: int | None = None,
        input_size: int | None = None,
        state_is_tuple: bool = True,
        reuse: Any = None,
    ) -> None:
        super().__init__(cell, reuse)
        if attn_length <= 0:
            raise _refused("AttentionCellWrapper", "`attn_length` must be above 0", attn_length)
        if not state_is_tuple and isinstance(cell.state_size, list | tuple):
            raise _refused("AttentionCellWrapper", "a tuple of states needs `state_is_tuple`", cell.state_size)
        self._length, self._tuple, self._depth = attn_length, state_is_tuple, input_size
        self._size = attn_size or cell.output_size
        self._hidden = attn_vec_size or self._size

    @property
    def state_size(self) -> Any:
        """That of the cell, the size attended to, and that of the window; as a tuple or as their sum."""
        sizes = (self._cell.state_size, self._size, self._size * self._length)
        return sizes if self._tuple else sum(sizes)

    @property
    def output_size(self) -> Any:
        """Size of an output."""
        return self._size

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """Returns zeros."""
        return RNNCell.zero_state(self, batch_size, dtype)

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Returns the output and the new state."""
        sizes = [self._cell.state_size, self._size, self._size * self._length]
        inner, attended, window = state if self._tuple else tf.split(state, sizes, axis=1)
        window = tf.reshape(window, [-1, self._length, self._size])
        x = affine(self, [inputs, attended], self._depth or depth_of(inputs, "AttentionCellWrapper"))
        output, inner = self._cell(x, inner)
        attended = self._attended(tf.concat(tf.nest.flatten(inner), 1), window)
        output = affine(self, [output, attended], self._size, "attn_output_projection/")
        window = tf.concat([window[:, 1:], tf.expand_dims(output, 1)], 1)
        new = (inner, attended, tf.reshape(window, [-1, self._length * self._size]))
        return output, new if self._tuple else tf.concat(new, 1)

    def _attended(self, query: Any, window: Any) -> Any:
        shape, dtype = [1, 1, self._size, self._hidden], query.dtype
        kernel = self.add_variable("attention/attn_w", shape, None, dtype)
        v = self.add_variable("attention/attn_v", [self._hidden], None, dtype)
        q = affine(self, [query], self._hidden, "attention/")
        features = tf.tensordot(window, tf.reshape(kernel, shape[2:]), 1)
        scores = tf.reduce_sum(v * tf.tanh(features + tf.expand_dims(q, 1)), 2)
        return tf.reduce_sum(tf.expand_dims(tf.nn.softmax(scores), 2) * window, 1)


class EmbeddingWrapper(_ScopedWrapper):
    """A cell whose inputs are symbols, looked up in ``embedding_wrapper/embedding`` ``[classes, size]``.

    The embedding begins as the initializer, else the scope's, else uniform between -sqrt(3) and sqrt(3), makes it.

    Raises:
      ArgumentError: no classes, or a size below 1.
    """

    def __init__(
        self, cell: Any, embedding_classes: int, embedding_size: int, initializer: Any = None, reuse: Any = None
    ) -> None:
        super().__init__(cell, reuse)
        if embedding_classes <= 0 or embedding_size <= 0:
            got = (embedding_classes, embedding_size)
            raise _refused("EmbeddingWrapper", "`embedding_classes` and `embedding_size` must be above 0", got)
        self._shape, self._initializer = [embedding_classes, embedding_size], initializer

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Returns the cell's output and its new state."""
        root = math.sqrt(3)
        start = self._initializer or tf.get_variable_scope().initializer or tf.random_uniform_initializer(-root, root)
        dtype = tf.nest.flatten(state)[0].dtype
        with tf.device("/cpu:0"):
            embedding = self.add_variable("embedding", self._shape, start, dtype)
            embedded = tf.nn.embedding_lookup(embedding, tf.reshape(inputs, [-1]))
        return self._cell(embedded, state)


class InputProjectionWrapper(_ScopedWrapper):
    """A cell whose inputs are ``activation(inputs @ kernel + bias)``, of ``input_projection_wrapper``."""

    def __init__(
        self, cell: Any, num_proj: int, activation: Activation | None = None, input_size: Any = None, reuse: Any = None
    ) -> None:
        super().__init__(cell, reuse)
        self._units, self._activation = num_proj, activation or tf.identity

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Returns the cell's output and its new state."""
        return self._cell(self._activation(affine(self, [inputs], self._units)), state)


class OutputProjectionWrapper(_ScopedWrapper):
    """A cell whose output is ``activation(output @ kernel + bias)``, of ``output_projection_wrapper``.

    Raises:
      ArgumentError: an output size below 1.
    """

    def __init__(self, cell: Any, output_size: int, activation: Activation | None = None, reuse: Any = None) -> None:
        super().__init__(cell, reuse)
        if output_size < 1:
            raise _refused("OutputProjectionWrapper", "`output_size` must be above 0", output_size)
        self._units, self._activation = output_size, activation or tf.identity

    @property
    def output_size(self) -> Any:
        """Size after the projection."""
        return self._units

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Returns the projected output and the cell's new state."""
        output, new = self._cell(inputs, state)
        return self._activation(affine(self, [output], self._units)), new


class HighwayWrapper(CellWrapper):
    """Carries inputs past a cell: ``inputs * carry + outputs * transform``.

    carry = sigmoid(inputs @ carry_w + carry_b)
    transform = 1 - carry, or sigmoid(inputs @ transform_w + transform_b) when not coupled

    Variables:
      In the scope of the call, beside that of the cell; the biases begin at ``carry_bias_init`` and minus that.

    Source: Srivastava, Greff, Schmidhuber: Highway networks (2015).
    """

    def __init__(self, cell: Any, couple_carry_transform_gates: bool = True, carry_bias_init: float = 1.0) -> None:
        super().__init__(cell)
        self._coupled, self._carry = couple_carry_transform_gates, carry_bias_init

    def _step(self, inputs: Any, state: Any, scope: Any) -> tuple[Any, Any]:
        outputs, new = super()._step(inputs, state, scope)
        tf.nest.assert_same_structure(inputs, outputs)
        return tf.nest.map_structure(self._joined, inputs, outputs), new

    def _joined(self, inputs: Any, outputs: Any) -> Any:
        if not inputs.shape.is_compatible_with(outputs.shape):
            raise errors.ShapeError(
                errors.explain(
                    "inputs and outputs must have the same shape", got=(str(inputs.shape), str(outputs.shape))
                ),
                where="HighwayWrapper",
            )
        carry = _gate(inputs, "carry", self._carry)
        transform = 1 - carry if self._coupled else _gate(inputs, "transform", -self._carry)
        return inputs * carry + outputs * transform


def _gate(inputs: Any, name: str, start: float) -> Any:
    depth = depth_of(inputs, "HighwayWrapper")
    kernel = tf.get_variable(f"{name}_w", [depth, depth], inputs.dtype)
    bias = tf.get_variable(f"{name}_b", [depth], inputs.dtype, initializer=tf.constant_initializer(start))
    return tf.sigmoid(tf.nn.xw_plus_b(inputs, kernel, bias))


class CompiledWrapper(CellWrapper):
    """Marks the ops of a cell for XLA; by default not those with a state, such as random ones."""

    def __init__(self, cell: Any, compile_stateful: bool = False) -> None:
        super().__init__(cell)
        self._all = compile_stateful

    def _step(self, inputs: Any, state: Any, scope: Any) -> tuple[Any, Any]:
        def stateless(node: Any) -> bool:
            return not tf.get_default_graph().op_def_for_type(node.op).is_stateful

        with tf.xla.experimental.jit_scope(compile_ops=True if self._all else stateless):
            return super()._step(inputs, state, scope)


def _refused(where: str, what: str, got: Any) -> errors.ArgumentError:
    return errors.ArgumentError(errors.explain(what, got=got), where=where)
