"""Reads IDX files (the format of MNIST) strictly, plain or gzip.

An IDX file is: two zero bytes, one byte that names the dtype, one byte with the number of dimensions, one
big-endian uint32 per dimension, then the elements in C order, big-endian. Nothing may follow.

Promises, each with a named error and a test that abuses it:

* The array holds exactly what the header claims; a short or a long file is refused.
* Nothing is allocated on the word of a header. The claim is held against ``max_bytes`` first; after that
  memory grows with the bytes that really arrive, in chunks of 64 KiB.
* At most one byte more than claimed is asked of a gzip stream, so a bomb stays packed. (The inflater of the
  standard library may unpack one buffer of its own ahead, up to 128 KiB.)
* Gzip is recognised by its first two bytes, never by the file name, and its checksum is verified.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import math
import os
import stat
import struct
import zlib
from collections.abc import Iterator

import numpy as np

from tf1bn import errors
from tf1bn.datasets import counts

MAX_BYTES = 2**30
"""Default limit on the bytes of one array: 1 GiB, twice the largest file of the EMNIST family."""

MAX_RANK = 32
"""Most dimensions that every supported NumPy can hold."""

DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: "i2", 0x0C: "i4", 0x0D: "f4", 0x0E: "f8"}

_CHUNK = 2**16
_GZIP_MAGIC = b"\x1f\x8b"
_Stream = io.BufferedReader | gzip.GzipFile


class IdxError(errors.DataError):
    """An IDX file cannot be read."""


class IdxMissingError(IdxError, FileNotFoundError):
    """No file has this path."""


class IdxFileError(IdxError, OSError):
    """The path is a directory or a device, or the system refuses to read it."""


class IdxMagicError(IdxError):
    """The file does not start with two zero bytes: it is not an IDX file."""


class IdxDtypeError(IdxError):
    """The dtype byte is none of the six of the format."""


class IdxRankError(IdxError):
    """The number of dimensions is 0 or more than 32."""


class IdxSizeError(IdxError):
    """The header claims more bytes than ``max_bytes``."""


class IdxTruncatedError(IdxError):
    """The file ends within its header or its elements."""


class IdxTrailingBytesError(IdxError):
    """Bytes follow the last element."""


class IdxGzipError(IdxError):
    """The gzip stream is damaged or cut."""


class IdxContentError(IdxError):
    """A sound IDX file that does not hold what was asked for (images, labels)."""


def read(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> np.ndarray:
    """Reads one IDX file into a new array in native byte order.

    Args:
      path: the file, plain or gzip under any name.
      max_bytes: most bytes that the elements may claim; at least 0.

    Returns:
      A writable array of dtype uint8, int8, int16, int32, float32 or float64. A dimension may be 0.

    Raises:
      IdxMissingError: no such file.
      IdxFileError: a directory, a device, or unreadable.
      IdxMagicError: not an IDX file.
      IdxDtypeError: unknown dtype code.
      IdxRankError: no dimensions, or more than 32.
      IdxSizeError: the dimensions claim more than ``max_bytes``. Dimensions of 0 count as 1 here, since no
        array can have its other dimensions that large either.
      IdxTruncatedError: the header or the elements are cut.
      IdxTrailingBytesError: something follows the elements.
      IdxGzipError: damaged or cut gzip stream.
      ArgumentTypeError: ``path`` is not a path, or ``max_bytes`` not an integer.
      ArgumentError: ``max_bytes`` is negative.

    Example:
      >>> import os, tempfile
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     path = os.path.join(folder, "labels")
      ...     with open(path, "wb") as file:
      ...         _ = file.write(bytes([0, 0, 0x0B, 1, 0, 0, 0, 2, 0, 7, 255, 255]))
      ...     read(path)
      array([ 7, -1], dtype=int16)

    Source: the format note on the MNIST page of LeCun, Cortes and Burges.
    """
    name = _name(path, "idx.read")
    with errors.located("idx.read", file=repr(name)):
        limit = counts.whole("max_bytes", max_bytes)
        with _opened(name) as stream:
            dtype, shape = _read_header(stream)
            return _read_elements(stream, dtype, shape, limit)


def read_images(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> np.ndarray:
    """Reads grey images: uint8 ``[N, height, width]``.

    Raises:
      IdxContentError: the file holds another dtype or rank.
      IdxError: its children, as :func:`read` raises them.
    """
    with errors.located("idx.read_images", file=repr(_name(path, "idx.read_images"))):
        return _expect(read(path, max_bytes=max_bytes), rank=3, what="images uint8 [N, height, width]")


def read_labels(path: str | os.PathLike[str], *, classes: int = 10, max_bytes: int = MAX_BYTES) -> np.ndarray:
    """Reads class numbers: uint8 ``[N]``, each below ``classes``.

    Raises:
      IdxContentError: the file holds another dtype or rank, or a label that is no class.
      IdxError: its children, as :func:`read` raises them.
      ArgumentTypeError: ``classes`` is not an integer.
      ArgumentError: ``classes`` is not in 1 to 256.
    """
    with errors.located("idx.read_labels", file=repr(_name(path, "idx.read_labels"))):
        classes = counts.whole("classes", classes, minimum=1, maximum=256)
        labels = _expect(read(path, max_bytes=max_bytes), rank=1, what="labels uint8 [N]")
        wrong = np.flatnonzero(labels >= classes)
        if wrong.size:
            raise IdxContentError(
                errors.explain(
                    f"{wrong.size} of {labels.size} labels are no class, the first at index {wrong[0]}",
                    got=int(labels[wrong[0]]),
                    expected=f"0 to {classes - 1}",
                    fix="Pass `classes` if the data set has more of them.",
                )
            )
        return labels


def _name(path: str | os.PathLike[str], where: str) -> str:
    """Returns the path as text."""
    try:
        return os.fsdecode(path)
    except TypeError:
        raise errors.ArgumentTypeError(
            errors.explain("`path` must be a path", got=path, expected="a str or os.PathLike"), where=where
        ) from None


def _expect(array: np.ndarray, *, rank: int, what: str) -> np.ndarray:
    """Returns ``array`` if it is uint8 of that rank."""
    if array.dtype == np.uint8 and array.ndim == rank:
        return array
    raise IdxContentError(
        errors.explain(
            "the file holds something else",
            got=f"{array.dtype.name} {list(array.shape)}",
            expected=what,
            fix="Images and labels may be swapped.",
        )
    )


def _check_regular(name: str) -> None:
    """Refuses what is no regular file; before opening, since opening a pipe would wait for a writer."""
    try:
        mode = os.stat(name).st_mode
    except FileNotFoundError:
        raise IdxMissingError(errors.explain("no such file", expected="an IDX file, plain or gzip")) from None
    except (OSError, ValueError) as error:  # ValueError: text that no system call takes, such as a null character
        raise IdxFileError(f"the file cannot be read: {error}.") from error
    if not stat.S_ISREG(mode):
        kind = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
        raise IdxFileError(errors.explain(f"the path is {kind}", expected="the path of one IDX file"))


@contextlib.contextmanager
def _opened(name: str) -> Iterator[_Stream]:
    """Opens a regular file, through gzip if its content says so, and names what goes wrong on the way."""
    _check_regular(name)
    try:
        with open(name, "rb") as file:
            packed = file.read(2) == _GZIP_MAGIC
            file.seek(0)
            if packed:
                with gzip.GzipFile(fileobj=file, mode="rb") as stream:
                    yield stream
            else:
                yield file
    except errors.Tf1bnError:
        raise
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise IdxGzipError(f"the gzip stream is damaged or cut: {error}. Fetch or pack the file again.") from error
    except OSError as error:
        raise IdxFileError(f"the file cannot be read: {error}.") from error


def _read_header(stream: _Stream) -> tuple[np.dtype, tuple[int, ...]]:
    """Returns the big-endian dtype and the shape that the header claims."""
    head = _exactly(stream, 4, "the first 4 bytes of the header")
    if head[:2] != b"\0\0":
        raise IdxMagicError(
            errors.explain("not an IDX file", got=head.hex(" "), expected="first bytes 00 00, dtype code, rank")
        )
    code, rank = head[2], head[3]
    if code not in DTYPES:
        known = ", ".join(f"0x{known:02X}" for known in DTYPES)
        raise IdxDtypeError(f"unknown dtype code. Got 0x{code:02X}; expected one of {known}.")
    if not 1 <= rank <= MAX_RANK:
        raise IdxRankError(errors.explain("impossible number of dimensions", got=rank, expected=f"1 to {MAX_RANK}"))
    sizes = _exactly(stream, 4 * rank, f"the {rank} dimensions of the header")
    return np.dtype(">" + DTYPES[code]), struct.unpack(f">{rank}I", sizes)


def _read_elements(stream: _Stream, dtype: np.dtype, shape: tuple[int, ...], limit: int) -> np.ndarray:
    """Returns the elements, after the claim passed ``limit``, and makes sure that nothing follows."""
    extent = dtype.itemsize * math.prod(max(size, 1) for size in shape)
    if extent > limit:
        raise IdxSizeError(
            errors.explain(
                f"the header claims {extent} bytes, dimensions {list(shape)} of {dtype.itemsize} bytes each",
                expected=f"at most {limit}",
                fix="Pass a larger `max_bytes` if the file is sound.",
            )
        )
    claimed = dtype.itemsize * math.prod(shape)
    data = _exactly(stream, claimed, f"the elements of dimensions {list(shape)}")
    if stream.read(1):
        raise IdxTrailingBytesError(
            errors.explain(
                f"bytes follow the {claimed} bytes of elements", expected=f"the end, dimensions are {list(shape)}"
            )
        )
    array: np.ndarray = np.ndarray(shape, dtype, buffer=data)
    if dtype.isnative:
        return array
    native: np.ndarray = array.byteswap(inplace=True).view(dtype.newbyteorder("="))
    return native


def _exactly(stream: _Stream, count: int, what: str) -> bytearray:
    """Returns the next ``count`` bytes; memory grows only with what arrives."""
    data = bytearray()
    while len(data) < count:
        chunk = stream.read(min(_CHUNK, count - len(data)))
        if not chunk:
            raise IdxTruncatedError(
                errors.explain(f"the file ends within {what}", got=len(data), expected=f"{count} bytes")
            )
        data += chunk
    return data
