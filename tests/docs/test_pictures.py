"""The drawings of the strategies are those of the graphs that are built today."""

from __future__ import annotations

import pytest

from tests.docs import pages
from tf1bn.testing import graphs

import strategy_graphs  # isort: skip  # beside generated, on the path by now

CASES = strategy_graphs.cases()


@pytest.mark.parametrize("name", CASES)
def test_a_committed_drawing_is_that_of_the_graph(name):
    with graphs.graph_mode():
        edges = strategy_graphs.graph_edges(CASES[name])
    assert strategy_graphs.svg(CASES[name], edges) == (pages.DOCS / "pictures" / f"{name}.svg").read_text()


def edges_of(name):
    with graphs.graph_mode():
        return strategy_graphs.graph_edges(CASES[name])


def test_the_drawings_tell_the_strategies_apart():
    inline, collection, forgotten, ema = (
        edges_of(f"strategy_{name}") for name in ("inline", "collection", "forgotten", "ema")
    )
    waits = {("update", "output", "control")}
    assert waits <= inline and waits <= ema
    assert collection - forgotten == {("UPDATE_OPS", "train_op", "control")} and forgotten < collection
    assert ("update", "UPDATE_OPS", "listed") in forgotten and not waits & collection
    assert ("update", "shadows", "moves") in ema and ("update", "averages", "moves") in inline & ema & forgotten
    for edges in (inline, collection, forgotten, ema):
        assert ("averages", "inference", "data") in edges and ("images", "inference", "data") in edges


def test_pictures_are_small():
    for path in (pages.DOCS / "pictures").iterdir():
        assert path.stat().st_size < 40_000, path.name
