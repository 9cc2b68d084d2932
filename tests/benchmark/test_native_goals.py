"""The goals of the native kernel and of the stock ops without oneDNN, on made-up timings."""

import dataclasses

import pytest

from tf1bn.benchmark import memory, native_goals, report, variants
from tf1bn.benchmark.results import Case
from tf1bn.benchmark.variants import NATIVE, NATIVE_AGAIN


def verdict(verdicts, words):
    [found] = [each for each in verdicts if words in each.goal]
    return found


# Words of a goal; the shape; times of the others; a time of the native kernel that reaches it, and one that misses it.
LAYERS = {
    ">= 2.0x tf1bn": ("60x100", {"tf1bn": 20.0}, 10.0, 10.1),
    "3.0x each original": ("60x100", {"textbook": 90.0, "tf_layers": 30.0, "tensorpack": 1.0}, 10.0, 10.1),
    "fastest of all others": ("60x100", {"slim": 30.0, "tf1bn:wide": 10.0, "ident": 1.0}, 10.0, 10.1),
    "below 70k": ("60x1000", {"ident": 10.0}, 15.0, 15.1),
    "from 250k": ("500x500", {"ident": 10.0}, 22.0, 22.1),
}


@pytest.mark.parametrize("words", LAYERS)
def test_a_goal_holds_up_to_its_bound_and_no_further(layer_case, words):
    shape, others, reaches, misses = LAYERS[words]
    for microseconds, holds in ((reaches, True), (misses, False)):
        case = layer_case(shape, **others, **{NATIVE: microseconds})
        assert verdict(native_goals.step([case]), words).holds is holds, microseconds


def test_a_goal_about_other_shapes_is_left_open(layer_case):
    found = native_goals.step([layer_case("300x300", **{NATIVE: 1.0, "ident": 1.0})])
    assert verdict(found, "below 70k").holds is None and verdict(found, "from 250k").holds is None


def test_the_mean_is_over_cases_and_the_worst_original_counts(layer_case):
    cases = [
        layer_case("60x100", slim=20.0, textbook=99.0, **{NATIVE: 10.0}),
        layer_case("60x101", slim=80.0, textbook=99.0, **{NATIVE: 10.0}),
    ]
    found = verdict(native_goals.step(cases), "each original")
    assert found.holds and found.measured == "worst 4.00 (slim / tf1bn:native, 2 cases); reached in 2 of 2"


def test_as_much_slower_as_two_of_the_same_differ_is_no_loss(layer_case):
    def cases(slowest):
        again = [1.2, 0.9, 1.05, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
        return [
            layer_case(f"60x{n}", slim=slowest if n == 0 else 1.0, **{NATIVE: 1.0, NATIVE_AGAIN: ratio})
            for n, ratio in enumerate(again)
        ]

    # Nine of the ten distances are at most 1 / 0.9.
    within, beyond = (verdict(native_goals.step(cases(time)), "but noise") for time in (0.91, 0.89))
    assert within.holds and within.measured.endswith("reached in 10 of 10; noise 1.11")
    assert not beyond.holds and "1.12 (60x0, tf1bn:native / slim)" in beyond.measured


def test_precision_is_asked_for_far_from_zero(layer_case):
    for error, holds in ((1e-6, True), (1.1e-6, False)):
        far = layer_case("60x100", mean=1e4, errors={NATIVE: error}, **{NATIVE: 1.0})
        assert verdict(native_goals.step([far]), "at mean 1e4").holds is holds


def test_stock_goals_are_listed_without_onednn_alone(layer_case):
    case = layer_case("60x100", tf1bn=11.0, textbook=10.0, slim=20.0, tensorpack=1.0)
    assert native_goals.step([case]) == []
    off = dataclasses.replace(case, facts={**case.facts, "onednn": False})
    fastest, mean = native_goals.step([off])
    assert fastest.holds and fastest.measured == "1.10 (60x100, tf1bn / textbook)"
    assert not mean.holds and mean.measured == "worst 0.91 (textbook / tf1bn, 1 cases); reached in 1 of 2"


def network_case(peak=10.0, **milliseconds):
    times = {name: [[value] * 3] for name, value in milliseconds.items()}
    counts = {NATIVE: {memory.PEAK: peak}, "slim": {memory.PEAK: 10.0}}
    return Case("batch 64", {"batch": 64}, times, counts=counts)


def test_the_network_is_judged_by_time_and_memory():
    good = network_case(10.0, biases=10.0, slim=12.0, **{NATIVE: 10.9})
    assert [each.holds for each in native_goals.network([good])] == [True, True]
    bad = network_case(10.2, biases=10.0, slim=12.0, **{NATIVE: 11.1})
    assert [each.holds for each in native_goals.network([bad])] == [False, False]
    assert native_goals.network([Case("batch 64", {}, {"slim": [[1.0]]})]) == []


def test_a_fed_switch_is_judged_at_batch_one():
    def case(batch, switched):
        times = {f"{NATIVE}_static": [[10.0]], f"{NATIVE}_placeholder": [[switched]]}
        return Case(f"batch {batch}", {"batch": batch}, times)

    assert [each.holds for each in native_goals.inference([case(1, 12.5), case(256, 99.0)])] == [True]
    assert [each.holds for each in native_goals.inference([case(1, 12.6)])] == [False]


def test_building_and_the_first_run_are_judged_beside_slim():
    def cases(build, first):
        rows = (("build", 50, build, 10.0), ("first run", 200, first, 10.0), ("first run", 50, 99.0, 1.0))
        return [
            Case(f"{what} {layers}", {"what": what, "layers": layers}, {NATIVE: [[own]], "slim": [[slim]]})
            for what, layers, own, slim in rows
        ]

    assert [each.holds for each in native_goals.graph_build(cases(8.0, 5.0))] == [True, True]
    assert [each.holds for each in native_goals.graph_build(cases(8.1, 5.1))] == [False, False]
    assert native_goals.graph_build([Case("build", {}, {"slim": [[1.0]]})]) == []


def test_the_report_judges_on_the_wall_and_in_processor_time(result, layer_case):
    case = layer_case("60x100", tf1bn=20.0, **{NATIVE: 10.0})
    case.process_times.update({"tf1bn": [[18.0] * 3], NATIVE: [[10.0] * 3]})
    [row] = [row for row in report.goal_rows(result("step", case)) if ">= 2.0x" in row[0]]
    measured = "(tf1bn / tf1bn:native, 1 cases)"
    assert row[1:] == ["yes", f"2.00 {measured}", f"NO: 1.80 {measured}"]
    text = report.text(result("step", case), base=variants.NATIVE)
    assert report.WALL in text and report.PROCESS in text
    assert text.index("2.00") < text.index(report.PROCESS) < text.index("1.80")


def test_memory_is_at_its_peak_where_most_is_held():
    assert memory.highest([(3, -5), (1, 5), (4, 1), (2, 6), (3, 4)]) == 11
    assert memory.highest([]) == 0
