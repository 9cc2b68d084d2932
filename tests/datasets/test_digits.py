import hashlib

import numpy as np
import pytest

from tf1bn import errors
from tf1bn.datasets import digits

PER_CLASS = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
"""Class counts of the test part, from the description that comes with the UCI data set."""

SUMS = {
    "images": "359cd13f0f514122884198b78a131df597421cbf5e93a76678fa96fc548f0d96",
    "labels": "ce71631c1f31ce56fa54f31d1d498fafacff59b001e6c30c4a5e29508aa277ad",
}


def test_raw_digits_are_those_of_the_source():
    images, labels = digits.raw()
    assert images.shape == (1797, 8, 8) and images.dtype == np.uint8
    assert images.min() == 0 and images.max() == 16
    assert np.bincount(labels).tolist() == PER_CLASS
    first = [[0, 0, 5, 13, 9, 1, 0, 0], [0, 0, 13, 15, 10, 15, 5, 0]]  # the first line of optdigits.tes, a zero
    assert images[0, :2].tolist() == first and labels[0] == 0


def test_embedded_files_have_the_documented_checksums():
    images, labels = digits.raw()
    heads = {
        "images": bytes([0, 0, 8, 3, 0, 0, 7, 5, 0, 0, 0, 8, 0, 0, 0, 8]),
        "labels": bytes([0, 0, 8, 1, 0, 0, 7, 5]),
    }
    for name, array in (("images", images), ("labels", labels)):
        assert hashlib.sha256(heads[name] + array.tobytes()).hexdigest() == SUMS[name]


@pytest.mark.parametrize("size", [8, 28])
def test_loaded_digits_are_float32_in_unit_range_with_int64_labels(size):
    for split, count in zip(digits.load(size=size), (1297, 200, 300), strict=True):
        assert split.images.shape == (count, size, size, 1) and split.images.dtype == np.float32
        assert split.labels.shape == (count,) and split.labels.dtype == np.int64
        assert split.images.min() == 0 and 0.9 < split.images.max() <= 1


def test_parts_together_are_every_image_once_with_its_label():
    images, labels = digits.raw()
    expected = sorted((image.tobytes(), label) for image, label in zip(images, labels, strict=True))
    found = []
    for split in digits.load(size=8):
        pixels = (split.images[..., 0] * 16).astype(np.uint8)
        found += [(image.tobytes(), label) for image, label in zip(pixels, split.labels, strict=True)]
    assert sorted(found) == expected


def test_enlarged_digits_are_the_same_images_in_the_same_order():
    small, large = digits.load(size=8), digits.load(size=28)
    np.testing.assert_array_equal(large.test.labels, small.test.labels)
    np.testing.assert_array_equal(large.test.images[:, ::27, ::27], small.test.images[:, ::7, ::7])
    np.testing.assert_allclose(
        large.test.images[:, 9, 18], (small.test.images[:, 2:4, 4:6] * _mix()).sum((1, 2)), atol=1e-6
    )


def _mix():
    """Weights of the four neighbours of output pixel (9, 18), which lies at (63, 126) / 27 = (2 1/3, 4 2/3)."""
    return np.outer([2 / 3, 1 / 3], [1 / 3, 2 / 3])[..., None]


@pytest.mark.parametrize(("validation", "test"), [(200, 300), (0, 0), (0, 1787), (100, 17), (897, 890)])
@pytest.mark.parametrize("seed", [0, 1])
def test_split_is_stratified_and_exactly_as_large_as_asked(validation, test, seed):
    parts = digits.load(size=8, validation=validation, test=test, seed=seed)
    sizes = (1797 - validation - test, validation, test)
    for split, size in zip(parts, sizes, strict=True):
        assert len(split.labels) == size
        exact = np.array(PER_CLASS) * size / 1797
        assert np.abs(np.bincount(split.labels, minlength=10) - exact).max() < 2


def test_split_depends_on_the_seed_alone():
    first, again, other = (digits.load(size=8, seed=seed) for seed in (5, 5, 6))
    for split, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(split.images, same.images)
        np.testing.assert_array_equal(split.labels, same.labels)
    assert not np.array_equal(first.train.images, other.train.images)


def test_parts_are_not_sorted_by_class():
    for split in digits.load(size=8):
        assert (np.diff(split.labels) < 0).sum() > len(split.labels) / 3


@pytest.mark.parametrize("size", [7, 0, 27, 32])
def test_other_sizes_are_refused(size):
    with pytest.raises(errors.Tf1bnError, match=rf"digits\.load: `size` is not offered\. Got {size}; expected 8 or 28"):
        digits.load(size=size)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"validation": -1}, r"`validation` is out of range\. Got -1; expected 0 to 1787"),
        ({"validation": 1000, "test": 788}, r"`test` is out of range\. Got 788; expected 0 to 787"),
        ({"seed": 2**32}, r"`seed` is out of range\. Got 4294967296; expected 0 to 4294967295"),
    ],
)
def test_numbers_out_of_range_are_refused(arguments, text):
    with pytest.raises(errors.ArgumentError, match=text):
        digits.load(**arguments)


@pytest.mark.parametrize("name", ["size", "validation", "test", "seed"])
def test_numbers_must_be_integers(name):
    with pytest.raises(
        errors.ArgumentTypeError, match=rf"digits\.load: `{name}` must be an integer, not float\. Got 8\.0"
    ):
        digits.load(**{name: 8.0})
