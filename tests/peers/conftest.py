"""Runs the originals beside the facades, where they are installed: tf_keras (as tf.layers) and tf_slim.

``make test-peers`` makes an environment with both. Elsewhere everything here is skipped.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from typing import Any

import pytest

MISSING = [name for name in ("tf_keras", "tf_slim") if importlib.util.find_spec(name) is None]
REASON = f"the originals are not installed ({', '.join(MISSING)}); `make test-peers` makes an environment with them"

# tf.layers looks for tf_keras when it is first used. Where that is missing, the variable would break other tests.
if not MISSING:
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = os.path.dirname(__file__)
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.peers)
            if MISSING:
                item.add_marker(pytest.mark.skip(reason=REASON))


@pytest.fixture(scope="session")
def legacy() -> None:
    """Switches TensorFlow to what it was: with version 2 behaviour on, tf_keras takes other ways for tf.layers."""
    import tensorflow.compat.v1 as tf

    tf.disable_v2_behavior()


@pytest.fixture(scope="session")
def tf_slim(legacy: None) -> Any:
    """The original slim."""
    from tf1bn.benchmark import peers

    return peers.load_slim()


@pytest.fixture(params=["v1", "graph-only"])
def resource(request: pytest.FixtureRequest, legacy: None) -> Iterator[bool]:
    """Whether variables are resource variables, with the control flow of the same setting."""
    import tensorflow.compat.v1 as tf

    if request.param == "graph-only":
        tf.enable_control_flow_v2()
    yield request.param == "graph-only"
    tf.disable_control_flow_v2()
