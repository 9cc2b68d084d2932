"""Made-up measurements."""

import pytest

from tf1bn.benchmark.results import Case, Result

MACHINE = {
    "processor": "made up", "cores": 2, "system": "Linux", "python": "3.11.0", "tensorflow": "2.15.0", "onednn": True
}  # fmt: skip


@pytest.fixture
def layer_case():
    """Returns the case of a step in which each variant takes the same time in each of three rounds."""

    def make(shape, relu=False, mean=0.0, counts=None, errors=None, **microseconds):
        sizes = [int(size) for size in shape.split("x")]
        elements = 1
        for size in sizes:
            elements *= size
        facts = {"elements": elements, "channels": sizes[-1], "rank": len(sizes), "relu": relu, "mean": mean}
        times = {name: [[value] * 3] for name, value in microseconds.items()}
        return Case(shape + (" +relu" if relu else ""), facts, times, errors=errors or {}, counts=counts or {})

    return make


@pytest.fixture
def result():
    """Returns a result of cases on a machine that does not exist."""
    return lambda suite, *cases: Result(suite, MACHINE, cases)
