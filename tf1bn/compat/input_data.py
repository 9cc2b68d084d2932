"""``tf.examples.tutorials.mnist.input_data``: MNIST from a local folder, or the digits that come with tf1bn."""

from __future__ import annotations

import math
import os
import warnings
from typing import Any, NamedTuple

import numpy as np

from tf1bn import errors
from tf1bn.datasets import Dataset, digits, folder, idx

VALIDATION = 5000
FOLDER_VARIABLE = "TF1BN_MNIST"


class Datasets(NamedTuple):
    """Three parts of one data set."""

    train: DataSet
    validation: DataSet
    test: DataSet


class DataSet:
    """Images and labels, given out in batches that go through everything once before anything comes again."""

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        fake_data: bool = False,
        one_hot: bool = False,
        dtype: Any = np.float32,
        reshape: bool = True,
        seed: int | None = None,
    ) -> None:
        """Keeps the images, scaled to [0, 1] unless ``dtype`` is uint8.

        Args:
          images: ``[N, height, width, 1]``; uint8 or floats in [0, 1]. With ``reshape=False`` any shape.
          labels: ``[N]`` class numbers or ``[N, classes]``, kept as they are.
          fake_data: refused.
          one_hot: had a meaning with ``fake_data`` only; labels stay as given.
          dtype: float32 or uint8, of NumPy or TensorFlow.
          reshape: whether an image becomes one row of pixels.
          seed: of the order of batches.

        Raises:
          ArgumentError: fake data, another dtype, or images and labels that differ in number.
        """
        with errors.located("DataSet"):
            _refuse_fake(fake_data)
            if len(images) != len(labels):
                raise errors.ArgumentError(
                    errors.explain("images and labels differ in number", got=(len(images), len(labels)))
                )
            del one_hot
            images = _converted(images, _numpy_dtype(dtype))
        self._images = images.reshape(len(images), math.prod(images.shape[1:])) if reshape else images
        self._labels = labels
        self._random = np.random.RandomState(seed)
        self._order: np.ndarray | None = None
        self._next = 0
        self._epochs = 0

    @property
    def images(self) -> np.ndarray:
        """All images, in the order of the file."""
        return self._images

    @property
    def labels(self) -> np.ndarray:
        """All labels, in the order of the file."""
        return self._labels

    @property
    def num_examples(self) -> int:
        """Number of images."""
        return len(self._images)

    @property
    def epochs_completed(self) -> int:
        """How often the batches have gone through all images."""
        return self._epochs

    def next_batch(
        self, batch_size: int, fake_data: bool = False, shuffle: bool = True
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns the next images and labels; a batch may hold the rest of one epoch and the start of the next.

        Args:
          batch_size: 1 to the number of images.
          fake_data: refused.
          shuffle: whether an epoch that begins with this call takes a random order.

        Raises:
          ArgumentError: fake data, or a size out of range.
        """
        with errors.located("next_batch"):
            _refuse_fake(fake_data)
            if not 0 < batch_size <= self.num_examples:
                raise errors.ArgumentError(
                    errors.explain("`batch_size` is out of range", got=batch_size, expected=f"1 to {self.num_examples}")
                )
        if self._order is None:
            self._order = self._shuffled(shuffle)
        rows = self._order[self._next : self._next + batch_size]
        self._next += len(rows)
        if len(rows) < batch_size:
            self._epochs += 1
            self._order = self._shuffled(shuffle)
            self._next = batch_size - len(rows)
            rows = np.concatenate([rows, self._order[: self._next]])
        return self._images[rows], self._labels[rows]

    def _shuffled(self, shuffle: bool) -> np.ndarray:
        rows = np.arange(self.num_examples)
        return self._random.permutation(rows) if shuffle else rows


def read_data_sets(
    train_dir: str | os.PathLike[str],
    fake_data: bool = False,
    one_hot: bool = False,
    dtype: Any = np.float32,
    reshape: bool = True,
    validation_size: int | None = None,
    seed: int | None = None,
    source_url: str | None = None,
) -> Datasets:
    """Returns MNIST from ``train_dir``, else from the folder ``$TF1BN_MNIST``, else the 1,797 embedded digits.

    Nothing is downloaded. A folder that holds some of the four IDX files but not all is refused; one that holds none
    is passed over. The embedded digits, 28x28 like MNIST, come with a warning, because they are other and fewer
    images: 1,297 / 200 / 300.

    Args:
      train_dir: the folder.
      fake_data: refused.
      one_hot: whether labels are rows of ten numbers, float64, and not uint8 class numbers.
      dtype: float32 for pixels in [0, 1], uint8 for 0 to 255.
      reshape: whether an image is a row of 784 pixels, or 28x28x1.
      validation_size: training images held out; by default 5,000 of a folder and 200 of the digits. The first
        ones of the training file, as the original does.
      seed: of the order of batches.
      source_url: refused.

    Raises:
      ArgumentError: fake data, a source, another dtype, or a validation size that leaves no training image.
      DataError: files are missing or damaged.
    """
    with errors.located("read_data_sets", folder=repr(str(train_dir))):
        _refuse_fake(fake_data)
        if source_url is not None:
            raise errors.ArgumentError(
                errors.explain("nothing is downloaded", got=source_url, fix="Put the four files into `train_dir`.")
            )
        loaded = _load(os.fspath(train_dir), validation_size)
        return Datasets(*(_part(part, one_hot, dtype, reshape, seed) for part in loaded))


def _part(part: Any, one_hot: bool, dtype: Any, reshape: bool, seed: int | None) -> DataSet:
    labels = part.labels.astype(np.uint8)
    labels = dense_to_one_hot(labels, 10) if one_hot else labels
    return DataSet(part.images, labels, dtype=dtype, reshape=reshape, seed=seed)


def _load(train_dir: str, validation: int | None) -> Dataset:
    for place in (train_dir, os.environ.get(FOLDER_VARIABLE, "")):
        if place and os.path.isdir(place) and any(_is_idx(name) for name in os.listdir(place)):
            size = VALIDATION if validation is None else validation
            return _first_rows_held_out(folder.load_folder(place, validation=0), size)
    warnings.warn(
        f"no MNIST files in {train_dir!r} and nothing is downloaded: these are the 1,797 digits that come with tf1bn, "
        f"not MNIST. Put the four IDX files there, or set {FOLDER_VARIABLE} to their folder.",
        errors.Tf1bnWarning,
        stacklevel=3,
    )
    if validation is None or validation >= 1297:  # a size meant for the 60,000 images of MNIST
        return digits.load(28)
    return digits.load(28, validation=validation)


def _is_idx(name: str) -> bool:
    return any(name.startswith(role) for role in folder.ROLES)


def _first_rows_held_out(loaded: Dataset, size: int) -> Dataset:
    train = loaded.train
    if not 0 <= size < len(train.labels):
        raise errors.ArgumentError(
            errors.explain("`validation_size` is out of range", got=size, expected=f"0 to {len(train.labels) - 1}")
        )
    held, rest = (type(train)(train.images[rows], train.labels[rows]) for rows in (slice(size), slice(size, None)))
    return Dataset(rest, held, loaded.test)


def extract_images(f: Any) -> np.ndarray:
    """Returns the images of an open gzip IDX file as uint8 ``[N, height, width, 1]``."""
    return idx.read_images(f.name)[..., np.newaxis]


def extract_labels(f: Any, one_hot: bool = False, num_classes: int = 10) -> np.ndarray:
    """Returns the labels of an open gzip IDX file, as uint8 class numbers or one-hot rows."""
    labels = idx.read_labels(f.name, classes=num_classes)
    return dense_to_one_hot(labels, num_classes) if one_hot else labels


def dense_to_one_hot(labels_dense: np.ndarray, num_classes: int) -> np.ndarray:
    """Returns a float64 row of zeros with a one for each class number."""
    return np.eye(num_classes)[np.asarray(labels_dense).ravel()]


def _numpy_dtype(dtype: Any) -> np.dtype:
    wanted = np.dtype(getattr(dtype, "as_numpy_dtype", dtype))
    if wanted not in (np.dtype(np.uint8), np.dtype(np.float32)):
        raise errors.ArgumentError(errors.explain("`dtype` is not possible", got=dtype, expected="float32 or uint8"))
    return wanted


def _converted(images: np.ndarray, wanted: np.dtype) -> np.ndarray:
    """Returns bytes or floats in [0, 1] as asked for."""
    if images.dtype == wanted:
        return images
    if wanted == np.uint8:
        return np.rint(images * 255).astype(np.uint8)
    return images.astype(np.float32) / (255 if images.dtype == np.uint8 else 1)


def _refuse_fake(fake_data: bool) -> None:
    if fake_data:
        raise errors.ArgumentError(
            errors.explain("`fake_data` is not served", got=fake_data, expected="False", fix="Use the real images.")
        )
