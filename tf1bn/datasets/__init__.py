"""Data for examples, commands and tests, in NumPy alone: embedded digits, IDX folders, batches.

In comes nothing, or a folder with MNIST's four files; out comes a :class:`Dataset` of three :class:`Split` (train,
validation, test): images float32 ``[N, height, width, 1]`` from 0 to 1, labels int64. No TensorFlow, and nothing is
downloaded.

To read, in this order: :mod:`splits` (what loaders return), :mod:`digits` (embedded), :mod:`idx` (a strict reader of
the file format), :mod:`folder` (MNIST and its like), :mod:`resize`, :mod:`batches` (seeded) with :mod:`counts`.
"""

from __future__ import annotations

import os

from tf1bn.datasets import batches, digits, folder, idx, resize
from tf1bn.datasets.folder import load_folder
from tf1bn.datasets.splits import Dataset, Split

__all__ = ["Dataset", "Split", "batches", "digits", "folder", "idx", "load", "load_folder", "resize"]


def load(data_dir: str | os.PathLike[str] | None = None) -> Dataset:
    """Returns images float32 ``[N, 28, 28, 1]`` and labels: of a folder if one is given, else the embedded digits.

    Args:
      data_dir: a folder for :func:`load_folder`; None or an empty string (an unset flag) for
        :func:`digits.load`.

    Raises:
      Tf1bnError: as :func:`load_folder` raises it.

    Example:
      >>> load().train.images.shape
      (1297, 28, 28, 1)
    """
    if data_dir is None or data_dir == "":
        return digits.load(size=28)
    return load_folder(data_dir)
