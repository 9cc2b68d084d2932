"""Generalized divisive normalization, ``gdn`` and ``GDN`` of tf.contrib.layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.calls import made_with, takes
from tf1bn.compat.tf_layers import signatures
from tf1bn.compat.tf_layers.base import Layer
from tf1bn.compat.tf_layers.specs import InputSpec

_FORMS = {3: ("NCW", "NWC"), 4: ("NCHW", "NHWC"), 5: ("NCDHW", "NDHWC")}


@dataclass(frozen=True)
class Normalization(signatures.Made):
    """What ``GDN`` takes."""

    inverse: bool = False
    beta_min: float = 1e-6
    gamma_init: float = 0.1
    reparam_offset: float = 2**-18
    data_format: str = "channels_last"
    activity_regularizer: Any = None
    trainable: bool = True
    name: Any = None


@dataclass(frozen=True)
class NormalizationCall(signatures.Called, Normalization):
    """What ``gdn`` takes."""


class GDN(Layer):
    """outputs[i] = inputs[i] / sqrt(beta[i] + sum over j of gamma[j, i] * inputs[j]^2); with ``inverse`` a product.

    beta and gamma are kept as roots, beta = reparam_beta^2 - reparam_offset^2, and stay above ``beta_min`` and 0: a
    variable below its bound counts as the bound, and its gradient passes only where it leads back up.

    Variables: reparam_beta ``[channels]``, reparam_gamma ``[channels, channels]``; at first beta is 1, and gamma is
    ``gamma_init`` times the identity.

    Raises:
      ArgumentError: ``data_format``; ShapeError: a rank outside 3 to 5, or unknown channels.

    Source: Balle, Laparra, Simoncelli: Density modeling of images using a generalized normalization transformation
    (2016).
    """

    @made_with(Normalization)
    def __init__(self, given: Normalization) -> None:
        super().__init__(**given.of_layer())
        if given.data_format not in ("channels_first", "channels_last"):
            raise errors.ArgumentError(
                errors.explain("unknown `data_format`", got=given.data_format, expected="channels_last"),
                where="GDN",
            )
        self.inverse, self.data_format = given.inverse, given.data_format
        self._beta_min, self._gamma_init, self._offset = given.beta_min, given.gamma_init, given.reparam_offset
        self.input_spec = InputSpec(min_ndim=3, max_ndim=5)
        self.beta: Any = None
        self.gamma: Any = None

    def build(self, input_shape: Any) -> None:
        shape = tf.TensorShape(input_shape)
        axis = 1 if self.data_format == "channels_first" else -1
        channels = shape.as_list()[axis]
        if channels is None:
            raise errors.ShapeError(
                errors.explain("the number of channels of the inputs is not known", got=str(shape)),
                where="GDN",
            )
        self.input_spec = InputSpec(ndim=shape.rank, axes={axis: channels})
        pedestal = self._offset**2

        def first_beta(size: Any, dtype: Any = None, **_: Any) -> Any:
            return tf.sqrt(tf.ones(size, dtype) + pedestal)

        def first_gamma(size: Any, dtype: Any = None, **_: Any) -> Any:
            return tf.sqrt(self._gamma_init * tf.eye(size[0], dtype=dtype) + pedestal)

        beta = self.add_weight("reparam_beta", [channels], initializer=first_beta)
        gamma = self.add_weight("reparam_gamma", [channels, channels], initializer=first_gamma)
        self.beta = tf.square(_bounded(beta, (self._beta_min + pedestal) ** 0.5)) - pedestal
        self.gamma = tf.square(_bounded(gamma, self._offset)) - pedestal
        self.built = True

    def call(self, inputs: Any) -> tf.Tensor:
        rank, first = inputs.shape.rank, self.data_format == "channels_first"
        kernel = tf.reshape(self.gamma, [1] * (rank - 2) + self.gamma.shape.as_list())
        form = _FORMS[rank][0 if first else 1]
        pool = tf.nn.convolution(tf.square(inputs), kernel, "VALID", data_format=form)
        beta = tf.reshape(self.beta, [-1, *[1] * (rank - 2)]) if first else self.beta
        root = tf.sqrt(pool + beta)
        outputs = inputs * root if self.inverse else inputs / root
        outputs.set_shape(inputs.shape)
        return outputs


@takes(NormalizationCall)
def gdn(call: NormalizationCall) -> tf.Tensor:
    """Returns the output of :class:`GDN`, whose variables are in ``name``, by default ``gdn``."""
    inputs = tf.convert_to_tensor(call.inputs)
    return call.layer(GDN, dtype=inputs.dtype.base_dtype)(inputs)


def _bounded(variable: Any, bound: float) -> tf.Tensor:
    """Returns the larger of both; the gradient passes above the bound, and below it where it leads up."""
    value = tf.convert_to_tensor(variable)

    @tf.custom_gradient
    def bounded(x: Any) -> Any:
        def gradient(upstream: Any) -> Any:
            return tf.where(tf.logical_or(x >= bound, upstream < 0), upstream, tf.zeros_like(upstream))

        return tf.maximum(x, tf.cast(bound, x.dtype)), gradient

    return bounded(value)
