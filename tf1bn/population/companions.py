"""What stands beside a mean and a variance and must agree with them: shadows, debiasing, renormalization."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

_SETTLED = 1e6
_HELPERS = ("biased", "local_step")
_SHADOW = re.compile(r"/ExponentialMovingAverage(_\d+)?$")


class Tensors:
    """The tensors of a file by what they can be companions of, put in order once for all averages.

    Args:
      shapes: name -> shape of the tensors that there are.
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        self.shapes = shapes
        self._shadows: dict[str, list[str]] = {}
        self._helpers: dict[str, list[str]] = {}
        for name in shapes:
            if _SHADOW.search(name):
                self._shadows.setdefault(_SHADOW.sub("", name), []).append(name)
            above, _, leaf = name.rpartition("/")
            while leaf in _HELPERS and above:
                self._helpers.setdefault(above, []).append(name)
                # The scope of the average may stand before its name once more.
                above = above.partition("/")[2]

    def related(self, name: str) -> list[str]:
        """Returns the tensor of that name, its shadows, and what debiases it."""
        base = _SHADOW.sub("", name)
        own = [name] if name in self.shapes else []
        shadows = (other for other in self._shadows.get(base, ()) if other != name)
        return [*own, *self._helpers.get(base, ()), *shadows]


def values(
    names: Tensors,
    means: Iterable[str],
    variances: Iterable[str],
    mean: np.ndarray,
    variance: np.ndarray,
    epsilon: float,
) -> dict[str, np.ndarray]:
    """Returns the values of all tensors that belong to one set of averages, in the shapes of the file.

    The averages themselves and any shadow of theirs get the mean and the variance. Debiasing is set to what it is
    after so many updates that it corrects nothing any more (``biased`` is the average, ``local_step`` at least a
    million, ``debias_weight`` and the weights of renormalization 1), so that training goes on as a plain moving
    average. Renormalization refers to the mean and sqrt(variance + epsilon).

    Args:
      names: the tensors that there are.
      means, variances: names of the averages.
      mean, variance: float64, flat.
      epsilon: of the batch norm.
    """
    found: dict[str, np.ndarray] = {}
    for kept, value in ((list(means), mean), (list(variances), variance)):
        for name in kept:
            for other in names.related(name):
                found[other] = _of(other, value)
    deviation = np.sqrt(variance + epsilon)
    leaves: dict[str, Any] = {
        "moving_stddev": deviation,
        "renorm_mean": mean,
        "renorm_stddev": deviation,
        "renorm_mean_weight": 1.0,
        "renorm_stddev_weight": 1.0,
        "debias_weight": 1.0,
    }
    # What renormalization keeps lies beside the averages, under these names of TensorFlow's own.
    for scope in {name.rpartition("/")[0] for name in means}:
        for leaf, value in leaves.items():
            name = f"{scope}/{leaf}" if scope else leaf
            for other in names.related(name):
                found[other] = np.asarray(value)
    return {name: _shaped(value, names.shapes[name]) for name, value in found.items()}


def _of(name: str, value: np.ndarray) -> np.ndarray:
    return np.asarray(_SETTLED) if name.endswith("/local_step") else value


def _shaped(value: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    # Weights and steps are one number, whatever shape the file has for them.
    return np.reshape(value, shape) if np.size(value) == int(np.prod(shape)) else np.full(shape, value)
