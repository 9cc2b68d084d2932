"""Trains one network without batch norm and with each update strategy, side by side.

All variants start from the same initial weights, which is checked, and see the same batches. Along the way they
are measured in three ways: accuracy with batch statistics and with averages; the distribution of one unit's
pre-activation over fixed images; and the distance of the averages from the population statistics.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.datasets import Dataset, Split
from tf1bn.datasets.batches import batches
from tf1bn.examples import training_graph
from tf1bn.examples.settings import TrainSettings
from tf1bn.examples.training import strategy_text
from tf1bn.progress import Progress
from tf1bn.strategies.catalog import STRATEGIES

NO_BATCH_NORM = "none"
PERCENTILES = (15, 50, 85)
PROBE_IMAGES = 500
SINGLES = 100


class Point(NamedTuple):
    """One look at a variant during training.

    Attributes:
      step: number of steps trained.
      accuracy_by_batch: validation accuracy with batch statistics; without batch norm, the accuracy.
      accuracy_by_averages: validation accuracy with the averages.
      percentiles: 15th, 50th and 85th percentile of the probed pre-activation.
      mean_distance: root mean square over all channels of (average - population mean) / population deviation;
        None without batch norm.
      variance_distance: root mean square over all channels of log(average / population variance).
    """

    step: int
    accuracy_by_batch: float
    accuracy_by_averages: float
    percentiles: tuple[float, ...]
    mean_distance: float | None
    variance_distance: float | None


@dataclasses.dataclass(frozen=True)
class Variant:
    """One network of a comparison, trained.

    Attributes:
      name: of the strategy, or "none" without batch norm.
      test_by_batch: test accuracy in the training graph with batch statistics.
      test_by_averages: test accuracy with the averages.
      singles_by_averages, singles_by_batch: accuracy on the first 100 test images, one at a time.
      steps_per_second: of its training steps but the first.
      points: looks during training.
    """

    name: str
    test_by_batch: float
    test_by_averages: float
    singles_by_averages: float
    singles_by_batch: float
    steps_per_second: float | None
    points: tuple[Point, ...]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """All variants of one model.

    Attributes:
      settings: what they share.
      probe: the pre-activation whose percentiles were taken: layer and unit.
      population_images: number of training images over which population statistics were computed.
      variants: without batch norm first, then each strategy.
    """

    settings: TrainSettings
    probe: str
    population_images: int
    variants: tuple[Variant, ...]


def variants_of(settings: TrainSettings, strategies: Sequence[str] | None = None) -> list[TrainSettings]:
    """Returns the settings of each network: without batch norm, and with each strategy.

    Args:
      settings: what they share.
      strategies: names; None for all that are registered.

    Raises:
      UnknownNameError: no strategy of that name.
    """
    names = STRATEGIES.names() if strategies is None else strategies
    for name in names:
        STRATEGIES.get(name)
    return [
        dataclasses.replace(settings, batch_norm=False),
        *(dataclasses.replace(settings, batch_norm=True, update_strategy=name) for name in names),
    ]


def compare(
    settings: TrainSettings,
    dataset: Dataset,
    *,
    strategies: Sequence[str] | None = None,
    points: int = 20,
    population_images: int | None = None,
    quiet: bool = False,
) -> Comparison:
    """Trains and measures all variants of one model; the batch norm settings of ``settings`` do not matter.

    Args:
      settings: model, steps, seed and the like.
      dataset: its training part gives the batches and the population statistics, its validation part the curves.
      strategies: names; None for all that are registered.
      points: number of looks during training, the start and the end included; at least 2.
      population_images: size of the part of the training set that population statistics are computed over;
        None for all of it.
      quiet: shows no progress.

    Raises:
      UnknownNameError: no strategy of that name.
      ArgumentError: ``points`` below 2, a batch larger than the training set or the population, or no
        validation image.
    """
    with errors.located("compare"):
        if points < 2:
            raise errors.ArgumentError(errors.explain("`points` must be at least 2", got=points))
        count = len(dataset.train.labels) if population_images is None else population_images
        if not settings.batch_size <= count <= len(dataset.train.labels):
            raise errors.ArgumentError(
                errors.explain(
                    "`population_images` is out of range",
                    got=count,
                    expected=f"{settings.batch_size} to {len(dataset.train.labels)}",
                )
            )
        population = Split(dataset.train.images[:count], dataset.train.labels[:count])
        steps = set(np.linspace(0, settings.steps, points).astype(int).tolist())
        start: dict[str, np.ndarray] = {}
        done = [
            _trained(variant, dataset, population, steps, start, quiet) for variant in variants_of(settings, strategies)
        ]
        return Comparison(settings, done[0][1], count, tuple(variant for variant, _ in done))


def _trained(
    settings: TrainSettings,
    dataset: Dataset,
    population: Split,
    looks: set[int],
    start: dict[str, np.ndarray],
    quiet: bool,
) -> tuple[Variant, str]:
    """Trains one variant; ``start`` takes in the initial weights of the first and is compared by the others."""
    built = training_graph.build(settings, dataset.train.images.shape[1:])
    name = strategy_text(settings)
    with (
        training_graph.open_run(built) as run,
        Progress(settings.steps, f"{settings.model} {name}", quiet=quiet) as bar,
    ):
        require_same_start(run, start, name)
        looker = _Looker(run, settings, dataset.validation, population)
        points = [looker.look(0)] if 0 in looks else []
        seconds = 0.0
        for step, batch in zip(range(1, settings.steps + 1), _stream(settings, dataset), strict=False):
            began = time.perf_counter()
            run.step(batch)
            seconds += time.perf_counter() - began if step > 1 else 0.0
            bar.advance()
            if step in looks:
                points.append(looker.look(step))
        singles = Split(dataset.test.images[:SINGLES], dataset.test.labels[:SINGLES])
        return (
            Variant(
                name=name,
                test_by_batch=run.accuracy(dataset.test),
                test_by_averages=run.accuracy(dataset.test, by_averages=True),
                singles_by_averages=run.accuracy(singles, by_averages=True, pieces=len(singles.labels)),
                singles_by_batch=run.accuracy(singles, pieces=len(singles.labels)),
                steps_per_second=(settings.steps - 1) / seconds if seconds else None,
                points=tuple(points),
            ),
            looker.probe,
        )


def require_same_start(run: training_graph.TrainingRun, start: dict[str, np.ndarray], name: str) -> None:
    """Takes in the initial kernels if ``start`` is empty, else checks that the run has the same ones, bit by bit.

    Raises:
      ArgumentError: they differ, so that a comparison would mean nothing.
    """
    with run.built.graph.as_default():
        kernels = [variable for variable in tf.trainable_variables() if variable.op.name.endswith("/kernel")]
    values = run.session.run({variable.op.name: variable for variable in kernels})
    if not start:
        start.update(values)
    different = sorted(
        key for key in {*start, *values} if key not in start or not np.array_equal(start[key], values.get(key))
    )
    if different:
        raise errors.ArgumentError(
            errors.explain(
                f"variant {name!r} does not start from the weights of the first variant: {', '.join(different)}"
            )
        )


def _stream(settings: TrainSettings, dataset: Dataset) -> Iterator[Split]:
    return batches(dataset.train, settings.batch_size, seed=settings.seed)


class _Looker:
    """Measures a run without moving anything."""

    def __init__(
        self, run: training_graph.TrainingRun, settings: TrainSettings, validation: Split, population: Split
    ) -> None:
        self._run, self._settings, self._validation, self._population = run, settings, validation, population
        layer, tensor = list(run.built.by_batch.outputs.pre_activations.items())[-1]
        self.probe = f"{layer}, unit 1"
        self._unit = run.session.make_callable(tensor, feed_list=[run.built.images])

    def look(self, step: int) -> Point:
        unit = self._unit(self._validation.images[:PROBE_IMAGES])[..., 0]
        mean_distance, variance_distance = self._distances()
        return Point(
            step,
            self._run.accuracy(self._validation),
            self._run.accuracy(self._validation, by_averages=True),
            tuple(float(value) for value in np.percentile(unit, PERCENTILES)),
            mean_distance,
            variance_distance,
        )

    def _distances(self) -> tuple[float | None, float | None]:
        averages = self._run.read_averages()
        if not averages:
            return None, None
        population = self._run.population(self._population, self._settings.batch_size)
        mean_errors, variance_errors = [], []
        for scope, (mean, variance) in averages.items():
            true_mean, true_variance = population[scope]
            # A channel that is constant over all images has no scale to measure a distance in.
            live = (true_variance > 1e-10) & (variance > 0)
            mean_errors.append(((mean - true_mean) / np.sqrt(np.maximum(true_variance, 1e-10)))[live])
            variance_errors.append(np.log(variance[live] / true_variance[live]))
        return _root_mean_square(mean_errors), _root_mean_square(variance_errors)


def _root_mean_square(parts: list[Any]) -> float:
    values = np.concatenate(parts).astype(np.float64)
    return float(np.sqrt(np.mean(np.square(values)))) if values.size else 0.0
