"""What training writes beside its checkpoints, so that another process can build the same network.

The file ``tf1bn_run.json`` holds one JSON object: ``format``, ``version``, ``settings`` (the fields of
:class:`~tf1bn.examples.settings.TrainSettings`), ``image_shape``, ``data`` and, where it was spread over devices or
processes, ``distribution``. Needs no TensorFlow.
"""

from __future__ import annotations

import dataclasses
import json
import os
import zlib
from pathlib import Path
from typing import Any

from tf1bn import errors
from tf1bn.datasets import Dataset
from tf1bn.examples.settings import TrainSettings

FILE_NAME = "tf1bn_run.json"
FORMAT = "tf1bn run"
VERSION = 1


@dataclasses.dataclass(frozen=True)
class DataDescription:
    """Which images a run was trained on.

    Attributes:
      data_dir: absolute path of their folder; empty for the embedded digits.
      train, validation, test: number of images in each part.
      checksum: CRC-32 of all training labels and of the first 1,000 training images.
    """

    data_dir: str
    train: int
    validation: int
    test: int
    checksum: int

    def same_images(self, other: DataDescription) -> bool:
        """Whether both have the same images, wherever they lie."""
        return dataclasses.replace(self, data_dir="") == dataclasses.replace(other, data_dir="")


@dataclasses.dataclass(frozen=True)
class RunRecord:
    """A training run.

    Attributes:
      settings: how it was trained; ``steps`` is the number that was asked for last.
      image_shape: height, width, channels.
      data: on which images.
      distribution: how it was spread, as ``Distribution.record`` tells it; None for one device.
    """

    settings: TrainSettings
    image_shape: tuple[int, int, int]
    data: DataDescription
    distribution: dict[str, Any] | None = None


def describe_data(dataset: Dataset, data_dir: str | None) -> DataDescription:
    """Returns the description of a data set that was loaded from ``data_dir``, None or empty for embedded digits."""
    checksum = zlib.crc32(dataset.train.labels.astype("<i8").tobytes())
    checksum = zlib.crc32(dataset.train.images[:1000].astype("<f4").tobytes(), checksum)
    train, validation, test = (len(split.labels) for split in dataset)
    folder = os.path.abspath(data_dir) if data_dir else ""
    return DataDescription(folder, train, validation, test, checksum)


def write(record: RunRecord, folder: Path) -> Path:
    """Writes the record into a folder and returns its path; a reader sees the old file or the new one, never half.

    Raises:
      OSError: the folder cannot be written.
    """
    path = folder / FILE_NAME
    content = {"format": FORMAT, "version": VERSION, **dataclasses.asdict(record)}
    if record.distribution is None:
        del content["distribution"]
    partial = folder / f"{FILE_NAME}.{os.getpid()}.partial"
    try:
        partial.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def read(folder: Path) -> RunRecord:
    """Returns the record in a folder.

    Raises:
      CheckpointError: there is none, or it is not a record of this version.
    """
    path = folder / FILE_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise errors.CheckpointError(
            errors.explain(
                f"there is no {FILE_NAME} in {str(folder)!r}, so the network of the checkpoint is not known",
                fix="Name a folder that `tf1bn train` wrote, and keep that file beside its checkpoints.",
            )
        ) from None
    except (OSError, ValueError) as error:
        raise errors.CheckpointError(_damaged(path, error)) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise errors.CheckpointError(_damaged(path, f"no JSON object with format {FORMAT!r}"))
    if content.get("version") != VERSION:
        raise errors.CheckpointError(
            errors.explain(
                f"{str(path)!r} has another version",
                got=content.get("version"),
                expected=str(VERSION),
                fix="Use the release of tf1bn that trained it, or train again.",
            )
        )
    return _record(content, path)


def _record(content: dict[str, Any], path: Path) -> RunRecord:
    try:
        height, width, channels = (int(size) for size in content["image_shape"])
        return RunRecord(
            TrainSettings(**content["settings"]),
            (height, width, channels),
            DataDescription(**content["data"]),
            content.get("distribution"),
        )
    except errors.Tf1bnError as error:
        raise errors.CheckpointError(_damaged(path, error.text)) from error
    except (KeyError, TypeError, ValueError) as error:
        raise errors.CheckpointError(_damaged(path, repr(error))) from error


def _damaged(path: Path, why: Any) -> str:
    return errors.explain(
        f"{str(path)!r} is not a readable record of a run: {why}", fix="Restore the file, or train again."
    )
