"""The tensors of a source: what a checkpoint holds, read one by one, and in which form batch norms are stored."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from tf1bn import errors
from tf1bn.checkpoint import crc32c, dtypes, protos, sites
from tf1bn.checkpoint.bundle import Bundle, TensorInfo
from tf1bn.checkpoint.layout import MEAN, VARIANCE
from tf1bn.checkpoint.layouts import object_based
from tf1bn.checkpoint.source import Checkpoint, open_checkpoint
from tf1bn.convert.layer import Stored

_PIECE = 1 << 20
_AVERAGE = "/ExponentialMovingAverage"


class Stretch(NamedTuple):
    """The bytes of one tensor in a file of a checkpoint.

    Attributes:
      opened: the checkpoint.
      key: the tensor.
      entry: what the index says of it.
    """

    opened: Bundle
    key: str
    entry: protos.Entry

    def into(self, at: int, place: np.ndarray) -> None:
        """Fills an array with the bytes from a place on."""
        self.opened.read_into(self.entry, at, place.reshape(-1).data.cast("B"))

    def check(self, crc: int) -> None:
        """Refuses a checksum of all bytes that is not the stored one.

        Raises:
          CheckpointDamagedError: as said.
        """
        if crc32c.mask(crc) != self.entry.crc:
            self.opened.verify_entry(self.key, self.entry)  # says what is wrong

    def whole(self) -> np.ndarray:
        """Returns all bytes, with their checksum verified.

        Raises:
          CheckpointDamagedError: it is wrong.
        """
        content = np.empty(self.entry.size, np.uint8)
        running = crc32c.Running()
        for at in range(0, self.entry.size, _PIECE):
            piece = content[at : at + _PIECE]
            self.into(at, piece)
            running.add(piece.data)  # while it is in the cache
        self.check(running.value())
        return content


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
        key = self._averaged(key)
        stored = self.stretch(key)
        if stored is not None:
            return stored.whole().view(np.dtype(self.infos[key].dtype.numpy)).reshape(self.infos[key].shape)
        if self._opened is not None:
            return self._opened.read(key)
        value = self._arrays[key]
        return value.view(np.uint16) if value.dtype.name == "bfloat16" else value

    def stretch(self, key: str) -> Stretch | None:
        """Returns where the bytes of a tensor stand in a file; None where they do not stand in one stretch."""
        key = self._averaged(key)
        info = self.infos[key]
        if isinstance(self._opened, Bundle) and info.dtype.size and not info.slices:
            return Stretch(self._opened, key, self._opened.entries[key])
        return None

    def _averaged(self, key: str) -> str:
        return key + _AVERAGE if self._ema and key + _AVERAGE in self.infos else key

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
