"""Fresh graphs in each of the four modes that a TensorFlow 1 program may run in."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from typing import NamedTuple

import tensorflow.compat.v1 as tf


class Mode(NamedTuple):
    """How variables are kept, and how conditionals are built.

    Attributes:
      resource: resource variables, as after ``disable_eager_execution()``; else reference variables, as after
        ``disable_v2_behavior()``.
      control_flow_v2: a conditional is one op with function branches; else Switch and Merge ops.
    """

    resource: bool
    control_flow_v2: bool

    def __str__(self) -> str:
        return f"{'resource' if self.resource else 'reference'}-v{2 if self.control_flow_v2 else 1}"


MODES = tuple(Mode(*flags) for flags in itertools.product((True, False), repeat=2))


@contextlib.contextmanager
def graph_mode(mode: Mode = MODES[0]) -> Iterator[tf.Graph]:
    """Enters a fresh default graph in ``mode``, and restores the process's own mode afterwards.

    The mode is a setting of the process: do not use it from several threads at once.
    """
    before = Mode(tf.resource_variables_enabled(), tf.control_flow_v2_enabled())
    _set(mode)
    try:
        with tf.Graph().as_default() as graph:
            yield graph
    finally:
        _set(before)


def _set(mode: Mode) -> None:
    (tf.enable_resource_variables if mode.resource else tf.disable_resource_variables)()
    (tf.enable_control_flow_v2 if mode.control_flow_v2 else tf.disable_control_flow_v2)()
