"""What tests of several packages share: the folder of MNIST, and how TensorFlow is kept cheap while they run."""

import ctypes
import functools
import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
# The folders whose sessions rewrite graphs (Grappler) as those of users do: there it could change what a test claims.
# Elsewhere it is off, for it takes three quarters of the time of a small graph's first run. Programs that tests start
# in processes of their own have it everywhere, and TF1BN_GRAPPLER=1 or 0 decides for all folders.
REWRITING = ("core", "strategies", "layers", "export", "native", "distribute")
_file: Path | None = None
# Only the C library of GNU has it.
_trim = getattr(ctypes.CDLL(None), "malloc_trim", lambda _: 0)


@pytest.fixture(scope="session")
def mnist_dir() -> Path:
    """The folder with the four files of MNIST: ``$TF1BN_MNIST``, else ``../shared/mnist`` beside the repository."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "mnist"
    folder = Path(os.environ.get("TF1BN_MNIST") or beside)
    if not folder.is_dir():
        pytest.skip(f"MNIST is not here: no folder {folder}. Set TF1BN_MNIST to the folder of its four IDX files.")
    return folder


def pytest_collection_finish() -> None:
    """Takes TensorFlow's modules and the collected tests out of every later search for garbage: they stay anyway."""
    gc.collect()
    gc.freeze()


def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """Gives the memory of a file's graphs back to the system, for workers of many files would keep what each needed."""
    global _file
    file, _file = _file, nextitem and nextitem.path
    if file != _file:
        gc.collect()  # graphs are circles of objects
        _trim(0)


def _switches() -> dict[str, bool]:
    """Returns the switches of TensorFlow's process that a test could leave turned for all that follow it."""
    import tensorflow.compat.v1 as tf

    return {
        "v2 tensor shapes": isinstance(tf.TensorShape([1])[0], int),
        "v2 control flow": tf.control_flow_v2_enabled(),
        "resource variables": tf.resource_variables_enabled(),
        "tensor equality": tf.Tensor._USE_EQUALITY,
        "eager execution": tf.executing_eagerly_outside_functions(),
    }


@pytest.fixture(autouse=True)
def _switches_stay() -> Iterator[None]:
    """Fails a test that turns a switch of the process for good: others would fail after it, in some orders only."""
    before = _switches()
    yield
    assert _switches() == before, (
        "This test turns switches of the process for all that follow; use a process or a fork."
    )


@pytest.fixture(scope="session")
def _let_sessions_rewrite() -> Iterator[Callable[[bool], None]]:
    """Returns what decides whether sessions that are made from now on rewrite their graphs."""
    import tensorflow.compat.v1 as tf

    rewrites = True
    base = next(cls for cls in tf.Session.__mro__ if cls.__name__ == "BaseSession")
    make = base.__init__

    @functools.wraps(make)
    def cheap(self, target="", graph=None, config=None):
        if not rewrites and isinstance(config, tf.ConfigProto):  # the option below is for sessions without one
            given, config = config, tf.ConfigProto()
            config.CopyFrom(given)
            config.graph_options.rewrite_options.disable_meta_optimizer = True
        make(self, target, graph, config)

    def choose(value: bool) -> None:
        nonlocal rewrites
        rewrites = value
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": not value})

    base.__init__ = cheap
    yield choose
    base.__init__ = make


@pytest.fixture(autouse=True)
def _rewriting(request: pytest.FixtureRequest, _let_sessions_rewrite: Callable[[bool], None]) -> None:
    said = os.environ.get("TF1BN_GRAPPLER", "")
    _let_sessions_rewrite(said == "1" if said else request.node.path.relative_to(TESTS).parts[0] in REWRITING)
