"""Every layer and strategy, with every switch, in every mode: trained on, served and loaded without tf1bn."""

import pytest

from tests.portability.programs import LAYERS, MODES, SWITCHES, Case, Luggage, Outcomes, moves

CASES = [Case(mode, layer, switch) for mode in MODES for layer in LAYERS for switch in SWITCHES]
pytestmark = pytest.mark.exhaustive


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    luggage = Luggage(tmp_path_factory.mktemp("abroad"))
    for case in CASES:
        luggage.save(case)
        luggage.tune(case)
    return luggage.travel()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.key)
def test_a_graph_trains_on(outcomes, case):
    outcomes.require_same(f"{case.key}-tuned")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.key)
def test_a_saved_model_gives_what_the_session_gave(outcomes, case):
    outcomes.require_same(f"{case.key}-served")
    outcomes.require_same(f"{case.key}-loaded")
    if not moves(case.layer, case.switch):
        outcomes.require_same(f"{case.key}-frozen_v2")
