"""NumPy's own archive, written tensor by tensor; memory is that of the largest one."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence

import numpy as np

from tf1bn import errors
from tf1bn.convert.target import Target
from tf1bn.convert.writers.writer import Making, Writer


def write(path: str, targets: Sequence[Target], making: Making, metadata: Mapping[str, str]) -> None:
    """Writes one file, which ``numpy.load`` reads.

    Raises:
      ConvertError: NumPy has no such data type.
    """
    for target in targets:
        if target.dtype == "bfloat16":
            raise errors.ConvertError(
                errors.explain(f"{target.name!r} is bfloat16, which NumPy does not have", fix="Write safetensors.")
            )
    with zipfile.ZipFile(path, "x", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for target, value in making.values(targets):
            with archive.open(f"{target.name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, value, allow_pickle=False)


WRITER = Writer("npz", write, ".npz", index=False)
