"""Makes a plan in a process of its own, so that the memory of TensorFlow, which reads the graph, is given back.

A graph needs TensorFlow, which takes more memory than the writing of the files does.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from tf1bn import errors
from tf1bn.convert.plan import Plan

_PROCESS = "tf1bn.convert.plan_process"


def separable(source: Any, options: Mapping[str, Any]) -> bool:
    """Whether a plan can be made elsewhere: of a graph, of files alone, and with TensorFlow not loaded here yet."""
    paths = all(isinstance(item, str | os.PathLike) for item in (source, options.get("graph")))
    like = options.get("like")
    return paths and (like is None or isinstance(like, str | os.PathLike)) and "tensorflow" not in sys.modules


def elsewhere(source: Any, to: str, options: Mapping[str, Any]) -> Plan:
    """Returns the plan of :func:`tf1bn.convert.plan_conversion`, made by another process.

    Raises:
      Tf1bnError: what stopped it.
    """
    request = pickle.dumps((os.fspath(source), to, dict(options)))
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-m", _PROCESS],
        input=request,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )
    if done.returncode or not done.stdout:
        raise errors.RunError(errors.explain("the process that reads the graph ended early", got=done.returncode))
    plan, error = pickle.loads(done.stdout)
    if error is not None:
        raise error
    assert isinstance(plan, Plan)
    return plan
