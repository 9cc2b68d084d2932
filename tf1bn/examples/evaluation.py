"""Evaluation of a checkpoint in an inference graph that is built from its record."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import datasets, errors
from tf1bn.datasets import Dataset, Split
from tf1bn.examples import checkpoints, run_record, training_graph
from tf1bn.examples.training import strategy_text

SINGLES = 100


@dataclasses.dataclass(frozen=True)
class EvaluateResult:
    """What an evaluation reports.

    Attributes:
      accuracy: on the whole test set.
      single_image_accuracy: on its first ``singles`` images, one fed at a time.
      batch_statistics_single_image_accuracy: the same images in a graph that normalises with batch statistics,
        one fed at a time: the classic mistake. None without batch norm.
      singles: number of these images.
      test_images: size of the test set.
      data: its folder, or "embedded digits".
      same_data: whether these are the images of the training run.
      model, batch_norm, update_strategy: read from the record.
      checkpoint: prefix.
      step: at which it was saved.
    """

    accuracy: float
    single_image_accuracy: float
    batch_statistics_single_image_accuracy: float | None
    singles: int
    test_images: int
    data: str
    same_data: bool
    model: str
    batch_norm: bool
    update_strategy: str
    checkpoint: str
    step: int | None


def evaluate(
    *,
    model_dir: str | None = None,
    checkpoint: str | None = None,
    data_dir: str | None = None,
    singles: int = SINGLES,
) -> EvaluateResult:
    """Restores a checkpoint into an inference graph and measures it on the test set.

    Args:
      model_dir: folder of a training run, of which the newest checkpoint is taken; or
      checkpoint: prefix of one checkpoint, with the record beside it.
      data_dir: folder of IDX files; None for the data that training used.
      singles: number of test images to feed one at a time, at most all.

    Raises:
      ArgumentError: not exactly one of ``model_dir`` and ``checkpoint``, or ``singles`` below 1.
      CheckpointError: no checkpoint or record, a damaged one, or one of another network.
      DataError: the data cannot be read; ShapeError: its images have another shape than the network's.
    """
    with errors.located("evaluate"):
        if bool(model_dir) == bool(checkpoint):
            raise errors.ArgumentError(
                errors.explain("exactly one of `model_dir` and `checkpoint` is needed", got=(model_dir, checkpoint))
            )
        if singles < 1:
            raise errors.ArgumentError(errors.explain("`singles` must be at least 1", got=singles))
        prefix = (
            checkpoints.require_latest(Path(model_dir)) if model_dir else checkpoints.require_prefix(str(checkpoint))
        )
        record = run_record.read(Path(prefix).parent)
        folder = data_dir or record.data.data_dir
        dataset = datasets.load(folder)
        _require_shape(dataset, record)
        return _measure(record, prefix, dataset, folder, singles)


def _measure(record: run_record.RunRecord, prefix: str, dataset: Dataset, folder: str, singles: int) -> EvaluateResult:
    settings = record.settings
    first = Split(dataset.test.images[:singles], dataset.test.labels[:singles])
    with restored(record, prefix) as predict:
        whole = training_graph.accuracy(predict, dataset.test)
        single = single_image_accuracy(predict, first)
    mistake = None
    if settings.batch_norm:
        with restored(record, prefix, by_batch=True) as predict:
            mistake = single_image_accuracy(predict, first)
    return EvaluateResult(
        accuracy=whole,
        single_image_accuracy=single,
        batch_statistics_single_image_accuracy=mistake,
        singles=len(first.labels),
        test_images=len(dataset.test.labels),
        data=folder or "embedded digits",
        same_data=record.data.same_images(run_record.describe_data(dataset, folder)),
        model=settings.model,
        batch_norm=settings.batch_norm,
        update_strategy=strategy_text(settings),
        checkpoint=prefix,
        step=checkpoints.step_of(prefix),
    )


@contextmanager
def restored(
    record: run_record.RunRecord, prefix: str, *, by_batch: bool = False
) -> Iterator[Callable[[np.ndarray], np.ndarray]]:
    """Opens a graph that is built with ``is_training=False`` and restored with a plain Saver.

    Args:
      record: of the run.
      prefix: of its checkpoint.
      by_batch: normalises with batch statistics all the same: the classic mistake.

    Yields:
      A function from images to classes.

    Raises:
      CheckpointError: as ``checkpoints.restore``.
    """
    settings = record.settings
    # How it was trained may need an op library that is not here.
    options = dataclasses.replace(training_graph.options_of(settings), kernel=None)
    if by_batch:
        options = dataclasses.replace(options, use_batch_statistics=True)
    with tf.Graph().as_default():
        images = tf.placeholder(tf.float32, [None, *record.image_shape], "images")
        tower = training_graph.Tower.build(settings.model, images, False, options)
        saver = tf.train.Saver()
        with tf.Session() as session:
            checkpoints.restore(session, saver, prefix, strategy_text(settings))
            yield session.make_callable(tower.predictions, feed_list=[images])


def single_image_accuracy(predict: Callable[[np.ndarray], np.ndarray], split: Split) -> float:
    """Returns the share of right predictions where each image is fed alone."""
    return training_graph.accuracy(predict, split, pieces=len(split.labels))


def _require_shape(dataset: Dataset, record: run_record.RunRecord) -> None:
    shape = tuple(dataset.test.images.shape[1:])
    if shape != tuple(record.image_shape):
        raise errors.ShapeError(
            errors.explain(
                "the images have another shape than those of the training run",
                got=shape,
                expected=str(tuple(record.image_shape)),
                fix="Name the folder of the training data with --data_dir.",
            )
        )
