"""Plain values that pass between the parts. Needs no TensorFlow."""

from __future__ import annotations

from typing import Any, NamedTuple


class Moments(NamedTuple):
    """Mean and variance per channel, and the number of values behind them.

    Attributes:
      mean: shape ``[C]``, float32 or float64.
      variance: shape ``[C]``, same dtype, divided by ``count`` (biased) unless stated otherwise.
      count: values per channel: a Python int where the shape is static, else a scalar tensor of the same
        dtype; None for averages, which no longer know it.
    """

    mean: Any
    variance: Any
    count: Any = None

    @property
    def shares(self) -> Shares | None:
        """What the averages take in, where a kernel gave that as well; moments that were changed have none."""
        return getattr(self, "_shares", None)


class Shares(NamedTuple):
    """Moments with their weight: average <- average * kept + share.

    Attributes:
      mean, variance: shape ``[C]``; zero where nothing moves.
      kept: what is kept of the average; 1 where nothing moves.
    """

    mean: Any
    variance: Any
    kept: Any


class SharedMoments(Moments):
    """Moments with their shares beside, and the same three fields."""

    _shares: Shares

    @classmethod
    def of(cls, mean: Any, variance: Any, count: Any, shares: Shares) -> SharedMoments:
        """Returns them together."""
        made = cls(mean, variance, count)
        made._shares = shares
        return made


class Averages(NamedTuple):
    """The two variables of one batch norm that inference reads."""

    mean: Any
    variance: Any


def is_variable(value: Any) -> bool:
    """Whether a value is a reference or a resource variable; a tensor and a partitioned variable are not.

    No class tells: ``tf.compat.v1.Variable`` is not a base of resource variables.
    """
    return hasattr(value, "read_value") and hasattr(value, "assign")
