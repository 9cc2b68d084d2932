"""Small maps of tf.contrib.layers: images to sequences and back, dense to sparse, pooling of any rank, the ball."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib import named_outputs
from tf1bn.compat.contrib.scoping import add_arg_scope
from tf1bn.compat.tf_layers import windows


@add_arg_scope
def images_to_sequence(
    inputs: Any, data_format: str = "NHWC", outputs_collections: Any = None, scope: Any = None
) -> tf.Tensor:
    """Returns images ``[batch, height, width, channels]`` as sequences ``[width, batch * height, channels]``.

    Raises:
      ArgumentError: ``data_format``.
    """
    if data_format not in ("NCHW", "NHWC"):
        raise errors.ArgumentError(
            errors.explain("data_format has to be either NCHW or NHWC", got=data_format), where="images_to_sequence"
        )
    with tf.name_scope(scope, "ImagesToSequence", [inputs]) as name:
        inputs = tf.convert_to_tensor(inputs)
        order = [2, 0, 1, 3] if data_format == "NHWC" else [3, 0, 2, 1]
        turned = tf.transpose(inputs, order)
        width, batch, height, channels = turned.shape.as_list()
        rows = -1 if batch is None or height is None else batch * height
        size = tf.shape(turned)
        outputs = tf.reshape(turned, [size[0] if width is None else width, rows, channels])
        return named_outputs.collect_named_outputs(outputs_collections, name, outputs)


@add_arg_scope
def sequence_to_images(
    inputs: Any,
    height: int,
    output_data_format: str = "channels_last",
    outputs_collections: Any = None,
    scope: Any = None,
) -> tf.Tensor:
    """Returns sequences ``[width, batch * height, channels]`` as images; the inverse of ``images_to_sequence``."""
    with tf.name_scope(scope, "SequenceToImages", [inputs]) as name:
        inputs = tf.convert_to_tensor(inputs)
        width, rows, channels = inputs.shape.as_list()
        batch = -1 if rows is None else rows // height
        apart = tf.reshape(inputs, [tf.shape(inputs)[0] if width is None else width, batch, height, channels])
        order = [1, 3, 2, 0] if output_data_format == "channels_first" else [1, 2, 0, 3]
        return named_outputs.collect_named_outputs(outputs_collections, name, tf.transpose(apart, order))


@add_arg_scope
def dense_to_sparse(tensor: Any, eos_token: Any = 0, outputs_collections: Any = None, scope: Any = None) -> Any:
    """Returns a sparse tensor of the entries that differ from ``eos_token``."""
    with tf.variable_scope(scope, "dense_to_sparse", [tensor]) as entered:
        tensor = tf.convert_to_tensor(tensor)
        indices = tf.where(tf.not_equal(tensor, tf.constant(eos_token, tensor.dtype)))
        outputs = tf.SparseTensor(indices, tf.gather_nd(tensor, indices), tf.shape(tensor, out_type=tf.int64))
        if outputs_collections:
            tf.add_to_collections(outputs_collections, outputs)
            outputs.aliases = [entered.name]
        return outputs


@add_arg_scope
def pool(
    inputs: Any,
    kernel_size: Any,
    pooling_type: str,
    padding: str = "VALID",
    data_format: str | None = None,
    dilation_rate: Any = 1,
    stride: Any = 1,
    outputs_collections: Any = None,
    scope: Any = None,
) -> tf.Tensor:
    """Returns the maximum (``MAX``) or the mean (``AVG``) of each window, for any number of axes.

    Raises:
      ShapeError: an unknown rank, or one below 3.
    """
    with tf.name_scope(scope, f"{pooling_type.lower()}_pool", [inputs]) as name:
        inputs = tf.convert_to_tensor(inputs)
        rank = inputs.shape.rank
        if rank is None or rank < 3:
            text = "Rank of inputs must be known" if rank is None else "Rank of inputs must be >= 3"
            raise errors.ShapeError(errors.explain(text, got=str(inputs.shape)), where="pool")
        outputs = tf.nn.pool(
            inputs,
            windows.sizes(kernel_size, rank - 2, "kernel_size"),
            pooling_type,
            padding,
            windows.sizes(dilation_rate, rank - 2, "dilation_rate"),
            windows.sizes(stride, rank - 2, "stride"),
            name=name,
            data_format=data_format,
        )
        return named_outputs.collect_named_outputs(outputs_collections, name, outputs)


def poincare_normalize(x: Any, axis: Any = 1, epsilon: float = 1e-5, name: str | None = None) -> tf.Tensor:
    """Returns vectors as they are inside the ball of radius 1 - epsilon, and scaled onto its border outside.

    Source: Nickel, Kiela: Poincare embeddings for learning hierarchical representations (2017).
    """
    with tf.name_scope(name, "poincare_normalize", [x]) as scope:
        x = tf.convert_to_tensor(x)
        inverse = tf.rsqrt(tf.reduce_sum(tf.square(x), axis, keepdims=True))
        return tf.multiply(x, tf.minimum((1 - epsilon) * inverse, 1), name=scope)


def inner_flatten(inputs: Any, new_rank: int, output_collections: Any = None, scope: Any = None) -> Any:
    """Returns a tensor, dense or sparse, with its last axes made one, so that it has ``new_rank`` axes.

    Raises:
      ShapeError: ``new_rank`` is below 1 or, for a dense tensor, above the rank.
    """
    with tf.name_scope(scope, "InnerFlatten", [inputs, new_rank]) as name:
        if isinstance(inputs, tf.SparseTensor):
            kind, shape, rank = "Inputs", inputs.dense_shape, inputs.dense_shape.shape.as_list()[0]
        else:
            inputs = tf.convert_to_tensor(inputs)
            kind, shape, rank = "inputs", tf.shape(inputs), inputs.shape.rank
        if new_rank < 1 or (rank is not None and new_rank > rank):
            text = "`new_rank` must be at least 1" if new_rank < 1 else f"{kind} has rank less than new_rank"
            raise errors.ShapeError(errors.explain(text, got=(rank, new_rank)), where="inner_flatten")
        inner = tf.reduce_prod(shape[new_rank - 1 :], keepdims=True)
        target = tf.concat([shape[: new_rank - 1], inner], 0)
        if isinstance(inputs, tf.SparseTensor):
            outputs = tf.sparse_reshape(inputs, target)
        else:
            outputs = tf.reshape(inputs, target)
            known = inputs.shape.as_list()
            rest = known[new_rank - 1 :]
            outputs.set_shape([*known[: new_rank - 1], None if None in rest else tf.TensorShape(rest).num_elements()])
        return named_outputs.collect_named_outputs(output_collections, name, outputs)
