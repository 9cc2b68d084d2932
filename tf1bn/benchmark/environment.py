"""The process that measures: TensorFlow's mode, its sessions, and a description of the machine."""

from __future__ import annotations

import importlib.util
import os
import pathlib
import platform
import re
from collections.abc import Iterable
from typing import Any


def prepare(intra_op_threads: int = 0, *, tensor_equality: bool = False) -> None:
    """Sets up the process; before TensorFlow is imported.

    The mode is that of ``tf.disable_v2_behavior()`` with resource variables and conditionals in functions, in which all
    implementations work. The first session fixes the number of threads of the process, so a process has one.

    Args:
      intra_op_threads: threads of one op; 0 for as many as there are cores.
      tensor_equality: whether tensors compare by value all the same.
    """
    if importlib.util.find_spec("tf_keras") is not None:
        os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    import tensorflow.compat.v1 as tf

    tf.disable_v2_behavior()
    tf.enable_resource_variables()
    tf.enable_control_flow_v2()
    if tensor_equality:
        tf.enable_tensor_equality()
    tf.logging.set_verbosity(tf.logging.ERROR)
    session(tf.Graph(), intra_op_threads).close()


def session(graph: Any, intra_op_threads: int = 0, values: Iterable[tuple[Any, Any]] = ()) -> Any:
    """Returns a session for a graph, in which all variables have their initial values or those given.

    Args:
      values: pairs of a variable and its value.
    """
    import tensorflow.compat.v1 as tf

    opened = tf.Session(graph=graph, config=tf.ConfigProto(intra_op_parallelism_threads=intra_op_threads))
    with graph.as_default():
        opened.run(tf.global_variables_initializer())
    for variable, value in values:
        set_value(opened, variable, value)
    return opened


def set_value(session: Any, variable: Any, value: Any) -> None:
    """Gives a variable a value, in the place of its initial one."""
    session.run(variable.initializer, {variable.initializer.inputs[1]: value})


def threads_text(intra_op_threads: int) -> str:
    """Returns what is added to a case's name where the number of threads is not the default."""
    return f" ({intra_op_threads} intra-op thread{'s' * (intra_op_threads > 1)})" if intra_op_threads else ""


def machine() -> dict[str, Any]:
    """Returns what times depend on, without a name of the machine."""
    import tensorflow.compat.v1 as tf

    from tf1bn.core import onednn

    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "onednn": onednn.enabled(),
    }


def _processor() -> str:
    """Returns the processor's name, and the widest vectors that it has."""
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    name = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    widest = next((wide for wide in ("avx512f", "avx2", "avx") if re.search(rf"\b{wide}\b", text)), "")
    return ", ".join(filter(None, [name[1] if name else platform.machine(), widest]))
