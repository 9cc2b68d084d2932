"""Hue, saturation and value of images, changed in the colour space YIQ: one matrix for each pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors

_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
"""Rows: luminance, then both dimensions of colour."""


def adjust_hsv_in_yiq(
    image: Any, delta_hue: Any = 0, saturation_scale: Any = 1, value_scale: Any = 1, name: str | None = None
) -> tf.Tensor:
    """Returns images with the colours turned by an angle, and stronger or weaker.

    Args:
      image: RGB in the last dimension; whole numbers count as shares of the largest of their dtype.
      delta_hue: in radians.
      saturation_scale: factor of both dimensions of colour.
      value_scale: factor of everything.
    """
    with tf.name_scope(name, "adjust_hsv_in_yiq", [image]):
        image = tf.convert_to_tensor(image, name="image")
        pixels = tf.image.convert_image_dtype(image, tf.float32)
        hue, saturation, value = (tf.cast(x, tf.float32) for x in (delta_hue, saturation_scale, value_scale))
        cos, sin = saturation * tf.cos(hue), saturation * tf.sin(hue)
        turned = value * tf.stack([[1.0, 0.0, 0.0], [0.0, cos, -sin], [0.0, sin, cos]])
        there, back = (tf.constant(matrix, tf.float32) for matrix in (_TO_YIQ, np.linalg.inv(_TO_YIQ)))
        moved = tf.tensordot(pixels, tf.matmul(back, tf.matmul(turned, there)), [[-1], [1]])
        moved.set_shape(image.shape)
        return tf.image.convert_image_dtype(moved, image.dtype)


def random_hsv_in_yiq(
    image: Any,
    max_delta_hue: float = 0,
    lower_saturation: float = 1,
    upper_saturation: float = 1,
    lower_value: float = 1,
    upper_value: float = 1,
    seed: int | None = None,
) -> tf.Tensor:
    """Returns ``adjust_hsv_in_yiq`` with random settings, the same for the whole image.

    Args:
      max_delta_hue: the angle is between this and its negative.
      lower_saturation, upper_saturation, lower_value, upper_value: between which the factors are.

    Raises:
      ArgumentError: a negative limit, or a lower one above the upper.
    """
    limits = {"saturation": (lower_saturation, upper_saturation), "value": (lower_value, upper_value)}
    if max_delta_hue < 0:
        raise errors.ArgumentError(
            errors.explain("`max_delta_hue` must not be negative", got=max_delta_hue), where="random_hsv_in_yiq"
        )
    for word, (low, high) in limits.items():
        if not 0 <= low <= high:
            raise errors.ArgumentError(
                errors.explain(
                    f"the limits of {word} are not possible", got=(low, high), expected="0 <= lower <= upper"
                ),
                where="random_hsv_in_yiq",
            )
    with tf.name_scope("random_hsv_in_yiq"):
        hue, saturation, value = (
            tf.random_uniform([], low, high, seed=seed) if low < high else low
            for low, high in ((-max_delta_hue, max_delta_hue), *limits.values())
        )
        return adjust_hsv_in_yiq(image, hue, saturation, value)
