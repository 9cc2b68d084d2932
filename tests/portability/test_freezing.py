"""Graphs that TensorFlow's own functions froze and saved, run by a process that has no tf1bn."""

import json
import os
import pathlib
import subprocess
import sys
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.portability import programs, table
from tests.portability.programs import IN_PLACE, LAYERS, MODES, MORE_SWITCHES, SWITCHES, Case

SAVED = ("inline", "ema", "collection", "tf_layers", "contrib", "slim in place")
WAYS = ("served", "loaded", "frozen_v2")


def _moves(layer: str, switch: str) -> bool:
    return layer in IN_PLACE and switch != "False"


CASES = [
    *(Case(m, layer, s, cut=_moves(layer, s)) for m in MODES for layer in LAYERS for s in SWITCHES),
    *(Case(m, layer, s) for m in MODES for layer in ("collection", "tf_layers") for s in MORE_SWITCHES),
    *(
        Case(m, layer, s, cut=True, around="in a branch")
        for m in MODES
        for layer, s in (("inline", "placeholder"), ("inline", "True"), ("tf_layers", "False"), ("ema", "placeholder"))
    ),
]
EXCEPTIONS = [Case(m, layer, "placeholder") for m in MODES for layer in IN_PLACE]


class Outcomes(NamedTuple):
    """What the network gave at home, what it gave in the other process, and the errors there."""

    home: dict[str, dict[str, Any]]
    away: dict[str, dict[str, Any]]
    errors: dict[str, str]

    def require_same(self, key: str) -> None:
        """Asserts that a graph gave the same in both processes."""
        assert key not in self.errors, self.errors[key]
        assert set(self.home[key]) == set(self.away[key])
        for name, wanted in self.home[key].items():
            np.testing.assert_allclose(self.away[key][name], wanted, rtol=1e-5, atol=1e-5, err_msg=name)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    folder = tmp_path_factory.mktemp("abroad")
    home, entries = {}, []
    for case in [*CASES, *EXCEPTIONS]:
        graph_def, home[case.key] = programs.freeze(case)
        (folder / f"{case.key}.pb").write_bytes(graph_def.SerializeToString())
        entries.append({"key": case.key, "path": f"{case.key}.pb", "way": "frozen", "fed": case.fed})
    for mode in MODES:
        for layer in SAVED:
            path = f"{mode}-{layer}"
            outputs = programs.save(mode, layer, folder / path)
            for way in WAYS:
                home[f"{path}-{way}"] = outputs
                entries.append({"key": f"{path}-{way}", "path": path, "way": way})
    programs.hand_over(folder, entries)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    script = pathlib.Path(__file__).with_name("stranger.py")
    done = subprocess.run(
        [sys.executable, str(script), str(folder)], env=environment, cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    away = {path.stem: dict(np.load(path)) for path in folder.glob("*.npz")}
    return Outcomes(home, away, json.loads((folder / "errors.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.key)
def test_a_frozen_graph_gives_what_the_session_gave(outcomes, case):
    outcomes.require_same(case.key)


@pytest.mark.parametrize("case", EXCEPTIONS, ids=lambda case: case.key)
def test_an_update_that_runs_with_the_output_does_not_freeze(outcomes, case):
    # If this passes one day, docs/portability.md has an exception too many.
    assert "incompatible with expected" in outcomes.errors[case.key] or "expected type" in outcomes.errors[case.key]


@pytest.mark.parametrize("layer", SAVED)
@pytest.mark.parametrize("mode", MODES)
def test_a_saved_model_is_served_and_loaded_by_both_versions_of_tensorflow(outcomes, mode, layer):
    outcomes.require_same(f"{mode}-{layer}-served")
    outcomes.require_same(f"{mode}-{layer}-loaded")


@pytest.mark.parametrize("layer", SAVED)
@pytest.mark.parametrize("mode", MODES)
def test_a_signature_freezes_with_the_function_of_version_2(outcomes, mode, layer):
    key = f"{mode}-{layer}-frozen_v2"
    if layer in IN_PLACE:
        assert "incompatible with expected" in outcomes.errors[key]
    else:
        outcomes.require_same(key)


def test_the_table_of_the_page_says_what_was_seen(outcomes):
    for layer in LAYERS:
        fails = any(Case(mode, layer, "placeholder").key in outcomes.errors for mode in MODES)
        assert table.cell(layer, "freeze") == ("cut" if fails else "yes"), layer
    for layer in SAVED:
        fails = any(f"{mode}-{layer}-frozen_v2" in outcomes.errors for mode in MODES)
        assert table.cell(layer, "freeze, version 2") == ("cut" if fails else "yes"), layer
        assert table.cell(layer, "SavedModel") == "yes", layer
