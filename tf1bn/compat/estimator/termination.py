"""SIGTERM while an Estimator trains: the step is finished, a checkpoint is saved, and the process ends."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import exits


class Termination(tf.train.SessionRunHook):
    """Notes a SIGTERM and stops the session after the step; a second one ends the process at once.

    Attributes:
      received: whether it came.
    """

    def __init__(self) -> None:
        self.received = False

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Asks the session to stop, which saves a checkpoint, once the signal has come."""
        del run_values
        if self.received:
            run_context.request_stop()

    def note(self, *_: Any) -> None:
        """Handles the signal."""
        self.received = True
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.write(2, b"SIGTERM: training stops after this step, and saves a checkpoint.\n")


_active: list[Termination] = []


def ending() -> bool:
    """Whether training ends because of a SIGTERM, so that nothing long shall begin."""
    return any(hook.received for hook in _active)


@contextmanager
def watched() -> Iterator[Termination]:
    """Watches for SIGTERM in the block; leaves the process with exit code 143 after it if the signal came.

    In another thread than the main one, and in a program that handles the signal itself, nothing is watched.
    """
    hook = Termination()
    in_charge = threading.current_thread() is threading.main_thread()
    in_charge = in_charge and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    if in_charge:
        signal.signal(signal.SIGTERM, hook.note)
    _active.append(hook)
    try:
        yield hook
    finally:
        _active.remove(hook)
        if in_charge:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if hook.received:
        sys.exit(exits.after(signal.SIGTERM))
