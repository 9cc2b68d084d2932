"""Pairs of rows and columns by distance, and regions of equal pixels, as loops of ops."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib_image.transforms import with_batch


def bipartite_match(
    distance_mat: Any, num_valid_rows: Any, top_k: Any = -1, name: str = "bipartite_match"
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns for each row its column, and for each column its row, -1 for none.

    Greedy: the nearest pair is matched, then the nearest of what is left.

    Args:
      distance_mat: ``[rows, columns]``.
      num_valid_rows: how many rows, from the first, take part; all if negative.
      top_k: how many pairs there are at most; all that are possible if negative.
    """
    with tf.name_scope(name):
        distances = tf.convert_to_tensor(distance_mat)
        rows, columns = tf.unstack(tf.shape(distances))
        valid, most = (tf.reshape(tf.cast(value, tf.int32), []) for value in (num_valid_rows, top_k))
        valid = tf.where(valid < 0, rows, tf.minimum(valid, rows))
        pairs = tf.minimum(valid, columns)
        pairs = tf.where(most < 0, pairs, tf.minimum(most, pairs))
        taken = tf.range(rows) >= valid

        def match(count: Any, row_gone: Any, column_of: Any, row_of: Any) -> tuple[Any, ...]:
            gone = row_gone[:, None] | (row_of >= 0)[None]
            free = tf.where(tf.logical_not(gone))
            row, column = tf.unstack(tf.cast(free[tf.argmin(tf.gather_nd(distances, free))], tf.int32))
            at_row, at_column = tf.equal(tf.range(rows), row), tf.equal(tf.range(columns), column)
            column_of = tf.where(at_row, tf.fill([rows], column), column_of)
            row_of = tf.where(at_column, tf.fill([columns], row), row_of)
            return count + 1, row_gone | at_row, column_of, row_of

        start = (tf.constant(0), taken, tf.fill([rows], -1), tf.fill([columns], -1))
        _, _, column_of, row_of = tf.while_loop(lambda count, *_: count < pairs, match, start, back_prop=False)
        return column_of, row_of


def connected_components(images: Any) -> tf.Tensor:
    """Returns the number of the region of each pixel, int64, and 0 where the pixel is 0 or False.

    A region is of pixels of equal value that touch by their sides. Regions are counted from 1 over all images, in the
    order of their first pixels.

    Args:
      images: ``[batch, rows, columns]`` or ``[rows, columns]``, numbers or bool.

    Raises:
      ArgumentTypeError: another rank.
    """
    with tf.name_scope("connected_components"), errors.located("connected_components"):
        images = tf.convert_to_tensor(images, name="images")
        if images.shape.rank not in (2, 3):
            raise errors.ArgumentTypeError(
                errors.explain("images have another rank", got=str(images.shape), expected="2 or 3 dimensions")
            )
        flat = images if images.dtype != tf.bool else tf.cast(images, tf.uint8)
        batch = with_batch(flat)[..., 0] if images.shape.rank == 2 else flat
        lit = tf.not_equal(batch, tf.zeros_like(batch))
        numbers = tf.reshape(tf.range(1, tf.size(batch, out_type=tf.int64) + 1), tf.shape(batch))
        labels = _spread(batch, lit, tf.where(lit, numbers, tf.zeros_like(numbers)))
        return tf.reshape(_consecutive(labels), tf.shape(images))


def _spread(pixels: tf.Tensor, lit: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Returns the least label of each region."""

    def step(_: Any, now: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        least = now
        for axis in (1, 2):
            least = tf.minimum(least, _from_neighbours(pixels, lit, least, axis))
        return tf.reduce_any(tf.not_equal(least, now)), least

    start = (tf.constant(True), labels)
    return tf.while_loop(lambda moving, _: moving, step, start, back_prop=False)[1]


def _from_neighbours(pixels: tf.Tensor, lit: tf.Tensor, labels: tf.Tensor, axis: int) -> tf.Tensor:
    """Returns for each pixel the least label of itself and of its equal neighbours along an axis."""
    size = tf.shape(pixels)[axis]
    low, high = (tf.range(start, size - 1 + start) for start in (0, 1))
    joined = tf.equal(tf.gather(pixels, low, axis=axis), tf.gather(pixels, high, axis=axis))
    joined &= tf.gather(lit, low, axis=axis)
    before, after = (tf.gather(labels, places, axis=axis) for places in (low, high))
    least = tf.minimum(before, after)
    edges = [[0, 0] for _ in range(3)]
    edges[axis] = [0, 1]
    largest = labels.dtype.max
    down = tf.pad(tf.where(joined, least, before), edges, constant_values=largest)
    edges[axis] = [1, 0]
    up = tf.pad(tf.where(joined, least, after), edges, constant_values=largest)
    return tf.minimum(labels, tf.minimum(down, up))


def _consecutive(labels: tf.Tensor) -> tf.Tensor:
    """Returns labels as 1, 2, ... in the order in which they first occur; 0 stays."""
    flat = tf.reshape(labels, [-1])
    found, place = tf.unique(flat, out_idx=tf.int64)
    lit = tf.cast(tf.not_equal(found, 0), tf.int64)
    return tf.gather(tf.cumsum(lit) * lit, place)
