"""The kernel of the optional op library: normalisation, its gradient and the switch as one op each, on CPU."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn.core import moments as batch
from tf1bn.core.axes import Axes
from tf1bn.core.plain import ORDINARY, Variant
from tf1bn.core.values import Averages, Moments
from tf1bn.native import names


class Stepping(NamedTuple):
    """How averages move by the steps that the op gives.

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

    With given moments alone it is the kernel that would be chosen without it, so that inference graphs are portable.
    """

    name: str = "native"
    precise: bool = True

    def train(
        self, x: Any, axes: Axes, gamma: Any, beta: Any, epsilon: float, variant: Variant = ORDINARY
    ) -> tuple[Any, Moments]:
        return self.switch(x, axes, gamma, beta, epsilon, True)

    def infer(self, x: Any, axes: Axes, moments: Moments, gamma: Any, beta: Any, epsilon: float) -> Any:
        from tf1bn.core import kernels

        kernel = kernels.choose_given(tuple(x.shape.as_list()), x.dtype.base_dtype, axes)
        return kernel.infer(x, axes, moments, gamma, beta, epsilon)

    def switch(
        self,
        x: Any,
        axes: Axes,
        gamma: Any,
        beta: Any,
        epsilon: float,
        use_batch: Any,
        averages: Moments | None = None,
        stepping: Stepping | None = None,
    ) -> tuple[Any, Moments]:
        """Returns the normalised input and its moments; both switches in one, and no branch.

        Args:
          use_batch: True, or a tensor that says whether the batch's moments normalise; else the averages do.
          averages: as they are before anything moves; needed for a tensor and for steps.
          stepping: asks for steps, which are zero where ``use_batch`` is off or the batch is empty.
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
            rate=0.0 if stepping is None else _rate(stepping.decay, dtype),
            bessel=stepping is not None and stepping.bessel,
            guarded=stepping is not None and stepping.guarded,
        )
        steps = None if stepping is None else Averages(found.mean_step, found.variance_step)
        mean, variance = tf.stop_gradient(found.mean), tf.stop_gradient(found.variance)
        return found.y, Moments(mean, variance, batch.count(x, axes, dtype), steps)


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


def _rate(decay: Any, dtype: tf.DType) -> Any:
    return 1.0 - decay if isinstance(decay, float) else 1.0 - tf.cast(decay, dtype)


def _row(parameter: Any) -> Any:
    """A dialect may keep its variables in the rank of the input."""
    return parameter if parameter.shape.rank == 1 else tf.reshape(parameter, [-1])
