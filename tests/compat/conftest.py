"""Graphs of both settings that old programs meet: v1 (reference variables) and graph-only (resource variables)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import tensorflow.compat.v1 as tf


@pytest.fixture(params=["v1", "graph-only"])
def graph(request: pytest.FixtureRequest) -> Iterator[tf.Graph]:
    """A fresh default graph, with the kind of variables and the control flow of one setting."""
    before = tf.control_flow_v2_enabled()
    (tf.disable_control_flow_v2 if request.param == "v1" else tf.enable_control_flow_v2)()
    try:
        with tf.Graph().as_default() as fresh:
            tf.set_random_seed(1)
            tf.get_variable_scope().set_use_resource(request.param == "graph-only")
            yield fresh
    finally:
        (tf.enable_control_flow_v2 if before else tf.disable_control_flow_v2)()


@pytest.fixture
def plain_graph() -> Iterator[tf.Graph]:
    """A fresh default graph, for what does not depend on the setting."""
    with tf.Graph().as_default() as fresh:
        tf.set_random_seed(1)
        yield fresh


@pytest.fixture
def run() -> Iterator[Callable[..., Any]]:
    """``run(fetches, feed)`` in one session of the default graph; the first call initialises all variables."""
    sessions: list[tf.Session] = []

    def call(fetches: Any, feed: dict[Any, Any] | None = None) -> Any:
        if not sessions:
            sessions.append(tf.Session())
            sessions[0].run(tf.global_variables_initializer())
        return sessions[0].run(fetches, feed)

    yield call
    for session in sessions:
        session.close()
