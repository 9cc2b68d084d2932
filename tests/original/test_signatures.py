"""A call that TensorFlow 1.15 took is taken by the facade: the same arguments, places and defaults."""

from __future__ import annotations

import ast
import json
from typing import Any

import pytest

from tests.original import conftest

MODULES = (
    *("layers", "losses", "metrics", "nn.rnn_cell", "estimator", "estimator.inputs", "estimator.export"),
    *("contrib.layers", "contrib.losses", "contrib.losses.metric_learning", "contrib.metrics", "contrib.rnn"),
    *("contrib.slim", "contrib.framework", "contrib.training", "contrib.seq2seq", "contrib.lookup", "contrib.data"),
    *("contrib.opt", "contrib.crf", "contrib.image", "contrib.learn", "contrib.summary", "contrib.nn"),
)
PLACED, STARRED, NAMED, DOUBLE_STARRED = 1, 2, 3, 4
Parameter = tuple[str, int, str | None]

KNOWN = {
    **dict.fromkeys(
        (
            "layers.Conv2D",
            "layers.Conv3D",
            "layers.SeparableConv2D",
            "layers.Conv2DTranspose",
            "layers.Conv3DTranspose",
        ),
        "one number for all axes, which is the same",
    ),
    **dict.fromkeys(("contrib.layers.recompute_grad", "contrib.slim.recompute_grad"), "a stand-in for None"),
    "contrib.learn.Estimator": "without a model_fn it raised later",
    "contrib.learn.make_export_strategy": "None was False",
    "contrib.learn.RunConfig": "a stand-in for 600 seconds was 0",
}
"""Name -> why its differences do not matter."""


@pytest.fixture(scope="session")
def signatures(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    files = conftest.beside(tmp_path_factory.mktemp("signatures"), "signatures.py", *MODULES)
    return json.loads(files.original.read_text()), json.loads(files.facade.read_text())


@pytest.mark.parametrize("module", MODULES)
def test_every_call_of_1_15_is_taken(signatures: tuple[Any, Any], module: str) -> None:
    original, facade = (each[module] for each in signatures)
    wrong = {}
    for name, theirs in original.items():
        ours = facade.get(name)
        if theirs and ours and f"{module}.{name}" not in KNOWN:
            differences = differing(theirs, ours)
            if differences:
                wrong[name] = differences
    assert not wrong, "\n".join(f"{module}.{name}: {'; '.join(texts)}" for name, texts in wrong.items())


def differing(theirs: list[Parameter], ours: list[Parameter]) -> list[str]:
    """What of a signature cannot be called, or means something else, under another one."""
    by_name = {name: (kind, default) for name, kind, default in ours}
    places = [name for name, kind, _ in ours if kind <= PLACED]
    kinds = {kind for _, kind, _ in ours}
    found = []
    for place, (name, kind, default) in enumerate(theirs):
        if kind in (STARRED, DOUBLE_STARRED):
            continue
        if kind == PLACED and places[place : place + 1] != [name] and not (STARRED in kinds and place >= len(places)):
            found.append(f"place {place} is {places[place : place + 1]}, not {name}")
        if name not in by_name and DOUBLE_STARRED not in kinds:
            found.append(f"no {name}")
        if name in by_name and _other_default(default, by_name[name][1]):
            found.append(f"{name}={by_name[name][1]}, not {default}")
    return found


def _other_default(theirs: str | None, ours: str | None) -> bool:
    """Whether two defaults are known to differ; what is no literal cannot be compared."""
    if theirs is None:
        return False  # what had to be given may be left out
    try:
        return ours is None or bool(ast.literal_eval(theirs) != ast.literal_eval(ours))
    except (ValueError, SyntaxError):
        return False


def test_differences_are_seen() -> None:
    theirs = [("a", 1, None), ("b", 1, "1"), ("c", 1, "<object>")]
    assert differing(theirs, [("a", 1, None), ("b", 1, "1"), ("c", 1, "2"), ("d", 1, "3")]) == []
    assert differing(theirs, [("a", 1, None), ("c", 1, "2"), ("b", 1, "2")]) == [
        "place 1 is ['c'], not b",
        "b=2, not 1",
        "place 2 is ['b'], not c",
    ]
    assert differing(theirs, [("a", 1, None), ("args", 2, None), ("kwargs", 4, None)]) == []
    assert differing(theirs, [("a", 1, None)])[:2] == ["place 1 is [], not b", "no b"]
