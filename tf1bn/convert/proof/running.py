"""Runs the source's forward pass with the numbers of its checkpoint; its results, and those of each layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.convert.plan import Plan
from tf1bn.convert.proof.results import Results
from tf1bn.export import inference, variables
from tf1bn.export.draft import meta_graph
from tf1bn.graph import runnable, running
from tf1bn.graph.values import CheckpointValues


def run(
    plan: Plan,
    source: Any,
    graph: Any,
    *,
    outputs: Any,
    inputs: Any = None,
    switches: Mapping[str, Any] | None = None,
    feed: Mapping[str, Any] | None = None,
    ema: bool = False,
) -> Results:
    """Returns what the source computes in inference.

    Args:
      plan: whose layers are looked at.
      source, graph, outputs, inputs, switches, ema: as in :func:`tf1bn.convert.plan_conversion`.
      feed: inputs by key or name; made-up numbers otherwise.

    Raises:
      ExportError, CheckpointError: the forward pass cannot be made or has no values.
      RunError: it cannot be run.
    """
    meta = meta_graph(graph)
    made = inference.make(meta, outputs, inputs, dict(switches or {}))
    stored = CheckpointValues(source)
    values, _ = variables.from_checkpoint(made.draft, meta, stored, ema=ema)
    draft = made.draft.copy()
    variables.freeze(draft, values)
    graph_def = draft.graph_def()
    runnable.make_runnable(graph_def)
    with tf.Graph().as_default() as imported:
        tf.import_graph_def(graph_def, name="")
    known = {operation.name for operation in imported.get_operations()}
    seen = {layer.name: layer.output for layer in plan.layers if layer.output.rpartition(":")[0] in known}
    with tf.Session(graph=imported, config=running.as_written()) as session:
        fed = _feed(imported, made.result.inputs, feed or {})
        fetches = {"outputs": made.result.outputs, "layers": seen}
        given = {made.result.inputs[key]: value for key, value in fed.items()}
        found = running.fed(session, fetches, given)
    return Results(fed, found["outputs"], found["layers"])


def _feed(graph: Any, inputs: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, np.ndarray]:
    keys = {name.split(":")[0]: key for key, name in inputs.items()}
    unknown = sorted(set(given) - set(inputs) - set(keys))
    if unknown:
        raise errors.ArgumentError(
            errors.explain("`feed` names no input", got=unknown, expected=f"{sorted(keys.values())}")
        )
    named = {
        name: given[key] if key in given else given[name] for name, key in keys.items() if {key, name} & set(given)
    }
    made = {keys[t.op.name]: np.asarray(v) for t, v in running.feeds(graph, named) if t.op.name in keys}
    absent = sorted(set(inputs) - set(made))
    if absent:
        raise errors.RunError(
            errors.explain("numbers for the check cannot be made up", got=absent, fix="Give values with `feed`.")
        )
    return made
