"""The image functions of SciPy 1.1: formulas of its reference by NumPy, and values of SciPy 1.1.0 itself, run once."""

import pathlib
import sys

import numpy as np
import pytest

from tf1bn import errors
from tf1bn.compat.gone import scipy_misc as misc

GREY = np.array([[0.0, 3.0], [1.0, 2.0]])
COLOURED = np.arange(2 * 5 * 3, dtype=np.uint8).reshape(2, 5, 3)


def test_values_are_stretched_to_bytes() -> None:
    assert misc.bytescale(GREY).tolist() == [[0, 255], [85, 170]]
    assert misc.bytescale(GREY, cmin=1, cmax=2).tolist() == [[0, 255], [0, 255]]
    assert misc.bytescale(GREY, high=100, low=20).tolist() == [[20, 100], [47, 73]]
    assert misc.bytescale(COLOURED) is COLOURED and misc.bytescale(np.ones((2, 2))).tolist() == [[0, 0], [0, 0]]
    assert misc.bytescale(GREY > 1).tolist() == [[0, 255], [0, 255]]


def test_an_image_is_written_and_read(tmp_path: pathlib.Path) -> None:
    for image, expected in ((COLOURED, COLOURED), (GREY, [[0, 255], [85, 170]])):
        misc.imsave(tmp_path / "a.png", image)
        assert np.array_equal(misc.imread(str(tmp_path / "a.png")), expected)
    misc.imsave(tmp_path / "b", COLOURED, "bmp")
    flat = misc.imread(tmp_path / "b", flatten=True)
    assert flat.dtype == np.float32 and np.allclose(flat, COLOURED @ [0.299, 0.587, 0.114], atol=0.01)
    assert misc.imread(tmp_path / "b", mode="L").shape == (2, 5)
    transparent = np.concatenate([COLOURED, COLOURED[..., :1]], -1)
    misc.imsave(tmp_path / "c.png", transparent)
    assert np.array_equal(misc.imread(tmp_path / "c.png"), transparent)


def test_the_axis_of_colours_is_found_or_given() -> None:
    moved = np.moveaxis(COLOURED, -1, 0)
    assert np.array_equal(misc.fromimage(misc.toimage(moved)), COLOURED)
    cube = np.arange(27, dtype=np.uint8).reshape(3, 3, 3)
    assert np.array_equal(misc.fromimage(misc.toimage(cube, channel_axis=2)), cube)
    assert np.array_equal(misc.fromimage(misc.toimage(cube)), np.moveaxis(cube, 0, -1))
    assert misc.toimage(COLOURED, mode="YCbCr").mode == "YCbCr"


def test_modes_of_a_grey_image() -> None:
    assert misc.fromimage(misc.toimage(GREY, mode="F")).tolist() == GREY.tolist()
    assert misc.fromimage(misc.toimage(GREY, mode="I")).tolist() == [[0, 255], [85, 170]]
    assert misc.fromimage(misc.toimage(GREY, high=1, mode="1")).tolist() == [[0, 255], [0, 255]]
    assert misc.fromimage(misc.toimage(GREY, mode="P"))[..., 1].tolist() == [[0, 255], [85, 170]]
    colours = np.arange(768).reshape(256, 3) % 256
    assert misc.fromimage(misc.toimage(GREY, pal=colours)).tolist() == [
        [list(colours[value]) for value in row] for row in ((0, 255), (85, 170))
    ]


@pytest.mark.parametrize(
    ("size", "shape"), [((4, 10), (4, 10)), (50, (1, 2)), (2.0, (4, 10)), (np.int64(200), (4, 10)), ([4, 3], (4, 3))]
)
def test_a_size_is_a_pair_a_percentage_or_a_factor(size: object, shape: tuple[int, int]) -> None:
    assert misc.imresize(COLOURED, size).shape == (*shape, 3)


def test_sizes_and_rotations_have_scipy_s_values() -> None:
    assert misc.imresize(GREY, (2, 4), "nearest").tolist() == [[0, 0, 255, 255], [85, 85, 170, 170]]
    assert misc.imresize(GREY, (4, 2), mode="F").tolist() == [[0, 3], [0.25, 2.75], [0.75, 2.25], [1, 2]]
    assert misc.imrotate(GREY, 90, "nearest").tolist() == [[255, 170], [0, 85]]
    assert misc.imfilter(np.full((5, 5), 7, np.uint8), "blur").tolist() == [[7] * 5] * 5


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: misc.imresize(GREY, (2, 2), "no"), "`interp` is unknown. Got 'no'; expected bicubic, bilinear"),
        (lambda: misc.imfilter(GREY, "no"), "`ftype` is unknown. Got 'no'; expected blur"),
        (lambda: misc.toimage(np.ones(3)), r"this is no image. Got \(3,\); expected \[height, width\]"),
        (lambda: misc.toimage(np.ones((2, 2, 2))), "this is no image"),
        (lambda: misc.toimage(COLOURED, channel_axis=0), "this is no image"),
        (lambda: misc.toimage(COLOURED, mode="L"), "`mode` does not fit the image. Got 'L'; expected RGB or YCbCr"),
        (lambda: misc.toimage(GREY, mode="RGB"), "`mode` does not fit a grey image. Got 'RGB'"),
        (lambda: misc.toimage(GREY * 1j), "the image is complex"),
        (lambda: misc.bytescale(GREY, high=300), r"wrong range. Got \(0, 300\); expected 0 <= low <= high <= 255"),
        (lambda: misc.bytescale(GREY, 2, 1), r"`cmax` is below `cmin`. Got \(2, 1\)"),
    ],
)
def test_what_is_no_image_is_refused(call: object, text: str) -> None:
    with pytest.raises(errors.ArgumentError, match=text):
        call()  # type: ignore[operator]


def test_an_image_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    shown = []
    monkeypatch.setattr(Image.Image, "show", lambda self: shown.append(self.size))
    misc.imshow(COLOURED)
    assert shown == [(5, 2)]


def test_without_pillow_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "PIL"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(errors.MissingExtraError, match=r"pip install 'tf1bn\[images\]'"):
        misc.imread("a.png")
