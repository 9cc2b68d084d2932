"""Training from settings to a checkpoint, to be interrupted and resumed at any step."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors, exits
from tf1bn.datasets import Dataset
from tf1bn.datasets.batches import batches
from tf1bn.examples import checkpoints, engines, run_record, training_graph
from tf1bn.examples.distribution import ONE_DEVICE, Distribution
from tf1bn.examples.interrupts import Interrupts
from tf1bn.examples.peers import PeerError
from tf1bn.examples.settings import TrainSettings
from tf1bn.progress import Progress


class DivergedError(errors.Tf1bnError, ArithmeticError):
    """The loss of a training step is not finite."""


@dataclasses.dataclass(frozen=True)
class Pace:
    """How often a run looks up from its steps; each a number of steps.

    Attributes:
      validate: between validations.
      save: between checkpoints.
      summarize: between points of the TensorBoard curves of the loss and the averages.
    """

    validate: int = 500
    save: int = 1000
    summarize: int = 100


@dataclasses.dataclass(frozen=True)
class TrainResult:
    """What a run reports.

    Attributes:
      steps: trained in all, earlier starts of the run included.
      loss: of the last step; None if this start trained none.
      validation_accuracy, test_accuracy: of the training graph with batch statistics; None after an interruption,
        and in a process that is not the chief.
      steps_per_second: of the steps of this start but its first, without validating and saving; None if there
        were fewer than two.
      checkpoint: prefix of the checkpoint of the last step; None in a process that is not the chief.
      resumed_from: step at which this start began.
      interrupted: "SIGINT" or "SIGTERM", None for a complete run.
    """

    steps: int
    loss: float | None
    validation_accuracy: float | None
    test_accuracy: float | None
    steps_per_second: float | None
    checkpoint: str | None
    resumed_from: int
    interrupted: str | None

    @property
    def exit_code(self) -> int:
        """0 for a complete run, 128 plus the number of the signal that ended it otherwise."""
        return exits.after(signal.Signals[self.interrupted]) if self.interrupted else exits.DONE


def train(
    settings: TrainSettings,
    dataset: Dataset,
    model_dir: str | Path,
    *,
    data_dir: str | None = None,
    pace: Pace = Pace(),
    quiet: bool = False,
    distribution: Distribution = ONE_DEVICE,
) -> TrainResult:
    """Trains a network, or continues the run that ``model_dir`` holds, and saves it there.

    The batch of a step depends on the seed and the step alone, so that an interrupted and resumed run sees the
    same batches as an uninterrupted one, however it is spread over devices; only asynchronous workers each draw
    batches from a part of the images. SIGINT and SIGTERM end the run after the current step, with a checkpoint.

    Files in ``model_dir``: checkpoints ``model-STEP``, ``tf1bn_run.json``, and TensorBoard's event file. In a
    cluster the chief writes them, and all processes must see the folder.

    Args:
      settings: the run.
      dataset: its images.
      model_dir: folder of the run; made if needed.
      data_dir: the folder that ``dataset`` came from, for the record; None for the embedded digits.
      pace: how often to validate, save and summarise.
      quiet: shows no progress.
      distribution: how it is spread over devices and processes; by default one device.

    Raises:
      CheckpointError: ``model_dir`` cannot be written, or holds another run or a damaged one.
      ArgumentError: the batch is larger than the training set, or smaller than the number of its shards.
      UnknownNameError: no strategy of that name.
      DivergedError: the loss is not finite.
      NotReadyError: another process of the cluster did not come in time.
      PeerError: another process of the cluster left, or was late.
    """
    with errors.located("train"):
        folder = Path(model_dir)
        record = _record(settings, dataset, data_dir, distribution)
        checkpoints.require_writable(folder)
        newest = resumable(record, folder)
        engine = engines.engine_of(distribution)
        images = engine.portion(dataset.train)
        stream = batches(images, settings.batch_size, seed=settings.seed)
        built = training_graph.build(settings, record.image_shape, engine=engine)
        restore = _restorer(settings, folder, newest, built)
        with training_graph.open_run(built, engine, restore) as run, _own_folder(engine, folder) as own:
            if engine.writes:
                run_record.write(record, folder)
            start = run.steps
            if start:
                stream = batches(images, settings.batch_size, seed=settings.seed, start_step=start)
            with (
                Interrupts() as interrupts,
                Progress(
                    settings.steps, f"{settings.model} {strategy_text(settings)}", start=start, quiet=quiet
                ) as progress,
                _Journal(own, built) as journal,
            ):
                if start:
                    progress.note(f"resuming at step {start}")
                loop = _Loop(run, settings, dataset, pace, own, engine, interrupts, progress, journal, newest)
                result = loop.complete(start, stream)
        engine.leave()
        return result


def plan(
    settings: TrainSettings,
    dataset: Dataset,
    model_dir: str | Path,
    *,
    data_dir: str | None = None,
    distribution: Distribution = ONE_DEVICE,
) -> dict[str, Any]:
    """Returns what :func:`train` would do, after all its checks, and writes nothing.

    Raises:
      As :func:`train`, except for a loss that is not finite.
    """
    with errors.located("train"):
        folder = Path(model_dir)
        record = _record(settings, dataset, data_dir, distribution)
        checkpoints.require_creatable(folder)
        newest = resumable(record, folder)
        engine = engines.engine_of(distribution)
        batches(engine.portion(dataset.train), settings.batch_size, seed=settings.seed)
        built = training_graph.build(settings, record.image_shape, engine=engine)
        with built.graph.as_default():
            weights = sum(variable.shape.num_elements() for variable in tf.trainable_variables())
        spread = {} if record.distribution is None else {"distribution": record.distribution}
        return {
            "dry_run": True,
            "settings": dataclasses.asdict(settings),
            **spread,
            "data": dataclasses.asdict(record.data),
            "trainable_values": weights,
            "model_dir": str(folder),
            "resume_from": newest,
        }


def strategy_text(settings: TrainSettings) -> str:
    """Returns the name of the strategy, or "none" for a network without batch norm."""
    return settings.update_strategy if settings.batch_norm else "none"


def resumable(record: run_record.RunRecord, folder: Path) -> str | None:
    """Returns the newest checkpoint of the run in a folder, None for a new run.

    Raises:
      CheckpointError: the folder holds another run, or checkpoints without a record.
    """
    newest = checkpoints.latest(folder) if folder.is_dir() else None
    if newest is None:
        return None
    kept = run_record.read(folder)
    differing = [
        f"{name} {theirs!r} there, {ours!r} asked for"
        for name, (theirs, ours) in kept.settings.differences(record.settings).items()
    ]
    if not kept.data.same_images(record.data):
        differing.append("other images")
    if differing:
        raise errors.CheckpointError(
            errors.explain(
                f"{str(folder)!r} holds another run: {'; '.join(differing)}",
                fix="Name another --model_dir, or continue with the settings of that run.",
            )
        )
    return newest


def _record(
    settings: TrainSettings, dataset: Dataset, data_dir: str | None, distribution: Distribution
) -> run_record.RunRecord:
    distribution.check_batch(settings.batch_size)
    shape = dataset.train.images.shape[1:]
    data = run_record.describe_data(dataset, data_dir)
    return run_record.RunRecord(settings, tuple(shape), data, distribution.record())


def _restorer(
    settings: TrainSettings, folder: Path, newest: str | None, built: training_graph.TrainingGraph
) -> Callable[[Any], None] | None:
    """Returns what restores the newest checkpoint into a session, None where there is none."""
    if newest is None:
        return None

    def restore(session: Any) -> None:
        checkpoints.restore(session, built.saver, newest, strategy_text(settings))
        built.saver.recover_last_checkpoints(checkpoints.kept(folder))

    return restore


@contextlib.contextmanager
def _own_folder(engine: training_graph.OneDevice, folder: Path) -> Iterator[Path]:
    """Yields the folder of the run where this process writes it, else one that is gone afterwards."""
    if engine.writes:
        yield folder
        return
    with tempfile.TemporaryDirectory() as own:
        yield Path(own)


@dataclasses.dataclass
class _Loop:
    """The steps of one start of a run."""

    run: training_graph.TrainingRun
    settings: TrainSettings
    dataset: Dataset
    pace: Pace
    folder: Path
    engine: training_graph.OneDevice
    interrupts: Interrupts
    progress: Progress
    journal: _Journal
    checkpoint: str | None
    saved_at: int | None = None
    stepping: float = 0.0

    def complete(self, start: int, stream: Any) -> TrainResult:
        """Runs the remaining steps, saves, and reports."""
        if self.checkpoint:
            self.saved_at = start
        loss = None
        step, timed = start, -1
        try:
            while step < self.settings.steps and not self.run.ends(self.interrupts.received is not None):
                before, loss = step, self._step(next(stream), first=timed < 0)
                step, timed = self.run.after(step), timed + 1
                self._require_finite(loss, step)
                self.progress.advance(step - before)
                self._look_up(before, step, loss)
            self._save(step)
        except PeerError:
            if self.interrupts.received is None:
                raise
            self.progress.note("the other processes are gone; the last checkpoint stands")
        received = self.interrupts.received if step < self.settings.steps else None
        validation = test = None
        if received is None and self.engine.writes:
            validation, test = self._accuracy("validation", step), self._accuracy("test", step)
        return TrainResult(
            steps=step,
            loss=loss,
            validation_accuracy=validation,
            test_accuracy=test,
            steps_per_second=timed / self.stepping if timed > 0 and self.stepping else None,
            checkpoint=str(self.checkpoint) if self.engine.writes else None,
            resumed_from=start,
            interrupted=received.name if received is not None else None,
        )

    def _step(self, batch: Any, *, first: bool) -> float:
        began = time.perf_counter()
        loss = self.run.step(batch)
        if not first:  # TensorFlow prepares the graph in the first step
            self.stepping += time.perf_counter() - began
        return loss

    def _require_finite(self, loss: float, step: int) -> None:
        if not math.isfinite(loss):
            raise DivergedError(
                errors.explain(
                    f"the loss is not finite at step {step}",
                    got=loss,
                    fix="Train with a lower --learning_rate into another --model_dir. "
                    + (f"The last checkpoint is of step {self.saved_at}." if self.saved_at else "Nothing was saved."),
                )
            )

    def _look_up(self, before: int, step: int, loss: float) -> None:
        """Other processes may have trained steps in between, too."""

        def due(pace: int) -> bool:
            return step // pace > before // pace

        if due(self.pace.summarize) and self.engine.writes:
            self.journal.scalar("loss", loss, step)
            self.journal.averages(self.run.session, step)
        if due(self.pace.validate) and step < self.settings.steps and self.engine.writes:
            value = self._accuracy("validation", step)
            if value is not None:
                self.progress.show(f"loss {loss:.4g}, validation accuracy {value:.4f}")
        if due(self.pace.save) and step < self.settings.steps:
            self._save(step)

    def _accuracy(self, part: str, step: int) -> float | None:
        split = getattr(self.dataset, part)
        if not len(split.labels):
            return None
        value = self.run.accuracy(split)
        self.journal.scalar(f"{part}_accuracy", value, step)
        return value

    def _save(self, step: int) -> None:
        if step == self.saved_at or not (self.engine.writes or self.engine.saves_together):
            return
        prefix = self.folder / checkpoints.NAME
        try:
            self.checkpoint = self.run.built.saver.save(self.run.session, str(prefix), global_step=step)
        except (OSError, ValueError, tf.errors.OpError) as error:
            raise errors.CheckpointError(
                errors.explain(f"cannot save a checkpoint in {str(self.folder)!r}: {error}")
            ) from error
        self.saved_at = step


class _Journal:
    """TensorBoard curves; a context manager. Reads variables and moves none."""

    def __init__(self, folder: Path, built: training_graph.TrainingGraph) -> None:
        self._built = built
        with built.graph.as_default():
            self._writer = tf.summary.FileWriter(str(folder))

    def __enter__(self) -> _Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def scalar(self, tag: str, value: float, step: int) -> None:
        self._writer.add_summary(tf.Summary(value=[tf.Summary.Value(tag=tag, simple_value=value)]), step)

    def averages(self, session: Any, step: int) -> None:
        if self._built.summaries is not None:
            self._writer.add_summary(session.run(self._built.summaries), step)
