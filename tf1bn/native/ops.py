"""The ops in a graph, and their derivatives.

Importing this module registers the gradients, so that a graph from a file has them once the library is loaded.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn.native import library, stock
from tf1bn.native.names import GRADIENT, NORMALIZE, RELU_MARK


class Normalized(NamedTuple):
    """The outputs of one op.

    Attributes:
      y: the normalised input.
      mean, variance: of the batch; outside of training, the averages.
      mean_share, variance_share, kept: average <- average * kept + share takes the batch in; 1 and zeros where nothing
        moves.
    """

    y: Any
    mean: Any
    variance: Any
    mean_share: Any
    variance_share: Any
    kept: Any


def normalize(
    x: Any,
    gamma: Any,
    beta: Any,
    is_training: Any,
    *,
    epsilon: float,
    averages: tuple[Any, Any] | None = None,
    weights: Any = (1.0, 0.0, 0.0),
    bessel: bool = False,
    guarded: bool = False,
) -> Normalized:
    """Returns the input normalised by its own moments, or, where a run is not training, by averages; one op.

    Args:
      x: rank 2 or more, channels last.
      gamma, beta: ``[C]``, float64 for a float64 input, else float32.
      is_training: a bool or a scalar bool tensor; True where there are no averages.
      epsilon: added to the variance.
      averages: mean and variance, read; needed where a run may not be training, and for the third weight.
      weights: ``[3]``, numbers or a tensor: what is kept of an average, the weight of the batch, and what is taken from
        the average beside, for the rounding of the first.
      bessel: whether the share of the variance is of variance * n / (n - 1).
      guarded: whether nothing moves for moments that are not finite, or where the first weight is outside of [0, 1].

    Raises:
      NativeError: the library is not there.
    """
    dtype = gamma.dtype.base_dtype
    nothing = tf.constant([], dtype) if averages is None else None
    mean, variance = (nothing, nothing) if averages is None else averages
    found = library.load().tf1bn_normalize_v1(
        x=x,
        gamma=gamma,
        beta=beta,
        average_mean=mean,
        average_variance=variance,
        weights=weights if tf.is_tensor(weights) else tf.constant(weights, dtype),
        is_training=tf.constant(True) if is_training is True else is_training,
        rank=x.shape.rank,
        averages=averages is not None,
        bessel=bessel,
        guarded=guarded,
        name="normalize",
        **in_two_parts(epsilon),
    )
    return Normalized(found.y, found.mean, found.variance, found.mean_share, found.variance_share, found.kept)


def in_two_parts(epsilon: float) -> dict[str, float]:
    """Returns a number as the attributes hold it: a float, and what the float leaves out."""
    first = float(np.float32(epsilon))
    return {"epsilon": first, "epsilon_rest": float(np.float32(epsilon - first))}


def merge_relu(y: Any) -> Any:
    """Puts a ReLU into the op that made ``y`` as the last one, and returns the result; None where it cannot.

    It can where ``y`` comes of the op, at most behind a copy, and nothing else takes what is before the ReLU.
    Trick: an attribute of an op that exists is changed, for which there is no public spelling. A copy with a mark
    stands where the ReLU would, so that whoever reads the graph in stock ops finds batch norm and ReLU apart.
    """
    copy = y.op if y.op.type == "Identity" else None
    op = y.op.inputs[0].op if copy is not None else y.op
    first = op.outputs[0] if op.type == NORMALIZE else None
    if first is None or y.consumers() or (y is not first and first.consumers() != [copy]):
        return None
    if op.get_attr("relu") or not hasattr(op, "_set_attr"):
        return None
    op._set_attr("relu", tf.AttrValue(b=True))
    result = tf.identity(y, name="Relu")
    result.op._set_attr(RELU_MARK, tf.AttrValue(b=True))
    return result


@tf.RegisterGradient(NORMALIZE)
def _gradient(op: tf.Operation, dy: Any, *unused: Any) -> list[Any]:
    x, gamma, beta = op.inputs[:3]
    attributes = {name: op.get_attr(name) for name in ("relu", "epsilon", "epsilon_rest", "rank")}
    found = library.load().tf1bn_normalize_grad_v1(
        dy=dy, x=x, gamma=gamma, beta=beta, saved=op.outputs[6], **attributes
    )
    # No gradient flows into the averages, the weights or the switch.
    return [found.dx, found.dgamma, found.dbeta, *[None] * 4]


@tf.RegisterGradient(GRADIENT)
def _gradient_of_gradient(op: tf.Operation, *incoming: Any) -> list[Any]:
    """The derivative of the gradient, by differentiating the closed form in stock ops."""
    dy, x, gamma, beta = sources = [tf.identity(source) for source in op.inputs[:4]]
    attributes = {
        "rank": op.get_attr("rank"),
        "relu": op.get_attr("relu"),
        "epsilon": op.get_attr("epsilon") + op.get_attr("epsilon_rest"),
    }
    found = stock.gradient(dy, x, gamma, beta, tf.stop_gradient(op.inputs[4]), **attributes)
    return [*tf.gradients(found, sources, list(incoming)), None]
