"""Decoders: a cell over a list of inputs, or over what it chose itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors

Loop = Callable[[Any, int], Any]
"""Maps the last output and the number of a step to the input of that step."""

Outputs = tuple[list[Any], Any]
"""Outputs of all steps, and the last state."""


def rnn_decoder(
    decoder_inputs: Sequence[Any], initial_state: Any, cell: Any, loop_function: Loop | None = None, scope: Any = None
) -> Outputs:
    """Runs a cell over a list of inputs, in the variable scope ``rnn_decoder``.

    Args:
      decoder_inputs: for each step a tensor ``[batch, depth]``.
      initial_state: of the cell.
      loop_function: what gives the inputs of all steps but the first; ``decoder_inputs`` then only counts them.
      scope: variable scope instead of that.

    Returns:
      A list of tensors ``[batch, cell.output_size]``, and the last state.
    """
    with tf.variable_scope(scope or "rnn_decoder"):
        state, outputs = initial_state, list[Any]()
        for number, given in enumerate(decoder_inputs):
            entered = looped(loop_function, outputs, number, given)
            reuse_after_first(number)
            output, state = cell(entered, state)
            outputs.append(output)
    return outputs, state


def looped(function: Loop | None, outputs: Sequence[Any], number: int, given: Any) -> Any:
    """Returns the input of a step: what is given, or what a function makes of the last output."""
    if function is None or not outputs:
        return given
    with tf.variable_scope("loop_function", reuse=True):
        return function(outputs[-1], number)


def reuse_after_first(number: int) -> None:
    """Shares the variables of the first step with the steps behind it."""
    if number:
        tf.get_variable_scope().reuse_variables()


def embedding_rnn_decoder(
    decoder_inputs: Sequence[Any],
    initial_state: Any,
    cell: Any,
    num_symbols: int,
    embedding_size: int,
    output_projection: Any = None,
    feed_previous: bool = False,
    update_embedding_for_previous: bool = True,
    scope: Any = None,
) -> Outputs:
    """Runs a cell over symbols, which it looks up; in the variable scope ``embedding_rnn_decoder``.

    Variables:
      embedding: ``[num_symbols, embedding_size]``; those of the cell are below ``rnn_decoder``.

    Args:
      decoder_inputs: for each step whole numbers ``[batch]``.
      output_projection: None, or weights ``[cell.output_size, num_symbols]`` and biases ``[num_symbols]`` that make
        logits of outputs, where the decoder chooses; the outputs stay as the cell gives them.
      feed_previous: whether all inputs but the first are the symbols of the largest logit of the step before.
      update_embedding_for_previous: whether gradients reach the embedding through symbols that were chosen.

    Raises:
      ArgumentError: weights or biases of another shape.
    """
    with errors.located("embedding_rnn_decoder"):
        require_projection(output_projection, getattr(cell, "output_size", None), num_symbols)
    with tf.variable_scope(scope or "embedding_rnn_decoder"):
        embedding = tf.get_variable("embedding", [num_symbols, embedding_size])
        choose = chooser(embedding, output_projection, update_embedding_for_previous) if feed_previous else None
        embedded = [tf.nn.embedding_lookup(embedding, symbols) for symbols in decoder_inputs]
        return rnn_decoder(embedded, initial_state, cell, choose)


def chooser(embedding: Any, projection: Any = None, trained: bool = True) -> Loop:
    """Returns what looks up the symbol of the largest logit.

    Args:
      embedding: ``[symbols, depth]``.
      projection: weights and biases that make logits of an output, or None where it is logits itself.
      trained: whether gradients reach the embedding.
    """

    def choose(output: Any, _: int) -> tf.Tensor:
        logits = output if projection is None else tf.nn.xw_plus_b(output, projection[0], projection[1])
        found = tf.nn.embedding_lookup(embedding, tf.argmax(logits, 1))
        return found if trained else tf.stop_gradient(found)

    return choose


def require_projection(projection: Any, depth: Any, symbols: int) -> None:
    """Refuses an output projection of other shapes.

    Raises:
      ArgumentError: there is one.
    """
    if projection is None:
        return
    weights, biases = (tf.convert_to_tensor(part).shape for part in projection)
    expected = tf.TensorShape([depth if isinstance(depth, int) else None, symbols])
    if not (weights.is_compatible_with(expected) and biases.is_compatible_with([symbols])):
        raise errors.ArgumentError(
            errors.explain(
                "`output_projection` has other shapes",
                got=f"weights {weights} and biases {biases}",
                expected=f"weights {expected} and biases ({symbols},)",
            )
        )


def either(feed_previous: Any, decode: Callable[[bool], Outputs], like: Any) -> Outputs:
    """Decodes, with inputs as given or chosen, which a tensor may say in each run.

    Args:
      feed_previous: a bool, or a scalar bool tensor.
      decode: maps the bool to outputs and last state.
      like: a structure like the last state's.
    """
    if not told_by_tensor(feed_previous):
        return decode(bool(feed_previous))

    def flat(chosen: bool) -> list[Any]:
        # The branch that is built first makes the variables, and the other one shares them.
        with tf.variable_scope(tf.get_variable_scope(), reuse=None if chosen else True):
            outputs, state = decode(chosen)
        return [*outputs, *tf.nest.flatten(state)]

    results = list(tf.cond(feed_previous, lambda: flat(True), lambda: flat(False)))
    count = len(results) - len(tf.nest.flatten(like))
    return results[:count], tf.nest.pack_sequence_as(like, results[count:])


def told_by_tensor(feed_previous: Any) -> bool:
    """Whether the choice between inputs as given or chosen is made in each run."""
    return isinstance(feed_previous, tf.Tensor | tf.Variable)
