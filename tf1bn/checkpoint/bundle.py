"""V2 checkpoints (PREFIX.index and PREFIX.data-?????-of-?????): names, places and bytes of every tensor.

Only the index is read when a checkpoint is opened. Bytes come in pieces, so memory does not grow with tensors.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from tf1bn import errors
from tf1bn.checkpoint import crc32c, dtypes, ordered_code, protos, strings, table
from tf1bn.checkpoint.wire import damaged

_PIECE = 1 << 20
_INDEX_BLOCK_LIMIT = 16 << 20  # TensorFlow's writer cuts blocks at 256 KiB


class TensorInfo(NamedTuple):
    """Name, data type and shape of one stored tensor; slices when it is partitioned."""

    name: str
    dtype: dtypes.DType
    shape: tuple[int, ...]
    slices: tuple[tuple[ordered_code.Extent, ...], ...] = ()

    @property
    def elements(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def size_bytes(self) -> int:
        """Bytes of the elements; of those that have no fixed size, one for each."""
        return self.elements * max(self.dtype.size, 1)


def data_path(prefix: str, shard: int, shards: int) -> str:
    """Returns the path of one data file."""
    return f"{prefix}.data-{shard:05d}-of-{shards:05d}"


def slice_shape(shape: tuple[int, ...], extents: tuple[ordered_code.Extent, ...]) -> tuple[int, ...]:
    """Returns the shape of one slice.

    Raises:
      CheckpointDamagedError: the slice is of another rank or reaches outside the tensor.
    """
    if len(extents) != len(shape):
        raise damaged("a slice has another rank than its tensor", got=extents, expected=f"{len(shape)} axes")
    sizes = []
    for whole, (start, length) in zip(shape, extents, strict=True):
        # A negative length stands for all of the axis.
        size = whole - start if length < 0 else length
        if size < 0 or start + size > whole:
            raise damaged("a slice reaches outside its tensor", got=extents, expected=f"within {shape}")
        sizes.append(size)
    return tuple(sizes)


def open_file(path: str) -> int:
    """Opens a file of a checkpoint for reading, as a descriptor.

    Raises:
      CheckpointMissingError: it is absent, a directory, or may not be read.
    """
    try:
        if os.path.isdir(path):
            # Opening a directory for reading works, and only reading it fails.
            raise IsADirectoryError(21, "Is a directory")
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise errors.CheckpointMissingError(
            errors.explain(f"cannot read {path}", got=error.strerror, expected="a readable file")
        ) from error


class _Infos(Mapping[str, TensorInfo]):
    """The tensors of an index, each made when it is asked for: an index can have a million."""

    def __init__(self, entries: dict[str, protos.Entry]) -> None:
        self._entries = entries

    def __getitem__(self, name: str) -> TensorInfo:
        entry = self._entries[name]
        return TensorInfo(name, dtypes.of_number(entry.dtype), entry.shape, entry.slices)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


class Bundle:
    """An open V2 checkpoint. Use as a context manager, or call :meth:`close`.

    Args:
      prefix: path without ``.index``.

    Attributes:
      prefix: as given.
      header: number of data files and version.
      tensors: name -> :class:`TensorInfo`, sorted by name.
      partitioned: names of the tensors that are stored in slices.

    Raises:
      CheckpointMissingError: the index cannot be opened.
      CheckpointDamagedError: the index is malformed.
    """

    version = 2

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self._descriptors: dict[int, int] = {}
        self._known_ends: dict[int, tuple[int, str]] | None = None
        self._absent: dict[int, bool] = {}
        # Data files are opened when they are asked for: of some checkpoints only the index is left.
        descriptor = open_file(prefix + ".index")
        try:
            self.header, self.entries, self._slices = _read_index(descriptor)
        finally:
            os.close(descriptor)
        self.tensors: Mapping[str, TensorInfo] = _Infos(self.entries)
        self.partitioned = tuple(name for name, entry in self.entries.items() if entry.slices)
        self._match_slices()

    def __enter__(self) -> Bundle:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the data files."""
        for descriptor in self._descriptors.values():
            os.close(descriptor)
        self._descriptors.clear()

    def _match_slices(self) -> None:
        """Checks that partitioned tensors and slices belong to each other, and that sizes fit shapes."""
        claimed = 0
        for name in self.partitioned:
            for key, part in self.slice_entries(name):
                claimed += 1
                _check_size(f"{name} {key!r}", self.tensors[name].dtype, part)
        for name, entry in self.entries.items():
            dtype = dtypes.of_number(entry.dtype)
            if not entry.slices:
                _check_size(name, dtype, entry)
        # A slice key holds the name of its tensor in coded form, so slices are counted, and not traced back.
        if claimed != len(self._slices):
            raise damaged(
                "the index holds slices of no tensor, or of one twice", got=len(self._slices), expected=str(claimed)
            )

    def slice_entries(self, name: str) -> list[tuple[tuple[ordered_code.Extent, ...], protos.Entry]]:
        """Returns (extents, entry) of every slice of a partitioned tensor; empty for a plain one."""
        info = self.tensors[name]
        parts = []
        for extents in info.slices:
            entry = self._slices.get(ordered_code.slice_key(name, extents))
            if entry is None:
                raise damaged(f"a slice of {name} is not in the index", got=extents)
            if entry.shape != slice_shape(info.shape, extents) or entry.dtype != info.dtype.number:
                raise damaged(f"a slice of {name} has another shape or type than it should", got=entry.shape)
            parts.append((extents, entry))
        return parts

    def pieces_of(self, name: str) -> list[protos.Entry]:
        """Returns the entries that hold the bytes of a tensor: its own, or those of its slices."""
        entry = self.entries[name]
        return [part for _, part in self.slice_entries(name)] if entry.slices else [entry]

    def shards(self) -> list[str]:
        """Returns the paths of all data files, each checked to exist and to be long enough.

        Raises:
          CheckpointMissingError: a data file cannot be opened.
          CheckpointDamagedError: one ends before the tensors in it do.
        """
        for shard in range(self.header.shards):
            self._descriptor(shard)
        return [data_path(self.prefix, shard, self.header.shards) for shard in range(self.header.shards)]

    def readable(self, name: str) -> bool:
        """Returns whether the data files that hold a tensor are there; they are not opened."""
        return not any(self._is_absent(entry.shard) for entry in self.pieces_of(name))

    def _is_absent(self, shard: int) -> bool:
        if shard not in self._absent:
            self._absent[shard] = not os.path.lexists(data_path(self.prefix, shard, self.header.shards))
        return self._absent[shard]

    def absent_shards(self) -> list[str]:
        """Returns the paths of the data files that tensors of the index are in and that are not there.

        Raises:
          CheckpointDamagedError: a tensor is in a data file beyond those that the header counts.
        """
        absent = [shard for shard in sorted(self._limits()) if self._is_absent(shard)]
        return [data_path(self.prefix, shard, self.header.shards) for shard in absent]

    def _limits(self) -> dict[int, tuple[int, str]]:
        if self._known_ends is None:
            self._known_ends = self._ends()
        return self._known_ends

    def _ends(self) -> dict[int, tuple[int, str]]:
        """Returns where the last tensor of each data file ends, and its name."""
        ends: dict[int, tuple[int, str]] = {}
        for name in self.entries:
            for entry in self.pieces_of(name):
                if entry.shard >= self.header.shards:
                    raise damaged(f"{name} is in data file {entry.shard}", expected=f"0 to {self.header.shards - 1}")
                # One look at each file's size then stands for a check of every tensor in it.
                if entry.offset + entry.size > ends.get(entry.shard, (-1, ""))[0]:
                    ends[entry.shard] = entry.offset + entry.size, name
        return ends

    def _descriptor(self, shard: int) -> int:
        if shard in self._descriptors:
            return self._descriptors[shard]
        limits = self._limits()
        if shard >= self.header.shards:
            raise damaged("a tensor is in a data file that does not exist", got=shard)
        path = data_path(self.prefix, shard, self.header.shards)
        if self._is_absent(shard):
            raise errors.CheckpointMissingError(
                errors.explain(
                    f"cannot read {path}, which is not there; the index says what was in it and not the values",
                    fix="Copy every file of the checkpoint: the .index and all .data files.",
                )
            )
        descriptor = open_file(path)
        size = os.fstat(descriptor).st_size
        end, name = limits.get(shard, (0, ""))
        if size < end:
            os.close(descriptor)
            raise damaged(f"{path} is too short for {name}", got=f"{size} bytes", expected=f"{end} or more")
        self._descriptors[shard] = descriptor
        return descriptor

    def read_piece(self, entry: protos.Entry, at: int, size: int) -> bytes:
        """Returns up to ``size`` bytes at ``at`` of an entry's bytes."""
        # pread, as threads and tensors share the descriptor and would move each other's place.
        size = min(size, entry.size - at, _PIECE)
        data = os.pread(self._descriptor(entry.shard), size, entry.offset + at) if size > 0 else b""
        if len(data) != max(size, 0):
            raise damaged(f"a data file of {self.prefix} ended while it was read")
        return data

    def read_into(self, entry: protos.Entry, at: int, place: memoryview) -> None:
        """Fills a writable buffer with the bytes at ``at`` of an entry's bytes, without a copy between."""
        descriptor, done = self._descriptor(entry.shard), 0
        assert at + len(place) <= entry.size
        # One call gives at most 2 GiB, and may give less.
        while done < len(place):
            count = os.preadv(descriptor, [place[done:]], entry.offset + at + done)
            if count <= 0:
                raise damaged(f"a data file of {self.prefix} ended while it was read")
            done += count

    def chunks(self, entry: protos.Entry) -> Iterator[bytes]:
        """Yields the stored bytes of an entry, a piece at a time."""
        for at in range(0, entry.size, _PIECE):
            yield self.read_piece(entry, at, _PIECE)

    def checked(self, name: str, entry: protos.Entry) -> Iterator[bytes]:
        """Yields the stored bytes of an entry, and checks their checksum at the end.

        Raises:
          CheckpointDamagedError: it is wrong.
        """
        if entry.dtype in (dtypes.STRING, dtypes.VARIANT):
            self.verify_entry(name, entry)
            yield from self.chunks(entry)
            return
        crc = 0
        for chunk in self.chunks(entry):
            crc = crc32c.extend(crc, chunk)
            yield chunk
        if crc32c.mask(crc) != entry.crc:
            raise damaged(f"the checksum of the data of {name} is wrong", fix="The data file was altered.")

    def verify_entry(self, name: str, entry: protos.Entry) -> None:
        """Checks the checksum of one entry's bytes.

        Raises:
          CheckpointDamagedError: it is wrong.
        """
        if entry.dtype == dtypes.VARIANT:
            return  # its checksum is interleaved with the encoding of objects that only TensorFlow can read
        if entry.dtype == dtypes.STRING:
            # Of strings the checksum is over their lengths in another form, not over the stored bytes.
            crc = strings.checksum(self._reader(entry), math.prod(entry.shape), entry.size)
        else:
            crc = crc32c.of_chunks(self.chunks(entry))
        if crc32c.mask(crc) != entry.crc:
            raise damaged(f"the checksum of the data of {name} is wrong", fix="The data file was altered.")

    def _reader(self, entry: protos.Entry) -> strings.Reader:
        return lambda at, size: self.read_piece(entry, at, size)

    def read(self, name: str) -> np.ndarray:
        """Returns the whole tensor, slices put together, checksums verified.

        Raises:
          CheckpointDamagedError: a checksum is wrong, or slices leave a gap.
          CheckpointUnsupportedError: resources and variants have no array form.
        """
        info = self.tensors[name]
        if not info.slices:
            return self._read_entry(name, self.entries[name])
        parts = self.slice_entries(name)
        # Else np.empty would hand out what was in memory before.
        if sum(math.prod(entry.shape) for _, entry in parts) != info.elements:
            raise damaged(f"the slices of {name} leave a gap or overlap")
        whole = np.empty(info.shape, info.dtype.numpy or object)
        for extents, entry in parts:
            place = tuple(slice(start, start + size) for (start, _), size in zip(extents, entry.shape, strict=True))
            whole[place] = self._read_entry(name, entry)
        return whole

    def _read_entry(self, name: str, entry: protos.Entry) -> np.ndarray:
        self.verify_entry(name, entry)
        if entry.dtype == dtypes.STRING:
            return strings.decode(self._reader(entry), entry.shape, math.prod(entry.shape), entry.size)
        numpy_type = dtypes.of_number(entry.dtype).numpy
        if numpy_type is None:
            raise errors.CheckpointUnsupportedError(
                errors.explain(f"{name} has no array form", got=dtypes.of_number(entry.dtype).name)
            )
        return np.frombuffer(b"".join(self.chunks(entry)), numpy_type).reshape(entry.shape)

    def iter_values(self, name: str) -> Iterator[np.ndarray]:
        """Yields the elements of a tensor of fixed-size elements in flat pieces; slices one after the other."""
        info = self.tensors[name]
        for entry in self.pieces_of(name):
            for chunk in self.chunks(entry):
                yield np.frombuffer(chunk, info.dtype.numpy)


