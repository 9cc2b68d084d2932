import numpy as np
import pytest

from tf1bn import errors
from tf1bn.datasets import resize


@pytest.mark.parametrize("value", [0.0, 0.1, 7.0, 1 / 3, 16.0])
def test_constant_image_stays_exactly_constant(value):
    image = np.full((2, 8, 8), value, np.float32)
    np.testing.assert_array_equal(resize.bilinear(image, 28, 28), np.full((2, 28, 28), value, np.float32))


def test_corners_keep_their_values():
    images = np.random.RandomState(0).randint(0, 17, (5, 8, 6)).astype(np.uint8)
    larger = resize.bilinear(images, 28, 31)
    assert larger.dtype == np.float32 and larger.shape == (5, 28, 31)
    np.testing.assert_array_equal(larger[:, [0, 0, -1, -1], [0, -1, 0, -1]], images[:, [0, 0, -1, -1], [0, -1, 0, -1]])


def test_linear_ramps_stay_linear_between_the_same_ends():
    rows, columns = np.arange(8)[:, None], np.arange(8)
    expected = 3 * np.linspace(0, 7, 28)[:, None] - 2 * np.linspace(0, 7, 28) + 5
    np.testing.assert_allclose(resize.bilinear(3 * rows - 2 * columns + 5, 28, 28), expected, rtol=0, atol=1e-5)


def test_bilinear_surface_is_reproduced():
    rows, columns = np.linspace(0, 7, 28)[:, None], np.linspace(0, 7, 28)
    surface = np.arange(8)[:, None] * np.arange(8)
    np.testing.assert_allclose(resize.bilinear(surface, 28, 28), rows * columns, rtol=0, atol=1e-5)


def test_every_pixel_is_the_mix_of_its_four_neighbours():
    image = np.random.RandomState(1).rand(8, 8)
    larger = resize.bilinear(image, 28, 28)
    for i, j in [(0, 0), (1, 2), (13, 14), (26, 27), (27, 5)]:
        y, x = i * 7 / 27, j * 7 / 27
        top, left = min(int(y), 6), min(int(x), 6)
        down, right = y - top, x - left
        upper = (1 - right) * image[top, left] + right * image[top, left + 1]
        lower = (1 - right) * image[top + 1, left] + right * image[top + 1, left + 1]
        assert larger[i, j] == pytest.approx((1 - down) * upper + down * lower, abs=1e-6)


def test_no_value_leaves_the_range_of_the_input():
    images = np.random.RandomState(2).randint(0, 2, (50, 8, 8)).astype(np.float32)
    larger = resize.bilinear(images, 28, 28)
    assert larger.min() == 0 and larger.max() == 1


def test_same_size_gives_the_same_pixels_and_one_pixel_fills_an_image():
    image = np.random.RandomState(3).rand(4, 5).astype(np.float32)
    np.testing.assert_array_equal(resize.bilinear(image, 4, 5), image)
    np.testing.assert_array_equal(resize.bilinear(np.array([[3]]), 2, 3), np.full((2, 3), 3))
    np.testing.assert_array_equal(resize.bilinear(image, 1, 1), image[:1, :1])


def test_shrinking_takes_the_places_between():
    np.testing.assert_array_equal(resize.bilinear(np.arange(4)[None, :], 1, 3), [[0, 1.5, 3]])


@pytest.mark.parametrize("shape", [(3,), (2, 0, 4), (4, 0)])
def test_images_without_pixels_are_refused(shape):
    with pytest.raises(errors.ShapeError, match=r"resize\.bilinear: `images` has no pixels\. Got \("):
        resize.bilinear(np.zeros(shape), 2, 2)


def test_size_of_the_output_is_checked():
    with pytest.raises(errors.ArgumentError, match=r"`height` is out of range\. Got 0; expected at least 1"):
        resize.bilinear(np.zeros((2, 2)), 0, 2)
    with pytest.raises(errors.ArgumentTypeError, match=r"`width` must be an integer, not float\. Got 2\.5"):
        resize.bilinear(np.zeros((2, 2)), 2, 2.5)
