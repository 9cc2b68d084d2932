"""Asks TensorFlow, in a process of its own: ``python -m tf1bn.machine.probe`` prints one JSON object, last."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tf1bn import errors


class Answer(NamedTuple):
    """How the process ended.

    Attributes:
      exit_code: of the process; the negative number of the signal that ended it.
      facts: what it printed; empty where it did not come so far.
      complaint: the last line of its stderr, where it failed.
    """

    exit_code: int
    facts: dict[str, Any]
    complaint: str = ""


FIRST_NOTE, BETWEEN_NOTES = 2.0, 1.0
"""Seconds until it is first said that TensorFlow is being waited for, and until it is said again."""


def ask(waiting: Callable[[float], None] | None = None) -> Answer:
    """Runs the probe with this interpreter and the package that this module is of.

    Args:
      waiting: called with the seconds that have gone by, first after two of them, then once a second.
    """
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, "PYTHONPATH": path}
    command = [sys.executable, "-m", "tf1bn.machine.probe"]
    began = time.monotonic()
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            printed, complaint = _ends(process, waiting, began)
        except BaseException:  # whoever interrupts the doctor does not want the probe to go on
            process.kill()
            raise
    return answer(process.returncode, printed, complaint)


def _ends(process: subprocess.Popen[str], waiting: Callable[[float], None] | None, began: float) -> tuple[str, str]:
    """Returns what the process printed on stdout and stderr, once it has ended."""
    patience = FIRST_NOTE
    while waiting is not None:
        try:
            return process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            waiting(time.monotonic() - began)
            patience = BETWEEN_NOTES
    return process.communicate()


def answer(exit_code: int, printed: str, complaint: str) -> Answer:
    """Returns what a process that ended like this says."""
    said = [line for line in complaint.splitlines() if line.strip()]
    if exit_code:
        return Answer(exit_code, {}, said[-1].strip() if said else "")
    return Answer(0, json.loads(printed.splitlines()[-1]))


def _facts() -> dict[str, Any]:
    import tensorflow.compat.v1 as tf

    from tf1bn.core import onednn
    from tf1bn.machine import tensorflow_names

    return {
        "version": tf.__version__,
        "place": str(Path(tf.__file__).parent),
        "lacking": tensorflow_names.missing(list(tensorflow_names.used()), tf),
        "onednn": onednn.enabled(),
        "built_with_cuda": tf.test.is_built_with_cuda(),
        "gpus": [_gpu(tf, device) for device in tf.config.list_physical_devices("GPU")],
        "step": _step(tf),
        "native": _native(),
    }


def _gpu(tf: Any, device: Any) -> str:
    details = tf.config.experimental.get_device_details(device)
    return str(details.get("device_name") or device.name)


def _step(tf: Any) -> str:
    """Trains a batch norm for one step, and returns what was wrong with it, or nothing."""
    from tf1bn.layers.batch_norm import batch_norm

    with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
        outputs = batch_norm(tf.constant([[-1.0], [3.0]]), True, decay=0.75, epsilon=0.0)
        session.run(tf.global_variables_initializer())
        normalised = session.run(outputs).ravel().tolist()
        averages = {v.op.name.rpartition("/")[2]: session.run(v).item() for v in tf.global_variables()}
    # The batch has mean 1 and deviation 2, so the average moves from 0 to 0.75 * 0 + 0.25 * 1.
    got, expected = (*normalised, averages.get("moving_mean", math.nan)), (-1.0, 1.0, 0.25)
    right = all(abs(value - wanted) < 1e-3 for value, wanted in zip(got, expected, strict=True))
    return "" if right else f"got {got}; expected {expected}"


def _native() -> dict[str, Any]:
    """Returns the native library's levels and threads, or why it does not load; empty where it is not built."""
    from tf1bn.native import library

    if not library.available():
        return {}
    try:
        return library.info()._asdict()
    except errors.NativeError as error:
        return {"error": str(error)}


if __name__ == "__main__":
    print(json.dumps(_facts()))
