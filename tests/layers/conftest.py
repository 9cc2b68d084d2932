"""A fresh graph for each test of a layer."""

import pytest

from tf1bn.testing import graphs


@pytest.fixture
def graph():
    with graphs.graph_mode() as fresh:
        yield fresh


@pytest.fixture(params=graphs.MODES, ids=str)
def any_graph(request):
    with graphs.graph_mode(request.param) as fresh:
        yield fresh
