"""Packages that are known not to work beside others, by their versions; judged from metadata, nothing is imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from tf1bn.machine.distributions import number
from tf1bn.machine.line import NOTE, PROBLEM, Line

Versions = Mapping[str, tuple[int, ...]]


class Known(NamedTuple):
    """One incompatibility.

    Attributes:
      name: the distribution that it is about.
      applies: whether it does, given the numbers of all installed versions; "tensorflow" is that of the provider.
      text: what happens.
      mend: what to do.
      level: "problem", or "note" where the package is only of no use here.
    """

    name: str
    applies: Callable[[Versions], bool]
    text: str
    mend: str
    level: str = NOTE


_RUN = "Start the program with `tf1bn run`, which serves these names itself."

# Each was seen with the versions that its text names.
ROWS = (
    Known(
        "numpy",
        lambda v: v["numpy"] >= (2,) and v.get("tensorflow", (9,)) < (2, 18),
        "TensorFlow before 2.18 is built for NumPy 1 and may not import",
        "pip install 'numpy<2'",
        PROBLEM,
    ),
    Known(
        "keras",
        lambda v: v["keras"] >= (3,),
        "in a graph of tf.compat.v1 its BatchNormalization moves no average, and says nothing (seen with 3.15.1)",
        "Use tf1bn.batch_norm, or `tf1bn run` for an old program.",
    ),
    Known(
        "tf-slim",
        lambda v: v.get("tensorflow", (0,)) >= (2, 16),
        "imports, but every batch_norm raises (1.1.0 with TensorFlow 2.21), with tf_keras, too",
        _RUN,
    ),
    Known(
        "tensorflow-estimator",
        lambda v: v.get("tensorflow", (0,)) >= (2, 16),
        "does not import (2.15.0 with TensorFlow 2.21)",
        _RUN,
    ),
    Known(
        "dm-sonnet",
        lambda v: v["dm-sonnet"] >= (2,),
        "stops with 'requires TensorFlow 2' in a graph of tf.compat.v1 (2.0.2)",
        "Build the layers with tf1bn; `tf1bn migrate` rewrites checkpoints of Sonnet.",
    ),
    Known(
        "tflearn",
        lambda v: v.get("tensorflow", (0,)) >= (2, 16),
        "does not import: it looks for nest.is_sequence (0.5.0 with TensorFlow 2.21)",
        "Build the layers with tf1bn; `tf1bn inspect` says what a checkpoint holds.",
    ),
)


def lines(versions: Mapping[str, str]) -> list[Line]:
    """Returns a line for each incompatibility among the installed versions."""
    numbers = {name: number(version) for name, version in versions.items()}
    return [
        Line(row.name, f"{versions[row.name]}: {row.text}", row.level, row.mend)
        for row in ROWS
        if row.name in numbers and row.applies(numbers)
    ]
