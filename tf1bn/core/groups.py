"""Ghost batches: a batch seen as groups, each with statistics of its own.

Hoffer, Hubara and Soudry, "Train longer, generalize better", 2017, section 4.
"""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.core.axes import Axes


def check(size: int, dims: tuple[int | None, ...], axes: Axes) -> None:
    """Refuses a group size that cannot divide the batch.

    Raises:
      ArgumentError: the batch is no multiple of it, or the batch axis is a channel axis.
    """
    if 0 in axes.kept:
        raise errors.ArgumentError(
            errors.explain("`virtual_batch_size` needs axis 0 to be the batch, but it is a channel axis")
        )
    if dims[0] is not None and dims[0] % size:
        raise errors.ArgumentError(
            errors.explain(
                "`virtual_batch_size` does not divide the batch",
                got=size,
                expected=f"a divisor of {dims[0]}",
                fix="Drop the last partial batch, or choose another size.",
            )
        )


def split(x: Any, size: int) -> Any:
    """Returns ``[N, ...]`` as ``[size, N / size, ...]``: row i belongs to group i mod (N / size), as in tf.layers.

    A batch that is no multiple of the size fails the run, with a text that says so.
    """
    dims = x.shape.as_list()
    inner = [d if d is not None else tf.shape(x)[i] for i, d in enumerate(dims) if i > 0]
    if dims[0] is not None:
        return tf.reshape(x, [size, dims[0] // size, *inner])
    rows = tf.shape(x)[0]
    text = f"batch_norm: the batch is no multiple of virtual_batch_size {size}; its size is"
    with tf.control_dependencies([tf.Assert(tf.equal(rows % size, 0), [text, rows])]):
        return tf.reshape(x, [size, rows // size, *inner])


def join(y: Any, like: Any) -> Any:
    """Returns ``[size, N / size, ...]`` in the shape of the tensor that was split."""
    joined = tf.reshape(y, tf.shape(like))
    joined.set_shape(like.shape)
    return joined


def broadcast_shape(axes: Axes) -> tuple[int, ...]:
    """Returns the shape in which a parameter broadcasts against the split input."""
    return (1, *axes.broadcast_shape)


def reduced(axes: Axes) -> tuple[int, ...]:
    """Returns the axes of the split input over which a group's statistics go."""
    return (0, *(i + 1 for i in axes.reduced if i > 0))


def average(statistic: Any, total: Any, shape: tuple[int, ...]) -> Any:
    """Returns the mean over the groups that hold anything, in the shape of the parameters.

    Args:
      statistic: one value per group and channel, group axis 1.
      total: number of values (an int) or total weight per group.
    """
    if isinstance(total, int):
        return tf.reshape(tf.reduce_mean(statistic, 1), shape)
    held = tf.cast(total > 0, statistic.dtype) + tf.zeros_like(statistic[..., :1])
    return tf.reshape(tf.math.divide_no_nan(tf.reduce_sum(statistic * held, 1), tf.reduce_sum(held, 1)), shape)
