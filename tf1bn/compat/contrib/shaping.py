"""Layers of tf.contrib.layers without variables: pooling, dropout, flatten, softmax, one-hot; and repetition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.calls import takes
from tf1bn.compat.contrib import named_outputs
from tf1bn.compat.contrib.convolution import layout
from tf1bn.compat.contrib.scoping import add_arg_scope
from tf1bn.compat.tf_layers import core, pooling

_VOLUMES = ("NDHWC", "NCDHW")


@dataclass(frozen=True)
class Pool2D:
    """What ``max_pool2d`` and ``avg_pool2d`` are given."""

    inputs: Any
    kernel_size: Any
    stride: Any = 2
    padding: str = "VALID"
    data_format: str = "NHWC"
    outputs_collections: Any = None
    scope: Any = None

    def pooled(self, kind: Any, default: str, formats: tuple[str, ...] = ("NHWC", "NCHW")) -> tf.Tensor:
        """Returns the output of a layer of tf.layers, by default in the name scope ``default``."""
        form = layout(self.data_format, formats)
        with tf.name_scope(self.scope, default, [self.inputs]) as name:
            layer = kind(self.kernel_size, self.stride, self.padding, form, _scope=name)
            outputs = layer(tf.convert_to_tensor(self.inputs))
            return named_outputs.collect_named_outputs(self.outputs_collections, name, outputs)


@dataclass(frozen=True)
class Pool3D(Pool2D):
    """What ``max_pool3d`` and ``avg_pool3d`` are given."""

    data_format: str = "NDHWC"


@add_arg_scope
@takes(Pool2D)
def max_pool2d(call: Pool2D) -> tf.Tensor:
    """Returns the maximum of each window."""
    return call.pooled(pooling.MaxPooling2D, "MaxPool2D")


@add_arg_scope
@takes(Pool2D)
def avg_pool2d(call: Pool2D) -> tf.Tensor:
    """Returns the mean of each window."""
    return call.pooled(pooling.AveragePooling2D, "AvgPool2D")


@add_arg_scope
@takes(Pool3D)
def max_pool3d(call: Pool3D) -> tf.Tensor:
    """Returns the maximum of each window of a volume."""
    return call.pooled(pooling.MaxPooling3D, "MaxPool3D", _VOLUMES)


@add_arg_scope
@takes(Pool3D)
def avg_pool3d(call: Pool3D) -> tf.Tensor:
    """Returns the mean of each window of a volume."""
    return call.pooled(pooling.AveragePooling3D, "AvgPool3D", _VOLUMES)


@add_arg_scope
def dropout(
    inputs: Any,
    keep_prob: Any = 0.5,
    noise_shape: Any = None,
    is_training: Any = True,
    outputs_collections: Any = None,
    scope: Any = None,
    seed: int | None = None,
) -> tf.Tensor:
    """Returns the inputs, in training with each entry kept with probability ``keep_prob`` and scaled by 1 / it."""
    with tf.variable_scope(scope, "Dropout", [inputs]) as entered:
        layer = core.Dropout(1 - keep_prob, noise_shape, seed, name=entered.name, _scope=entered)
        outputs = layer(inputs, training=is_training)
        return named_outputs.collect_named_outputs(outputs_collections, entered.name, outputs)


@add_arg_scope
def flatten(inputs: Any, outputs_collections: Any = None, scope: Any = None) -> tf.Tensor:
    """Returns ``[batch, ...]`` as ``[batch, product]``."""
    with tf.name_scope(scope, "Flatten", [inputs]) as name:
        outputs = core.flatten(tf.convert_to_tensor(inputs))
        return named_outputs.collect_named_outputs(outputs_collections, name, outputs)


@add_arg_scope
def softmax(logits: Any, scope: Any = None) -> tf.Tensor:
    """Returns the softmax over the last axis, of logits of any rank from 2 on.

    Raises:
      ShapeError: the last dimension is unknown, or the rank is below 2.
    """
    logits = tf.convert_to_tensor(logits)
    with tf.variable_scope(scope, "softmax", [logits]):
        rank = logits.shape.rank
        if rank is None or rank < 2 or logits.shape.as_list()[-1] is None:
            raise errors.ShapeError(
                errors.explain("`logits` must have rank 2 or more and a known last dimension", got=str(logits.shape)),
                where="softmax",
            )
        # Programs fetch predictions as ".../Predictions/Reshape_1".
        rows = tf.nn.softmax(tf.reshape(logits, [-1, logits.shape.as_list()[-1]]))
        found = tf.reshape(rows, tf.shape(logits))
        found.set_shape(logits.shape)
        return found


@add_arg_scope
def one_hot_encoding(
    labels: Any,
    num_classes: int,
    on_value: float = 1.0,
    off_value: float = 0.0,
    outputs_collections: Any = None,
    scope: Any = None,
) -> tf.Tensor:
    """Returns ``labels`` with one more axis of size ``num_classes``: ``on_value`` at the label."""
    with tf.name_scope(scope, "OneHotEncoding", [labels, num_classes]) as name:
        outputs = tf.one_hot(labels, num_classes, on_value=on_value, off_value=off_value)
        return named_outputs.collect_named_outputs(outputs_collections, name, outputs)


def repeat(inputs: Any, repetitions: int, layer: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Applies a layer several times, in scopes ``<scope>_1``, ``<scope>_2``, ... below ``<scope>`` or ``Repeat``.

    Example:
      >>> net = repeat(net, 3, conv2d, 64, [3, 3], scope="conv1")
    """
    scope = kwargs.pop("scope", None)
    with tf.variable_scope(scope, "Repeat", [inputs]):
        outputs = tf.convert_to_tensor(inputs)
        for i in range(repetitions):
            outputs = layer(outputs, *args, **kwargs, scope=f"{scope or _name(layer, 'repeat')}_{i + 1}")
        return outputs


def stack(inputs: Any, layer: Callable[..., Any], stack_args: Sequence[Any], **kwargs: Any) -> Any:
    """Applies a layer once per entry of ``stack_args``, in scopes ``<scope>_1``, ... below ``<scope>`` or ``Stack``.

    Raises:
      ArgumentError: ``stack_args`` is not a list.

    Example:
      >>> net = stack(net, fully_connected, [64, 32], scope="fc")
    """
    if not isinstance(stack_args, (list, tuple)):
        raise errors.ArgumentError(
            errors.explain("`stack_args` must be a list or tuple", got=stack_args), where="stack"
        )
    scope = kwargs.pop("scope", None)
    with tf.variable_scope(scope, "Stack", [inputs]):
        outputs = tf.convert_to_tensor(inputs)
        for i, entry in enumerate(stack_args):
            args = entry if isinstance(entry, (list, tuple)) else [entry]
            outputs = layer(outputs, *args, **kwargs, scope=f"{scope or _name(layer, 'stack')}_{i + 1}")
        return outputs


def _name(layer: Any, default: str) -> str:
    """Returns the name of a function, also of a partial one."""
    return str(getattr(layer, "__name__", getattr(getattr(layer, "func", None), "__name__", default)))
