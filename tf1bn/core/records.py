"""What each layer call created, as JSON in a graph collection, so that a ``.meta`` file carries it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.core.place import root_graph

COLLECTION = "tf1bn_records"
VERSION = 1
_NAMES = ("scope", "inputs", "is_training", "use_batch_statistics", "gamma", "beta")


def add(record: dict[str, Any]) -> None:
    """Appends one record, a dictionary of JSON values, to the graph that is being built."""
    root_graph().add_to_collection(COLLECTION, json.dumps({"version": VERSION, **record}, sort_keys=True))


def parse(entry: str | bytes) -> dict[str, Any]:
    """Returns one record of a collection; TensorFlow puts the scope of an import before the text, as before a name."""
    text = entry.decode() if isinstance(entry, bytes) else entry
    scope, brace, rest = text.partition("{")
    record: dict[str, Any] = json.loads(brace + rest)
    return renamed(record, lambda name: scope + name) if scope else record


def renamed(record: dict[str, Any], rename: Callable[[str], str]) -> dict[str, Any]:
    """Returns a record of a graph in which all names are others."""
    result = dict(record)
    for key in _NAMES:
        if isinstance(record.get(key), str):
            result[key] = rename(record[key])
    for key in ("updates", "averages"):
        if key in record:
            result[key] = [rename(name) for name in record[key]]
    if "calls" in record:
        result["calls"] = [[rename(name) for name in pair] for pair in record["calls"]]
    return result


def read(graph: tf.Graph | None = None) -> list[dict[str, Any]]:
    """Returns the records of a graph, in the order of the calls; also those of an imported graph.

    Each record has ``version``, ``scope``, ``strategy``, ``placement`` (``output``, ``nowhere`` or the name of a
    collection), ``updates`` (names of the tensors and operations that move the averages), ``decay`` (None for a
    tensor), ``epsilon``, ``center``, ``scale``, ``axis`` (a list), ``bessel_correction``, ``numeric_guard``,
    ``kernel``, ``precise`` (of the kernel), ``inputs`` (the tensor's name), ``is_training`` and
    ``use_batch_statistics`` (True, False or the tensor's name); and what inference computes with: ``calls`` (pairs of
    names, of what is normalised and of the result; one for each tower, none in the body of a function), ``shape``,
    ``parameter_shape``, ``asked_kernel``, ``averages`` (mean and variance: a variable's name, or a tensor's with its
    colon), ``gamma`` and ``beta`` (names of tensors, or None). Names are those of the graph in which the layer was
    called.
    """
    entries = (graph or tf.get_default_graph()).get_collection(COLLECTION)
    return [parse(entry) for entry in entries]
