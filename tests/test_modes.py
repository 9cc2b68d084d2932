"""What a run in fewer modes of graphs leaves out."""

from types import SimpleNamespace

from tests import modes
from tf1bn.testing.graphs import MODES


def item(nodeid, **params):
    return SimpleNamespace(nodeid=nodeid, **({"callspec": SimpleNamespace(params=params)} if params else {}))


def test_what_mixes_is_left_out_where_the_same_is_there_unmixed():
    items = [item(f"a.py::test_of_all[{mode}-{way}]", mode=mode, way=way) for mode in MODES for way in "xy"]
    items += [item("a.py::test_plain"), item("a.py::test_other[1]", number=1)]
    found = [each.nodeid for each in modes.mixing_twins(items)]
    assert found == [f"a.py::test_of_all[{mode}-{way}]" for mode in ("resource-v1", "reference-v2") for way in "xy"]


def test_a_test_that_is_there_only_mixed_stays():
    assert modes.mixing_twins([item(f"a.py::test_mixed[{mode}]", any_graph=mode) for mode in MODES[1:3]]) == []
