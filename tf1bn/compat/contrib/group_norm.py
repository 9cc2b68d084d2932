"""``group_norm`` of tf.contrib.layers: statistics of groups of channels of each example."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.calls import takes
from tf1bn.compat.contrib.affine import activated
from tf1bn.compat.contrib.feature_norms import FeatureNorm, Inputs
from tf1bn.compat.contrib.scoping import add_arg_scope


@dataclass(frozen=True)
class Groups(Inputs):
    """What is normalised, and over what."""

    groups: int = 32
    channels_axis: int = -1
    reduction_axes: Sequence[int] = (-3, -2)


@dataclass(frozen=True)
class GroupNorm(FeatureNorm, Groups):
    """What ``group_norm`` is given."""

    epsilon: float = 1e-6
    param_initializers: dict[str, Any] | None = None
    scope: Any = None
    mean_close_to_zero: bool = False


@add_arg_scope
@takes(GroupNorm)
def group_norm(call: GroupNorm) -> tf.Tensor:
    """Normalises each example over some axes and over the channels of a group.

    Variables (in ``scope``, by default ``GroupNorm``; also in MODEL_VARIABLES):
      beta, gamma ``[channels]``.

    Args:
      groups: their number, a divisor of the number of channels.
      channels_axis, reduction_axes: of ``inputs``; negative ones count from the end.
      mean_close_to_zero: computes the variance as mean(x^2) - mean(x)^2, in one pass.

    Raises:
      ShapeError: rank or channels unknown, or not divisible.
      ArgumentError: axes outside the rank, or the channels' among those that are reduced.
    """
    with (
        tf.variable_scope(call.scope, "GroupNorm", [call.inputs], reuse=call.reuse) as entered,
        errors.located("group_norm"),
    ):
        inputs = tf.convert_to_tensor(call.inputs)
        groups = call.groups
        axis, reduced = _axes(inputs, call)
        channels = inputs.shape.as_list()[axis]
        _require_groups(channels, groups)
        shape = tf.TensorShape([channels])
        beta, gamma = call.affine(inputs, shape)
        sizes = tf.shape(inputs)
        split = tf.concat([sizes[:axis], [groups, channels // groups], sizes[axis + 1 :]], 0)
        x = tf.reshape(inputs, split)
        over = sorted({axis + 1, *(i + (i > axis) for i in reduced)})
        mean, variance = _moments(x, over, call.mean_close_to_zero)
        wide = [1] * x.shape.rank
        wide[axis : axis + 2] = [groups, channels // groups]
        beta, gamma = (None if p is None else tf.reshape(p, wide) for p in (beta, gamma))
        outputs = tf.reshape(tf.nn.batch_normalization(x, mean, variance, beta, gamma, call.epsilon), sizes)
        outputs.set_shape(inputs.shape)
        return activated(call, outputs, entered)


def _axes(inputs: tf.Tensor, call: GroupNorm) -> tuple[int, list[int]]:
    rank = inputs.shape.rank
    if rank is None:
        raise errors.ShapeError(errors.explain("`inputs` has undefined rank", got=inputs.name))
    given = [call.channels_axis, *call.reduction_axes]
    if any(not -rank <= i < rank for i in given):
        raise errors.ArgumentError(
            errors.explain("Axis is out of bounds: outside the rank", got=given, expected=f"below {rank}")
        )
    axis, *reduced = [i % rank for i in given]
    if axis in reduced:
        raise errors.ArgumentError(
            errors.explain(
                "`channels_axis` and `reduction_axes` must be mutually exclusive",
                got=(call.channels_axis, list(call.reduction_axes)),
            )
        )
    return axis, reduced


def _require_groups(channels: int | None, groups: int) -> None:
    if channels is None:
        raise errors.ShapeError(errors.explain("`inputs` has undefined channel dimension", got=channels))
    if not 1 <= groups <= channels:
        raise errors.ShapeError(f"Invalid groups {groups} for {channels} channels.")
    if channels % groups:
        raise errors.ShapeError(
            errors.explain(
                f"{channels} channels is not commensurate with {groups} groups", fix="`groups` must divide them."
            )
        )


def _moments(x: tf.Tensor, axes: list[int], one_pass: bool) -> tuple[tf.Tensor, tf.Tensor]:
    if not one_pass:
        return tf.nn.moments(x, axes, keep_dims=True)
    mean = tf.reduce_mean(x, axes, keepdims=True)
    return mean, tf.reduce_mean(tf.square(x), axes, keepdims=True) - tf.square(mean)
