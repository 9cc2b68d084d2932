"""Makes a plan in a process of its own, so that the memory of TensorFlow, which reads the graph, is given back.

A graph needs TensorFlow, which takes more memory than the writing of the files does. Run as a module, this file
takes a request on its standard input and answers with a plan, or with the error that stopped it.
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
        [sys.executable, "-m", __name__],
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


def main() -> None:
    """Answers one request."""
    from tf1bn.convert.converting import plan_conversion

    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not end up in the answer
    source, to, options = pickle.load(sys.stdin.buffer)
    plan, problem = None, None
    try:
        plan = plan_conversion(source, to, **options)
    except errors.Tf1bnError as error:
        problem = error
    with answer:
        pickle.dump((plan, problem), answer)


if __name__ == "__main__":
    main()
