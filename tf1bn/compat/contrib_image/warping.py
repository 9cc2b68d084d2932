"""Images warped by a flow of each pixel, or by points that move."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib_image.splines import interpolate_spline


def dense_image_warp(image: Any, flow: Any, name: str = "dense_image_warp") -> tf.Tensor:
    """Returns images whose pixel (y, x) is what the original has at (y - flow[y, x, 0], x - flow[y, x, 1]).

    Between pixels it is linear in y and in x; outside of the image, its nearest border.

    Args:
      image: ``[batch, rows, columns, channels]``, of floating point; at least 2 rows and columns.
      flow: ``[batch, rows, columns, 2]``, of floating point.
    """
    with tf.name_scope(name):
        image, flow = tf.convert_to_tensor(image), tf.convert_to_tensor(flow)
        size = tf.shape(image)[1:3]
        down, right = tf.meshgrid(tf.range(size[0]), tf.range(size[1]), indexing="ij")
        places = tf.cast(tf.stack([down, right], 2), flow.dtype) - flow
        large = tf.Assert(
            tf.reduce_all(size >= 2), ["dense_image_warp: the image must have 2 rows and columns: ", size]
        )
        with tf.control_dependencies([large]):
            low = tf.clip_by_value(tf.floor(places), 0, tf.cast(size - 2, flow.dtype))
        share = tf.clip_by_value(tf.cast(places - low, image.dtype), 0, 1)
        first = tf.cast(low, tf.int32)
        top, bottom = (_mixed(image, first + [step, 0], share[..., 1:]) for step in (0, 1))
        return tf.ensure_shape(top + share[..., :1] * (bottom - top), image.shape)


def _mixed(image: tf.Tensor, places: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    """Returns pixels between each place and the one to its right."""
    left, right = (tf.gather_nd(image, places + [0, step], batch_dims=1) for step in (0, 1))
    return left + share * (right - left)


def sparse_image_warp(
    image: Any,
    source_control_point_locations: Any,
    dest_control_point_locations: Any,
    interpolation_order: int = 2,
    regularization_weight: float = 0.0,
    num_boundary_points: int = 0,
    name: str = "sparse_image_warp",
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns images in which points have moved from the source to the destination, and the flow of all pixels.

    The flow is a polyharmonic spline through the movements of the points.

    Args:
      image: ``[batch, rows, columns, channels]``, of a known shape.
      source_control_point_locations, dest_control_point_locations: (y, x) of the points, ``[batch, points, 2]``.
      interpolation_order, regularization_weight: of ``interpolate_spline``.
      num_boundary_points: points of each side that stay, 1 for the corners alone; 0 for none.

    Raises:
      ShapeError: the shape of the image is not known.
    """
    with tf.name_scope(name):
        image = tf.convert_to_tensor(image)
        source, goal = (
            tf.convert_to_tensor(points) for points in (source_control_point_locations, dest_control_point_locations)
        )
        if not image.shape[:3].is_fully_defined():
            raise errors.ShapeError(
                errors.explain("the shape of the image must be known", got=str(image.shape)), where="sparse_image_warp"
            )
        batch, height, width = image.shape.as_list()[:3]
        flows = goal - source
        if num_boundary_points > 0:
            border = np.tile(_border(height, width, num_boundary_points - 1), [batch, 1, 1])
            goal = tf.concat([goal, tf.constant(border, goal.dtype)], 1)
            flows = tf.concat([flows, tf.zeros(border.shape, flows.dtype)], 1)
        grid = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij"), -1).reshape(-1, 2)
        queries = tf.constant(np.tile(grid, [batch, 1, 1]), image.dtype)
        flat = interpolate_spline(goal, flows, queries, interpolation_order, regularization_weight)
        flow = tf.reshape(flat, [batch, height, width, 2])
        return dense_image_warp(image, flow), flow


def _border(height: int, width: int, between: int) -> Any:
    """Returns the corners and ``between`` points of each side, ``[points, 2]``."""
    down, right = (np.linspace(0, size - 1, between + 2) for size in (height, width))
    points = np.stack(np.meshgrid(down, right, indexing="ij"), -1).reshape(-1, 2)
    outside = np.isin(points[:, 0], (0, height - 1)) | np.isin(points[:, 1], (0, width - 1))
    return points[outside]
