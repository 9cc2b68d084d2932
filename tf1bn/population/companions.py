"""What stands beside a mean and a variance and must agree with them: shadows, debiasing, renormalization."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

_SETTLED = 1e6
_SHADOW = re.compile(r"/ExponentialMovingAverage(_\d+)?$")


def values(
    names: Mapping[str, tuple[int, ...]],
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
      names: name -> shape of the tensors that there are.
      means, variances: names of the averages.
      mean, variance: float64, flat.
      epsilon: of the batch norm.
    """
    found: dict[str, np.ndarray] = {}
    for kept, value in ((list(means), mean), (list(variances), variance)):
        for name in kept:
            for other in _related(name, names):
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
            for other in _related(name, names):
                found[other] = np.asarray(value)
    return {name: _shaped(value, names[name]) for name, value in found.items() if name in names}


def _related(name: str, names: Mapping[str, Any]) -> list[str]:
    """The tensor of that name, its shadows, and what debiases it, whose scope may stand before it once more."""
    base = _SHADOW.sub("", name)
    debias = tuple(f"{base}/{leaf}" for leaf in ("biased", "local_step"))
    related = [other for other in names if other in (name, *debias) or other.endswith(tuple(f"/{d}" for d in debias))]
    return related + [
        other for other in names if other != name and _SHADOW.search(other) and _SHADOW.sub("", other) == base
    ]


def _of(name: str, value: np.ndarray) -> np.ndarray:
    return np.asarray(_SETTLED) if name.endswith("/local_step") else value


def _shaped(value: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    # Weights and steps are one number, whatever shape the file has for them.
    return np.reshape(value, shape) if np.size(value) == int(np.prod(shape)) else np.full(shape, value)
