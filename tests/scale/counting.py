"""Counts what work takes, in a way that does not depend on how fast the machine is or what else it does."""

from __future__ import annotations

import collections
import os
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

import tf1bn

_PACKAGE = os.path.dirname(tf1bn.__file__)


class Work(NamedTuple):
    """What a step took.

    Attributes:
      lines: by function, lines of tf1bn that were executed; each round of a loop or comprehension counts again.
      runs: runs of sessions.
    """

    lines: collections.Counter[str]
    runs: int


def count(step: Callable[..., Any], *arguments: Any) -> Work:
    """Returns what a call takes of tf1bn's own code; TensorFlow's is left alone."""
    lines: collections.Counter[Any] = collections.Counter()
    runs = 0

    def within(frame: Any, event: str, argument: Any) -> Any:
        if event == "line":
            lines[frame.f_code] += 1
        return within

    def entered(frame: Any, event: str, argument: Any) -> Any:
        return within if frame.f_code.co_filename.startswith(_PACKAGE) else None

    def run(*given: Any, **named: Any) -> Any:
        nonlocal runs
        runs += 1
        return original(*given, **named)

    original, before = tf.Session.run, sys.gettrace()
    tf.Session.run = run
    sys.settrace(entered)
    try:
        step(*arguments)
    finally:
        sys.settrace(before)
        tf.Session.run = original
    named: collections.Counter[str] = collections.Counter()
    for code, number in lines.items():
        named[f"{os.path.relpath(code.co_filename, _PACKAGE)}:{code.co_firstlineno} {code.co_name}"] += number
    return Work(named, runs)
