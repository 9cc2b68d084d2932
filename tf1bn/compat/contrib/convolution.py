"""``conv2d`` and its relatives of tf.contrib.layers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.calls import takes
from tf1bn.compat.contrib.affine import NAMES, Affine, Outputs
from tf1bn.compat.contrib.scoping import add_arg_scope
from tf1bn.compat.tf_layers import convolutional, transposed, windows

_BY_RANK = {3: convolutional.Conv1D, 4: convolutional.Conv2D, 5: convolutional.Conv3D}
_FORMATS = (None, "NWC", "NCW", "NHWC", "NCHW", "NDHWC", "NCDHW")


def layout(data_format: Any, allowed: tuple[Any, ...] = _FORMATS) -> str:
    """Returns contrib's data format in the words of tf.layers.

    Raises:
      ArgumentError: another one.
    """
    if data_format not in allowed:
        known = " or ".join(form for form in reversed(allowed) if form)
        raise errors.ArgumentError(errors.explain(f"data_format has to be either {known}", got=data_format))
    return windows.FIRST if data_format and data_format.startswith("NC") else windows.LAST


@dataclass(frozen=True)
class Window(Outputs):
    """The window that moves over the inputs; only ``separable_conv2d`` has a ``depth_multiplier``."""

    kernel_size: Any
    depth_multiplier: int = field(default=1, init=False)
    stride: Any = 1
    padding: str = "SAME"
    data_format: str | None = None
    rate: Any = 1

    def sizes(self, formats: tuple[Any, ...] = _FORMATS) -> dict[str, Any]:
        """Returns the sizes in the words of tf.layers.

        Raises:
          ArgumentError: a data format that is not among ``formats``.
        """
        return {
            "filters": self.num_outputs,
            "kernel_size": self.kernel_size,
            "strides": self.stride,
            "padding": self.padding,
            "data_format": layout(self.data_format, formats),
        }


@dataclass(frozen=True)
class Convolution(Affine, Window):
    """What ``convolution`` is given."""

    conv_dims: int | None = None


@dataclass(frozen=True)
class ConvolutionOfRank(Convolution):
    """What ``convolution1d`` to ``convolution3d`` are given: their names say over how many axes they go."""

    conv_dims: int | None = field(default=None, init=False)


@dataclass(frozen=True)
class Transposed2D(Affine, Window):
    """What ``convolution2d_transpose`` is given."""

    data_format: str = "NHWC"
    rate: Any = field(default=1, init=False)


@dataclass(frozen=True)
class Transposed3D(Transposed2D):
    """What ``convolution3d_transpose`` is given."""

    data_format: str = "NDHWC"


@add_arg_scope
@takes(Convolution)
def convolution(call: Convolution) -> tf.Tensor:
    """Returns activation_fn(normalizer_fn(inputs * weights + biases)), over one to three spatial axes.

    Variables (in ``scope``, by default ``Conv``, ``Conv_1``, ...; also in MODEL_VARIABLES):
      weights ``[*window, channels, num_outputs]``; biases ``[num_outputs]``, unless there is a ``normalizer_fn`` or
      ``biases_initializer`` is None.

    Args:
      conv_dims: number of spatial axes; by default that of the inputs.
      others: as in contrib.
    """
    return _convolved(call, call.conv_dims)


@add_arg_scope
@takes(ConvolutionOfRank)
def convolution1d(call: ConvolutionOfRank) -> tf.Tensor:
    """Returns a convolution over one axis; see ``convolution``."""
    return _convolved(call, 1)


@add_arg_scope
@takes(ConvolutionOfRank)
def convolution2d(call: ConvolutionOfRank) -> tf.Tensor:
    """Returns a convolution over two axes; see ``convolution``."""
    return _convolved(call, 2)


@add_arg_scope
@takes(ConvolutionOfRank)
def convolution3d(call: ConvolutionOfRank) -> tf.Tensor:
    """Returns a convolution over three axes; see ``convolution``."""
    return _convolved(call, 3)


@add_arg_scope
@takes(Transposed2D)
def convolution2d_transpose(call: Transposed2D) -> tf.Tensor:
    """Returns activation_fn(normalizer_fn(transposed convolution + biases)).

    Variables (in ``scope``, by default ``Conv2d_transpose``, ...; also in MODEL_VARIABLES):
      weights ``[*window, num_outputs, channels]``; biases as in ``convolution``.
    """
    return _transposed(call, transposed.Conv2DTranspose, ("NHWC", "NCHW"))


@add_arg_scope
@takes(Transposed3D)
def convolution3d_transpose(call: Transposed3D) -> tf.Tensor:
    """Returns a transposed convolution of volumes, by default in ``Conv3d_transpose``; see that of images."""
    return _transposed(call, transposed.Conv3DTranspose, ("NDHWC", "NCDHW"))


conv1d, conv2d, conv3d = convolution1d, convolution2d, convolution3d
conv2d_transpose, conv3d_transpose = convolution2d_transpose, convolution3d_transpose


def _convolved(call: Convolution, axes: int | None) -> tf.Tensor:
    with errors.located("convolution", scope=getattr(call.scope, "name", call.scope)):
        sizes = call.sizes()
        with call.entered("Conv", call.inputs, NAMES) as entered:
            inputs = tf.convert_to_tensor(call.inputs)
            rank = inputs.shape.rank
            if rank not in _BY_RANK or (axes is not None and rank != axes + 2):
                expected = "3, 4 or 5" if axes is None else axes + 2
                raise errors.ShapeError(
                    errors.explain(f"Convolution expects input with rank {expected}, got {rank}", got=str(inputs.shape))
                )
            return call.applied(_BY_RANK[rank], inputs, entered, dilation_rate=call.rate, **sizes, **call.weights())


def _transposed(
    call: Transposed2D, kind: type[transposed.TransposedConvolution], formats: tuple[str, ...]
) -> tf.Tensor:
    sizes = call.sizes(formats)
    with call.entered(f"Conv{kind.rank}d_transpose", call.inputs, NAMES) as entered:
        inputs = tf.convert_to_tensor(call.inputs)
        return call.applied(kind, inputs, entered, **sizes, **call.weights())
