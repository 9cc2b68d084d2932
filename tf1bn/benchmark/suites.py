"""Runs a suite, or reads what earlier runs of it measured."""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tf1bn import errors
from tf1bn.benchmark import environment, results
from tf1bn.benchmark.options import Options
from tf1bn.benchmark.results import Result


def run(suite: str, options: Options) -> Result:
    """Returns what a suite measures in this process, whose mode of TensorFlow it sets.

    Args:
      suite: of ``variants.SUITES``.
      options: what is asked for.

    Raises:
      As the suite.
    """
    with errors.located("benchmark"):
        environment.prepare(options.intra_op_threads, tensor_equality=options.tensor_equality)
        cases = importlib.import_module(f"tf1bn.benchmark.{suite}").run(options)
        return Result(suite, environment.machine(), tuple(cases))


def plan(suite: str, options: Options) -> dict[str, Any]:
    """Returns what :func:`run` would time, without timing it."""
    with errors.located("benchmark"):
        environment.prepare(options.intra_op_threads, tensor_equality=options.tensor_equality)
        planned = importlib.import_module(f"tf1bn.benchmark.{suite}").plan(options)
        return {"dry_run": True, "suite": suite, **planned}


def load(suite: str, paths: Sequence[str]) -> list[Result]:
    """Returns earlier runs of a suite as one result, or as one for each state of oneDNN.

    Raises:
      ArgumentError: a file cannot be read or holds something else, or the runs do not go together.
    """
    with errors.located("benchmark"):
        found = results.by_onednn([part for path in paths for part in results.every_from_json(_read(path), path)])
        if found[0].suite != suite:
            raise errors.ArgumentError(errors.explain("results of another suite", got=found[0].suite, expected=suite))
        return found


def _read(path: str) -> Any:
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise errors.ArgumentError(errors.explain(f"{path!r} cannot be read as JSON: {error}")) from error
