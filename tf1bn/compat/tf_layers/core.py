"""``tf.layers.dense``, ``dropout``, ``flatten`` and their classes."""

from __future__ import annotations

import math
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat import dialect
from tf1bn.compat.calls import made_with, takes
from tf1bn.compat.tf_layers import signatures, windows
from tf1bn.compat.tf_layers.base import Layer
from tf1bn.compat.tf_layers.specs import InputSpec
from tf1bn.compat.tf_layers.weighted import Weighted
from tf1bn.core import switch as switches


class Dense(Weighted):
    """Returns activation(inputs x kernel + bias), the product over the last axis.

    Variables: kernel ``[features, units]``, bias ``[units]``, of the dtype of the first input; in
    GLOBAL_VARIABLES and TRAINABLE_VARIABLES, none in MODEL_VARIABLES.
    """

    @made_with(signatures.Dense)
    def __init__(self, given: signatures.Dense) -> None:
        self._take(given)
        self.units = _units(given.units)
        self.input_spec = InputSpec(min_ndim=2)

    def build(self, input_shape: Any) -> None:
        features = _features(input_shape).as_list()[-1]
        self.input_spec = InputSpec(min_ndim=2, axes={-1: features})
        self.kernel = self._variable("kernel", [features, self.units], "kernel")
        self._build_bias(self.units)
        self.built = True

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        if inputs.shape.rank == 2:
            y = tf.matmul(inputs, self.kernel)
        else:
            y = tf.tensordot(inputs, self.kernel, [[inputs.shape.rank - 1], [0]])
            y.set_shape(self.compute_output_shape(inputs.shape))
        if self.bias is not None:
            y = tf.nn.bias_add(y, self.bias)
        return y if self.activation is None else self.activation(y)

    def compute_output_shape(self, input_shape: Any) -> tf.TensorShape:
        with errors.located("Dense.compute_output_shape"):
            return _features(input_shape)[:-1].concatenate(self.units)


def _units(value: Any) -> int:
    try:
        units = int(windows.integer(value) if isinstance(value, tf.Dimension) else value)
    except (TypeError, ValueError):
        units = 0
    if units < 1:
        raise errors.ArgumentError(
            errors.explain("`units` is not possible", got=value, expected="a positive integer"), where="Dense"
        )
    return units


def _features(shape: Any) -> tf.TensorShape:
    """Returns the static shape of an input whose last axis is multiplied."""
    shape = tf.TensorShape(shape)
    if shape.rank is None or shape.rank < 2 or shape.as_list()[-1] is None:
        raise errors.ShapeError(
            errors.explain("`inputs` must have rank at least 2 and a defined last dimension", got=str(shape))
        )
    return shape


class Dropout(Layer):
    """Sets each entry to 0 with probability ``rate`` in training, and scales the others by 1 / (1 - rate)."""

    def __init__(
        self, rate: Any = 0.5, noise_shape: Any = None, seed: int | None = None, name: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.rate, self.noise_shape, self.seed = rate, noise_shape, seed

    def call(self, inputs: tf.Tensor, training: Any = False) -> tf.Tensor:
        dialect.require_switch(training, "training")
        switches.check(training, "training")

        def dropped() -> tf.Tensor:
            return tf.nn.dropout(inputs, noise_shape=self._noise_shape(inputs), seed=self.seed, rate=self.rate)

        return switches.select(switches.resolve(training), dropped, lambda: tf.identity(inputs))

    def _noise_shape(self, inputs: tf.Tensor) -> Any:
        if not isinstance(self.noise_shape, (list, tuple)):
            return self.noise_shape
        sizes = tf.shape(inputs)
        return [sizes[i] if size is None else size for i, size in enumerate(self.noise_shape)]


class Flatten(Layer):
    """Returns ``[batch, ...]`` as ``[batch, product]``; channels first are moved last before."""

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = data_format or "channels_last"
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        rank = inputs.shape.rank
        if self.data_format == "channels_first" and rank is not None and rank > 2:
            inputs = tf.transpose(inputs, [0, *range(2, rank), 1])
        if rank == 1:
            return tf.expand_dims(inputs, -1)
        dims = inputs.shape.as_list() if rank is not None else [None, None]
        inner = -1 if None in dims[1:] else math.prod(dims[1:])
        rows = tf.shape(inputs)[0] if inner == -1 or (inner == 0 and dims[0] is None) else -1
        if dims[0] is not None:
            rows = dims[0]
        y = tf.reshape(inputs, [rows, inner])
        y.set_shape(self.compute_output_shape(inputs.shape))
        return y

    def compute_output_shape(self, input_shape: Any) -> tf.TensorShape:
        shape = tf.TensorShape(input_shape)
        if shape.rank is None:
            return tf.TensorShape([None, None])
        dims = shape.as_list()
        return tf.TensorShape([dims[0], None if None in dims[1:] else math.prod(dims[1:])])


@takes(signatures.DenseCall)
def dense(call: signatures.DenseCall) -> tf.Tensor:
    """Returns activation(inputs x kernel + bias); see :class:`Dense`."""
    return call.layer(Dense)(call.inputs)


def dropout(
    inputs: Any,
    rate: Any = 0.5,
    noise_shape: Any = None,
    seed: int | None = None,
    training: Any = False,
    name: Any = None,
) -> tf.Tensor:
    """Returns the inputs with dropout in training; see :class:`Dropout`."""
    return Dropout(rate, noise_shape, seed, name)(inputs, training=training)


def flatten(inputs: Any, name: Any = None, data_format: str = "channels_last") -> tf.Tensor:
    """Returns ``[batch, ...]`` as ``[batch, product]``; see :class:`Flatten`."""
    return Flatten(data_format, name=name)(inputs)
