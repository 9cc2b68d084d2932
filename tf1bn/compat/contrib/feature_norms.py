"""``layer_norm`` and ``instance_norm`` of tf.contrib.layers: statistics of each example by itself."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib import named_outputs
from tf1bn.compat.contrib.scoping import add_arg_scope
from tf1bn.compat.contrib.variables import model_variable

_INITIALIZERS = {"beta": tf.zeros_initializer, "gamma": tf.ones_initializer}


@add_arg_scope
def layer_norm(
    inputs: Any,
    center: bool = True,
    scale: bool = True,
    activation_fn: Any = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    begin_norm_axis: int = 1,
    begin_params_axis: int = -1,
    scope: Any = None,
) -> tf.Tensor:
    """Normalises each example over the axes from ``begin_norm_axis`` on.

    Epsilon is 1e-12, and 1e-3 for float16. beta and gamma have the shape of the axes from ``begin_params_axis`` on.

    Raises:
      ShapeError: an axis outside the rank, or a parameter shape that is not known.
    """
    with tf.variable_scope(scope, "LayerNorm", [inputs], reuse=reuse) as entered, errors.located("layer_norm"):
        inputs = tf.convert_to_tensor(inputs)
        rank = inputs.shape.rank
        if rank is None:
            raise errors.ShapeError(errors.explain("`inputs` has undefined rank", got=inputs.name))
        first = begin_norm_axis + rank if begin_norm_axis < 0 else begin_norm_axis
        if first >= rank or begin_params_axis >= rank:
            raise errors.ShapeError(
                errors.explain(
                    "begin_norm_axis and begin_params_axis must be < rank(inputs)",
                    got=(begin_norm_axis, begin_params_axis),
                    expected=f"below {rank}",
                )
            )
        shape = inputs.shape[begin_params_axis:]
        beta, gamma = affine(inputs, shape, center, scale, trainable, variables_collections)
        mean, variance = tf.nn.moments(inputs, list(range(first, rank)), keep_dims=True)
        epsilon = 1e-3 if inputs.dtype.base_dtype == tf.float16 else 1e-12
        outputs = tf.nn.batch_normalization(inputs, mean, variance, beta, gamma, epsilon)
        outputs.set_shape(inputs.shape)
        outputs = outputs if activation_fn is None else activation_fn(outputs)
        return named_outputs.collect_named_outputs(outputs_collections, entered.name, outputs)


@add_arg_scope
def instance_norm(
    inputs: Any,
    center: bool = True,
    scale: bool = True,
    epsilon: float = 1e-6,
    activation_fn: Any = None,
    param_initializers: dict[str, Any] | None = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    data_format: str = "NHWC",
    scope: Any = None,
) -> tf.Tensor:
    """Normalises each channel of each example by itself.

    Raises:
      ArgumentError: ``data_format``; ShapeError: rank or channels unknown.
    """
    inputs = tf.convert_to_tensor(inputs)
    rank = inputs.shape.rank
    with errors.located("instance_norm", inputs=str(inputs.shape)):
        if data_format not in ("NHWC", "NCHW"):
            raise errors.ArgumentError(errors.explain("unknown `data_format`", got=data_format))
        if rank is None:
            raise errors.ShapeError(errors.explain("`inputs` has undefined rank", got=inputs.name))
        axis = 1 if data_format == "NCHW" else rank - 1
        with tf.variable_scope(scope, "InstanceNorm", [inputs], reuse=reuse) as entered:
            shape = inputs.shape[axis : axis + 1]
            beta, gamma = affine(inputs, shape, center, scale, trainable, variables_collections, param_initializers)
            if axis == 1 and rank > 2:
                wide = [1, -1, *[1] * (rank - 2)]
                beta, gamma = (None if p is None else tf.reshape(p, wide) for p in (beta, gamma))
            axes = [i for i in range(1, rank) if i != axis]
            mean, variance = tf.nn.moments(inputs, axes, keep_dims=True)
            outputs = tf.nn.batch_normalization(inputs, mean, variance, beta, gamma, epsilon, name="instancenorm")
            outputs = outputs if activation_fn is None else activation_fn(outputs)
            return named_outputs.collect_named_outputs(outputs_collections, entered.name, outputs)


def affine(
    inputs: tf.Tensor,
    shape: tf.TensorShape,
    center: bool,
    scale: bool,
    trainable: bool,
    collections: Any,
    initializers: dict[str, Any] | None = None,
) -> tuple[Any, Any]:
    if not shape.is_fully_defined():
        raise errors.ShapeError(
            errors.explain(
                "the shape of the parameters is not fully defined: `inputs` has undefined channels dimension",
                got=str(inputs.shape),
            )
        )
    made: list[Any] = []
    for leaf, wanted in (("beta", center), ("gamma", scale)):
        made.append(
            model_variable(
                leaf,
                shape=shape.as_list(),
                dtype=inputs.dtype.base_dtype,
                initializer=(initializers or {}).get(leaf, _INITIALIZERS[leaf]()),
                collections=named_outputs.get_variable_collections(collections, leaf),
                trainable=trainable,
            )
            if wanted
            else None
        )
    return made[0], made[1]
