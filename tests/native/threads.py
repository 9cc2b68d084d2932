"""Runs the op in a process that the system refuses more threads at first, and gives some later."""

import os
import pathlib
import resource
import subprocess
import sys
import time

import numpy as np

from tests import patience

STACK = 1 << 30
"""Of each thread, so that none fits into the memory that is left, and the C library keeps none for the next."""


def runs(folder):
    """Starts the process, with the library of a folder."""
    environment = {
        **os.environ,
        "TF1BN_NATIVE_DIR": str(folder),
        "TF1BN_NATIVE_THREADS": "4",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONPATH": str(pathlib.Path(__file__).resolve().parents[2]),
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.native.threads"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_STACK, (STACK, resource.RLIM_INFINITY)),
    )
    assert done.returncode == 0, done.stderr[-3000:]


def _helpers():
    return [(task / "comm").read_text().strip() for task in pathlib.Path("/proc/self/task").iterdir()].count(
        "tf1bn_native"
    )


def _size():
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    [line] = [line for line in lines if line.startswith("VmSize")]
    return int(line.split()[1]) * 1024


def _main():
    import tensorflow.compat.v1 as tf

    from tf1bn.native import ops

    value = np.random.default_rng(0).normal(3.0, 2.0, [1024, 500]).astype(np.float32)
    exact = value.astype(np.float64)
    exact = (exact - exact.mean(0)) / np.sqrt(exact.var(0) + 1e-3)
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 500])
        y = ops.normalize(x, tf.ones([500]), tf.zeros([500]), True, epsilon=1e-3).y
        session.run(y, {x: value[:8]})  # TensorFlow has its threads now
        kept = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (_size() + STACK // 4, kept[1]))
        np.testing.assert_allclose(session.run(y, {x: value}), exact, atol=1e-5)
        assert _helpers() == 0
        resource.setrlimit(resource.RLIMIT_AS, kept)
        np.testing.assert_allclose(session.run(y, {x: value}), exact, atol=1e-5)
        deadline = time.monotonic() + patience.SECONDS  # a thread has its name when it first runs
        while _helpers() != 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert _helpers() == 3


if __name__ == "__main__":
    _main()
