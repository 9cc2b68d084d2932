"""Projective transforms of images: rotations, translations, and any others, alone or one after the other."""

from __future__ import annotations

import functools
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors

_DTYPES = (tf.uint8, tf.int32, tf.int64, tf.float16, tf.float32, tf.float64)


def transform(
    images: Any, transforms: Any, interpolation: str = "NEAREST", output_shape: Any = None, name: str | None = None
) -> tf.Tensor:
    """Returns images whose pixel (x, y) is what the original has at ((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k).

    Here k = c0 x + c1 y + 1. What lies outside of the original is 0.

    Args:
      images: ``[batch, rows, columns, channels]``, ``[rows, columns, channels]`` or ``[rows, columns]``.
      transforms: [a0, a1, a2, b0, b1, b2, c0, c1], or such a row for each image.
      interpolation: ``NEAREST`` or ``BILINEAR``.
      output_shape: rows and columns of the result; those of the images by default.

    The gradient is the one of the result, transformed back.

    Raises:
      ArgumentTypeError: a dtype or rank that is not possible.
    """
    with tf.name_scope(name, "transform", [images, transforms]), errors.located("transform"):
        images = tf.convert_to_tensor(images, name="images")
        if images.dtype.base_dtype not in _DTYPES:
            raise errors.ArgumentTypeError(
                errors.explain(
                    "images have another dtype",
                    got=images.dtype.name,
                    expected=" or ".join(dtype.name for dtype in _DTYPES),
                )
            )
        rows = _batched(tf.convert_to_tensor(transforms, tf.float32, name="transforms"), "transforms")
        batch = with_batch(images)
        size = tf.shape(batch)[1:3] if output_shape is None else tf.convert_to_tensor(output_shape, tf.int32)
        made = tf.raw_ops.ImageProjectiveTransformV2(
            images=batch, transforms=rows, output_shape=size, interpolation=interpolation.upper()
        )
        known = batch.shape[1:3] if output_shape is None else tf.TensorShape(tf.get_static_value(size))
        made.set_shape(tf.TensorShape([batch.shape[0]]).concatenate(known).concatenate(batch.shape[3:]))
        return without_batch(made, images.shape.rank)


def rotate(images: Any, angles: Any, interpolation: str = "NEAREST", name: str | None = None) -> tf.Tensor:
    """Returns images that are rotated about their centre, counter-clockwise.

    Args:
      angles: in radians, one, or one for each image.
      others: as of ``transform``.
    """
    with tf.name_scope(name, "rotate", [images, angles]), errors.located("rotate"):
        images = tf.convert_to_tensor(images, name="images")
        height, width = tf.unstack(tf.cast(tf.shape(with_batch(images))[1:3], tf.float32))
        return transform(images, angles_to_projective_transforms(angles, height, width), interpolation)


def translate(images: Any, translations: Any, interpolation: str = "NEAREST", name: str | None = None) -> tf.Tensor:
    """Returns images that are moved.

    Args:
      translations: [dx, dy], to the right and down, or such a row for each image.
      others: as of ``transform``.
    """
    with tf.name_scope(name, "translate", [images, translations]), errors.located("translate"):
        return transform(images, translations_to_projective_transforms(translations), interpolation)


def angles_to_projective_transforms(
    angles: Any, image_height: Any, image_width: Any, name: str | None = None
) -> tf.Tensor:
    """Returns the transforms ``[batch, 8]`` of rotations, of one angle or of a vector of them."""
    with tf.name_scope(name, "angles_to_projective_transforms", [angles]):
        angle = tf.convert_to_tensor(angles, tf.float32)
        if angle.shape.rank not in (0, 1):
            raise errors.ArgumentTypeError(
                errors.explain("`angles` has another rank", got=str(angle.shape), expected="a number or a vector")
            )
        angle = tf.reshape(angle, [-1])
        cos, sin = tf.cos(angle), tf.sin(angle)
        right, bottom = (tf.cast(size, tf.float32) - 1 for size in (image_width, image_height))
        x = (right - cos * right + sin * bottom) / 2
        y = (bottom - sin * right - cos * bottom) / 2
        none = tf.zeros_like(angle)
        return tf.stack([cos, -sin, x, sin, cos, y, none, none], 1)


def translations_to_projective_transforms(translations: Any, name: str | None = None) -> tf.Tensor:
    """Returns the transforms ``[batch, 8]`` of translations [dx, dy], of one or of rows of them."""
    with tf.name_scope(name, "translations_to_projective_transforms", [translations]):
        moved = _batched(tf.convert_to_tensor(translations, tf.float32), "translations")
        none, one = tf.zeros_like(moved[:, 0]), tf.ones_like(moved[:, 0])
        return tf.stack([one, none, -moved[:, 0], none, one, -moved[:, 1], none, none], 1)


def compose_transforms(*transforms: Any) -> tf.Tensor:
    """Returns the transforms that are the given ones, applied in that order.

    Raises:
      ArgumentError: none is given.
    """
    if not transforms:
        raise errors.ArgumentError("no transforms are given.", where="compose_transforms")
    with tf.name_scope("compose_transforms"):
        matrices = [flat_transforms_to_matrices(each) for each in transforms]
        return matrices_to_flat_transforms(functools.reduce(tf.matmul, matrices))


def flat_transforms_to_matrices(transforms: Any) -> tf.Tensor:
    """Returns matrices ``[batch, 3, 3]`` of rows of 8, or of one such row."""
    rows = tf.reshape(tf.convert_to_tensor(transforms, tf.float32), [-1, 8])
    return tf.reshape(tf.concat([rows, tf.ones_like(rows[:, :1])], 1), [-1, 3, 3])


def matrices_to_flat_transforms(transform_matrices: Any) -> tf.Tensor:
    """Returns rows ``[batch, 8]`` of matrices ``[batch, 3, 3]``, or of one, divided by their last entries."""
    rows = tf.reshape(tf.convert_to_tensor(transform_matrices, tf.float32), [-1, 9])
    return rows[:, :8] / rows[:, 8:]


def with_batch(images: tf.Tensor) -> tf.Tensor:
    """Returns images of 2, 3 or 4 dimensions as ``[batch, rows, columns, channels]``."""
    rank = images.shape.rank
    if rank not in (2, 3, 4):
        raise errors.ArgumentTypeError(
            errors.explain("images have another rank", got=str(images.shape), expected="2, 3 or 4 dimensions")
        )
    return images if rank == 4 else images[None, :, :, None] if rank == 2 else images[None]


def without_batch(images: tf.Tensor, rank: int) -> tf.Tensor:
    """Returns images in the rank that they came in."""
    return images if rank == 4 else images[0, :, :, 0] if rank == 2 else images[0]


def _batched(rows: tf.Tensor, word: str) -> tf.Tensor:
    if rows.shape.rank not in (1, 2):
        raise errors.ArgumentTypeError(
            errors.explain(f"`{word}` has another rank", got=str(rows.shape), expected="a row, or rows")
        )
    return rows[None] if rows.shape.rank == 1 else rows
