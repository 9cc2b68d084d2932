"""What each layer call created, as JSON in a graph collection, so that a ``.meta`` file carries it."""

from __future__ import annotations

import json
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.core.place import root_graph

COLLECTION = "tf1bn_records"
VERSION = 1


def add(record: dict[str, Any]) -> None:
    """Appends one record, a dictionary of JSON values, to the graph that is being built."""
    root_graph().add_to_collection(COLLECTION, json.dumps({"version": VERSION, **record}, sort_keys=True))


def read(graph: tf.Graph | None = None) -> list[dict[str, Any]]:
    """Returns the records of a graph, in the order of the calls; also those of an imported graph.

    Each record has ``version``, ``scope``, ``call`` (the function that the program called, in the words of its
    dialect), ``strategy``, ``placement`` (``output``, ``nowhere`` or the name of a
    collection), ``updates`` (names of the tensors and operations that move the averages), ``decay`` (None for a
    tensor), ``epsilon``, ``center``, ``scale``, ``axis`` (a list), ``bessel_correction``, ``numeric_guard``,
    ``kernel``, ``precise`` (of the kernel), ``inputs`` (the tensor's name), ``is_training`` and
    ``use_batch_statistics`` (True, False or the tensor's name). Names are those of the graph in which the layer was
    called.
    """
    entries = (graph or tf.get_default_graph()).get_collection(COLLECTION)
    return [json.loads(entry) for entry in entries]
