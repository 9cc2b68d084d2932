"""``layer_norm`` and ``instance_norm`` of tf.contrib.layers: statistics of each example by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.calls import takes
from tf1bn.compat.contrib import named_outputs
from tf1bn.compat.contrib.affine import activated
from tf1bn.compat.contrib.scoping import add_arg_scope
from tf1bn.compat.contrib.variables import model_variable

_INITIALIZERS = {"beta": tf.zeros_initializer, "gamma": tf.ones_initializer}


@dataclass(frozen=True)
class Inputs:
    """What is normalised."""

    inputs: Any


@dataclass(frozen=True)
class FeatureNorm(Inputs):
    """The arguments that these norms share; ``layer_norm`` has its own epsilon and no initializers."""

    center: bool = True
    scale: bool = True
    epsilon: float = field(default=1e-6, init=False)
    activation_fn: Any = None
    param_initializers: dict[str, Any] | None = field(default=None, init=False)
    reuse: Any = None
    variables_collections: Any = None
    outputs_collections: Any = None
    trainable: bool = True

    def affine(self, inputs: tf.Tensor, shape: tf.TensorShape) -> tuple[Any, Any]:
        """Returns beta and gamma, each None where it is not asked for."""
        if not shape.is_fully_defined():
            raise errors.ShapeError(
                errors.explain(
                    "the shape of the parameters is not fully defined: `inputs` has undefined channels dimension",
                    got=str(inputs.shape),
                )
            )
        made: list[Any] = []
        for leaf, wanted in (("beta", self.center), ("gamma", self.scale)):
            made.append(
                model_variable(
                    leaf,
                    shape=shape.as_list(),
                    dtype=inputs.dtype.base_dtype,
                    initializer=(self.param_initializers or {}).get(leaf, _INITIALIZERS[leaf]()),
                    collections=named_outputs.get_variable_collections(self.variables_collections, leaf),
                    trainable=self.trainable,
                )
                if wanted
                else None
            )
        return made[0], made[1]


@dataclass(frozen=True)
class LayerNorm(FeatureNorm):
    """What ``layer_norm`` is given."""

    begin_norm_axis: int = 1
    begin_params_axis: int = -1
    scope: Any = None


@dataclass(frozen=True)
class InstanceNorm(FeatureNorm):
    """What ``instance_norm`` is given."""

    epsilon: float = 1e-6
    param_initializers: dict[str, Any] | None = None
    data_format: str = "NHWC"
    scope: Any = None


@add_arg_scope
@takes(LayerNorm)
def layer_norm(call: LayerNorm) -> tf.Tensor:
    """Normalises each example over the axes from ``begin_norm_axis`` on.

    Epsilon is 1e-12, and 1e-3 for float16. beta and gamma have the shape of the axes from ``begin_params_axis`` on.

    Raises:
      ShapeError: an axis outside the rank, or a parameter shape that is not known.
    """
    with (
        tf.variable_scope(call.scope, "LayerNorm", [call.inputs], reuse=call.reuse) as entered,
        errors.located("layer_norm"),
    ):
        inputs = tf.convert_to_tensor(call.inputs)
        rank = inputs.shape.rank
        if rank is None:
            raise errors.ShapeError(errors.explain("`inputs` has undefined rank", got=inputs.name))
        first = call.begin_norm_axis + rank if call.begin_norm_axis < 0 else call.begin_norm_axis
        if first >= rank or call.begin_params_axis >= rank:
            raise errors.ShapeError(
                errors.explain(
                    "begin_norm_axis and begin_params_axis must be < rank(inputs)",
                    got=(call.begin_norm_axis, call.begin_params_axis),
                    expected=f"below {rank}",
                )
            )
        shape = inputs.shape[call.begin_params_axis :]
        beta, gamma = call.affine(inputs, shape)
        mean, variance = tf.nn.moments(inputs, list(range(first, rank)), keep_dims=True)
        epsilon = 1e-3 if inputs.dtype.base_dtype == tf.float16 else 1e-12
        outputs = tf.nn.batch_normalization(inputs, mean, variance, beta, gamma, epsilon)
        outputs.set_shape(inputs.shape)
        return activated(call, outputs, entered)


@add_arg_scope
@takes(InstanceNorm)
def instance_norm(call: InstanceNorm) -> tf.Tensor:
    """Normalises each channel of each example by itself.

    Raises:
      ArgumentError: ``data_format``; ShapeError: rank or channels unknown.
    """
    inputs = tf.convert_to_tensor(call.inputs)
    rank = inputs.shape.rank
    with errors.located("instance_norm", inputs=str(inputs.shape)):
        if call.data_format not in ("NHWC", "NCHW"):
            raise errors.ArgumentError(
                errors.explain("data_format has to be either NCHW or NHWC", got=call.data_format)
            )
        if rank is None:
            raise errors.ShapeError(errors.explain("`inputs` has undefined rank", got=inputs.name))
        axis = 1 if call.data_format == "NCHW" else rank - 1
        with tf.variable_scope(call.scope, "InstanceNorm", [inputs], reuse=call.reuse) as entered:
            shape = inputs.shape[axis : axis + 1]
            beta, gamma = call.affine(inputs, shape)
            if axis == 1 and rank > 2:
                wide = [1, -1, *[1] * (rank - 2)]
                beta, gamma = (None if p is None else tf.reshape(p, wide) for p in (beta, gamma))
            axes = [i for i in range(1, rank) if i != axis]
            mean, variance = tf.nn.moments(inputs, axes, keep_dims=True)
            outputs = tf.nn.batch_normalization(inputs, mean, variance, beta, gamma, call.epsilon, name="instancenorm")
            return activated(call, outputs, entered)
