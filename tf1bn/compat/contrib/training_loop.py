"""``slim.learning.train`` and ``tf.contrib.training.train``: a training loop on a monitored session."""

from __future__ import annotations

import pathlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors

_DEFAULT: Any = 0
"""Stands for what the graph offers."""


def train_step(sess: Any, train_op: Any, global_step: Any, train_step_kwargs: Any) -> tuple[Any, Any]:
    """Runs one step and returns the loss, and whether to stop.

    Args:
      train_step_kwargs: tensors of a switch each: ``should_stop``; ``should_log`` for a line with loss and time.
    """
    begun = time.monotonic()
    loss, step = sess.run([train_op, global_step])
    took = time.monotonic() - begun
    if "should_log" in train_step_kwargs and sess.run(train_step_kwargs["should_log"]):
        tf.logging.info("global step %d: loss = %.4f (%.3f sec/step)", step, loss, took)
    stop = sess.run(train_step_kwargs["should_stop"]) if "should_stop" in train_step_kwargs else False
    return loss, stop


def train(
    train_op: Any,
    logdir: str | None,
    train_step_fn: Callable[..., tuple[Any, Any]] = train_step,
    train_step_kwargs: Any = _DEFAULT,
    log_every_n_steps: int | None = 1,
    graph: tf.Graph | None = None,
    master: str = "",
    is_chief: bool = True,
    global_step: Any = None,
    number_of_steps: int | None = None,
    init_op: Any = _DEFAULT,
    init_feed_dict: Any = None,
    local_init_op: Any = _DEFAULT,
    init_fn: Callable[[Any], Any] | None = None,
    ready_op: Any = _DEFAULT,
    summary_op: Any = _DEFAULT,
    save_summaries_secs: float | None = 600,
    summary_writer: Any = _DEFAULT,
    startup_delay_steps: int = 0,
    saver: Any = None,
    save_interval_secs: float | None = 600,
    sync_optimizer: Any = None,
    session_config: Any = None,
    session_wrapper: Callable[[Any], Any] | None = None,
    trace_every_n_steps: int | None = None,
    ignore_live_threads: bool = False,
) -> Any:
    """Trains until ``number_of_steps``, the end of the input, or a stop of ``train_step_fn``; returns the last loss.

    It goes on from the newest checkpoint of ``logdir``, saves there regularly and at the end, writes summaries, and
    begins anew from the last checkpoint when a session of a cluster breaks. At least one step runs.

    Args:
      logdir: folder of checkpoints and event files; None for none.
      train_step_fn: does one step, as ``train_step`` does; its session runs the hooks, too.
      train_step_kwargs: its last argument; by default switches from ``number_of_steps`` and ``log_every_n_steps``.
      init_fn: called with the session when there is no checkpoint, after ``init_op``.
      startup_delay_steps: global step that a worker other than the chief waits for.
      sync_optimizer: a SyncReplicasOptimizer, or several.
      session_wrapper: maps the session to what ``train_step_fn`` gets.
      trace_every_n_steps: a timeline of each step that begins at a multiple of it is written to ``logdir``, as
        ``tf_trace-<the step's end>.json``.
      ignore_live_threads: whether threads of queues that do not stop with the session are left alone.
      others: as in slim.

    Raises:
      ArgumentError: no train op, or options that exclude each other.
      RunError: a thread of a queue that does not stop, unless ``ignore_live_threads``.
    """
    with (graph or tf.get_default_graph()).as_default():
        _require(train_op, number_of_steps, sync_optimizer, startup_delay_steps)
        op = None if _is_default(summary_op) else summary_op
        _require_folder(logdir, saver=saver, summary_op=op, trace_every_n_steps=trace_every_n_steps)
        step = tf.train.get_or_create_global_step() if global_step is None else global_step
        switches = train_step_kwargs
        if _is_default(switches):
            switches = _switches(step, number_of_steps, log_every_n_steps)
        hooks = [opt.make_session_run_hook(is_chief) for opt in _listed(sync_optimizer)]
        if is_chief and logdir is not None:
            hooks += _chief_hooks(logdir, save_interval_secs, save_summaries_secs, summary_op, summary_writer, saver)
        if trace_every_n_steps is not None:
            hooks.append(_TraceHook(train_op, step, trace_every_n_steps, logdir))
        scaffold = _scaffold(init_op, init_feed_dict, local_init_op, init_fn, ready_op, saver)
        creator: Any
        if is_chief:
            creator = tf.train.ChiefSessionCreator(scaffold, master, session_config, checkpoint_dir=logdir)
        else:
            creator = tf.train.WorkerSessionCreator(scaffold, master, session_config)
        loss, before = None, set(threading.enumerate())
        with tf.train.MonitoredSession(session_creator=creator, hooks=hooks) as session:
            if not is_chief and startup_delay_steps > 0:
                _wait(session, step, min(startup_delay_steps, number_of_steps or startup_delay_steps))
            given = session if session_wrapper is None else session_wrapper(session)
            while not session.should_stop():
                loss, stop = train_step_fn(given, train_op, step, switches)
                if stop:
                    break
        if not ignore_live_threads:
            _require_stopped(before)
        return loss


