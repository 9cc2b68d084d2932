"""Reads the values of a live session, and writes estimates into a session or a new checkpoint."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.checkpoint import comparison, replacement, staging
from tf1bn.graph import running
from tf1bn.population.passes import Plan
from tf1bn.population.sessions import Values, variables_of


def live_values(graph: Any, session: Any) -> Values:
    """Returns the value of every variable that a session has; no op is added to its graph.

    Raises:
      PopulationError: the session is of another graph.
    """
    if getattr(session, "graph", None) is not graph:
        raise errors.PopulationError(
            errors.explain("the session is not one of this graph", fix="Pass session.graph itself, or a checkpoint.")
        )
    # What is not initialised is left out: whether that matters is seen when the network needs it.
    return {variable.op.name: value for variable, value in running.known(session, list(variables_of(graph).values()))}


def assign(session: Any, values: Mapping[str, np.ndarray]) -> None:
    """Sets variables of a session by the names that they have in a checkpoint.

    Raises:
      PopulationError: the graph of the session lacks one.
    """
    known = variables_of(session.graph)
    missing = sorted(set(values) - set(known))
    if missing:
        raise errors.PopulationError(errors.explain("the session's graph has no such variable", got=missing[0]))
    # By the initialisers: any other assignment would add an op to a graph that may be finalized.
    running.load(session, [(known[name], value) for name, value in values.items()])


def require_free(output: Any, checkpoint: Any, overwrite: bool) -> None:
    """Refuses a target that is there, before any work is done.

    Raises:
      CheckpointExistsError, CheckpointPlanError: so.
    """
    staging.check_free(os.fspath(output), os.fspath(checkpoint), overwrite)


def write(plan: Plan, checkpoint: Any, output: Any, values: Values, overwrite: bool) -> int:
    """Writes the new checkpoint and looks at it: the graph restores the averages from it, all else has equal bits.

    Returns:
      how many tensors were compared.

    Raises:
      CheckpointError: it cannot be written, or is not as it should be.
    """
    known = {name: value for name, value in values.items() if name in plan.stored}
    added = {name: np.asarray(value, np.float32) for name, value in values.items() if name not in plan.stored}
    done = replacement.replace(checkpoint, output, known, new=added, overwrite=overwrite)
    found = comparison.compare(checkpoint, output)
    # Everything else must have kept its bits.
    other = {item.name for item in found.differences} - set(known)
    lost = sorted({*found.only_first, *(set(found.only_second) - set(added)), *other, *_unlike(plan, output, values)})
    if lost:
        raise errors.CheckpointError(
            errors.explain(f"the new checkpoint {os.fspath(output)!r} is not as it should be", got=lost[:3])
        )
    return done.verified


def _unlike(plan: Plan, output: Any, values: Values) -> list[str]:
    """Restores the averages into the graph with a Saver; returns the names that came out differently."""
    with tf.Graph().as_default() as graph:
        tf.train.import_meta_graph(plan.copy.meta, clear_devices=True)
        keys = {item.name: item.key for item in plan.averages if item.key in values}
        variables = {keys[name]: item for name, item in variables_of(graph).items() if name in keys}
        with tf.Session(graph=graph) as session:
            tf.train.Saver(variables).restore(session, os.fspath(output))
            read = session.run(variables)
    return [
        name for name, value in read.items() if not np.array_equal(value, np.asarray(values[name]).astype(value.dtype))
    ]
