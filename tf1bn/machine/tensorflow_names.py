"""Which names of tf.compat.v1 tf1bn uses, and which of them an installed TensorFlow lacks.

The names are read from the source, so a coming release is looked at in seconds, before any test runs:
``python -m tf1bn.machine.tensorflow_names`` reads a JSON list of names and prints the version and what is lacking.
"""

from __future__ import annotations

import ast
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_MODULE = "tensorflow.compat.v1"
_ALIAS = "tf"
_PEERS = "benchmark/peers.py"
"""It looks for what may be gone, to time tf1bn beside it."""


def used(root: Path = ROOT) -> dict[str, str]:
    """Returns each name below ``tf`` that a package uses, with the first place, ``core/averages.py:12``; sorted.

    A name is what stands in the code behind ``tf.``, by which every file calls the module: ``train.Saver``.
    """
    found: dict[str, str] = {}
    for path in sorted(root.rglob("*.py")):
        place = path.relative_to(root).as_posix()
        for name, line in _chains(ast.parse(path.read_text(encoding="utf-8"))) if place != _PEERS else ():
            found.setdefault(name, f"{place}:{line}")
    return dict(sorted(found.items()))


def missing(names: list[str], module: Any = None) -> list[str]:
    """Returns the names that a module lacks.

    What is looked for in a value that is no module, as in ``float32.as_numpy_dtype.type``, counts as there.

    Args:
      names: dotted names.
      module: the module to look in; tensorflow.compat.v1 when left out.
    """
    top = module if module is not None else importlib.import_module(_MODULE)
    return [name for name in names if not _is_there(top, name.split("."))]


def missing_in(python: str, names: list[str]) -> tuple[str, list[str]]:
    """Asks the TensorFlow of another interpreter; returns its version, and the names that it lacks.

    Raises:
      OSError: there is no such interpreter.
      ValueError: TensorFlow cannot be imported there; the text is the last line that was printed.
    """
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, "PYTHONPATH": str(ROOT.parent)}
    command = [python, "-m", "tf1bn.machine.tensorflow_names"]
    done = subprocess.run(
        command, env=environment, input=json.dumps(names), capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise ValueError(said[-1].strip() if said else f"exit code {done.returncode}")
    version, lacking = json.loads(done.stdout.splitlines()[-1])
    return version, lacking


def _chains(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """The dotted names after ``tf``, each the longest that stands in one place."""
    inner: set[int] = set()
    for node in ast.walk(tree):  # from the outside in, so the longest comes first
        if isinstance(node, ast.Attribute) and id(node) not in inner:
            parts, value = [node.attr], node.value
            while isinstance(value, ast.Attribute):
                inner.add(id(value))
                parts.append(value.attr)
                value = value.value
            parts.reverse()
            if isinstance(value, ast.Name) and value.id == _ALIAS:
                yield ".".join(parts), node.lineno


def _is_there(value: Any, parts: list[str]) -> bool:
    for place, part in enumerate(parts):
        if not hasattr(value, part):
            return place > 0 and not isinstance(value, type(sys))
        value = getattr(value, part)
    return True


if __name__ == "__main__":
    print(json.dumps([importlib.import_module(_MODULE).__version__, missing(json.loads(sys.stdin.read()))]))
