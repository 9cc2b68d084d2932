"""A cell that attends to memories at each step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib.checks import with_same_shape
from tf1bn.compat.contrib_seq2seq.mechanisms import AttentionMechanism, projection
from tf1bn.compat.contrib_seq2seq.outputs import require_cell
from tf1bn.compat.rnn_base import RNNCell, zeros

_TILE = (
    "Beam search needs memory and states with an entry for each beam: "
    "tf.contrib.seq2seq.tile_batch(..., multiplier=beam_width)."
)


class AttentionWrapperState(NamedTuple):
    """State of an :class:`AttentionWrapper`.

    Attributes:
      cell_state: state of the cell inside.
      attention: what was attended to in the last step.
      time: number of the step.
      alignments: those of the last step; a tuple for several mechanisms, and so are the next two.
      alignment_history: array of the alignments of all steps, if kept, else ``()``.
      attention_state: what the mechanism keeps.
    """

    cell_state: Any
    attention: Any
    time: Any
    alignments: Any
    alignment_history: Any
    attention_state: Any

    def clone(self, **kwargs: Any) -> AttentionWrapperState:
        """Returns a state in which some fields have another value of the same shape."""

        def checked(old: Any, new: Any) -> Any:
            return with_same_shape(old, new) if isinstance(old, tf.Tensor) and isinstance(new, tf.Tensor) else new

        return tf.nest.map_structure(checked, self, self._replace(**kwargs))


class AttentionWrapper(RNNCell):
    """A cell around a cell, with attention.

    output of the cell = cell(cell_input_fn(inputs, attention of the step before))
    context = sum over t of alignments[t] * memory[t]
    attention = attention_layer([output of the cell, context]), or the context itself without such a layer

    Variables:
      In ``attention_wrapper``: those of the cell, of the mechanisms, and ``attention_layer/kernel``
      ``[units + depth, attention_layer_size]`` (``attention_layer_1`` for a second mechanism).

    Args:
      cell: an ``RNNCell``.
      attention_mechanism: an :class:`AttentionMechanism`, or a list of them, whose attentions are joined.
      attention_layer_size: size of the attention, for each mechanism; None for the context.
      alignment_history: whether the state keeps the alignments of all steps.
      cell_input_fn: joins inputs and attention, by default to their concatenation.
      output_attention: whether the output is the attention and not that of the cell.
      initial_cell_state: what ``zero_state`` begins the cell with.
      attention_layer: a layer, for each mechanism, in place of ``attention_layer_size``.
      attention_fn: computes ``(attention, alignments, next state)`` of a mechanism from the mechanism, the output of
        the cell, the mechanism's state and its attention layer.

    Raises:
      ArgumentTypeError: no cell, no mechanism, or a ``cell_input_fn`` that cannot be called.
      ArgumentError: sizes and layers together, or another number of them than of mechanisms.
    """

    def __init__(
        self,
        cell: Any,
        attention_mechanism: Any,
        attention_layer_size: Any = None,
        alignment_history: bool = False,
        cell_input_fn: Callable[[Any, Any], Any] | None = None,
        output_attention: bool = True,
        initial_cell_state: Any = None,
        name: str | None = None,
        attention_layer: Any = None,
        attention_fn: Callable[..., Any] | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        with errors.located("AttentionWrapper"):
            require_cell("AttentionWrapper", cell)
            self._is_multi = isinstance(attention_mechanism, list | tuple)
            self._attention_mechanisms = _mechanisms(_tupled(attention_mechanism))
            if cell_input_fn is not None and not callable(cell_input_fn):
                raise errors.ArgumentTypeError(errors.explain("`cell_input_fn` cannot be called", got=cell_input_fn))
            self._cell = cell
            self._attention_layers = self._layers(attention_layer_size, attention_layer)
            self._attention_layer_size = self._attention_size()
        self._cell_input_fn = cell_input_fn or (lambda inputs, attention: tf.concat([inputs, attention], -1))
        self._attention_fn = attention_fn or compute_attention
        self._output_attention, self._alignment_history = output_attention, alignment_history
        self._initial_cell_state = initial_cell_state
        if initial_cell_state is not None:
            with tf.name_scope(name, "AttentionWrapperInit"):
                last = tf.nest.flatten(initial_cell_state)[-1]
                self._initial_cell_state = self._checked(initial_cell_state, tf.shape(last)[0], "initial_cell_state")

    def _layers(self, sizes: Any, layers: Any) -> tuple[Any, ...] | None:
        if sizes is not None and layers is not None:
            raise errors.ArgumentError(
                errors.explain("`attention_layer_size` and `attention_layer` are both given", fix="Leave one out.")
            )
        name, given = ("attention_layer_size", sizes) if layers is None else ("attention_layer", layers)
        if given is None:
            return None
        given = _tupled(given)
        if len(given) != len(self._attention_mechanisms):
            raise errors.ArgumentError(
                errors.explain(
                    f"`{name}` must have one entry for each mechanism",
                    got=len(given),
                    expected=str(len(self._attention_mechanisms)),
                )
            )
        if layers is not None:
            return given
        dtypes = (mechanism.dtype for mechanism in self._attention_mechanisms)
        return tuple(projection("attention_layer", size, dtype) for size, dtype in zip(given, dtypes, strict=True))

    def _attention_size(self) -> int:
        """Returns the size of all attentions joined."""
        total = 0
        for number, mechanism in enumerate(self._attention_mechanisms):
            depth = mechanism.values.shape.as_list()[-1]
            if self._attention_layers is not None:
                layer = self._attention_layers[number]
                shape = layer.compute_output_shape(tf.TensorShape([None, self._cell.output_size + depth]))
                depth = tf.TensorShape(shape).as_list()[-1]
            total += depth
        return total

    def _checked(self, values: Any, batch_size: Any, what: str) -> Any:
        """Returns a structure of tensors, after a check that memories have its batch size."""
        text = f"AttentionWrapper: the memory and {what} differ in batch size. {_TILE}"
        with tf.control_dependencies(self._batch_size_checks(batch_size, text)):
            return tf.nest.map_structure(tf.identity, values)

    def _batch_size_checks(self, batch_size: Any, error_message: str) -> list[Any]:
        checks = [
            tf.assert_equal(batch_size, mechanism.batch_size, message=error_message)
            for mechanism in self._attention_mechanisms
        ]
        return [check for check in checks if check is not None]

    def _item_or_tuple(self, seq: Iterable[Any]) -> Any:
        """Returns a tuple if several mechanisms were given, else the only entry."""
        return tuple(seq) if self._is_multi else next(iter(seq))

    @property
    def variables(self) -> list[Any]:
        """Those of the cell inside, then those of the attention layers."""
        layers = self._attention_layers or ()
        return [*self._cell.variables, *(variable for layer in layers for variable in layer.variables)]

    @property
    def output_size(self) -> Any:
        """Size of the attention, or of the cell's output."""
        return self._attention_layer_size if self._output_attention else self._cell.output_size

    @property
    def state_size(self) -> AttentionWrapperState:
        """Sizes of the fields."""
        sizes = [mechanism.alignments_size for mechanism in self._attention_mechanisms]
        return AttentionWrapperState(
            cell_state=self._cell.state_size,
            attention=self._attention_layer_size,
            time=tf.TensorShape([]),
            alignments=self._item_or_tuple(sizes),
            alignment_history=self._item_or_tuple(size if self._alignment_history else () for size in sizes),
            attention_state=self._item_or_tuple(mechanism.state_size for mechanism in self._attention_mechanisms),
        )

    def zero_state(self, batch_size: Any, dtype: Any) -> AttentionWrapperState:
        """Returns the state before the first step; ``clone(cell_state=...)`` puts an encoder's state there."""
        with tf.name_scope(f"{type(self).__name__}ZeroState"):
            cell_state = self._initial_cell_state
            if cell_state is None:
                cell_state = self._cell.zero_state(batch_size, dtype)
            firsts = [
                mechanism.initial_alignments(batch_size, dtype)  # type: ignore[attr-defined]
                for mechanism in self._attention_mechanisms
            ]
            return AttentionWrapperState(
                cell_state=self._checked(cell_state, batch_size, "the batch size of zero_state"),
                attention=zeros(self._attention_layer_size, batch_size, dtype),
                time=tf.zeros([], tf.int32),
                alignments=self._item_or_tuple(firsts),
                alignment_history=self._item_or_tuple(self._history(first, dtype) for first in firsts),
                attention_state=self._item_or_tuple(
                    mechanism.initial_state(batch_size, dtype)  # type: ignore[attr-defined]
                    for mechanism in self._attention_mechanisms
                ),
            )

    def _history(self, first: Any, dtype: Any) -> Any:
        if not self._alignment_history:
            return ()
        return tf.TensorArray(dtype, size=0, dynamic_size=True, element_shape=first.shape)

    def call(self, inputs: Any, state: Any) -> tuple[Any, AttentionWrapperState]:
        """Returns the attention, or the output of the cell, and the next state.

        Raises:
          ArgumentTypeError: the state is no :class:`AttentionWrapperState`.
        """
        if not isinstance(state, AttentionWrapperState):
            raise errors.ArgumentTypeError(
                errors.explain(
                    "the state is no AttentionWrapperState", got=state, fix="Begin with the wrapper's zero_state(...)."
                ),
                where="AttentionWrapper",
            )
        output, cell_state = self._cell(self._cell_input_fn(inputs, state.attention), state.cell_state)
        output = self._checked(output, tf.shape(output)[0], "the output of the cell")
        attentions, alignments, histories, states = zip(*self._attend(output, state), strict=True)
        attention = tf.concat(attentions, 1)
        new = AttentionWrapperState(
            cell_state=cell_state,
            attention=attention,
            time=state.time + 1,
            alignments=self._item_or_tuple(alignments),
            alignment_history=self._item_or_tuple(histories),
            attention_state=self._item_or_tuple(states),
        )
        return attention if self._output_attention else output, new

    def _attend(self, output: Any, state: AttentionWrapperState) -> Iterable[tuple[Any, Any, Any, Any]]:
        """Gives attention, alignments, history and state of each mechanism."""
        olds = state.attention_state if self._is_multi else (state.attention_state,)
        histories = state.alignment_history if self._is_multi else (state.alignment_history,)
        for number, mechanism in enumerate(self._attention_mechanisms):
            layer = None if self._attention_layers is None else self._attention_layers[number]
            attention, alignments, new = self._attention_fn(mechanism, output, olds[number], layer)
            history = histories[number].write(state.time, alignments) if self._alignment_history else ()
            yield attention, alignments, history, new


def compute_attention(
    attention_mechanism: Any, cell_output: Any, attention_state: Any, attention_layer: Any
) -> tuple[Any, Any, Any]:
    """Returns the attention of one mechanism, its alignments, and its next state."""
    alignments, state = attention_mechanism(cell_output, state=attention_state)
    context = tf.squeeze(tf.matmul(tf.expand_dims(alignments, 1), attention_mechanism.values), [1])
    if attention_layer is None:
        return context, alignments, state
    return attention_layer(tf.concat([cell_output, context], 1)), alignments, state


def _tupled(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _mechanisms(given: tuple[Any, ...]) -> tuple[Any, ...]:
    for mechanism in given:
        if not isinstance(mechanism, AttentionMechanism):
            raise errors.ArgumentTypeError(
                errors.explain(
                    "`attention_mechanism` is no AttentionMechanism, or has an entry that is none",
                    got=mechanism,
                    expected="for example a BahdanauAttention",
                )
            )
    return given
