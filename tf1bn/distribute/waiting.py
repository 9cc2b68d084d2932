"""Waiting, with a time limit, until the rest of a cluster is there: its servers, and the chief's variables."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterable, Iterator
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors

TIMEOUT_SECONDS = 120.0
POLL_SECONDS = 0.2


class NotReadyError(errors.Tf1bnError, TimeoutError):
    """Another process of the cluster was not there, or not ready, in time."""


def wait_for_hosts(
    addresses: Iterable[str], *, timeout_seconds: float = TIMEOUT_SECONDS, poll_seconds: float = POLL_SECONDS
) -> None:
    """Returns once somebody listens at each address.

    A session on a cluster waits for its servers without any limit; this limit is the one in its place. Call it
    after the own server has started and before the first session.

    Args:
      addresses: ``host:port`` each, such as ``task.peers``.
      timeout_seconds: for all of them together, above 0.
      poll_seconds: between two attempts.

    Raises:
      ArgumentError: ``timeout_seconds`` or ``poll_seconds`` is not above 0.
      NotReadyError: somebody was missing to the end; the text names all who were.
    """
    with errors.located("wait_for_hosts"):
        missing = list(addresses)
        for _ in _attempts(timeout_seconds, poll_seconds):
            missing = [address for address in missing if not _listens(address, poll_seconds)]
            if not missing:
                return
        raise NotReadyError(
            errors.explain(
                f"nobody listens at {', '.join(missing)} after {timeout_seconds:g} s",
                fix="Start these processes, or wait longer for them.",
            )
        )


def wait_for_variables(
    target: str,
    uninitialized: tf.Tensor | None = None,
    *,
    config: tf.ConfigProto | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
    poll_seconds: float = POLL_SECONDS,
) -> None:
    """Returns once the global variables of the default graph are initialised, which the chief does.

    For the workers other than the chief, before they open their session. A ``MonitoredTrainingSession`` alone looks
    only every 30 seconds, and so may come when the others have ended. Local variables are not looked at: each
    worker initialises its own.

    Graph effects:
      Without ``uninitialized`` one report is added to the default graph. No variable changes.

    Args:
      target: of the own server.
      uninitialized: ``tf.report_uninitialized_variables(tf.global_variables())``, made before for a graph that is
        finalised.
      config: of the session, such as one with ``device_filters``.
      timeout_seconds: in all, above 0.
      poll_seconds: between two looks.

    Raises:
      ArgumentError: ``timeout_seconds`` or ``poll_seconds`` is not above 0.
      GraphModeError: the graph is finalised and ``uninitialized`` is None.
      NotReadyError: some variables were not initialised to the end.
    """
    with errors.located("wait_for_variables"):
        graph = tf.get_default_graph() if uninitialized is None else uninitialized.graph
        if uninitialized is None:
            if graph.finalized:
                raise errors.GraphModeError(
                    errors.explain("the graph is finalised", fix="Make `uninitialized` before, and pass it.")
                )
            uninitialized = tf.report_uninitialized_variables(tf.global_variables())
        names: list[str] = []
        for left in _attempts(timeout_seconds, poll_seconds):
            found = _report(target, graph, config, uninitialized, left)
            if found is not None and not found:
                return
            names = names if found is None else found
        some = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        what = f"{len(names)} variables are not initialised ({some})" if names else "the session cannot be used"
        raise NotReadyError(
            errors.explain(f"{what} after {timeout_seconds:g} s", fix="See whether the chief runs, or wait longer.")
        )


def _report(target: str, graph: tf.Graph, config: Any, uninitialized: tf.Tensor, left: float) -> list[str] | None:
    """Returns the names that are reported, None where the cluster is changing right now.

    Each look has a session of its own: one that saw a server go is of no use when it is back.
    """
    options = tf.RunOptions(timeout_in_ms=max(1, int(1000 * left)))
    try:
        with tf.Session(target, graph=graph, config=config) as session:
            return [name.decode() for name in session.run(uninitialized, options=options)]
    except (tf.errors.AbortedError, tf.errors.UnavailableError, tf.errors.DeadlineExceededError):
        return None


def _attempts(timeout_seconds: float, poll_seconds: float) -> Iterator[float]:
    """Yields the seconds that are left, at once and then after each pause, while there are any."""
    for name, value in (("timeout_seconds", timeout_seconds), ("poll_seconds", poll_seconds)):
        if not value > 0:
            raise errors.ArgumentError(errors.explain(f"`{name}` must be above 0", got=value))
    end = time.monotonic() + timeout_seconds
    left = timeout_seconds
    while left > 0:
        yield left
        time.sleep(max(0.0, min(poll_seconds, end - time.monotonic())))
        left = end - time.monotonic()


def _listens(address: str, timeout_seconds: float) -> bool:
    host, _, port = address.rpartition(":")
    with contextlib.suppress(OSError), socket.create_connection((host.strip("[]"), int(port)), timeout_seconds):
        return True
    return False
