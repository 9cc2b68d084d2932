"""safetensors, written by its own library; memory is that of one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tf1bn import extras
from tf1bn.convert.target import Target
from tf1bn.convert.writers.writer import Making, Writer


def write(path: str, targets: Sequence[Target], making: Making, metadata: Mapping[str, str]) -> None:
    """Writes one file.

    Raises:
      MissingExtraError: safetensors is not installed.
    """
    library = extras.load("safetensors")
    kept: list[np.ndarray] = []  # the library reads the bytes from where they are, so they must stay there
    specs = {}
    for target, value in making.values(targets, held=True):
        kept.append(value)
        specs[target.name] = library.TensorSpec(
            dtype=target.dtype, shape=list(target.shape), data_ptr=value.ctypes.data, data_len=value.nbytes
        )
    library.serialize_file(specs, path, metadata=dict(metadata))
    kept.clear()


WRITER = Writer("safetensors", write, ".safetensors")
