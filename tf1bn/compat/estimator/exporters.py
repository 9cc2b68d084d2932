"""Exporters: what ``train_and_evaluate`` exports after an evaluation, and how many exports are kept."""

from __future__ import annotations

import abc
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.calls import made_with
from tf1bn.compat.estimator import calling, checks, folders

_LOSS = "loss"


class Exporter(abc.ABC):
    """Exports a model; the base of the kinds below, and of a program's own."""

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """The folder below ``export`` in the model's folder."""

    @abc.abstractmethod
    def export(
        self, estimator: Any, export_path: str, checkpoint_path: str, eval_result: Any, is_the_final_export: bool
    ) -> Any:
        """Exports a checkpoint, or does not, and returns the path or None.

        Args:
          estimator: the model.
          export_path: folder for this exporter.
          checkpoint_path: what was evaluated.
          eval_result: the metrics.
          is_the_final_export: whether training is over.
        """


@dataclass(frozen=True)
class Saved:
    """What ``FinalExporter`` takes; the others have more in its places."""

    name: str
    serving_input_receiver_fn: Callable[[], Any]
    event_file_pattern: str | None = field(default=None, init=False)
    compare_fn: Callable[..., bool] | None = field(default=None, init=False)
    assets_extra: Mapping[str, str] | None = None
    as_text: bool = False


@dataclass(frozen=True)
class Kept(Saved):
    """What ``LatestExporter`` takes."""

    exports_to_keep: int | None = 5


class _Saving(Exporter):
    """Writes SavedModels with one receiver function."""

    def __init__(self, call: Saved) -> None:
        with errors.located(type(self).__name__):
            if not isinstance(call.name, str) or not call.name:
                raise errors.ArgumentError(errors.explain("`name` must be a string, not empty", got=call.name))
            checks.require_callable("serving_input_receiver_fn", call.serving_input_receiver_fn)
        self._name, self._receiver_fn = call.name, call.serving_input_receiver_fn
        self._assets, self._as_text = call.assets_extra, call.as_text

    @property
    def name(self) -> str:
        """The folder below ``export`` in the model's folder."""
        return self._name

    def _save(self, estimator: Any, export_path: str, checkpoint_path: str) -> Any:
        return estimator.export_saved_model(
            export_path,
            self._receiver_fn,
            assets_extra=self._assets,
            as_text=self._as_text,
            checkpoint_path=checkpoint_path,
        )


class FinalExporter(_Saving):
    """Exports once, when training is over.

    Args:
      name: of its folder.
      serving_input_receiver_fn, assets_extra, as_text: as of ``Estimator.export_saved_model``.

    Raises:
      ArgumentError: no name.
      ArgumentTypeError: no function.
    """

    @made_with(Saved)
    def __init__(self, call: Saved) -> None:
        super().__init__(call)

    def export(
        self, estimator: Any, export_path: str, checkpoint_path: str, eval_result: Any, is_the_final_export: bool
    ) -> Any:
        """Exports at the end, and returns the path; else None."""
        del eval_result
        return self._save(estimator, export_path, checkpoint_path) if is_the_final_export else None


class LatestExporter(_Saving):
    """Exports after each evaluation and keeps the newest.

    Args:
      exports_to_keep: how many; None keeps all.
      others: as of FinalExporter.

    Raises:
      ArgumentError: no name, or ``exports_to_keep`` is not positive.
      ArgumentTypeError: no function.
    """

    @made_with(Kept)
    def __init__(self, call: Kept) -> None:
        super().__init__(call)
        with errors.located("LatestExporter"):
            checks.require_positive("exports_to_keep", call.exports_to_keep)
        self._kept = call.exports_to_keep

    def export(
        self, estimator: Any, export_path: str, checkpoint_path: str, eval_result: Any, is_the_final_export: bool
    ) -> Any:
        """Exports, deletes the oldest, and returns the path."""
        del eval_result, is_the_final_export
        path = self._save(estimator, export_path, checkpoint_path)
        folders.keep_newest(export_path, self._kept)
        return path


@dataclass(frozen=True)
class _Steps:
    steps_to_keep: Any


@dataclass(frozen=True)
class SavedAtSteps(Saved, _Steps):
    """What ``StepsExporter`` takes."""

    name: str = "steps_exporter"
    serving_input_receiver_fn: Any = None
    event_file_pattern: str = "eval/*.tfevents.*"


