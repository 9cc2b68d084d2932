"""Graphs in all four modes, and a training program with its checkpoint."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests.export import programs
from tf1bn.testing.graphs import MODES, graph_mode


@pytest.fixture(params=MODES, ids=str)
def mode(request):
    """Enters a fresh graph of each mode."""
    with graph_mode(request.param) as graph:
        yield graph


@pytest.fixture
def graph():
    """Enters a fresh graph of one mode."""
    with graph_mode() as graph:
        yield graph


@pytest.fixture
def trained(graph, tmp_path):
    """A saved training program with a placeholder as its switch: the prefix of its checkpoint."""
    programs.train(programs.forward(programs.own("inline"), programs.SWITCHES["placeholder"]()))
    return programs.save(tmp_path)


@pytest.fixture
def run_frozen():
    """Runs a frozen file as any program would."""

    def run(path, fetches, feed):
        with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
            tf.import_graph_def(tf.GraphDef.FromString(Path(path).read_bytes()), name="")
            return np.asarray(session.run(fetches, feed))

    return run
