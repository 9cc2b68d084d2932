"""A state dict as ``torch.save`` writes it; ``torch.load(path, weights_only=True)`` reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tf1bn import extras
from tf1bn.convert.target import Target
from tf1bn.convert.writers.writer import Making, Writer


def write(path: str, targets: Sequence[Target], making: Making, metadata: Mapping[str, str]) -> None:
    """Writes one file.

    Raises:
      MissingExtraError: PyTorch is not installed.
    """
    torch = extras.load("torch")
    made = making.values(targets, held=True)
    torch.save({target.name: _tensor(torch, target, value) for target, value in made}, path)


def _tensor(torch: Any, target: Target, value: np.ndarray) -> Any:
    if not value.flags.writeable:
        value = value.copy()
    if target.dtype == "bfloat16":
        return torch.from_numpy(value.view("<i2")).view(torch.bfloat16).reshape(target.shape)
    return torch.from_numpy(value).reshape(target.shape)


WRITER = Writer("torch", write, ".pt")
