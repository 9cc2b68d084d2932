"""Functions whose arguments changed order or kind between TensorFlow 0.x, 1.x and today; both orders are taken.

Which order is meant is told by the kinds of the arguments, and every pair that could mean both is listed in the
docstring of its function.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors


def concat(*args: Any, **kwargs: Any) -> tf.Tensor:
    """``concat(concat_dim, values, name)`` of 0.x and ``concat(values, axis, name)`` since 1.0.

    A whole number or a scalar integer tensor in the first place, or ``concat_dim=``, is the order of 0.x.
    """
    if "concat_dim" in kwargs:
        return tf.concat(*_bound(("values", "name"), args, kwargs, axis=kwargs.pop("concat_dim")))
    if args and _is_whole(args[0]):
        return tf.concat(*_bound(("values", "name"), args[1:], kwargs, axis=args[0]))
    return tf.concat(*args, **kwargs)


def _bound(order: tuple[str, ...], args: Sequence[Any], kwargs: dict[str, Any], axis: Any) -> tuple[Any, Any, str]:
    given = {**dict(zip(order, args, strict=False)), **kwargs}
    return given["values"], axis, given.get("name") or "concat"


def split(*args: Any, **kwargs: Any) -> list[tf.Tensor]:
    """``split(split_dim, num_split, value, name)`` of 0.x and ``split(value, num_or_size_splits, axis)`` since 1.0.

    ``split_dim=`` or ``num_split=``, or two whole numbers before the value, is the order of 0.x.
    """
    old = "split_dim" in kwargs or "num_split" in kwargs
    whole = len(args) > 1 and _is_whole(args[0]) and _is_whole(args[1])
    if old or (whole and (len(args) > 2 or "value" in kwargs)):
        given = {**dict(zip(("split_dim", "num_split", "value", "name"), args, strict=False)), **kwargs}
        return tf.split(given["value"], given["num_split"], given["split_dim"], name=given.get("name") or "split")
    return tf.split(*args, **kwargs)


def reverse(tensor: Any, axis: Any = None, name: str | None = None, *, dims: Any = None) -> tf.Tensor:
    """``reverse(tensor, dims)`` of 0.x, one bool per dimension, and ``reverse(tensor, axis)`` since 1.0.

    Raises:
      ArgumentError: a tensor of bools whose value is not known while building.
    """
    axis = dims if axis is None else axis
    known = tf.get_static_value(axis) if isinstance(axis, tf.Tensor) else np.asarray(axis)
    if isinstance(axis, tf.Tensor) and axis.dtype.base_dtype == tf.bool and known is None:
        raise errors.ArgumentError(
            errors.explain(
                "`dims` must be known while building",
                got=axis,
                expected="a list of bools",
                fix="Pass the numbers of the dimensions as `axis`.",
            ),
            where="tf.reverse",
        )
    if known is not None and known.dtype == bool:
        axis = np.flatnonzero(known).tolist()
    return tf.reverse(tensor, axis, name=name)


def batch_matmul(x: Any, y: Any, adj_x: bool = False, adj_y: bool = False, name: str | None = None) -> tf.Tensor:
    """``batch_matmul`` of 0.x: matrix products over all leading dimensions; ``adj_`` transposes and conjugates."""
    return tf.matmul(x, y, adjoint_a=bool(adj_x), adjoint_b=bool(adj_y), name=name)


def moments(
    x: Any,
    axes: Any,
    shift: Any = None,
    name: str | None = None,
    keep_dims: bool | None = None,
    keepdims: bool | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """``tf.nn.moments`` whose ``axes`` may also be a range, a NumPy array, a set, or entries of a shape.

    Returns:
      Mean and biased variance.
    """
    if isinstance(axes, tf.Tensor):
        known = tf.get_static_value(axes)
        axes = axes if known is None else known
    if not isinstance(axes, tf.Tensor):
        axes = [int(axis) for axis in np.atleast_1d(np.asarray(sorted(axes) if isinstance(axes, set) else axes))]
    keep = keepdims if keepdims is not None else keep_dims
    return tf.nn.moments(x, axes, shift=shift, name=name, keepdims=bool(keep))


def softmax_cross_entropy_with_logits(*args: Any, **kwargs: Any) -> tf.Tensor:
    """By position ``(logits, labels)``, the order before 1.0; 1.x took both by keyword only."""
    return tf.nn.softmax_cross_entropy_with_logits(**_named(("logits", "labels", "dim", "name"), args, kwargs))


def sparse_softmax_cross_entropy_with_logits(*args: Any, **kwargs: Any) -> tf.Tensor:
    """By position ``(logits, labels)``, the order before 1.0; 1.x took both by keyword only."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(**_named(("logits", "labels", "name"), args, kwargs))


def sigmoid_cross_entropy_with_logits(*args: Any, **kwargs: Any) -> tf.Tensor:
    """By position ``(logits, targets)``, the order before 1.0; ``targets=`` is taken for ``labels=``."""
    if "targets" in kwargs:
        kwargs["labels"] = kwargs.pop("targets")
    return tf.nn.sigmoid_cross_entropy_with_logits(**_named(("logits", "labels", "name"), args, kwargs))


def _named(order: tuple[str, ...], args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    if args and args[0] is None:  # 1.x programs may pass its guard argument, which was None
        order = ("", "labels", "logits", *order[2:])
    named = dict(zip(order, args, strict=False))
    named.pop("", None)
    return {**named, **kwargs}


def nce_loss(weights: Any, biases: Any, *args: Any, **kwargs: Any) -> tf.Tensor:
    """``(weights, biases, inputs, labels, ...)`` of 0.x; since 1.0 labels come first. Labels are the integers."""
    return tf.nn.nce_loss(weights, biases, *_labels_first(args), **kwargs)


def sampled_softmax_loss(weights: Any, biases: Any, *args: Any, **kwargs: Any) -> tf.Tensor:
    """``(weights, biases, inputs, labels, ...)`` of 0.x; since 1.0 labels come first. Labels are the integers."""
    return tf.nn.sampled_softmax_loss(weights, biases, *_labels_first(args), **kwargs)


def _labels_first(args: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(args) > 1 and _dtype(args[0]).is_floating and _dtype(args[1]).is_integer:
        return (args[1], args[0], *args[2:])
    return args


def resize_images(images: Any, *args: Any, **kwargs: Any) -> tf.Tensor:
    """``(images, new_height, new_width, method, align_corners)`` of 0.x, and ``(images, size, ...)`` since 1.0."""
    if "new_height" in kwargs or "new_width" in kwargs or (len(args) > 1 and _is_whole(args[0])):
        given = {**dict(zip(("new_height", "new_width", "method", "align_corners"), args, strict=False)), **kwargs}
        size = [given.pop("new_height"), given.pop("new_width")]
        return tf.image.resize_images(images, size, **given)
    return tf.image.resize_images(images, *args, **kwargs)


def _is_whole(value: Any) -> bool:
    """Whether a value is a whole number, an entry of a shape, or a scalar integer tensor."""
    if isinstance(value, tf.Tensor | tf.Variable):
        return value.dtype.base_dtype.is_integer and value.shape.ndims == 0
    if isinstance(value, np.ndarray):
        return value.ndim == 0 and value.dtype.kind in "iu"
    return isinstance(value, int | np.integer | tf.Dimension) and not isinstance(value, bool)


def _dtype(value: Any) -> tf.DType:
    return (
        value.dtype.base_dtype if isinstance(value, tf.Tensor | tf.Variable) else tf.as_dtype(np.asarray(value).dtype)
    )
