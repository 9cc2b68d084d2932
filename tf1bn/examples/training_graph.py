"""The graph in which a network is trained, with towers on the same variables that only look.

The training tower is built with ``is_training=True`` and so is as fast as the strategy allows. Two further
towers share its variables through ``reuse`` and move nothing: one normalises with batch statistics, as the
training tower does, the other with the averages, as an inference graph does. All three are fed through the same
placeholders; a run computes only the tower that it fetches.

How the training tower is spread over devices and processes is the engine's business: :class:`OneDevice` here, others
in modules of their own.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors, progress
from tf1bn.datasets import Split
from tf1bn.examples import models
from tf1bn.examples.settings import TrainSettings
from tf1bn.layers.train_op import minimize, with_updates

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


class Recipe(NamedTuple):
    """What an engine needs to build a training step.

    Attributes:
      settings: of the run.
      images, labels: placeholders of the whole batch.
      global_step: variable that counts the steps.
    """

    settings: TrainSettings
    images: tf.Tensor
    labels: tf.Tensor
    global_step: Any

    @property
    def model(self) -> models.Model:
        """The network, its loss and its optimizer."""
        return models.MODELS[self.settings.model]

    def optimizer(self) -> Any:
        """Returns a new optimizer."""
        return self.model.optimizer(self.settings.learning_rate)

    def loss(self) -> tf.Tensor:
        """Returns the loss of the whole batch."""
        logits = self.model.network(self.images, True, options_of(self.settings)).logits
        return self.model.loss(logits, self.labels)

    def loss_of_shard(self, index: int, members: int, statistics: Any) -> tf.Tensor:
        """Returns what one shard adds to the loss of the batch; the shards of all members make up the batch.

        Args:
          index: of the shard, 0 to ``members - 1``.
          members: number of shards. Where they do not divide the batch, shards differ by one image.
          statistics: how its batch norms come by their statistics, as in ``tf1bn.batch_norm``.
        """
        rows = tf.size(self.labels)
        shard = slice(rows * index // members, rows * (index + 1) // members)
        options = dataclasses.replace(options_of(self.settings), statistics=statistics)
        logits = self.model.network(self.images[shard], True, options).logits
        return self.model.loss_of_shard(logits, self.labels[shard], rows)

    def updating(self, train_op: Any, loss: tf.Tensor) -> tf.Operation:
        """Returns the train op bound to the updates of the averages, unless the run shall forget them."""
        return tf.group(train_op) if self.settings.forget_updates else with_updates([train_op, loss])


class OneDevice:
    """Training on one device; what other engines replace, they override.

    Attributes:
      target, config: of the session.
      writes: whether this process saves, validates and reports.
      saves_together: whether reading and saving the averages takes all processes at once.
    """

    target = ""
    config: Any = None
    writes = True
    saves_together = False

    def around(self) -> Any:
        """Returns a context manager around all that is built."""
        return contextlib.nullcontext()

    def train(self, recipe: Recipe) -> tuple[tf.Tensor, tf.Operation]:
        """Returns the loss of a step, and the op that trains."""
        loss = recipe.loss()
        optimizer = recipe.optimizer()
        if recipe.settings.forget_updates:
            return loss, optimizer.minimize(loss, global_step=recipe.global_step)
        return loss, minimize(optimizer, loss, global_step=recipe.global_step)

    def finish(self, recipe: Recipe) -> None:
        """Adds what else the engine needs to the graph."""

    def meet(self) -> None:
        """Waits for the other processes, before the session is opened."""

    def begin(self, session: Any, built: TrainingGraph, restore: Callable[[Any], None] | None) -> TrainingRun:
        """Initialises or restores the variables, or waits until it is done; returns the run.

        Args:
          session: open on the built graph.
          built: the graph.
          restore: restores a checkpoint into a session; None for a new run.
        """
        session.run(built.initialize)
        if restore is not None:
            restore(session)
        return TrainingRun(built, session)

    def end(self) -> None:
        """Ends what stands beside the session, which is still open."""

    def leave(self) -> None:
        """Takes leave of the other processes, once the session is closed."""

    def portion(self, split: Split) -> Split:
        """Returns the images of which the batches are made that are fed in this process."""
        return split


def build(
    settings: TrainSettings, image_shape: tuple[int, ...], *, max_to_keep: int = 5, engine: OneDevice | None = None
) -> TrainingGraph:
    """Returns the training graph of a run.

    Initial weights depend on the seed and the layer only, so that runs with other strategies, or without batch
    norm, start from the same ones.

    Args:
      settings: of the run.
      image_shape: height, width, channels.
      max_to_keep: number of checkpoints that the saver keeps.
      engine: how the training tower is spread; by default over one device.

    Raises:
      UnknownNameError: no strategy of that name.
    """
    engine = engine or OneDevice()
    options = options_of(settings)
    with tf.Graph().as_default() as graph, engine.around():
        tf.set_random_seed(settings.seed)
        images = tf.placeholder(tf.float32, [None, *image_shape], "images")
        labels = tf.placeholder(tf.int64, [None], "labels")
        global_step = tf.train.get_or_create_global_step()
        recipe = Recipe(settings, images, labels, global_step)
        loss, train_op = engine.train(recipe)
        by_batch, by_averages = (
            _looking(settings.model, images, options, by_batch=by_batch) for by_batch in (True, False)
        )
        averages = {} if engine.saves_together else _averages()
        engine.finish(recipe)
        moments = {scope: _moments(x) for scope, x in by_batch.outputs.normalised.items()}
        built = TrainingGraph(
            graph, images, labels, loss, train_op, global_step, by_batch, by_averages, moments,
            averages, tf.train.Saver(max_to_keep=max_to_keep), tf.global_variables_initializer(), _summaries(averages),
        )  # fmt: skip
    graph.finalize()
    return built


def options_of(settings: TrainSettings) -> models.ModelOptions:
    """Returns the options of the network of a run."""
    return models.ModelOptions(
        settings.batch_norm,
        settings.update_strategy,
        settings.decay,
        settings.init_stddev,
        kernel=settings.kernel,
    )


@dataclasses.dataclass
class TrainingRun:
    """A training graph with its session. Make one with :func:`open_run`.

    Attributes:
      built: the graph.
      session: the session; the variables are initialised.
    """

    built: TrainingGraph
    session: Any

    def __post_init__(self) -> None:
        built = self.built
        self._step = self.session.make_callable([built.loss, built.train_op], feed_list=[built.images, built.labels])

    def step(self, batch: Split) -> float:
        """Trains on one batch and returns its loss."""
        return float(self._step(batch.images, batch.labels)[0])

    def after(self, step: int) -> int:
        """Returns the number of steps trained, by all processes, once this process has trained one after ``step``."""
        return step + 1

    def ends(self, wish: bool) -> bool:
        """Whether training ends here before its last step; ``wish`` says that this process wants it to."""
        return wish

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
def open_run(
    built: TrainingGraph, engine: OneDevice | None = None, restore: Callable[[Any], None] | None = None
) -> Iterator[TrainingRun]:
    """Opens a session on a built graph, with all variables initialised or restored.

    Args:
      built: the graph.
      engine: with which it was built; by default one device.
      restore: restores a checkpoint into a session.
    """
    engine = engine or OneDevice()
    engine.meet()
    with tf.Session(engine.target, graph=built.graph, config=engine.config) as session:
        run = engine.begin(session, built, restore)
        try:
            yield run
        finally:
            engine.end()


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
    for start, end in progress.each(list(itertools.pairwise(bounds)), "evaluating", "batches"):
        right += int(np.sum(predict(split.images[start:end]) == split.labels[start:end]))
    return right / count


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
        scope, _, leaf = variable.name.partition(":")[0].rpartition("/")
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