class _TraceHook(tf.train.ProfilerHook):
    """Writes timelines of the runs of a train op that begin at multiples of some steps, under slim's name for them."""

    def __init__(self, train_op: Any, step: Any, every: int, output_dir: Any) -> None:
        super().__init__(save_steps=1, output_dir=output_dir)
        self._train_op, self._step, self._every = train_op, step, every
        self._folder, self._begun, self._traced = pathlib.Path(output_dir), False, False

    def before_run(self, run_context: Any) -> Any:
        # A step runs more than the train op, for example what tells it to stop.
        fetched = tf.nest.flatten(run_context.original_args.fetches)
        if not any(fetch is self._train_op for fetch in fetched):
            self._traced = False
            return None
        step = run_context.session.run(self._step)
        self._traced = step % self._every == 0
        if not self._begun:  # the class above lets its first step pass: that is the one before
            self._begun = True
            super().before_run(run_context)
            super().after_run(run_context, tf.train.SessionRunValues({"global_step": step - 1}, None, None))
        return super().before_run(run_context) if self._traced else None

    def after_run(self, run_context: Any, run_values: Any) -> None:
        if not self._traced:
            return
        super().after_run(run_context, run_values)
        for path in self._folder.glob("timeline-*.json"):
            path.replace(path.with_name(path.name.replace("timeline", "tf_trace", 1)))


def _require_stopped(before: set[threading.Thread]) -> None:
    """Refuses threads of queues that are still alive after the session, which waited for them."""
    alive = [thread.name for thread in threading.enumerate() if thread not in before and "QueueRunner" in thread.name]
    if alive:
        raise errors.RunError(
            errors.explain(
                "Coordinator stopped with threads still running",
                got=", ".join(sorted(alive)),
                fix="Pass ignore_live_threads=True.",
            ),
            where="slim.learning.train",
        )


def train_monitored(
    train_op: Any,
    logdir: str | None,
    master: str = "",
    is_chief: bool = True,
    scaffold: Any = None,
    hooks: Sequence[Any] | None = None,
    chief_only_hooks: Sequence[Any] | None = None,
    save_checkpoint_secs: float | None = 600,
    save_summaries_steps: int | None = 100,
    config: Any = None,
    max_wait_secs: int = 7200,
    run_metadata: Any = None,
) -> Any:
    """Trains until a hook stops it or the input ends, and returns the last loss.

    Raises:
      ArgumentError: no ``logdir`` although something shall be saved there; or no hook that could stop it.
    """
    if logdir is None and is_chief and (save_summaries_steps or save_checkpoint_secs):
        raise errors.ArgumentError(
            "train: `logdir` is None, so save_summaries_steps and save_checkpoint_secs must be None too."
        )
    with tf.train.MonitoredTrainingSession(
        master=master,
        is_chief=is_chief,
        checkpoint_dir=logdir,
        scaffold=scaffold,
        hooks=list(hooks or []),
        chief_only_hooks=list(chief_only_hooks or []),
        save_checkpoint_secs=save_checkpoint_secs,
        save_summaries_steps=save_summaries_steps,
        config=config,
        max_wait_secs=max_wait_secs,
    ) as session:
        loss = None
        while not session.should_stop():
            loss = session.run(train_op, run_metadata=run_metadata)
    return loss


