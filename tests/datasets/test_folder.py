import json
import subprocess
import sys

import numpy as np
import pytest

from tests import warm
from tf1bn import datasets, errors
from tf1bn.datasets import folder, idx, load_folder

RANDOM = np.random.RandomState(5)
ARRAYS = {
    "train-images-idx3-ubyte": RANDOM.randint(0, 256, (12, 28, 28)).astype(np.uint8),
    "train-labels-idx1-ubyte": RANDOM.randint(0, 10, 12).astype(np.uint8),
    "t10k-images-idx3-ubyte": RANDOM.randint(0, 256, (4, 28, 28)).astype(np.uint8),
    "t10k-labels-idx1-ubyte": RANDOM.randint(0, 10, 4).astype(np.uint8),
}


@pytest.fixture
def make(write_idx, tmp_path):
    """Writes the four files with some replaced (None: left out) and returns the folder."""

    def build(rename=lambda name: name, packed=False, **replaced):
        replaced = {key.replace("_", "-"): value for key, value in replaced.items()}
        for name, array in ARRAYS.items():
            array = replaced.get(name[: name.index("-idx")], array)
            if array is not None:
                write_idx(f"set/{rename(name)}", array, packed=packed)
        return tmp_path / "set"

    return build


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "rename",
    [
        lambda name: name,
        lambda name: name + ".gz",
        lambda name: name.replace("-idx", ".idx"),
        lambda name: name.replace("-idx", ".idx") + ".gz",
    ],
)
def test_four_files_are_found_under_each_known_name(make, rename, packed):
    train, validation, test = load_folder(str(make(rename, packed)), validation=3)
    for split, images, labels, part in (
        (train, "train-images-idx3-ubyte", "train-labels-idx1-ubyte", slice(0, 9)),
        (validation, "train-images-idx3-ubyte", "train-labels-idx1-ubyte", slice(9, 12)),
        (test, "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", slice(0, 4)),
    ):
        assert split.images.dtype == np.float32 and split.labels.dtype == np.int64
        expected = ARRAYS[images][part, :, :, None].astype(np.float64) / 255
        np.testing.assert_allclose(split.images, expected, rtol=1e-7)
        np.testing.assert_array_equal(split.labels, ARRAYS[labels][part])
        assert split.images.shape[1:] == (28, 28, 1) and split.images.min() >= 0 and split.images.max() <= 1


def test_plain_file_goes_before_its_packed_twin(make, write_idx):
    path = make()
    write_idx("set/t10k-labels-idx1-ubyte.gz", b"never read")
    np.testing.assert_array_equal(load_folder(path, validation=0).test.labels, ARRAYS["t10k-labels-idx1-ubyte"])


def test_no_validation_gives_an_empty_part(make):
    found = load_folder(make(), validation=0)
    assert found.validation.images.shape == (0, 28, 28, 1) and len(found.train.labels) == 12


def test_missing_folder_is_refused(tmp_path):
    with pytest.raises(folder.FolderMissingError, match=r"load_folder: no such folder\. Expected a folder .*absent"):
        load_folder(tmp_path / "absent")


def test_missing_files_are_listed_with_the_names_looked_for(make):
    text = (
        r"load_folder: 2 of 4 files are missing: train-labels, t10k-images\. Expected these names, each also with "
        r"\.gz: train-labels-idx1-ubyte or train-labels\.idx1-ubyte; "
        r"t10k-images-idx3-ubyte or t10k-images\.idx3-ubyte\."
    )
    with pytest.raises(folder.FolderMissingError, match=text) as caught:
        load_folder(make(train_labels=None, t10k_images=None))
    assert isinstance(caught.value, FileNotFoundError)


def test_unequal_numbers_of_images_and_labels_are_refused(make):
    text = r"train: images and labels differ in number\. Got \(12, 11\)"
    with pytest.raises(folder.FolderMismatchError, match=text):
        load_folder(make(train_labels=np.zeros(11, np.uint8)))


def test_label_that_is_no_class_is_refused(make):
    path = make(t10k_labels=np.array([1, 2, 3, 25], np.uint8))
    with pytest.raises(idx.IdxContentError, match=r"1 of 4 labels are no class, the first at index 3\. Got 25"):
        load_folder(path, validation=1)
    assert load_folder(path, validation=1, classes=26).test.labels.tolist() == [1, 2, 3, 25]


def test_train_and_test_images_must_agree_in_size(make):
    text = r"train and test images differ in size\. Got \(\(28, 28\), \(28, 27\)\)"
    with pytest.raises(folder.FolderMismatchError, match=text):
        load_folder(make(t10k_images=np.zeros((4, 28, 27), np.uint8)), image_shape=None)


