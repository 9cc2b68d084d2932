"""``conv2d`` and its relatives of tf.contrib.layers."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib import named_outputs
from tf1bn.compat.contrib.initializers import XAVIER, ZEROS
from tf1bn.compat.contrib.linear import NAMES, collected, finished, uses_bias
from tf1bn.compat.contrib.scoping import add_arg_scope
from tf1bn.compat.contrib.variables import model_getter
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


def _convolution(
    inputs: Any,
    num_outputs: int,
    kernel_size: Any,
    stride: Any,
    padding: str,
    data_format: Any,
    rate: Any,
    activation_fn: Any,
    normalizer_fn: Any,
    normalizer_params: dict[str, Any] | None,
    weights_initializer: Any,
    weights_regularizer: Any,
    biases_initializer: Any,
    biases_regularizer: Any,
    reuse: Any,
    variables_collections: Any,
    outputs_collections: Any,
    trainable: bool,
    scope: Any,
    conv_dims: int | None = None,
) -> tf.Tensor:
    with errors.located("convolution", scope=getattr(scope, "name", scope)):
        form = layout(data_format)
        with tf.variable_scope(scope, "Conv", [inputs], reuse=reuse, custom_getter=model_getter(NAMES)) as entered:
            inputs = tf.convert_to_tensor(inputs)
            rank = inputs.shape.rank
            expected = "3, 4 or 5" if conv_dims is None else conv_dims + 2
            if rank not in _BY_RANK or (conv_dims is not None and rank != conv_dims + 2):
                raise errors.ShapeError(
                    errors.explain(
                        f"Convolution expects input with rank {expected}, got {rank}",
                        got=str(inputs.shape),
                    )
                )
            layer = _BY_RANK[rank](
                num_outputs,
                kernel_size,
                strides=stride,
                padding=padding,
                data_format=form,
                dilation_rate=rate,
                use_bias=uses_bias(normalizer_fn, biases_initializer),
                kernel_initializer=weights_initializer,
                bias_initializer=biases_initializer,
                kernel_regularizer=weights_regularizer,
                bias_regularizer=biases_regularizer,
                trainable=trainable,
                name=entered.name,
                dtype=inputs.dtype.base_dtype,
                _scope=entered,
                _reuse=reuse,
            )
            outputs = collected(layer, layer(inputs), variables_collections, {"weights": ["kernel"]})
            outputs = finished(outputs, normalizer_fn, normalizer_params, activation_fn)
            return named_outputs.collect_named_outputs(outputs_collections, entered.name, outputs)


@add_arg_scope
def convolution(
    inputs: Any,
    num_outputs: int,
    kernel_size: Any,
    stride: Any = 1,
    padding: str = "SAME",
    data_format: str | None = None,
    rate: Any = 1,
    activation_fn: Any = tf.nn.relu,
    normalizer_fn: Any = None,
    normalizer_params: dict[str, Any] | None = None,
    weights_initializer: Any = XAVIER,
    weights_regularizer: Any = None,
    biases_initializer: Any = ZEROS,
    biases_regularizer: Any = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
    conv_dims: int | None = None,
) -> tf.Tensor:
    """Returns activation_fn(normalizer_fn(inputs * weights + biases)), over one to three spatial axes.

    Variables (in ``scope``, by default ``Conv``, ``Conv_1``, ...; also in MODEL_VARIABLES):
      weights ``[*window, channels, num_outputs]``; biases ``[num_outputs]``, unless there is a ``normalizer_fn`` or
      ``biases_initializer`` is None.

    Args:
      conv_dims: number of spatial axes; by default that of the inputs.
      others: as in contrib.
    """
    return _convolution(
        inputs,
        num_outputs,
        kernel_size,
        stride,
        padding,
        data_format,
        rate,
        activation_fn,
        normalizer_fn,
        normalizer_params,
        weights_initializer,
        weights_regularizer,
        biases_initializer,
        biases_regularizer,
        reuse,
        variables_collections,
        outputs_collections,
        trainable,
        scope,
        conv_dims,
    )


@add_arg_scope
def convolution1d(
    inputs: Any,
    num_outputs: int,
    kernel_size: Any,
    stride: Any = 1,
    padding: str = "SAME",
    data_format: str | None = None,
    rate: Any = 1,
    activation_fn: Any = tf.nn.relu,
    normalizer_fn: Any = None,
    normalizer_params: dict[str, Any] | None = None,
    weights_initializer: Any = XAVIER,
    weights_regularizer: Any = None,
    biases_initializer: Any = ZEROS,
    biases_regularizer: Any = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
) -> tf.Tensor:
    """Returns a convolution over one axis; see ``convolution``."""
    return _convolution(
        inputs,
        num_outputs,
        kernel_size,
        stride,
        padding,
        data_format,
        rate,
        activation_fn,
        normalizer_fn,
        normalizer_params,
        weights_initializer,
        weights_regularizer,
        biases_initializer,
        biases_regularizer,
        reuse,
        variables_collections,
        outputs_collections,
        trainable,
        scope,
        1,
    )


@add_arg_scope
def convolution2d(
    inputs: Any,
    num_outputs: int,
    kernel_size: Any,
    stride: Any = 1,
    padding: str = "SAME",
    data_format: str | None = None,
    rate: Any = 1,
    activation_fn: Any = tf.nn.relu,
    normalizer_fn: Any = None,
    normalizer_params: dict[str, Any] | None = None,
    weights_initializer: Any = XAVIER,
    weights_regularizer: Any = None,
    biases_initializer: Any = ZEROS,
    biases_regularizer: Any = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
) -> tf.Tensor:
    """Returns a convolution over two axes; see ``convolution``."""
    return _convolution(
        inputs,
        num_outputs,
        kernel_size,
        stride,
        padding,
        data_format,
        rate,
        activation_fn,
        normalizer_fn,
        normalizer_params,
        weights_initializer,
        weights_regularizer,
        biases_initializer,
        biases_regularizer,
        reuse,
        variables_collections,
        outputs_collections,
        trainable,
        scope,
        2,
    )


@add_arg_scope
def convolution3d(
    inputs: Any,
    num_outputs: int,
    kernel_size: Any,
    stride: Any = 1,
    padding: str = "SAME",
    data_format: str | None = None,
    rate: Any = 1,
    activation_fn: Any = tf.nn.relu,
    normalizer_fn: Any = None,
    normalizer_params: dict[str, Any] | None = None,
    weights_initializer: Any = XAVIER,
    weights_regularizer: Any = None,
    biases_initializer: Any = ZEROS,
    biases_regularizer: Any = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
) -> tf.Tensor:
    """Returns a convolution over three axes; see ``convolution``."""
    return _convolution(
        inputs,
        num_outputs,
        kernel_size,
        stride,
        padding,
        data_format,
        rate,
        activation_fn,
        normalizer_fn,
        normalizer_params,
        weights_initializer,
        weights_regularizer,
        biases_initializer,
        biases_regularizer,
        reuse,
        variables_collections,
        outputs_collections,
        trainable,
        scope,
        3,
    )


conv1d, conv2d, conv3d = convolution1d, convolution2d, convolution3d


@add_arg_scope
def convolution2d_transpose(
    inputs: Any,
    num_outputs: int,
    kernel_size: Any,
    stride: Any = 1,
    padding: str = "SAME",
    data_format: str = "NHWC",
    activation_fn: Any = tf.nn.relu,
    normalizer_fn: Any = None,
    normalizer_params: dict[str, Any] | None = None,
    weights_initializer: Any = XAVIER,
    weights_regularizer: Any = None,
    biases_initializer: Any = ZEROS,
    biases_regularizer: Any = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
) -> tf.Tensor:
    """Returns activation_fn(normalizer_fn(transposed convolution + biases)).

    Variables (in ``scope``, by default ``Conv2d_transpose``, ...; also in MODEL_VARIABLES):
      weights ``[*window, num_outputs, channels]``; biases as in ``convolution``.
    """
    return _transposed(
        transposed.Conv2DTranspose,
        layout(data_format, ("NHWC", "NCHW")),
        "Conv2d_transpose",
        inputs,
        num_outputs,
        kernel_size,
        stride,
        padding,
        activation_fn,
        normalizer_fn,
        normalizer_params,
        weights_initializer,
        weights_regularizer,
        biases_initializer,
        biases_regularizer,
        reuse,
        variables_collections,
        outputs_collections,
        trainable,
        scope,
    )


@add_arg_scope
def convolution3d_transpose(
    inputs: Any,
    num_outputs: int,
    kernel_size: Any,
    stride: Any = 1,
    padding: str = "SAME",
    data_format: str = "NDHWC",
    activation_fn: Any = tf.nn.relu,
    normalizer_fn: Any = None,
    normalizer_params: dict[str, Any] | None = None,
    weights_initializer: Any = XAVIER,
    weights_regularizer: Any = None,
    biases_initializer: Any = ZEROS,
    biases_regularizer: Any = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
) -> tf.Tensor:
    """Returns activation_fn(normalizer_fn(transposed convolution + biases)).

    Variables (in ``scope``, by default ``Conv3d_transpose``, ...; also in MODEL_VARIABLES):
      weights ``[*window, num_outputs, channels]``; biases as in ``convolution``.
    """
    return _transposed(
        transposed.Conv3DTranspose,
        layout(data_format, ("NDHWC", "NCDHW")),
        "Conv3d_transpose",
        inputs,
        num_outputs,
        kernel_size,
        stride,
        padding,
        activation_fn,
        normalizer_fn,
        normalizer_params,
        weights_initializer,
        weights_regularizer,
        biases_initializer,
        biases_regularizer,
        reuse,
        variables_collections,
        outputs_collections,
        trainable,
        scope,
    )


conv2d_transpose, conv3d_transpose = convolution2d_transpose, convolution3d_transpose


def _transposed(
    kind: Any,
    form: str,
    default: str,
    inputs: Any,
    num_outputs: int,
    kernel_size: Any,
    stride: Any,
    padding: str,
    activation_fn: Any,
    normalizer_fn: Any,
    normalizer_params: dict[str, Any] | None,
    weights_initializer: Any,
    weights_regularizer: Any,
    biases_initializer: Any,
    biases_regularizer: Any,
    reuse: Any,
    variables_collections: Any,
    outputs_collections: Any,
    trainable: bool,
    scope: Any,
) -> tf.Tensor:
    with tf.variable_scope(scope, default, [inputs], reuse=reuse, custom_getter=model_getter(NAMES)) as entered:
        inputs = tf.convert_to_tensor(inputs)
        layer = kind(
            num_outputs,
            kernel_size,
            strides=stride,
            padding=padding,
            data_format=form,
            use_bias=uses_bias(normalizer_fn, biases_initializer),
            kernel_initializer=weights_initializer,
            bias_initializer=biases_initializer,
            kernel_regularizer=weights_regularizer,
            bias_regularizer=biases_regularizer,
            trainable=trainable,
            name=entered.name,
            dtype=inputs.dtype.base_dtype,
            _scope=entered,
            _reuse=reuse,
        )
        outputs = collected(layer, layer(inputs), variables_collections, {"weights": ["kernel"]})
        outputs = finished(outputs, normalizer_fn, normalizer_params, activation_fn)
        return named_outputs.collect_named_outputs(outputs_collections, entered.name, outputs)
