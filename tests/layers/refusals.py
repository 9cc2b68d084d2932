"""What is refused leaves no trace in the graph."""

import contextlib

import pytest
import tensorflow.compat.v1 as tf


def fingerprint(graph):
    """Returns all ops, and all collections, of a graph."""
    collections = {key: list(map(id, graph.get_collection(key))) for key in graph.get_all_collection_keys()}
    return [op.name for op in graph.get_operations()], {key: found for key, found in collections.items() if found}


@contextlib.contextmanager
def refused(error, match):
    """Holds the block to an error of that text which leaves the graph as it was."""
    graph = tf.get_default_graph()
    before = fingerprint(graph)
    with pytest.raises(error, match=match):
        yield
    assert fingerprint(graph) == before