def test_images_of_another_size_are_refused_unless_asked_for(make):
    path = make(train_images=np.zeros((12, 5, 6), np.uint8), t10k_images=np.zeros((4, 5, 6), np.uint8))
    text = r"the images have another size\. Got \(5, 6\); expected \(28, 28\)\. Pass `image_shape`"
    with pytest.raises(folder.FolderMismatchError, match=text):
        load_folder(path, validation=1)
    for shape in ((5, 6), None):
        assert load_folder(path, validation=1, image_shape=shape).train.images.shape == (11, 5, 6, 1)


def test_file_without_pixels_is_refused(make):
    path = make(t10k_images=np.zeros((0, 28, 28), np.uint8), t10k_labels=np.zeros(0, np.uint8))
    with pytest.raises(folder.FolderMismatchError, match=r"t10k: the file holds no pixel\. Got \(0, 28, 28\)"):
        load_folder(path, validation=1)


def test_swapped_files_are_refused(make):
    with pytest.raises(idx.IdxContentError, match=r"idx\.read_images: .*swapped.*train-images"):
        load_folder(make(train_images=ARRAYS["train-labels-idx1-ubyte"]))


def test_damaged_file_is_named(make):
    with pytest.raises(idx.IdxMagicError, match=r"idx\.read: not an IDX file.*t10k-images-idx3-ubyte"):
        load_folder(make(t10k_images=b"<html>"))


def test_validation_must_leave_a_training_image(make):
    assert len(load_folder(make(), validation=11).train.labels) == 1
    text = r"`validation` leaves no training image\. Got 12; expected at most 11"
    with pytest.raises(errors.ArgumentError, match=text):
        load_folder(make(), validation=12)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"validation": -1}, errors.ArgumentError, r"`validation` is out of range\. Got -1"),
        ({"validation": 0.1}, errors.ArgumentTypeError, r"`validation` must be an integer, not float\. Got 0\.1"),
        ({"classes": 0}, errors.ArgumentError, r"`classes` is out of range\. Got 0; expected 1 to 256"),
        ({"max_bytes": 100}, idx.IdxSizeError, r"claims 9408 bytes"),
        ({"image_shape": 28}, errors.ArgumentTypeError, r"`image_shape` must be two integers or None\. Got 28"),
        ({"image_shape": (28, 28, 1)}, errors.ArgumentTypeError, r"two integers or None\. Got \(28, 28, 1\)"),
    ],
)
def test_arguments_are_checked(make, arguments, error, text):
    with pytest.raises(error, match=text):
        load_folder(make(), **{"validation": 1, **arguments})


def test_folder_of_another_type_is_refused():
    with pytest.raises(errors.ArgumentTypeError, match=r"load_folder: `data_dir` must be a path\. Got 7"):
        load_folder(7)


@pytest.mark.parametrize("nothing", [None, ""])
def test_load_without_a_folder_gives_the_embedded_digits(nothing):
    assert [len(split.labels) for split in datasets.load(nothing)] == [1297, 200, 300]
    assert datasets.load().test.images.shape == (300, 28, 28, 1)


def test_load_with_a_folder_reads_it(write_idx, tmp_path):
    for name, count in (("train", 5003), ("t10k", 2)):
        write_idx(f"set/{name}-images-idx3-ubyte", np.zeros((count, 28, 28), np.uint8))
        write_idx(f"set/{name}-labels-idx1-ubyte", np.zeros(count, np.uint8))
    assert [len(split.labels) for split in datasets.load(tmp_path / "set")] == [3, 5000, 2]


# In a process of its own: 70,000 images in float32 take more memory than all that tests have in theirs.
COUNTED = """
import json, sys
import numpy as np
from tf1bn import datasets

train, validation, test = splits = datasets.load(sys.argv[1])
print(json.dumps({
    "sizes": [len(split.labels) for split in splits],
    "whole": (np.bincount(train.labels) + np.bincount(validation.labels)).tolist(),
    "test": np.bincount(test.labels).tolist(),
    "first": [train.labels[:5].tolist(), test.labels[:5].tolist()],
    "shape": train.images.shape,
    "largest": float(train.images.max()),
    "mean": (train.images.sum(dtype=np.float64) + validation.images.sum(dtype=np.float64)) / (60000 * 784),
}))
"""


@pytest.mark.mnist
def test_mnist_is_read_with_its_known_numbers(mnist_dir):
    command = [sys.executable, "-c", COUNTED, str(mnist_dir)]
    done = subprocess.run(command, env=warm.ENVIRONMENT, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["sizes"] == [55000, 5000, 10000]
    assert found["whole"] == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert found["test"] == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert found["first"] == [[5, 0, 4, 1, 9], [7, 2, 1, 0, 4]]
    assert found["shape"] == [55000, 28, 28, 1] and found["largest"] == 1
    assert found["mean"] == pytest.approx(0.1307, abs=5e-5)
