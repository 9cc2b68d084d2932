"""Layers of bidirectional networks, and two small functions of time and batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.calls import takes


@dataclass(frozen=True)
class Stack:
    """What ``stack_bidirectional_rnn`` is given; only the other function says how its loop goes."""

    cells_fw: Sequence[Any]
    cells_bw: Sequence[Any]
    inputs: Any
    initial_states_fw: Sequence[Any] | None = None
    initial_states_bw: Sequence[Any] | None = None
    dtype: Any = None
    sequence_length: Any = None
    parallel_iterations: int | None = field(default=None, init=False)
    time_major: bool = field(default=False, init=False)
    scope: Any = None


@dataclass(frozen=True)
class DynamicStack(Stack):
    """What ``stack_bidirectional_dynamic_rnn`` is given."""

    parallel_iterations: int | None = None
    time_major: bool = False
    swap_memory: bool = False


@takes(Stack)
def stack_bidirectional_rnn(call: Stack) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
    """Returns outputs and last states, forwards and backwards, of layers of ``tf.nn.static_bidirectional_rnn``.

    Variables:
      In ``stack_bidirectional_rnn/cell_<n>/fw`` and ``bw``.

    Args:
      cells_fw, cells_bw: one cell for each layer.
      inputs: a list with ``[batch, depth]`` for each step; each later layer sees both directions of the one before.

    Raises:
      ArgumentError: no cells, or lists that differ in length.

    Source: Graves, Mohamed, Hinton: Speech recognition with deep recurrent neural networks (2013).
    """
    where = "stack_bidirectional_rnn"

    def layer(forward: Any, backward: Any, below: Any, states: tuple[Any, Any], named: Any) -> tuple[Any, Any, Any]:
        return tf.nn.static_bidirectional_rnn(
            forward, backward, below, states[0], states[1], call.dtype, call.sequence_length, scope=named
        )

    first = _first_states(where, call)
    return _stacked(call.scope or where, call, first, layer)


@takes(DynamicStack)
def stack_bidirectional_dynamic_rnn(call: DynamicStack) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
    """Returns outputs and last states, forwards and backwards, of layers of ``tf.nn.bidirectional_dynamic_rnn``.

    Variables:
      In ``stack_bidirectional_rnn/cell_<n>/bidirectional_rnn/fw`` and ``bw``.

    Args:
      inputs: ``[batch, time, depth]``, or ``[time, batch, depth]`` with ``time_major``.
      others: as of ``stack_bidirectional_rnn`` and ``tf.nn.bidirectional_dynamic_rnn``.

    Raises:
      ArgumentError: no cells, or lists that differ in length.
    """

    def layer(forward: Any, backward: Any, below: Any, states: tuple[Any, Any], named: Any) -> tuple[Any, Any, Any]:
        outputs, (state_fw, state_bw) = tf.nn.bidirectional_dynamic_rnn(
            forward,
            backward,
            below,
            call.sequence_length,
            states[0],
            states[1],
            call.dtype,
            call.parallel_iterations,
            call.swap_memory,
            call.time_major,
        )
        return tf.concat(outputs, 2), state_fw, state_bw

    where = "stack_bidirectional_dynamic_rnn"
    first = _first_states(where, call)
    return _stacked(call.scope or "stack_bidirectional_rnn", call, first, layer)


def _stacked(
    scope: Any, call: Stack, first: list[tuple[Any, Any]], layer: Callable[..., Any]
) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
    inputs, forwards, backwards = call.inputs, [], []
    with tf.variable_scope(scope):
        for number, (forward, backward) in enumerate(zip(call.cells_fw, call.cells_bw, strict=True)):
            with tf.variable_scope(f"cell_{number}") as named:
                inputs, state_fw, state_bw = layer(forward, backward, inputs, first[number], named)
            forwards.append(state_fw)
            backwards.append(state_bw)
    return inputs, tuple(forwards), tuple(backwards)


def _first_states(where: str, call: Stack) -> list[tuple[Any, Any]]:
    cells, states = ("cells_fw", "cells_bw"), ("initial_states_fw", "initial_states_bw")
    for name in (*cells, *(states if call.cells_fw else ())):
        value = getattr(call, name)
        if value is None and name.startswith("initial"):
            continue
        if not isinstance(value, list) or not value or len(value) != len(call.cells_fw):
            raise errors.ArgumentError(
                errors.explain(f"`{name}` must be a list with one entry for each layer", got=value), where=where
            )
    nothing = [None] * len(call.cells_fw)
    return list(zip(call.initial_states_fw or nothing, call.initial_states_bw or nothing, strict=True))


def transpose_batch_time(x: Any) -> tf.Tensor:
    """Returns a tensor with its first two axes exchanged; one of rank below 2 as it is.

    Raises:
      ShapeError: the rank is unknown.
    """
    x = tf.convert_to_tensor(x)
    if x.shape.rank is None:
        raise errors.ShapeError(errors.explain("`x` has undefined rank", got=x.name), where="transpose_batch_time")
    if x.shape.rank < 2:
        return x
    return tf.transpose(x, [1, 0, *range(2, x.shape.rank)])


def best_effort_input_batch_size(flat_input: Sequence[Any]) -> Any:
    """Returns the batch size of inputs ``[time, batch, ...]``: a number where a static shape has it, else a tensor."""
    for value in flat_input:
        if value.shape.rank is not None and value.shape.rank >= 2 and value.shape.as_list()[1] is not None:
            return value.shape.as_list()[1]
    return tf.shape(flat_input[0])[1]
