"""Which writer summaries go to, and whether they are recorded: settings of ``with`` blocks, one set for each thread."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import tensorflow.compat.v1 as tf


class _Settings(threading.local):
    writer: Any = None
    condition: Any = False


SETTINGS = _Settings()


@contextlib.contextmanager
def _recorded_if(condition: Any) -> Iterator[None]:
    before, SETTINGS.condition = SETTINGS.condition, condition
    try:
        yield
    finally:
        SETTINGS.condition = before


def always_record_summaries() -> contextlib.AbstractContextManager[None]:
    """Lets summaries that are made inside be recorded. Without such a block, none is."""
    return _recorded_if(True)


def never_record_summaries() -> contextlib.AbstractContextManager[None]:
    """Lets summaries that are made inside do nothing."""
    return _recorded_if(False)


def record_summaries_every_n_global_steps(n: int, global_step: Any = None) -> contextlib.AbstractContextManager[None]:
    """Lets summaries that are made inside be recorded where ``global_step`` is a multiple of ``n``.

    Args:
      global_step: the graph's by default, made if there is none.
    """
    step = tf.train.get_or_create_global_step() if global_step is None else global_step
    return _recorded_if(tf.equal(tf.convert_to_tensor(step) % n, 0))


def should_record_summaries() -> tf.Tensor:
    """Returns whether a summary that is made here is recorded, as a tensor."""
    return tf.convert_to_tensor(SETTINGS.condition if SETTINGS.writer is not None else False)
