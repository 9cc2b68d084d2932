"""One network for each of several lengths, with shared variables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib_legacy_seq2seq.losses import LossFunction, sequence_loss, sequence_loss_by_example


def model_with_buckets(
    encoder_inputs: Sequence[Any],
    decoder_inputs: Sequence[Any],
    targets: Sequence[Any],
    weights: Sequence[Any],
    buckets: Sequence[tuple[int, int]],
    seq2seq: Callable[[list[Any], list[Any]], tuple[list[Any], Any]],
    softmax_loss_function: LossFunction | None = None,
    per_example_loss: bool = False,
    name: str | None = None,
) -> tuple[list[list[Any]], list[Any]]:
    """Builds a network for each bucket; all share the variables of the first.

    Args:
      encoder_inputs, decoder_inputs, targets, weights: for each step a tensor ``[batch]``, as for the largest bucket.
      buckets: for each the number of steps of the encoder and of the decoder.
      seq2seq: maps inputs of the encoder and of the decoder to outputs and a state.
      softmax_loss_function: as in ``sequence_loss``.
      per_example_loss: whether losses are ``[batch]`` instead of a scalar.

    Returns:
      For each bucket its outputs; for each bucket its loss.

    Raises:
      ArgumentError: fewer steps than the largest bucket has.
    """
    with errors.located("model_with_buckets"):
        for word, steps, side in (
            ("encoder_inputs", encoder_inputs, 0),
            ("targets", targets, 1),
            ("weights", weights, 1),
        ):
            _require(word, len(steps), max(bucket[side] for bucket in buckets))
    loss = sequence_loss_by_example if per_example_loss else sequence_loss
    outputs, losses = [], []
    with tf.name_scope(name, "model_with_buckets", [*encoder_inputs, *decoder_inputs, *targets, *weights]):
        for number, (ins, outs) in enumerate(buckets):
            with tf.variable_scope(tf.get_variable_scope(), reuse=True if number else None):
                made, _ = seq2seq(list(encoder_inputs[:ins]), list(decoder_inputs[:outs]))
            outputs.append(made)
            losses.append(loss(made, targets[:outs], weights[:outs], softmax_loss_function=softmax_loss_function))
    return outputs, losses


def _require(word: str, steps: int, needed: int) -> None:
    if steps < needed:
        raise errors.ArgumentError(
            errors.explain(f"`{word}` has fewer steps than the largest bucket", got=steps, expected=str(needed))
        )
