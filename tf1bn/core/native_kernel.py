"""The kernel of the optional op library: normalisation, its gradient and the switch as one op each, on CPU."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn.core import averages as averages_lib
from tf1bn.core import moments as batch
from tf1bn.core.axes import Axes
from tf1bn.core.plain import ORDINARY, PLAIN, Variant
from tf1bn.core.values import Moments, SharedMoments, Shares
from tf1bn.native import names


class Moving(NamedTuple):
    """How averages move by the shares that the op gives.

    Attributes:
      decay: a float or a scalar tensor.
      bessel: whether the moving variance takes in the variance with Bessel's correction.
      guarded: whether moments that are not finite move nothing.
    """

    decay: Any
    bessel: bool
    guarded: bool


class Native(NamedTuple):
    """One op of ``tf1bn.native``; always precise. Where an op is needed and the library is missing, an error.

    With given moments alone another kernel is chosen, as if it were not asked for: inference graphs are portable.
    """

    name: str = "native"
    precise: bool = True

    def train(
        self, x: Any, axes: Axes, gamma: Any, beta: Any, epsilon: float, variant: Variant = ORDINARY
    ) -> tuple[Any, Moments]:
        return self.switch(x, axes, gamma, beta, epsilon, True)

    def infer(self, x: Any, axes: Axes, moments: Moments, gamma: Any, beta: Any, epsilon: float) -> Any:
        return PLAIN.infer(x, axes, moments, gamma, beta, epsilon)

    def switch(
        self,
        x: Any,
        axes: Axes,
        gamma: Any,
        beta: Any,
        epsilon: float,
        use_batch: Any,
        averages: Moments | None = None,
        moving: Moving | None = None,
    ) -> tuple[Any, Moments]:
        """Returns the normalised input and its moments; both switches in one, and no branch.

        Args:
          use_batch: True, or a tensor that says whether the batch's moments normalise; else the averages do.
          averages: as they are before anything moves; needed for a tensor, and where :func:`needs_averages`.
          moving: asks for shares, by which nothing moves where ``use_batch`` is off or the batch is empty.
        """
        from tf1bn.native import ops

        dtype = batch_dtype(x)
        gamma = tf.ones(axes.parameter_shape, dtype) if gamma is None else _row(gamma)
        beta = tf.zeros(axes.parameter_shape, dtype) if beta is None else _row(beta)
        found = ops.normalize(
            x,
            gamma,
            beta,
            use_batch,
            epsilon=epsilon,
            averages=None if averages is None else (_row(averages.mean), _row(averages.variance)),
            bessel=moving is not None and moving.bessel,
            guarded=moving is not None and moving.guarded,
            **({} if moving is None else {"weights": _weights(moving.decay, dtype)}),
        )
        mean, variance = tf.stop_gradient(found.mean), tf.stop_gradient(found.variance)
        n = batch.count(x, axes, dtype)
        if moving is None:
            return found.y, Moments(mean, variance, n)
        return found.y, SharedMoments.of(mean, variance, n, Shares(found.mean_share, found.variance_share, found.kept))


NATIVE = Native()


def batch_dtype(x: Any) -> tf.DType:
    """Returns the dtype in which statistics of an input are kept."""
    return tf.float64 if x.dtype.base_dtype == tf.float64 else tf.float32


def relu(y: Any) -> Any:
    """Returns tf.nn.relu(y), within the native op that made ``y`` where nothing else takes ``y``."""
    producers = (y.op, *(source.op for source in y.op.inputs))
    if any(op.type == names.NORMALIZE for op in producers):
        from tf1bn.native import ops

        merged = ops.merge_relu(y)
        if merged is not None:
            return merged
    return tf.nn.relu(y)


def needs_averages(moving: Moving | None, x: Any) -> bool:
    """Whether the rounding of the decay is made good by a part of the average."""
    fixed = moving is not None and isinstance(moving.decay, float)
    return fixed and averages_lib.weights(moving.decay, batch_dtype(x))[2] != 0


def _weights(decay: Any, dtype: tf.DType) -> Any:
    if isinstance(decay, float):
        return averages_lib.weights(decay, dtype)
    kept = tf.reshape(tf.cast(decay, dtype), [])
    return tf.stack([kept, 1.0 - kept, tf.zeros_like(kept)])


def _row(parameter: Any) -> Any:
    """A dialect may keep its variables in the rank of the input."""
    return parameter if parameter.shape.rank == 1 else tf.reshape(parameter, [-1])
