"""``imghdr.what``, which left Python with 3.13: the kind of an image by how its file begins."""

from __future__ import annotations

import os
from typing import Any

_LENGTH = 32
# Kind, where its mark stands, and what the mark may be.
_MARKS: tuple[tuple[str, int, tuple[bytes, ...]], ...] = (
    ("jpeg", 0, (b"\xff\xd8\xff",)),
    ("png", 0, (b"\x89PNG\r\n\x1a\n",)),
    ("gif", 0, (b"GIF87a", b"GIF89a")),
    ("tiff", 0, (b"MM", b"II")),
    ("rgb", 0, (b"\x01\xda",)),
    ("rast", 0, (b"\x59\xa6\x6a\x95",)),
    ("xbm", 0, (b"#define ",)),
    ("bmp", 0, (b"BM",)),
    ("webp", 8, (b"WEBP",)),
    ("exr", 0, (b"\x76\x2f\x31\x01",)),
)
_PORTABLE = {b"P1": "pbm", b"P4": "pbm", b"P2": "pgm", b"P5": "pgm", b"P3": "ppm", b"P6": "ppm"}


def what(file: Any, h: bytes | None = None) -> str | None:
    """Returns the kind of an image, such as ``"jpeg"``, or None where the beginning is that of none.

    Args:
      file: a path, or an open binary file, which stays where it is; not looked at where ``h`` is given.
      h: the first bytes of the file.

    Raises:
      OSError: the file cannot be read.
    """
    head = _head(file) if h is None else h
    if head[:2] in _PORTABLE and head[2:3].isspace():
        return _PORTABLE[head[:2]]
    found = (kind for kind, at, marks in _MARKS if head[at:].startswith(marks))
    return next((kind for kind in found if kind != "webp" or head.startswith(b"RIFF")), None)


def _head(file: Any) -> bytes:
    if isinstance(file, str | bytes | os.PathLike):
        with open(file, "rb") as opened:
            return opened.read(_LENGTH)
    place = file.tell()
    head: bytes = file.read(_LENGTH)
    file.seek(place)
    return head
