"""Variables that nobody named: ``Variable``, ``Variable_1``, ...

Four in a row of one shape ``[C]`` are taken for scale, shift, mean and variance, in the order in which the
well-known snippets make them. That is a guess, so a migration wants to be told ``--from=unnamed``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tf1bn.checkpoint.layout import ROLES, Layout, Leaf

_NAME = re.compile(r"Variable(?:_(\d+))?")


def _find(tensors: Mapping[str, Any]) -> list[tuple[str, str, dict[str, str]]]:
    numbered: dict[int, tuple[str, tuple[int, ...]]] = {}
    for name in tensors:
        match = _NAME.fullmatch(name)
        if match:
            numbered[int(match[1] or 0)] = name, tensors[name].shape
    sites: list[tuple[str, str, dict[str, str]]] = []
    run: list[tuple[str, tuple[int, ...]]] = []
    last = -2
    for number in [*sorted(numbered), -1]:
        row = numbered.get(number)
        if row and number == last + 1 and run and row[1] == run[-1][1]:
            run.append(row)
        else:
            if len(run) == len(ROLES) and len(run[0][1]) == 1:
                twin = f"_{len(sites)}" if sites else ""
                sites.append(("", twin, dict(zip(ROLES, (name for name, _ in run), strict=True))))
            run = [row] if row else []
        last = number
    return sites


LAYOUT = Layout(
    name="unnamed",
    title="variables without names",
    leaves=tuple(Leaf(role, "") for role in ROLES),
    default_scope="",
    epsilon=1e-3,
    sample={"Variable_4": "gamma", "Variable_5": "beta", "Variable_6": "moving_mean", "Variable_7": "moving_variance"},
    site_scope="",
    needs_naming=True,
    find=_find,
)
