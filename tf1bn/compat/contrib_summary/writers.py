"""Writers of event files that ops write to."""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import time
from collections.abc import Iterator
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib_summary.recording import SETTINGS

INITIALIZERS = "tf1bn_contrib_summary_writers"
"""Collection of the ops that open the files."""

_NAMES = {
    "experiment_name": re.compile(r"[^\x00-\x1f<>]{0,256}"),
    "run_name": re.compile(r"[^\x00-\x1f<>]{0,512}"),
    "user_name": re.compile(r"[a-z]([-a-z0-9]{0,29}[a-z0-9])?", re.IGNORECASE),
}
"""What each name in a database may be."""


class SummaryWriter:
    """A writer; ``None`` as its resource makes one that writes nothing."""

    def __init__(self, resource: Any, init_op: Any = None) -> None:
        self._resource, self._init_op = resource, init_op

    @property
    def resource(self) -> Any:
        """The handle for ops."""
        return self._resource

    def set_as_default(self) -> None:
        """Lets summaries of this thread go here from now on."""
        if self._resource is not None:
            SETTINGS.writer = self

    @contextlib.contextmanager
    def as_default(self) -> Iterator[None]:
        """Lets summaries that are made inside go here."""
        before = SETTINGS.writer
        self.set_as_default()
        try:
            yield
        finally:
            SETTINGS.writer = before

    def init(self) -> Any:
        """Returns the op that opens the file."""
        return self._init_op

    def flush(self) -> Any:
        """Returns an op that writes what is waiting."""
        return tf.no_op() if self._resource is None else tf.raw_ops.FlushSummaryWriter(writer=self._resource)

    def close(self) -> Any:
        """Returns an op that writes what is waiting and closes the file."""
        if self._resource is None:
            return tf.no_op()
        with tf.control_dependencies([self.flush()]):
            return tf.raw_ops.CloseSummaryWriter(writer=self._resource)


def create_file_writer(
    logdir: Any,
    max_queue: Any = None,
    flush_millis: Any = None,
    filename_suffix: Any = None,
    name: str | None = None,
) -> SummaryWriter:
    """Returns a writer of a file in a folder, which ``initialize`` opens.

    Args:
      logdir: the folder; None for a writer that writes nothing.
      max_queue: summaries that wait at most, by default 10.
      flush_millis: how long they wait at most, by default two minutes.
      filename_suffix: by default ``.v2``.
      name: writers of one name are one, by default that of the folder.
    """
    if logdir is None:
        return SummaryWriter(None)
    folder = os.fspath(logdir)
    with tf.device("cpu:0"):
        resource = tf.raw_ops.SummaryWriter(shared_name=name or f"logdir:{folder}")
        init = tf.raw_ops.CreateSummaryFileWriter(
            writer=resource,
            logdir=folder,
            max_queue=10 if max_queue is None else max_queue,
            flush_millis=2 * 60 * 1000 if flush_millis is None else flush_millis,
            filename_suffix=".v2" if filename_suffix is None else filename_suffix,
        )
    tf.add_to_collection(INITIALIZERS, init)
    return SummaryWriter(resource, init)


create_summary_file_writer = create_file_writer
"""Its older name."""


def create_db_writer(
    db_uri: str,
    experiment_name: str | None = None,
    run_name: str | None = None,
    user_name: str | None = None,
    name: str | None = None,
) -> SummaryWriter:
    """Returns a writer of a SQLite database, which ``initialize`` opens and whose tables it makes.

    Args:
      db_uri: the file, for example ``file:/tmp/foo.sqlite``.
      experiment_name: by default today, YYYY-MM-DD; "" for no experiment.
      run_name: by default the time, HH:MM:SS; "" for no run.
      user_name: by default who is logged in.
      name: writers of one name are one.

    Raises:
      ArgumentError: a name with control characters, ``<`` or ``>``, or a user that is no name of a host and of a user.
    """
    now = time.localtime()
    experiment = time.strftime("%Y-%m-%d", now) if experiment_name is None else experiment_name
    run = time.strftime("%H:%M:%S", now) if run_name is None else run_name
    user = getpass.getuser() if user_name is None else user_name
    _require_names(experiment_name=experiment, run_name=run, user_name=user)
    with tf.device("cpu:0"):
        resource = tf.raw_ops.SummaryWriter(shared_name=name or "")
        init = tf.raw_ops.CreateSummaryDbWriter(
            writer=resource, db_uri=db_uri, experiment_name=experiment, run_name=run, user_name=user
        )
    tf.add_to_collection(INITIALIZERS, init)
    return SummaryWriter(resource, init)


def _require_names(**names: str) -> None:
    for name, value in names.items():
        if not _NAMES[name].fullmatch(value):
            raise errors.ArgumentError(
                errors.explain(f"`{name}` is not possible", got=value, expected=_NAMES[name].pattern),
                where="create_db_writer",
            )


def eval_dir(model_dir: str, name: str | None = None) -> str:
    """Returns the folder for summaries of an evaluation."""
    return os.path.join(model_dir, f"eval_{name}" if name else "eval")


def summary_writer_initializer_op() -> list[Any]:
    """Returns the ops that open the files of all writers of the graph."""
    return tf.get_collection(INITIALIZERS)


def flush(writer: Any = None, name: str | None = None) -> Any:
    """Returns an op that writes what is waiting.

    Args:
      writer: a writer or its handle; the default one if None, and if there is none, nothing happens.
      name: of the op.
    """
    writer = SETTINGS.writer if writer is None else writer
    if writer is None:
        return tf.no_op(name=name)
    handle = writer.resource if isinstance(writer, SummaryWriter) else writer
    return tf.no_op(name=name) if handle is None else tf.raw_ops.FlushSummaryWriter(writer=handle, name=name)


def required() -> Any:
    """Returns the handle of the default writer.

    Raises:
      RunError: there is none.
    """
    if SETTINGS.writer is None:
        raise errors.RunError(
            "there is no default writer. Use `with tf.contrib.summary.create_file_writer(folder).as_default():`."
        )
    return SETTINGS.writer.resource
