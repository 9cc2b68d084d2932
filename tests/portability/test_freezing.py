"""Graphs that TensorFlow's own functions froze and saved, run by a process that has no tf1bn."""

import pytest

from tests.portability import table
from tests.portability.programs import (
    IN_PLACE,
    LAYERS,
    MODES,
    MORE_SWITCHES,
    SWITCHES,
    Case,
    Luggage,
    Outcomes,
    moves,
)

CASES = [
    *(Case(m, layer, s, cut=moves(layer, s)) for m in MODES for layer in LAYERS for s in SWITCHES),
    *(Case(m, layer, s) for m in MODES for layer in ("collection", "tf_layers") for s in MORE_SWITCHES),
    *(
        Case(m, layer, s, cut=True, around="in a branch")
        for m in MODES
        for layer, s in (("inline", "placeholder"), ("inline", "True"), ("tf_layers", "False"), ("ema", "placeholder"))
    ),
]
EXCEPTIONS = [Case(m, layer, "placeholder") for m in MODES for layer in IN_PLACE]
SAVED = [
    Case(mode, layer, "placeholder")
    for mode in MODES
    for layer in ("inline", "ema", "collection", "tf_layers", "contrib", "slim in place")
]
TUNED = [Case("reference", layer, "placeholder") for layer in LAYERS]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    luggage = Luggage(tmp_path_factory.mktemp("abroad"))
    for case in [*CASES, *EXCEPTIONS]:
        luggage.freeze(case)
    for case in SAVED:
        luggage.save(case)
    for case in TUNED:
        luggage.tune(case)
    return luggage.travel()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.key)
def test_a_frozen_graph_gives_what_the_session_gave(outcomes, case):
    outcomes.require_same(case.key)


@pytest.mark.parametrize("case", EXCEPTIONS, ids=lambda case: case.key)
def test_an_update_that_runs_with_the_output_does_not_freeze(outcomes, case):
    # If this passes one day, docs/portability.md has an exception too many.
    assert "incompatible with expected" in outcomes.errors[case.key] or "expected type" in outcomes.errors[case.key]


@pytest.mark.parametrize("case", SAVED, ids=lambda case: case.key)
def test_a_saved_model_is_served_and_loaded_by_both_versions_of_tensorflow(outcomes, case):
    outcomes.require_same(f"{case.key}-served")
    outcomes.require_same(f"{case.key}-loaded")


@pytest.mark.parametrize("case", SAVED, ids=lambda case: case.key)
def test_a_signature_freezes_with_the_function_of_version_2(outcomes, case):
    key = f"{case.key}-frozen_v2"
    if moves(case.layer, case.switch):
        assert "incompatible with expected" in outcomes.errors[key]
    else:
        outcomes.require_same(key)


@pytest.mark.parametrize("case", TUNED, ids=lambda case: case.key)
def test_an_imported_graph_with_a_new_head_trains_on_as_at_home(outcomes, case):
    outcomes.require_same(f"{case.key}-tuned")


def test_the_table_of_the_page_says_what_was_seen(outcomes):
    def seen(cases, layer, suffix=""):
        fails = any(f"{case.key}{suffix}" in outcomes.errors for case in cases if case.layer == layer)
        return "cut" if fails else "yes"

    for layer in LAYERS:
        frozen = [Case(mode, layer, "placeholder") for mode in MODES]
        assert table.cell(layer, "freeze") == seen(frozen, layer), layer
        assert table.cell(layer, "fine-tune") == seen(TUNED, layer, "-tuned"), layer
    for layer in {case.layer for case in SAVED}:
        assert table.cell(layer, "freeze, version 2") == seen(SAVED, layer, "-frozen_v2"), layer
        assert table.cell(layer, "SavedModel") == seen(SAVED, layer, "-served") == seen(SAVED, layer, "-loaded"), layer
