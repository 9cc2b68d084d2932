"""The graph in which a network is trained, with towers on the same variables that only look.

The training tower is built with ``is_training=True`` and so is as fast as the strategy allows. Two further
towers share its variables through ``reuse`` and move nothing: one normalises with batch statistics, as the
training tower does, the other with the averages, as an inference graph does. All three are fed through the same
placeholders; a run computes only the tower that it fetches.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.datasets import Split
from tf1bn.examples import models
from tf1bn.examples.settings import TrainSettings
from tf1bn.layers.train_op import minimize

PIECE = 1000
"""Images that are evaluated at once, at most."""


class Tower(NamedTuple):
    """One use of the network's variables.

    Attributes:
      outputs: what the network computes.
      predictions: the class of each image.
    """

    outputs: models.Outputs
    predictions: tf.Tensor

    @classmethod
    def build(cls, model: str, images: tf.Tensor, is_training: Any, options: models.ModelOptions) -> Tower:
        outputs = models.MODELS[model].network(images, is_training, options)
        return cls(outputs, tf.argmax(outputs.logits, axis=1))


class TrainingGraph(NamedTuple):
    """A built graph.

    Attributes:
      graph: the TensorFlow graph, finalised.
      images, labels: placeholders of all towers.
      loss: of the training tower.
      train_op: one training step; moves the averages, too.
      global_step: variable that counts the steps.
      by_batch: the tower that normalises with batch statistics and moves nothing.
      by_averages: the tower that normalises with the averages.
      batch_moments: mean and variance of the fed batch at each batch norm of ``by_batch``, by the same name.
      averages: moving mean and variance of each batch norm, read as they are, by the batch norm's scope.
      saver: saves and restores all variables.
      initialize: sets all variables to their initial values.
      summaries: the averages as serialised TensorBoard histograms; None without batch norm.
    """

    graph: tf.Graph
    images: tf.Tensor
    labels: tf.Tensor
    loss: tf.Tensor
    train_op: tf.Operation
    global_step: Any
    by_batch: Tower
    by_averages: Tower
    batch_moments: dict[str, tuple[tf.Tensor, tf.Tensor]]
    averages: dict[str, tuple[tf.Tensor, tf.Tensor]]
    saver: Any
    initialize: tf.Operation
    summaries: tf.Tensor | None


def build(settings: TrainSettings, image_shape: tuple[int, ...], *, max_to_keep: int = 5) -> TrainingGraph:
    """Returns the training graph of a run.

    Initial weights depend on the seed and the layer only, so that runs with other strategies, or without batch
    norm, start from the same ones.

    Raises:
      UnknownNameError: no strategy of that name.
    """
    options = options_of(settings)
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(settings.seed)
        images = tf.placeholder(tf.float32, [None, *image_shape], "images")
        labels = tf.placeholder(tf.int64, [None], "labels")
        model = models.MODELS[settings.model]
        loss = model.loss(model.network(images, True, options).logits, labels)
        global_step = tf.train.get_or_create_global_step()
        train_op = _train_op(model.optimizer(settings.learning_rate), loss, global_step, settings.forget_updates)
        by_batch, by_averages = (
            _looking(settings.model, images, options, by_batch=by_batch) for by_batch in (True, False)
        )
        averages = _averages()
        moments = {scope: _moments(x) for scope, x in by_batch.outputs.normalised.items()}
        built = TrainingGraph(
            graph, images, labels, loss, train_op, global_step, by_batch, by_averages, moments,
            averages, tf.train.Saver(max_to_keep=max_to_keep), tf.global_variables_initializer(), _summaries(averages),
        )  # fmt: skip
    graph.finalize()
    return built


def options_of(settings: TrainSettings) -> models.ModelOptions:
    """Returns the options of the network of a run."""
    return models.ModelOptions(settings.batch_norm, settings.update_strategy, settings.decay, settings.init_stddev)


@dataclasses.dataclass
class TrainingRun:
    """A training graph with its session. Make one with :func:`open_run`.

    Attributes:
      built: the graph.
      session: the session; new variables are initialised.
    """

    built: TrainingGraph
    session: Any

    def __post_init__(self) -> None:
        built = self.built
        self.session.run(built.initialize)
        self._step = self.session.make_callable([built.loss, built.train_op], feed_list=[built.images, built.labels])

    def step(self, batch: Split) -> float:
        """Trains on one batch and returns its loss."""
        return float(self._step(batch.images, batch.labels)[0])

    @property
    def steps(self) -> int:
        """Number of steps trained so far."""
        return int(self.session.run(self.built.global_step))

    def accuracy(self, split: Split, *, by_averages: bool = False, pieces: int | None = None) -> float:
        """Returns the share of right predictions on a split, as :func:`accuracy`; moves nothing."""
        tower = self.built.by_averages if by_averages else self.built.by_batch
        predict = self.session.make_callable(tower.predictions, feed_list=[self.built.images])
        return accuracy(predict, split, pieces)

    def population(self, split: Split, batch_size: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Returns the population statistics of each batch norm's input under the present weights.

        These are the mean of batch means and the mean of batch variances over consecutive full batches of the
        split, each normalised by its own statistics as in training: what the averages estimate. Moves nothing.
        """
        flat = [tensor for pair in self.built.batch_moments.values() for tensor in pair]
        moments = self.session.make_callable(flat, feed_list=[self.built.images])
        starts = range(0, len(split.labels) - batch_size + 1, batch_size)
        batches = [moments(split.images[start : start + batch_size]) for start in starts]
        means = [np.asarray(np.mean(values, axis=0, dtype=np.float64)) for values in zip(*batches, strict=True)]
        return dict(zip(self.built.batch_moments, zip(means[::2], means[1::2], strict=True), strict=True))

    def read_averages(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Returns moving mean and variance of each batch norm."""
        return self.session.run(self.built.averages)


@contextlib.contextmanager
def open_run(built: TrainingGraph) -> Iterator[TrainingRun]:
    """Opens a session on a built graph, with all variables initialised."""
    with tf.Session(graph=built.graph) as session:
        yield TrainingRun(built, session)


def accuracy(predict: Callable[[np.ndarray], np.ndarray], split: Split, pieces: int | None = None) -> float:
    """Returns the share of right predictions.

    Args:
      predict: maps images to classes.
      split: at least one image with its label.
      pieces: into how many parts of equal size, up to one image, the split is cut; by default as few as keep
        each below 1,000.

    Raises:
      ArgumentError: the split is empty.
    """
    count = len(split.labels)
    if not count:
        raise errors.ArgumentError(errors.explain("an accuracy needs at least one image", got=0))
    pieces = pieces or -(-count // PIECE)
    bounds = np.linspace(0, count, pieces + 1).astype(int)
    right = 0
    for start, end in itertools.pairwise(bounds):
        right += int(np.sum(predict(split.images[start:end]) == split.labels[start:end]))
    return right / count


def _train_op(optimizer: Any, loss: tf.Tensor, global_step: Any, forget_updates: bool) -> tf.Operation:
    if forget_updates:
        return optimizer.minimize(loss, global_step=global_step)
    return minimize(optimizer, loss, global_step=global_step)


def _looking(model: str, images: tf.Tensor, options: models.ModelOptions, *, by_batch: bool) -> Tower:
    """Returns a tower on existing variables that moves nothing."""
    name = "by_batch" if by_batch else "by_averages"
    with tf.variable_scope(tf.get_variable_scope(), reuse=True), tf.name_scope(name):
        return Tower.build(model, images, False, dataclasses.replace(options, use_batch_statistics=by_batch))


def _moments(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the moments per channel, the last axis; for looking only, so speed does not matter."""
    mean, variance = tf.nn.moments(x, list(range(x.shape.rank - 1)))
    return mean, variance


def _averages() -> dict[str, tuple[tf.Tensor, tf.Tensor]]:
    """Returns fresh reads of the averages that inference normalises with."""
    found: dict[str, dict[str, tf.Tensor]] = {}
    for variable in tf.get_collection(tf.GraphKeys.MOVING_AVERAGE_VARIABLES):
        scope, _, leaf = variable.op.name.rpartition("/")
        if leaf in ("moving_mean", "moving_variance"):
            found.setdefault(scope, {})[leaf] = variable.read_value()
    return {scope: (leaves["moving_mean"], leaves["moving_variance"]) for scope, leaves in found.items()}


def _summaries(averages: dict[str, tuple[tf.Tensor, tf.Tensor]]) -> tf.Tensor | None:
    histograms = [
        tf.summary.histogram(f"averages/{scope}/{leaf}", value)
        for scope, pair in averages.items()
        for leaf, value in zip(("moving_mean", "moving_variance"), pair, strict=True)
    ]
    return tf.summary.merge(histograms) if histograms else None
