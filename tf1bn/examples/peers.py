"""What the processes of a cluster share, whatever their engine: a server, and an answer when another one is gone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.datasets import Split
from tf1bn.distribute import done
from tf1bn.distribute.cluster import Task
from tf1bn.examples.distribution import Distribution
from tf1bn.examples.training_graph import TrainingRun

# What a step ends with when a process that it needs is late, gone, or another one since.
_LOST = (
    tf.errors.DeadlineExceededError,
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
    tf.errors.OutOfRangeError,
)


class PeerError(errors.Tf1bnError, RuntimeError):
    """Another process of the cluster is late or gone, so this one cannot go on."""


def start_server(task: Task, config: Any) -> Any:
    """Returns the running server of a task.

    Raises:
      PeerError: its address is taken or cannot be listened at.
    """
    try:
        spec = tf.train.ClusterSpec(task.cluster.jobs)
        return tf.train.Server(spec, job_name=task.job, task_index=task.index, config=config)
    except tf.errors.OpError as error:
        raise PeerError(
            errors.explain(f"{task} cannot listen at {task.address}: {reason(error)}", fix="Use another port.")
        ) from error


def serve(distribution: Distribution) -> None:
    """Keeps variables for the others, as a ps, until all of them have said that they are done.

    Raises:
      PeerError: its address is taken or cannot be listened at.
    """
    with errors.located("serve"):
        task = distribution.task
        assert task is not None, "a task that serves is a task"
        server = start_server(task, tf.ConfigProto(device_filters=[task.device]))
        done.wait_until_done(server.target, task)


@contextlib.contextmanager
def meeting(what: str) -> Iterator[None]:
    """Turns TensorFlow's errors on processes that are late or gone into ours.

    Raises:
      PeerError: one of these errors came.
    """
    try:
        yield
    except _LOST as error:
        raise PeerError(
            errors.explain(
                f"{what} did not end: another process of the cluster is late or gone ({reason(error)})",
                fix="Start the cluster again: it goes on from the last checkpoint.",
            )
        ) from error


class PeerRun(TrainingRun):
    """A run whose steps need other processes."""

    def step(self, batch: Split) -> float:
        """Trains on one batch and returns its loss.

        Raises:
          PeerError: another process is late or gone.
        """
        with meeting("a step"):
            return super().step(batch)

    @property
    def steps(self) -> int:
        """Number of steps trained so far.

        Raises:
          PeerError: another process is late or gone.
        """
        with meeting("reading the step"):
            return super().steps

    def accuracy(self, split: Split, *, by_averages: bool = False, pieces: int | None = None) -> float:
        """Returns the share of right predictions on a split; moves nothing.

        Raises:
          PeerError: another process is late or gone.
        """
        with meeting("an evaluation"):
            return super().accuracy(split, by_averages=by_averages, pieces=pieces)


def reason(error: tf.errors.OpError) -> str:
    """Returns kind and reason of an error of TensorFlow, without where in the graph it came up."""
    lines = [line.strip() for line in (error.message or "").splitlines() if line.strip()]
    at = next((number for number, line in enumerate(lines) if "[[{{node" in line), 0)
    return f"{type(error).__name__}: {lines[max(at - 1, 0)] if lines else 'no message'}"
