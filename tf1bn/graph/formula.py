"""The textbook formula of a batch norm that reads its averages, as a judge of what a rewritten graph computes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tf1bn.graph.site import Site


def normalized(site: Site, x: np.ndarray, values: Mapping[str, np.ndarray]) -> np.ndarray:
    """Returns (x - mean) / sqrt(variance + epsilon) * gamma + beta in float64, for the first normaliser of a site.

    Args:
      site: keeps one mean and one variance.
      x: what is normalised.
      values: the value of every variable by name.
    """
    item = site.normalizers[0]
    channels = values[site.mean[0].name].size
    stated = item.data_format.startswith("NC") or (not item.data_format and x.shape[-1] != channels)
    first = stated and x.ndim > 2
    spread = (1, -1) + (1,) * (x.ndim - 2) if first else (-1,)

    def value(variable: Any, default: float) -> Any:
        return default if variable is None else values[variable.name].astype(np.float64).reshape(spread)

    scaled = (x - value(site.mean[0], 0.0)) / np.sqrt(value(site.variance[0], 1.0) + item.epsilon)
    return scaled * value(site.gamma, 1.0) + value(site.beta, 0.0)


def shaken(values: Mapping[str, np.ndarray], sites: Sequence[Site]) -> dict[str, np.ndarray]:
    """As :func:`shaken_averages`, of the variables of sites."""
    return shaken_averages(values, [(site.mean[0].name, site.variance[0].name) for site in sites])


def shaken_averages(values: Mapping[str, np.ndarray], pairs: Iterable[tuple[str, str]]) -> dict[str, np.ndarray]:
    """Gives averages that are all 0 and 1 other values, so that a check can tell them from batch moments.

    Args:
      values: the value of every variable by name.
      pairs: the names of mean and variance of each batch norm.
    """
    result = dict(values)
    generator = np.random.default_rng(0)
    for mean, variance in pairs:
        if np.all(result[mean] == 0) and np.all(result[variance] == 1):
            result[mean] = generator.normal(size=result[mean].shape).astype(result[mean].dtype)
            result[variance] = generator.uniform(0.5, 2.0, result[variance].shape).astype(result[variance].dtype)
    return result
