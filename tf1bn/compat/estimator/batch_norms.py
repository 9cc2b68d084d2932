"""What a graph of an Estimator does with the averages of its batch norms, and what is wrong with that."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.estimator.modes import ModeKeys
from tf1bn.layers.sites import layers_of

_MOVING = ("train", "statistics-only", "tracking")
_SHOWN = 5


def warn_of_graph(spec: Any) -> None:
    """Warns of batch norms that do something else than the mode of a graph asks for.

    In mode "train": updates of averages that ``train_op`` does not run. In the other modes: batch norms that are built
    to train.
    """
    graph = tf.get_default_graph()
    if spec.mode == ModeKeys.TRAIN:
        missing = unreached_updates(graph, [spec.train_op])
        if missing:
            _warn(
                f"train_op does not run these updates of moving averages: {_listed(missing)}. They keep their initial "
                "values, so evaluation and export will be wrong. Make train_op with tf1bn.minimize, or as "
                "tf.group(train_op, *tf.get_collection(tf.GraphKeys.UPDATE_OPS))."
            )
        return
    training = sorted({site.scope for site in layers_of(graph) if site.state in _MOVING})
    if training:
        _warn(
            f"in mode {spec.mode!r} these batch norms are built to train: {_listed(training)}. They normalise with "
            "the batch, and some move their averages. Pass them is_training = (mode == ModeKeys.TRAIN)."
        )


def unreached_updates(graph: tf.Graph, fetches: Iterable[Any]) -> list[str]:
    """Returns the names of updates of averages that a run of the fetches does not make, sorted.

    Updates are the entries of UPDATE_OPS, and what batch norms of tf1bn noted as theirs.
    """
    waiting = {_operation(entry) for entry in graph.get_collection(tf.GraphKeys.UPDATE_OPS)}
    waiting |= {graph.as_graph_element(name) for name in _noted(graph)}
    operations = {entry if isinstance(entry, tf.Operation) else entry.op for entry in waiting}
    return sorted(op.name for op in operations - _reached(map(_operation, fetches)))


def _noted(graph: tf.Graph) -> Iterable[str]:
    """Names of updates that batch norms noted; those inside the body of a function are not of this graph."""
    for site in layers_of(graph):
        for name in site.record["updates"]:
            try:
                graph.as_graph_element(name)
            except (KeyError, ValueError):
                continue
            yield name


def _operation(entry: Any) -> tf.Operation:
    return entry if isinstance(entry, tf.Operation) else entry.op


def _reached(roots: Iterable[tf.Operation]) -> set[tf.Operation]:
    """Returns the operations that a run of the roots runs."""
    pending, seen = list(roots), set()
    while pending:
        operation = pending.pop()
        if operation not in seen:
            seen.add(operation)
            pending += [tensor.op for tensor in operation.inputs]
            pending += operation.control_inputs
    return seen


def _listed(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _warn(text: str) -> None:
    warnings.warn(f"Estimator: {text}", errors.Tf1bnWarning, stacklevel=5)
