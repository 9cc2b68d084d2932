"""Beams as tensors: copies for each beam, and whole sequences from the choices of single steps."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors


def tile_batch(t: Any, multiplier: int, name: str | None = None) -> Any:
    """Returns each entry of a batch ``multiplier`` times, one after the other, in each tensor of a structure.

    Raises:
      ShapeError: a tensor without a batch, or of unknown rank.
    """
    with tf.name_scope(name, "tile_batch"), errors.located("tile_batch"):
        return tf.nest.map_structure(lambda part: _tiled(part, multiplier), t)


def _tiled(t: Any, multiplier: int) -> tf.Tensor:
    t = tf.convert_to_tensor(t, name="t")
    if not t.shape.rank:
        raise errors.ShapeError(errors.explain("`t` must have a known rank above 0", got=str(t.shape)))
    copies = tf.tile(tf.expand_dims(t, 1), [1, multiplier] + [1] * (t.shape.rank - 1))
    tiled = tf.reshape(copies, tf.concat([[tf.shape(t)[0] * multiplier], tf.shape(t)[1:]], 0))
    batch = t.shape.as_list()[0]
    tiled.set_shape(tf.TensorShape([None if batch is None else batch * multiplier]).concatenate(t.shape[1:]))
    return tiled


def gather_tree(
    step_ids: Any, parent_ids: Any, max_sequence_lengths: Any, end_token: Any, name: str | None = None
) -> tf.Tensor:
    """Returns whole sequences from the choices of single steps.

    Made of stock ops, where 1.15 had an op of its own, so that a graph with it runs everywhere.

    Args:
      step_ids: whole numbers ``[time, batch, beams]``: what was chosen.
      parent_ids: the same shape: the beam of the step before that a choice continues.
      max_sequence_lengths: vector: steps of the longest beam of each batch entry.
      end_token: what stands behind the end of a sequence.

    Returns:
      Whole numbers of the same shape; beam k is the sequence that ends in beam k, and after its first
      ``end_token`` it has no other.
    """
    with tf.name_scope(name, "GatherTree"):
        steps, parents = (tf.convert_to_tensor(ids, tf.int32) for ids in (step_ids, parent_ids))
        end = tf.convert_to_tensor(end_token, tf.int32)
        lengths = tf.expand_dims(tf.convert_to_tensor(max_sequence_lengths, tf.int32), 1)
        shape = tf.shape(steps)
        last = tf.tile(tf.expand_dims(tf.range(shape[2]), 0), [shape[1], 1])

        def back(later: Any, step: Any) -> Any:
            """Returns what was chosen on the way to each beam, and the beam on the way one step before."""
            time, chosen, parent = step
            inside = tf.tile(time < lengths, [1, shape[2]])
            chosen, parent = (tf.gather(values, later[1], batch_dims=1) for values in (chosen, parent))
            return tf.where(inside, chosen, tf.fill(tf.shape(chosen), end)), tf.where(inside, parent, later[1])

        elements = (tf.range(shape[0]), steps, parents)
        beams, _ = tf.scan(back, elements, (last, last), reverse=True, back_prop=False)
        ended = tf.cumsum(tf.cast(tf.equal(beams, end), tf.int32), 0, exclusive=True) > 0
        beams = tf.where(ended, tf.fill(shape, end), beams)
        beams.set_shape(steps.shape)
        return beams


def gather_tree_from_array(t: Any, parent_ids: Any, sequence_length: Any) -> tf.Tensor:
    """Returns values of single steps in the order of whole sequences; behind the end of a beam they stay.

    Args:
      t: ``[time, batch, beams, ...]`` or ``[time, batch * beams, ...]``.
      parent_ids: ``[time, batch, beams]``.
      sequence_length: steps of each beam, ``[batch, beams]``.
    """
    shape = tf.shape(parent_ids)
    beams = tf.broadcast_to(tf.range(shape[2]), shape)
    lengths = tf.cast(tf.reduce_max(sequence_length, axis=1), tf.int32)
    came_from = gather_tree(beams, parent_ids, lengths, shape[2] + 1)
    inside = tf.transpose(tf.sequence_mask(sequence_length, shape[0]), [2, 0, 1])
    came_from = tf.where(inside, came_from, beams)
    values = tf.reshape(t, tf.concat([shape, [-1]], 0))
    return tf.reshape(tf.gather(values, came_from, batch_dims=2), tf.shape(t))
