"""One suite with oneDNN on and with it off, side by side: each in a process of its own, which take turns.

TensorFlow looks once, at its import, whether it shall compute with oneDNN, so one process has one state. The processes
start together, and one works at a time: after each round it hands over to the next and waits for its turn. So both meet
the same load of the machine, and neither is in the other's way.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import multiprocessing
import os
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from tf1bn import errors
from tf1bn.benchmark import suites, variants
from tf1bn.benchmark.options import Options
from tf1bn.benchmark.results import Result

VARIABLE = "TF_ENABLE_ONEDNN_OPTS"
_VALUES = dict(zip(variants.ONEDNN, ("1", "0"), strict=True))
_TURN, _DONE, _FAILED = "turn", "done", "failed"


def run(suite: str, options: Options, states: Sequence[str]) -> list[Result]:
    """Returns what a suite measures in each state, in the order of the states.

    Args:
      suite: of ``variants.SUITES``.
      options: what is asked for.
      states: of ``variants.ONEDNN``, each once.

    Raises:
      ArgumentError: TensorFlow does not take a state here, a process ends by itself, or what the suite raises.
    """
    with errors.located("benchmark"), contextlib.ExitStack() as stack:
        sides = {}
        for number, state in enumerate(states):
            own = dataclasses.replace(options, quiet=options.quiet or number > 0)
            sides[state] = stack.enter_context(_Side(suite, own, state))
        found: dict[str, Result] = {}
        waiting = collections.deque(sides.values())
        while waiting:
            side = waiting.popleft()
            result = side.go()
            if result is None:
                waiting.append(side)
            else:
                found[side.state] = result
        return [found[state] for state in states]


class _Side:
    """A process that measures in one state; a context manager."""

    def __init__(self, suite: str, options: Options, state: str) -> None:
        context = multiprocessing.get_context("spawn")
        self.state = state
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_measure, args=(theirs, suite, options, state), daemon=True)
        self._process.start()
        theirs.close()  # so that its end is noticed here

    def __enter__(self) -> _Side:
        return self

    def __exit__(self, *_: object) -> None:
        self._ours.close()
        self._process.terminate()
        self._process.join()

    def go(self) -> Result | None:
        """Lets the process work until it hands over, and returns its result, or None where there is more to do."""
        try:
            self._ours.send(_TURN)
            what, content = self._ours.recv()
        except (EOFError, OSError):
            self._process.join()
            raise errors.ArgumentError(
                errors.explain(
                    f"the process that measures with oneDNN {self.state} ended before it was done",
                    got=f"exit code {self._process.exitcode}",
                    fix="What it printed above says why.",
                )
            ) from None
        if what == _FAILED:
            raise errors.ArgumentError(content)
        return content if what == _DONE else None


def _measure(connection: Connection, suite: str, options: Options, state: str) -> None:
    """Measures in this process, which the other end of the connection tells when to go on."""
    os.environ[VARIABLE] = _VALUES[state]  # before TensorFlow is imported

    def turn() -> None:
        connection.send((_TURN, None))
        connection.recv()

    with contextlib.suppress(EOFError, BrokenPipeError, KeyboardInterrupt):  # nobody waits for the result any more
        connection.recv()
        connection.send(_found(suite, dataclasses.replace(options, turn=turn), state))


def _found(suite: str, options: Options, state: str) -> tuple[str, Any]:
    from tf1bn.core import onednn

    try:
        require(onednn.enabled(), state)
        return _DONE, suites.run(suite, options)
    except errors.Tf1bnError as error:
        return _FAILED, error.text


def require(enabled: bool | None, state: str) -> None:
    """Refuses a state that TensorFlow is not in, whatever was asked of it.

    Args:
      enabled: what TensorFlow says itself, None where it does not say.
      state: of ``variants.ONEDNN``.

    Raises:
      ArgumentError: it is in another state, or does not say.
    """
    found = {True: "on", False: "off", None: "a TensorFlow that does not say"}[enabled]
    if found != state:
        raise errors.ArgumentError(
            errors.explain(
                f"oneDNN cannot be switched {state} here: {VARIABLE}={_VALUES[state]} was set before TensorFlow "
                "was imported",
                got=found,
                expected=state,
                fix="This build of TensorFlow, or this processor, has one state only: leave --onednn out.",
            )
        )
