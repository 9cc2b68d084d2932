"""The networks of ``networks.py``, each trained for nothing, given numbers and saved once."""

import pytest

from tests.convert import networks
from tf1bn.testing.graphs import graph_mode


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """Gives the prefix of a network's checkpoint; its ``.meta`` is a training graph with an optimizer."""
    folder, known = tmp_path_factory.mktemp("networks"), {}

    def prefix(name):
        if name not in known:
            with graph_mode():
                known[name] = networks.save(name, folder, train=True)
        return known[name]

    return prefix


@pytest.fixture
def options(saved):
    """Gives the options of a conversion that strips training first."""
    return lambda name: {"graph": f"{saved(name)}.meta", "outputs": [networks.OUTPUT]}
