"""A folder with the four IDX files of MNIST, or of a data set made like it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from tf1bn import errors
from tf1bn.datasets import counts, idx
from tf1bn.datasets.splits import Dataset, Split

VALIDATION = 5000
"""Images held out of the training file by default."""

ROLES = {"train-images": 3, "train-labels": 1, "t10k-images": 3, "t10k-labels": 1}
"""Beginning of each file name, and the rank that its ending names."""


class FolderMissingError(errors.DataError, FileNotFoundError):
    """The folder, or one of its four files, does not exist."""


class FolderMismatchError(errors.DataError):
    """The four files are sound but do not belong together, or not to the images that were asked for."""


def load_folder(
    data_dir: str | os.PathLike[str],
    *,
    validation: int = VALIDATION,
    image_shape: tuple[int, int] | None = (28, 28),
    classes: int = 10,
    max_bytes: int = idx.MAX_BYTES,
) -> Dataset:
    """Loads train and test files of a folder; the last ``validation`` training images become the validation part.

    Each of the four files is looked for as ``train-images-idx3-ubyte``, ``train-images.idx3-ubyte``, and both
    with ``.gz``, in that order; the first that exists is read, and whether it is gzip is told by its content.
    MNIST gives 55,000 / 5,000 / 10,000 images with the defaults.

    Shapes:
      images float32 ``[N, height, width, 1]`` in [0, 1] (byte / 255), labels int64 ``[N]``. Train and validation
      share memory.

    Args:
      data_dir: the folder.
      validation: number of training images to hold out, 0 to all but one.
      image_shape: height and width that the images must have; None takes any, if train and test agree.
      classes: labels must be below it, 1 to 256.
      max_bytes: limit on the bytes of each file, as in :func:`tf1bn.datasets.idx.read`.

    Raises:
      FolderMissingError: no such folder, or files are missing; the text lists them and the names looked for.
      FolderMismatchError: numbers of images and labels differ, image shapes differ, or a file holds nothing.
      IdxError: one of the files cannot be read, or has a label that is no class.
      ArgumentTypeError: an argument has the wrong type.
      ArgumentError: ``validation`` leaves no training image, or a number is out of range.
    """
    try:
        folder = Path(os.fsdecode(data_dir))
    except TypeError:
        raise errors.ArgumentTypeError(
            errors.explain("`data_dir` must be a path", got=data_dir, expected="a str or os.PathLike"),
            where="load_folder",
        ) from None
    with errors.located("load_folder", folder=repr(str(folder))):
        held_out = counts.whole("validation", validation)
        wanted = _shape(image_shape)
        files = _find(folder)
        train = _read_pair(files, "train", classes, max_bytes)
        test = _read_pair(files, "t10k", classes, max_bytes)
        _check_shapes(train, test, wanted)
        keep = len(train.labels) - held_out
        if keep < 1:
            raise errors.ArgumentError(
                errors.explain(
                    "`validation` leaves no training image",
                    got=held_out,
                    expected=f"at most {len(train.labels) - 1}",
                )
            )
        images, labels = _scaled(train)
        return Dataset(
            train=Split(images[:keep], labels[:keep]),
            validation=Split(images[keep:], labels[keep:]),
            test=_scaled(test),
        )


def _shape(image_shape: tuple[int, int] | None) -> tuple[int, ...] | None:
    """Returns the wanted height and width as ints."""
    if image_shape is None:
        return None
    if not isinstance(image_shape, tuple | list) or len(image_shape) != 2:
        raise errors.ArgumentTypeError(
            errors.explain("`image_shape` must be two integers or None", got=image_shape, expected="(height, width)")
        )
    return tuple(counts.whole("image_shape", size, minimum=1) for size in image_shape)


def _find(folder: Path) -> dict[str, Path]:
    """Returns the file of each role."""
    if not folder.is_dir():
        raise FolderMissingError(errors.explain("no such folder", expected="a folder with the four IDX files of MNIST"))
    names = {role: [f"{role}{joint}idx{rank}-ubyte" for joint in "-."] for role, rank in ROLES.items()}
    found: dict[str, Path] = {}
    for role in ROLES:
        for path in (folder / (name + end) for end in ("", ".gz") for name in names[role]):
            if path.exists():
                found.setdefault(role, path)
    missing = [role for role in ROLES if role not in found]
    if missing:
        looked = "; ".join(" or ".join(names[role]) for role in missing)
        raise FolderMissingError(
            errors.explain(
                f"{len(missing)} of 4 files are missing: {', '.join(missing)}",
                expected=f"these names, each also with .gz: {looked}",
            )
        )
    return found


def _read_pair(files: dict[str, Path], part: str, classes: int, max_bytes: int) -> Split:
    """Reads images and labels of one part as bytes, and checks that they belong together."""
    images = idx.read_images(files[f"{part}-images"], max_bytes=max_bytes)
    labels = idx.read_labels(files[f"{part}-labels"], classes=classes, max_bytes=max_bytes)
    if len(images) != len(labels):
        raise FolderMismatchError(
            errors.explain(
                f"{part}: images and labels differ in number",
                got=(len(images), len(labels)),
                expected="two equal numbers",
                fix="The files may be of different data sets.",
            )
        )
    if not images.size:
        raise FolderMismatchError(errors.explain(f"{part}: the file holds no pixel", got=images.shape))
    return Split(images, labels)


def _check_shapes(train: Split, test: Split, wanted: tuple[int, ...] | None) -> None:
    """Refuses images of the wrong size."""
    if train.images.shape[1:] != test.images.shape[1:]:
        raise FolderMismatchError(
            errors.explain(
                "train and test images differ in size",
                got=(train.images.shape[1:], test.images.shape[1:]),
                expected="two equal sizes",
            )
        )
    if wanted is not None and train.images.shape[1:] != wanted:
        raise FolderMismatchError(
            errors.explain(
                "the images have another size",
                got=train.images.shape[1:],
                expected=f"{wanted}",
                fix="Pass `image_shape` if the model takes them.",
            )
        )


def _scaled(split: Split) -> Split:
    """Returns the bytes as float32 in [0, 1] with a channel axis, and int64 labels."""
    images = split.images.astype(np.float32)[..., np.newaxis]
    images /= 255
    return Split(images, split.labels.astype(np.int64))