def _check_size(name: str, dtype: dtypes.DType, entry: protos.Entry) -> None:
    if dtype.size and math.prod(entry.shape) * dtype.size != entry.size:
        raise damaged(
            f"{name} has another size than its shape says",
            got=f"{entry.size} bytes",
            expected=f"{math.prod(entry.shape) * dtype.size} for {dtype.name} {list(entry.shape)}",
        )


def _read_index(descriptor: int) -> tuple[protos.Header, dict[str, protos.Entry], dict[bytes, protos.Entry]]:
    header: protos.Header | None = None
    entries: dict[str, protos.Entry] = {}
    slices: dict[bytes, protos.Entry] = {}
    for key, value in table.Table(descriptor, _INDEX_BLOCK_LIMIT):
        if header is None:
            if key:
                raise damaged("the index has no header: not a V2 checkpoint")
            header = protos.parse_header(value)
        # Slice keys begin with a zero byte, which no name does: so they sort before all tensors.
        elif key[0] == 0:
            slices[key] = protos.parse_entry(value)
        else:
            # Names are bytes in the file; those that are not UTF-8 must come out as they went in.
            entries[key.decode("utf-8", "surrogateescape")] = protos.parse_entry(value)
    if header is None:
        raise damaged("the index is empty")
    return header, entries, slices
