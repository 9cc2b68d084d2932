"""Checkpoints of input pipelines alone, beside those of the model."""

from __future__ import annotations

import os
import types
from typing import Any

import tensorflow.compat.v1 as tf

_ITERATORS = "iterators"
"""Collection in which TensorFlow keeps the resources of a graph's iterators."""


class _Saver(tf.train.Saver):  # type: ignore[misc]
    """A saver that lists its checkpoints in a file of its own, so that those of the model stay the latest."""

    def __init__(self, saveables: list[Any], listed_in: str) -> None:
        super().__init__(saveables)
        self._listed_in = listed_in

    def save(
        self, sess: Any, save_path: str, global_step: Any = None, latest_filename: Any = None, **kwargs: Any
    ) -> Any:
        """Writes a checkpoint; a graph is not written with it."""
        kwargs["write_meta_graph"] = False
        return super().save(sess, save_path, global_step, latest_filename or self._listed_in, **kwargs)


class CheckpointInputPipelineHook(tf.train.SessionRunHook):  # type: ignore[misc]
    """Saves where the iterators of the graph are, as often as the model is saved, and goes on from there.

    With it training that is interrupted, or that alternates with evaluation, reads on where it stopped. Files are
    ``input.ckpt-<step>`` in the model's folder, listed in ``checkpoint_input``; in a cluster of several processes the
    names have type and number of the process, too.

    Args:
      estimator: an Estimator, of which ``model_dir`` and ``config`` are read.
    """

    def __init__(self, estimator: Any) -> None:
        config = estimator.config
        parts = [config.task_type, str(config.task_id)] if config.num_worker_replicas > 1 else []
        self._folder, self._name = estimator.model_dir, "_".join(["input", *parts])
        self._timer = tf.train.SecondOrStepTimer(config.save_checkpoints_secs, config.save_checkpoints_steps)
        self._begun = False

    def begin(self) -> None:
        """Makes the saver, while the graph can still be changed."""
        self._step = tf.train.get_or_create_global_step()
        self._saver = _Saver([_saveable(resource) for resource in tf.get_collection(_ITERATORS)], self._listed_in)
        self._timer.reset()
        self._begun = False

    def before_run(self, run_context: Any) -> Any:
        """Restores before the first step, when every hook has made its iterators ready; saves if nothing is there."""
        if not self._begun:
            self._begun = True
            latest = tf.train.latest_checkpoint(self._folder, self._listed_in)
            if latest:
                self._saver.restore(run_context.session, latest)
            else:
                self._save(run_context.session, run_context.session.run(self._step))
        return tf.train.SessionRunArgs(self._step)

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Saves if it is time."""
        if self._timer.should_trigger_for_step(run_values.results + 1):
            step = run_context.session.run(self._step)
            if self._timer.should_trigger_for_step(step):
                self._save(run_context.session, step)

    def end(self, session: Any) -> None:
        """Saves the last step."""
        step = session.run(self._step)
        if step != self._timer.last_triggered_step():
            self._save(session, step)

    @property
    def _listed_in(self) -> str:
        return f"checkpoint_{self._name}"

    def _save(self, session: Any, step: int) -> None:
        self._timer.update_last_triggered_step(step)
        self._saver.save(session, os.path.join(self._folder, f"{self._name}.ckpt"), global_step=step)


def _saveable(resource: Any) -> Any:
    """Returns what a saver takes for an iterator's resource, which is all that TensorFlow reads of an iterator."""
    return tf.data.experimental.make_saveable_from_iterator(types.SimpleNamespace(_iterator_resource=resource))