class StepsExporter(_Saving):
    """Exports when an evaluation is the first at or behind one of the given steps, and at the end.

    Args:
      steps_to_keep: global steps.
      others: as of FinalExporter.

    Raises:
      ArgumentError: no steps, or one that is not a positive number.
    """

    @made_with(SavedAtSteps)
    def __init__(self, call: SavedAtSteps) -> None:
        super().__init__(call)
        steps = list(call.steps_to_keep)
        if not steps or any(not isinstance(step, int) or step <= 0 for step in steps):
            raise errors.ArgumentError(
                errors.explain("`steps_to_keep` must be positive numbers", got=steps), where="StepsExporter"
            )
        self._steps, self._pattern = sorted(steps), call.event_file_pattern

    def export(
        self, estimator: Any, export_path: str, checkpoint_path: str, eval_result: Any, is_the_final_export: bool
    ) -> Any:
        """Exports if one of the steps has been reached since the evaluation before, and returns the path or None."""
        now = int(eval_result[tf.GraphKeys.GLOBAL_STEP])
        done = [step for step, _ in _evaluations(os.path.join(estimator.model_dir, self._pattern)) if step < now]
        before = max(done, default=0)
        if is_the_final_export or any(before < step <= now for step in self._steps):
            return self._save(estimator, export_path, checkpoint_path)
        return None


def _smaller_loss(best_eval_result: Mapping[str, Any], current_eval_result: Mapping[str, Any]) -> bool:
    """Whether the current loss is smaller than the best.

    Raises:
      ArgumentError: a result without a loss.
    """
    for result in (best_eval_result, current_eval_result):
        if not result or _LOSS not in result:
            raise errors.ArgumentError(
                errors.explain("there is no loss to compare", got=result, fix="Pass `compare_fn`."),
                where="BestExporter",
            )
    return bool(current_eval_result[_LOSS] < best_eval_result[_LOSS])


@dataclass(frozen=True)
class KeptBest(Kept):
    """What ``BestExporter`` takes."""

    name: str = "best_exporter"
    serving_input_receiver_fn: Any = None
    event_file_pattern: str | None = "eval/*.tfevents.*"
    compare_fn: Callable[..., bool] = _smaller_loss


class BestExporter(_Saving):
    """Exports when an evaluation is the best so far, also of those that the event files of earlier runs tell.

    Args:
      event_file_pattern: where those files are, below the model's folder; None to begin anew.
      compare_fn: takes ``best_eval_result`` and ``current_eval_result`` and tells whether the current one is better;
        by default the smaller loss.
      exports_to_keep: how many; None keeps all.
      others: as of FinalExporter.

    Raises:
      ArgumentError: ``compare_fn`` takes other arguments, or ``exports_to_keep`` is not positive.
      ArgumentTypeError: no function.
    """

    @made_with(KeptBest)
    def __init__(self, call: KeptBest) -> None:
        super().__init__(call)
        with errors.located("BestExporter"):
            checks.require_callable("compare_fn", call.compare_fn)
            taken = calling.arguments_of(call.compare_fn)
            if set(taken) != {"best_eval_result", "current_eval_result"}:
                expected = "best_eval_result and current_eval_result"
                raise errors.ArgumentError(
                    errors.explain("`compare_fn` takes other arguments", got=taken, expected=expected)
                )
            checks.require_positive("exports_to_keep", call.exports_to_keep)
        self._pattern, self._better, self._kept = call.event_file_pattern, call.compare_fn, call.exports_to_keep
        self._best: Any = None
        self._read = False

    def export(
        self, estimator: Any, export_path: str, checkpoint_path: str, eval_result: Any, is_the_final_export: bool
    ) -> Any:
        """Exports if this result is the best, deletes the oldest exports, and returns the path; else None."""
        del is_the_final_export
        if not self._read and self._pattern is not None and folders.exports(export_path):
            self._read = True
            self._best = self._best_of(os.path.join(estimator.model_dir, self._pattern), eval_result)
        if self._best is not None and not self._better(best_eval_result=self._best, current_eval_result=eval_result):
            return None
        self._best, self._read = eval_result, True
        path = self._save(estimator, export_path, checkpoint_path)
        folders.keep_newest(export_path, self._kept)
        return path

    def _best_of(self, pattern: str, now: Any) -> Any:
        """Returns the best of the evaluations in event files but this one, which is written there already."""
        best = None
        step = now.get(tf.GraphKeys.GLOBAL_STEP) if now else None
        for number, result in _evaluations(pattern):
            if number == step:
                continue
            if best is None or self._better(best_eval_result=best, current_eval_result=result):
                best = result
        return best


def _evaluations(pattern: str) -> list[tuple[int, dict[str, float]]]:
    """Returns the step and the numbers of each evaluation in event files, in the order of their writing."""
    found = []
    for path in sorted(tf.gfile.Glob(pattern)):
        for event in tf.train.summary_iterator(path):
            values = event.summary.value if event.HasField("summary") else ()
            result = {entry.tag: entry.simple_value for entry in values if entry.HasField("simple_value")}
            if result:
                found.append((event.step, result))
    return found


__all__ = ["BestExporter", "Exporter", "FinalExporter", "LatestExporter", "StepsExporter"]