def _is_default(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value == _DEFAULT


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [] if value is None else [value]


def _require(train_op: Any, number_of_steps: Any, sync_optimizer: Any, delay: int) -> None:
    complaint = ""
    if train_op is None:
        complaint = "`train_op` cannot be None. Pass what slim.learning.create_train_op returns."
    elif number_of_steps is not None and number_of_steps <= 0:
        complaint = "`number_of_steps` must be positive. Leave it out to train until the input ends."
    elif sync_optimizer is not None and delay > 0:
        complaint = "`startup_delay_steps` must be 0 beside a `sync_optimizer`, whose workers wait for each other."
    if complaint:
        raise errors.ArgumentError(complaint, where="train")


def _require_folder(logdir: str | None, **wanted: Any) -> None:
    """Refuses what would be written to a folder where there is none."""
    for name, value in wanted.items():
        if logdir is None and value is not None:
            raise errors.ArgumentError(f"`{name}` needs a `logdir` to write to. Name one.", where="train")


def _switches(step: Any, number_of_steps: int | None, log_every_n_steps: int | None) -> dict[str, Any]:
    with tf.name_scope("train_step"):
        found = {"should_stop": tf.constant(False) if number_of_steps is None else step >= number_of_steps}
        if log_every_n_steps:
            found["should_log"] = tf.equal(tf.mod(step, log_every_n_steps), 0)
        return found


def _chief_hooks(logdir: str, save_secs: Any, summaries_secs: Any, op: Any, writer: Any, saver: Any) -> list[Any]:
    hooks: list[Any] = []
    if save_secs:
        hooks.append(tf.train.CheckpointSaverHook(logdir, save_secs=save_secs, saver=saver or _saver()))
    op = tf.summary.merge_all() if _is_default(op) else op
    if op is not None and summaries_secs and writer is not None:
        writer = tf.summary.FileWriterCache.get(logdir) if _is_default(writer) else writer
        hooks.append(tf.train.SummarySaverHook(save_secs=summaries_secs, summary_writer=writer, summary_op=op))
        hooks.append(tf.train.StepCounterHook(every_n_steps=None, every_n_secs=summaries_secs, summary_writer=writer))
    return hooks


def _saver() -> Any:
    """Returns the saver of the graph, made if there is none."""
    found = tf.get_collection(tf.GraphKeys.SAVERS)
    if not found:
        found = [tf.train.Saver(sharded=False, allow_empty=True)]
        tf.add_to_collection(tf.GraphKeys.SAVERS, found[0])
    return found[0]


def _scaffold(init_op: Any, feed_dict: Any, local_init_op: Any, init_fn: Any, ready_op: Any, saver: Any) -> Any:
    none = tf.no_op
    return tf.train.Scaffold(
        init_op=None if _is_default(init_op) else none(name="no_init") if init_op is None else init_op,
        init_feed_dict=feed_dict,
        init_fn=None if init_fn is None else lambda _, session: init_fn(session),
        ready_op=None if _is_default(ready_op) else tf.constant([], tf.string) if ready_op is None else ready_op,
        local_init_op=None if _is_default(local_init_op) else none() if local_init_op is None else local_init_op,
        saver=saver,
    )


def _wait(session: Any, step: Any, wanted: int) -> None:
    """Waits until the other workers have reached a global step."""
    while not session.should_stop() and session.run_step_fn(lambda context: context.session.run(step)) < wanted:
        time.sleep(1)
