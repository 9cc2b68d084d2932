"""The tutorial's data module: the same batches and views, from a folder or from the embedded digits."""

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from tf1bn import errors
from tf1bn.compat import input_data

IMAGES = np.arange(12 * 784, dtype=np.uint32).reshape(12, 28, 28).astype(np.uint8)
LABELS = np.arange(12, dtype=np.uint8) % 10


def write(path: Path, array: np.ndarray) -> None:
    head = struct.pack(f">I{array.ndim}I", 0x800 + array.ndim, *array.shape)
    path.write_bytes(gzip.compress(head + array.tobytes()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for part in ("train", "t10k"):
        write(tmp_path / f"{part}-images-idx3-ubyte.gz", IMAGES)
        write(tmp_path / f"{part}-labels-idx1-ubyte.gz", LABELS)
    return tmp_path


@pytest.fixture(autouse=True)
def no_folder_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(input_data.FOLDER_VARIABLE, raising=False)


def test_a_folder_is_read_and_its_first_images_validate(folder: Path) -> None:
    data = input_data.read_data_sets(folder, validation_size=3)
    assert [part.num_examples for part in data] == [9, 3, 12]
    np.testing.assert_allclose(data.validation.images, IMAGES[:3].reshape(3, 784) / np.float32(255), rtol=1e-6)
    np.testing.assert_array_equal(data.train.labels, LABELS[3:])
    assert data.train.labels.dtype == np.uint8 and data.train.images.dtype == np.float32


def test_views_are_as_asked_for(folder: Path) -> None:
    data = input_data.read_data_sets(str(folder), one_hot=True, reshape=False, dtype=np.uint8, validation_size=0)
    np.testing.assert_array_equal(data.train.images, IMAGES[..., np.newaxis])
    np.testing.assert_array_equal(data.test.labels, np.eye(10)[LABELS])
    assert data.test.labels.dtype == np.float64


def test_the_folder_of_the_environment_comes_second(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(input_data.FOLDER_VARIABLE, str(folder))
    data = input_data.read_data_sets(str(tmp_path / "absent"), validation_size=2)
    assert data.train.num_examples == 10


def test_without_files_the_embedded_digits_come_with_a_warning(tmp_path: Path) -> None:
    with pytest.warns(errors.Tf1bnWarning, match="nothing is downloaded: these are the 1,797 digits") as caught:
        data = input_data.read_data_sets(str(tmp_path), one_hot=True)
    assert caught[0].filename == __file__
    assert [part.images.shape for part in data] == [(1297, 784), (200, 784), (300, 784)]
    assert data.train.images.min() == 0 and data.train.images.max() == 1
    with pytest.warns(errors.Tf1bnWarning):
        data = input_data.read_data_sets(str(tmp_path), validation_size=0)
    assert [part.num_examples for part in data] == [1497, 0, 300]
    with pytest.warns(errors.Tf1bnWarning):  # a size that was meant for MNIST
        data = input_data.read_data_sets(str(tmp_path), validation_size=5000)
    assert data.validation.num_examples == 200


def numbered(count: int, **options: object) -> input_data.DataSet:
    return input_data.DataSet(np.zeros([count, 2, 2, 1], np.uint8), np.arange(count), **options)


def test_every_image_comes_once_in_each_epoch() -> None:
    data = numbered(10, seed=0)
    drawn = np.concatenate([data.next_batch(4)[1] for _ in range(5)])
    np.testing.assert_array_equal(np.sort(drawn[:10]), np.arange(10))
    np.testing.assert_array_equal(np.sort(drawn[10:]), np.arange(10))
    assert not np.array_equal(drawn[:10], drawn[10:])
    assert data.epochs_completed == 1
    data.next_batch(1)
    assert data.epochs_completed == 2


def test_the_order_is_that_of_the_file_when_not_shuffled_and_repeats_with_a_seed() -> None:
    data = numbered(5)
    assert [list(data.next_batch(3, shuffle=False)[1]) for _ in range(2)] == [[0, 1, 2], [3, 4, 0]]
    first, second = (numbered(50, seed=7).next_batch(50)[1] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_images_and_labels_of_a_batch_belong_together(folder: Path) -> None:
    data = input_data.read_data_sets(str(folder), validation_size=0, dtype=np.uint8, reshape=False).train
    images, labels = data.next_batch(5)
    for image, label in zip(images, labels, strict=True):
        assert any(np.array_equal(image[..., 0], IMAGES[row]) and LABELS[row] == label for row in range(12))


def test_bytes_and_floats_are_converted() -> None:
    images = np.full([2, 1, 1, 1], 255, np.uint8)
    assert input_data.DataSet(images, np.zeros(2)).images.max() == 1
    assert input_data.DataSet(images / np.float32(255), np.zeros(2), dtype=np.uint8).images.max() == 255
    assert input_data.DataSet(images / 255.0, np.zeros(2)).images.dtype == np.float32


def test_open_files_are_read(folder: Path) -> None:
    with open(folder / "train-images-idx3-ubyte.gz", "rb") as file:
        np.testing.assert_array_equal(input_data.extract_images(file)[..., 0], IMAGES)
    with open(folder / "train-labels-idx1-ubyte.gz", "rb") as file:
        np.testing.assert_array_equal(input_data.extract_labels(file), LABELS)
        np.testing.assert_array_equal(input_data.extract_labels(file, one_hot=True), np.eye(10)[LABELS])


def test_refusals(folder: Path) -> None:
    with pytest.raises(errors.ArgumentError, match="read_data_sets: `fake_data` is not served"):
        input_data.read_data_sets(folder, fake_data=True)
    with pytest.raises(errors.ArgumentError, match="nothing is downloaded. Got 'http://x'"):
        input_data.read_data_sets(folder, source_url="http://x")
    with pytest.raises(errors.ArgumentError, match="`validation_size` is out of range. Got 12; expected 0 to 11"):
        input_data.read_data_sets(folder, validation_size=12)
    with pytest.raises(errors.ArgumentError, match="DataSet: images and labels differ in number. Got .2, 3."):
        input_data.DataSet(np.zeros([2, 1, 1, 1]), np.zeros(3))
    with pytest.raises(errors.ArgumentError, match="`dtype` is not possible"):
        numbered(3, dtype=np.int64)
    with pytest.raises(errors.ArgumentError, match="next_batch: `batch_size` is out of range. Got 4; expected 1 to 3"):
        numbered(3).next_batch(4)
    os.remove(folder / "t10k-labels-idx1-ubyte.gz")
    with pytest.raises(errors.DataError, match="1 of 4 files are missing"):
        input_data.read_data_sets(folder)
