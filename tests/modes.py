"""Which tests a run in fewer modes of graphs leaves out.

There are four modes: reference or resource variables, and control flow v1 or v2. Two are those of programs as they are,
all old or all new; the other two mix. `make test` has them all. TF1BN_MODES=extremes leaves out what mixes, for runs on
another release or with other kernels of tests that `make test` has been through.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tf1bn.testing.graphs import Mode

CHOICES = ("", "extremes")


def mixing_twins(items: Iterable[Any]) -> list[Any]:
    """Returns the tests in a mode that mixes, as far as the same function is there in another mode, too."""
    mixing = {item.nodeid for item in items if _mixes(item)}
    others = {_function(item) for item in items if item.nodeid not in mixing}
    return [item for item in items if item.nodeid in mixing and _function(item) in others]


def _mixes(item: Any) -> bool:
    values = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return any(isinstance(value, Mode) and value.resource != value.control_flow_v2 for value in values)


def _function(item: Any) -> str:
    return item.nodeid.partition("[")[0]
