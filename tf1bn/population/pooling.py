"""Mean and variance of many batches from the moments of each, in float64. Needs no TensorFlow."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np

from tf1bn import errors

POOLED, MEAN_OF_BATCHES = "pooled", "mean_of_batches"
MODES = (POOLED, MEAN_OF_BATCHES)


class Sums(NamedTuple):
    """What is known of some values per channel.

    Attributes:
      count: how many.
      mean: float64 ``[C]``.
      m2: sum of squared distances from the mean, float64 ``[C]``.
    """

    count: Any
    mean: np.ndarray
    m2: np.ndarray

    @classmethod
    def of(cls, count: float, mean: np.ndarray, variance: np.ndarray) -> Sums:
        """Returns the sums behind a biased variance."""
        return cls(float(count), np.asarray(mean, np.float64), np.asarray(variance, np.float64) * float(count))

    @property
    def variance(self) -> np.ndarray:
        """The variance, divided by the count."""
        return self.m2 / self.count


def merge(first: Sums, second: Sums) -> Sums:
    """Returns the sums of both together.

    n = n1 + n2;  d = mean2 - mean1;  mean = mean1 + d * n2 / n;  m2 = m2_1 + m2_2 + d^2 * n1 * n2 / n

    Chan, Golub and LeVeque, "Algorithms for Computing the Sample Variance", 1983.

    Example:
      >>> import numpy as np
      >>> both = merge(Sums.of(1, np.array([1.0]), np.array([0.0])), Sums.of(2, np.array([4.0]), np.array([1.0])))
      >>> both.count, both.mean.tolist(), both.m2.tolist()
      (3.0, [3.0], [8.0])
    """
    count = first.count + second.count
    distance = second.mean - first.mean
    mean = first.mean + distance * (second.count / count)
    m2 = first.m2 + second.m2 + np.square(distance) * (first.count * second.count / count)
    return Sums(count, mean, m2)


class Estimator(Protocol):
    """Takes in the moments of batches and says what the averages should be."""

    batches: int

    def add(self, count: float, mean: np.ndarray, variance: np.ndarray) -> None:
        """Takes in one batch; its variance is divided by the count."""

    def result(self) -> Sums:
        """Returns mean and variance of all batches so far."""


class Pooled:
    """Exact moments of all values of all batches, whatever their sizes; the variance of the batch means is in it.

    Trick: batches are merged in pairs, pairs in pairs and so on, as a binary counter carries, so that rounding grows
    with the logarithm of their number.
    """

    def __init__(self) -> None:
        self.batches = 0
        self._waiting: list[tuple[int, Sums]] = []

    def add(self, count: float, mean: np.ndarray, variance: np.ndarray) -> None:
        self.batches += 1
        level, sums = 0, Sums.of(count, mean, variance)
        while self._waiting and self._waiting[-1][0] == level:
            sums = merge(self._waiting.pop()[1], sums)
            level += 1
        self._waiting.append((level, sums))

    def result(self) -> Sums:
        _require_batches(self.batches)
        sums = self._waiting[-1][1]
        for _, earlier in reversed(self._waiting[:-1]):
            sums = merge(earlier, sums)
        return sums


class MeanOfBatches:
    """Mean of the batch means and mean of the batch variances, each batch alike: where a moving average settles.

    Args:
      bessel: averages variance * n / (n - 1), as the updates of some layers do.
    """

    def __init__(self, bessel: bool = False) -> None:
        self.batches = 0
        self._bessel = bessel
        self._counts = Pooled()
        self._means = Pooled()
        self._variances = Pooled()

    def add(self, count: float, mean: np.ndarray, variance: np.ndarray) -> None:
        if count < 2:
            raise errors.PopulationError(
                errors.explain(
                    "a batch with one value per channel has no variance to average",
                    fix=f"Use larger batches, or the mode {POOLED!r}.",
                )
            )
        self.batches += 1
        factor = count / (count - 1) if self._bessel else 1.0
        nothing = np.zeros(np.shape(mean))
        self._means.add(1, mean, nothing)
        self._variances.add(1, np.asarray(variance, np.float64) * factor, nothing)
        self._counts.add(1, np.asarray(count, np.float64), np.zeros(()))

    def result(self) -> Sums:
        _require_batches(self.batches)
        count = float(self._counts.result().mean) * self.batches
        return Sums.of(count, self._means.result().mean, self._variances.result().mean)


def make(mode: str, bessel: bool) -> Estimator:
    """Returns the estimator of a mode; pooled variances are always divided by the count.

    Raises:
      ArgumentError: no such mode.
    """
    if mode not in MODES:
        raise errors.ArgumentError(errors.explain("unknown `mode`", got=mode, expected=" or ".join(map(repr, MODES))))
    return Pooled() if mode == POOLED else MeanOfBatches(bessel)


def _require_batches(batches: int) -> None:
    if not batches:
        raise errors.PopulationError(errors.explain("there is no batch", expected="at least one"))
