"""What every loader returns: images with their labels, in three parts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Split(NamedTuple):
    """Images and their labels, in the same order; also one batch of them.

    Attributes:
      images: float32 ``[N, height, width, 1]`` in [0, 1] when a loader of this package made it.
      labels: int64 ``[N]``, class numbers from 0.
    """

    images: np.ndarray
    labels: np.ndarray


class Dataset(NamedTuple):
    """Three disjoint parts of one data set.

    Attributes:
      train: what weights and batch-norm averages are learned from.
      validation: what settings are chosen by; may hold no image when the caller asked for none.
      test: what is reported.
    """

    train: Split
    validation: Split
    test: Split
