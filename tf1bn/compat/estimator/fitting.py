"""One training run of an Estimator: hooks, saver and session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.estimator import cautions
from tf1bn.compat.estimator.run_config import RunConfig, session_config_of


def require_listeners(listeners: Sequence[Any] | None) -> tuple[Any, ...]:
    """Returns saving listeners as a tuple.

    Raises:
      ArgumentTypeError: one of them is none.
    """
    found = tuple(listeners or ())
    for listener in found:
        if not isinstance(listener, tf.train.CheckpointSaverListener):
            raise errors.ArgumentTypeError(
                errors.explain(
                    "`saving_listeners` has another type",
                    got=listener,
                    expected="tf.train.CheckpointSaverListener objects",
                )
            )
    return found


def fit(
    spec: Any, config: RunConfig, model_dir: str, hooks: Sequence[Any], listeners: Sequence[Any], global_step: Any
) -> Any:
    """Trains until a hook stops or the input ends, and returns the last loss; None if no step was made.

    Graph effects:
      The loss in LOSSES and, unless there is a summary of that name, as the summary "loss"; a saver in SAVERS unless
      there is one.

    Files in ``model_dir``: ``graph.pbtxt``, ``checkpoint``, ``model.ckpt-STEP.*`` and the event file.
    """
    if not any(summary.op.name == "loss" for summary in tf.get_collection(tf.GraphKeys.SUMMARIES)):
        tf.summary.scalar("loss", spec.loss)
    tf.add_to_collection(tf.GraphKeys.LOSSES, spec.loss)
    own: list[Any] = [*hooks, tf.train.NanTensorHook(spec.loss), cautions.StandingStep(global_step)]
    if config.log_step_count_steps is not None:
        shown = {"loss": spec.loss, "step": global_step}
        own.append(tf.train.LoggingTensorHook(shown, every_n_iter=config.log_step_count_steps))
    own += spec.training_hooks
    _provide_saver(spec.scaffold, config)
    chief = _saving(spec, own, config, model_dir, listeners)
    session = tf.train.MonitoredTrainingSession(
        master=config.master,
        is_chief=config.is_chief,
        checkpoint_dir=model_dir,
        scaffold=spec.scaffold,
        hooks=own,
        chief_only_hooks=[*chief, *spec.training_chief_hooks],
        save_checkpoint_secs=0,  # a hook of our own saves, with the listeners
        save_summaries_steps=config.save_summary_steps,
        config=session_config_of(config),
        max_wait_secs=config.session_creation_timeout_secs,
        log_step_count_steps=config.log_step_count_steps,
        save_graph_def=config.checkpoint_save_graph_def,
    )
    loss, trained = None, False
    with session:
        while not session.should_stop():
            _, loss = session.run([spec.train_op, spec.loss])
            trained = True
    if not trained:
        tf.logging.warning("Estimator.train made no step: the input is empty, or a hook stopped at once.")
    return loss


def _provide_saver(scaffold: Any, config: RunConfig) -> None:
    """Puts a saver into the graph's collection, where the scaffold finds it, unless the program made one."""
    if scaffold.saver is not None or tf.get_collection(tf.GraphKeys.SAVERS):
        return
    saver = tf.train.Saver(
        sharded=True,
        max_to_keep=config.keep_checkpoint_max,
        keep_checkpoint_every_n_hours=config.keep_checkpoint_every_n_hours,
        defer_build=True,
        save_relative_paths=True,
    )
    tf.add_to_collection(tf.GraphKeys.SAVERS, saver)


def _saving(spec: Any, hooks: Sequence[Any], config: RunConfig, model_dir: str, listeners: Sequence[Any]) -> list[Any]:
    """Returns the hook that saves checkpoints; none where the program brought one or wants none."""
    given = [hook for hook in (*hooks, *spec.training_chief_hooks) if isinstance(hook, tf.train.CheckpointSaverHook)]
    if given:
        given[0]._listeners.extend(listeners)
        return []
    if config.save_checkpoints_steps or config.save_checkpoints_secs:
        return [
            tf.train.CheckpointSaverHook(
                model_dir,
                save_secs=config.save_checkpoints_secs,
                save_steps=config.save_checkpoints_steps,
                scaffold=spec.scaffold,
                listeners=list(listeners),
                save_graph_def=config.checkpoint_save_graph_def,
            )
        ]
    if listeners:
        raise errors.ArgumentError(
            "`saving_listeners` wait for checkpoints, and none are saved. Set save_checkpoints_steps or "
            "save_checkpoints_secs of the RunConfig."
        )
    return []
