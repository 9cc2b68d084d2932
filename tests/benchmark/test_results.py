import json
import math

import pytest

from tf1bn import errors
from tf1bn.benchmark import results, shapes
from tf1bn.benchmark.results import Case


def case(name="x", **times):
    return Case(name, {}, times)


def test_a_ratio_compares_each_round_with_the_same_round_of_the_other():
    # The load of the machine doubles every round; the ratio of medians would be 4 / 3.
    noisy = case(a=[[2.0, 4.0, 8.0]], b=[[1.0, 3.0, 4.0]])
    assert noisy.ratio("a", "b") == 2.0


def test_a_ratio_is_the_median_over_sessions_of_the_median_over_rounds():
    sessions = case(a=[[2.0, 2.0, 90.0], [3.0, 3.0, 3.0], [50.0, 50.0, 50.0]], b=[[1.0] * 3] * 3)
    assert sessions.ratio("a", "b") == 3.0
    assert sessions.microseconds("a") == 3.0


def test_sessions_and_rounds_of_different_number_are_not_compared():
    with pytest.raises(ValueError, match=r"zip\(\)"):
        case(a=[[1.0, 2.0]], b=[[1.0]]).ratio("a", "b")


def test_the_geometric_mean_of_a_ratio_and_its_inverse_is_one():
    assert results.geometric_mean([4.0, 0.25]) == pytest.approx(1.0)
    assert math.isnan(results.geometric_mean([]))


def test_a_result_survives_json(result, layer_case):
    before = result("step", layer_case("4x8", tf1bn=12.0, textbook=30.0, errors={"tf1bn": 1e-7}))
    after = results.from_json(json.loads(json.dumps({**results.as_json(before), "goals": []})), "file")
    assert after == before


def test_other_json_is_refused(result):
    for wrong in ({}, [], {"format": "tf1bn run", "version": 1}, {**results.as_json(result("step")), "version": 2}):
        with pytest.raises(errors.ArgumentError, match="'file' is no result of this benchmark"):
            results.from_json(wrong, "file")


def test_runs_of_one_machine_are_joined_and_repeated_cases_numbered(result):
    parts = [result("step", case("4x8")), result("step", case("4x8"), case("4x88")), result("step", case("4x8"))]
    names = [each.name for each in results.joined(parts).cases]
    assert names == ["4x8", "4x8 [run 2]", "4x88", "4x8 [run 3]"]


def test_results_of_other_machines_and_suites_are_not_joined(result):
    one = result("step")
    for other in (result("network"), results.Result("step", {**one.machine, "cores": 64}, ())):
        with pytest.raises(errors.ArgumentError, match="results of different runs do not go together"):
            results.joined([one, other])


def test_shapes_are_read_as_they_are_written():
    assert shapes.parse(["64x28x28x8", "60x100", "60x100"]) == ((64, 28, 28, 8), (60, 100))
    assert shapes.parse(None) == shapes.TABLE
    assert all(shapes.parse([shapes.text(shape)]) == (shape,) for shape in shapes.TABLE)


@pytest.mark.parametrize("wrong", ["", "64", "64x", "64x0", "64x-1", "64,28", "1x2x3x4x5x6", "ax2"])
def test_what_is_no_shape_is_refused(wrong):
    with pytest.raises(errors.ArgumentError, match="not a shape"):
        shapes.parse([wrong])
