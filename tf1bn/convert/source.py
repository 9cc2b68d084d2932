"""The tensors of a source: what a checkpoint holds, read one by one, and in which form batch norms are stored."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from tf1bn import errors
from tf1bn.checkpoint import crc32c, dtypes, sites
from tf1bn.checkpoint.bundle import Bundle, TensorInfo
from tf1bn.checkpoint.layout import MEAN, VARIANCE
from tf1bn.checkpoint.layouts import object_based
from tf1bn.checkpoint.source import Checkpoint, open_checkpoint
from tf1bn.convert.layer import Stored

_PIECE = 1 << 20
_AVERAGE = "/ExponentialMovingAverage"


class Source:
    """A checkpoint, or arrays by name.

    Args:
      checkpoint: prefix of a checkpoint, or a mapping of names to arrays.
      ema: takes the ExponentialMovingAverage of each weight that has one.

    Attributes:
      where: what to call it.
      infos: what is known of each tensor without its numbers.

    Raises:
      CheckpointError: it cannot be read.
    """

    def __init__(self, checkpoint: Any, *, ema: bool = False) -> None:
        self._opened: Checkpoint | None = None
        self._arrays: dict[str, np.ndarray] = {}
        self._ema = ema
        if isinstance(checkpoint, Mapping):
            self.where = "the given values"
            self._arrays = {name: np.asarray(value) for name, value in checkpoint.items()}
            self.infos = {name: _info(name, value) for name, value in self._arrays.items()}
        else:
            self.where = os.fspath(checkpoint)
            self._opened = open_checkpoint(checkpoint)
            self.infos = dict(self._opened.tensors)

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the files."""
        if self._opened is not None:
            self._opened.close()

    def read(self, key: str) -> np.ndarray:
        """Returns the numbers of one tensor; those of bfloat16 as the integers of their bits.

        Raises:
          CheckpointDamagedError: its checksum is wrong.
        """
        if self._ema and key + _AVERAGE in self.infos:
            key += _AVERAGE
        if isinstance(self._opened, Bundle) and self.infos[key].dtype.size and not self.infos[key].slices:
            return _read_once(self._opened, key, self.infos[key])
        if self._opened is not None:
            return self._opened.read(key)
        value = self._arrays[key]
        return value.view(np.uint16) if value.dtype.name == "bfloat16" else value

    def stored(self) -> dict[str, Stored]:
        """Returns every tensor of numbers, with the form in which it is stored, where its name tells."""
        found = {
            name: Stored(name, info.shape, info.dtype.name) for name, info in self.infos.items() if info.dtype.numpy
        }
        for site in self.sites():
            for role in (MEAN, VARIANCE):
                leaf, name = site.layout.leaf(role), site.tensors.get(role)
                if leaf is not None and name in found and leaf.stored != "identity":
                    second = site.tensors.get(leaf.companion, "") if leaf.companion else ""
                    found[name] = found[name]._replace(form=leaf.stored, companion=second)
        return found

    def sites(self) -> list[sites.Site]:
        """Returns the batch norms that the names show."""
        return sites.recognise(self.infos)

    @property
    def object_based(self) -> bool:
        """Whether names are object paths, as TensorFlow 2 writes them."""
        return object_based.GRAPH_KEY in self.infos


def _read_once(opened: Bundle, key: str, info: TensorInfo) -> np.ndarray:
    """Reads a tensor piece by piece into its place, and checks its checksum on the way."""
    entry = opened.entries[key]
    content = np.empty(entry.size, np.uint8)
    crc = 0
    for at in range(0, entry.size, _PIECE):
        piece = opened.read_piece(entry, at, _PIECE)
        crc = crc32c.extend(crc, piece)
        content[at : at + len(piece)] = np.frombuffer(piece, np.uint8)
    if crc32c.mask(crc) != entry.crc:
        opened.verify_entry(key, entry)  # says what is wrong
    return content.view(np.dtype(info.dtype.numpy)).reshape(info.shape)


def _info(name: str, value: np.ndarray) -> TensorInfo:
    kind = "string" if value.dtype == object or value.dtype.kind in "SU" else value.dtype.name
    return TensorInfo(name, dtypes.of_name(kind), tuple(value.shape))


def check(key: str, stored: Mapping[str, Stored], where: str, shape: tuple[int, ...]) -> None:
    """Refuses a variable that the source lacks, or has in another shape.

    Raises:
      ConvertError: as said.
    """
    if key not in stored:
        raise errors.ConvertError(
            errors.explain(
                f"{where} has no tensor {key!r}, which the graph needs",
                fix=errors.did_you_mean(key, stored).strip() or "Give the checkpoint of this graph.",
            )
        )
    if 0 not in shape and stored[key].shape != shape:
        raise errors.ConvertError(
            errors.explain(f"{key!r} has another shape in {where}", got=stored[key].shape, expected=f"{shape}")
        )
