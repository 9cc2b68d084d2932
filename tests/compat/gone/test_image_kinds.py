"""The kind of an image by how its file begins: files of Pillow, and beside the original of Python 3.12."""

from __future__ import annotations

import importlib
import io
import warnings

import numpy as np
import pytest

from tf1bn.compat.gone import image_kinds

WRITTEN = {"PNG": "png", "JPEG": "jpeg", "GIF": "gif", "BMP": "bmp", "TIFF": "tiff", "PPM": "ppm", "WEBP": "webp"}
BEGUN = {
    "pbm": b"P4\n2 2\n", "pgm": b"P5 2 2 255\n", "rgb": b"\x01\xda\x01", "rast": b"\x59\xa6\x6a\x95",
    "xbm": b"#define x 2", "exr": b"\x76\x2f\x31\x01", None: b"RIFF....WAVEfmt ",
}  # fmt: skip


def written(form: str) -> bytes:
    image = pytest.importorskip("PIL.Image")
    stream = io.BytesIO()
    try:
        image.fromarray(np.zeros((2, 2, 3), np.uint8)).save(stream, form)
    except (KeyError, OSError):
        pytest.skip(f"this Pillow writes no {form}")
    return stream.getvalue()


@pytest.mark.parametrize("form", WRITTEN)
def test_files_of_pillow(form: str, tmp_path) -> None:
    path = tmp_path / "image"
    path.write_bytes(written(form))
    assert image_kinds.what(path) == image_kinds.what(str(path)) == WRITTEN[form]
    with path.open("rb") as opened:
        opened.seek(1)
        assert image_kinds.what(opened) is None and opened.tell() == 1


@pytest.mark.parametrize("kind", BEGUN)
def test_beginnings(kind: str | None) -> None:
    assert image_kinds.what("", BEGUN[kind]) == kind and image_kinds.what("", b"") is None


def test_the_kinds_are_those_of_python() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            original = importlib.import_module("imghdr")
        except ModuleNotFoundError:
            pytest.skip("imghdr left Python with 3.13")
    for form in WRITTEN:
        head = written(form)[:32]
        assert image_kinds.what("", head) == original.what("", head), form
    for head in BEGUN.values():
        assert image_kinds.what("", head) == original.what("", head), head
