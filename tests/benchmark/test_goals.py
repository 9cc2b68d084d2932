"""Each goal on made-up timings that reach it, and on timings that miss it."""

import dataclasses

import pytest

from tf1bn.benchmark import goals, report, variants
from tf1bn.benchmark.results import Case


def verdict(verdicts, words):
    [found] = [each for each in verdicts if words in each.goal]
    return found


def peers(value, **others):
    return {**dict.fromkeys(variants.PEERS, value), **others}


# Words of a goal; the case; a time of tf1bn that reaches it, and one that misses it.
LAYERS = {
    "fastest peer": ("60x100", {}, peers(100.0, tf_layers=10.0), 11.0, 11.2),
    "faster than every peer": ("60x100", {}, peers(100.0, tf_layers=10.0), 9.9, 10.1),
    "over shapes and peers": ("60x100", {}, peers(25.0), 10.0, 10.1),
    "from 250k elements": ("512x512", {}, {"textbook": 18.0}, 10.0, 10.1),
    "textbook below": ("60x100", {}, {"textbook": 11.5}, 10.0, 10.1),
    "C%4 != 0": ("64x28x28x3", {}, {"slim": 25.0, "tensorpack": 30.0}, 10.0, 10.1),
    "C%8 == 4": ("64x14x14x20", {"relu": True}, {"tf_layers": 19.0, "slim": 1.0}, 10.0, 10.1),
    "ranks 3 and 5": ("8x16x16x16x32", {}, {"tf_layers": 18.0}, 10.0, 10.1),
    "under 32k": ("60x100", {}, {"slim_collection": 30.0}, 10.0, 10.1),
    "ident": ("128x32x32x64", {}, {"ident": 5.0}, 10.0, 10.1),
}


@pytest.mark.parametrize("words", LAYERS)
def test_a_goal_of_the_step_holds_up_to_its_bound_and_no_further(layer_case, words):
    shape, facts, others, reaches, misses = LAYERS[words]
    for ours in (variants.OURS, variants.OURS_COLLECTION):
        for microseconds, holds in ((reaches, True), (misses, False)):
            made = layer_case(shape, **facts, **others, **{ours: microseconds})
            found = [each for each in goals.step([made]) if each.goal.startswith(f"{ours}:")]
            assert verdict(found, words).holds is holds, (ours, microseconds)


def test_a_goal_about_other_shapes_is_left_open(layer_case):
    small = layer_case("60x100", tf1bn=10.0, **peers(30.0, ident=1.0))
    found = [each for each in goals.step([small]) if each.goal.startswith("tf1bn:")]
    for words in ("from 250k", "C%4", "C%8", "ranks 3", "ident"):
        assert verdict(found, words).holds is None and verdict(found, words).measured == "not measured"


def test_a_verdict_names_the_worst_place_and_counts_the_others(layer_case):
    cases = [layer_case("60x100", tf1bn=10.0, textbook=9.0), layer_case("64x100", tf1bn=10.0, textbook=20.0)]
    found = verdict(goals.step(cases), "tf1bn: >= 1.15x the textbook below")
    assert found.measured == "worst 0.90 (60x100, textbook / tf1bn); reached in 1 of 2"


def test_ops_count_and_a_peer_without_goal_does_not(layer_case):
    counts = {"tf1bn_collection": {"ops": 70, "ops, no updates": 50}, "slim": {"ops, no updates": 500}}
    assert verdict(goals.step([layer_case("60x100", counts=counts)]), "tf1bn_collection: <= 50 ops").holds is True
    counts["tf1bn_collection"]["ops, no updates"] = 51
    assert verdict(goals.step([layer_case("60x100", counts=counts)]), "tf1bn_collection: <= 50 ops").holds is False


def test_values_far_from_zero_are_judged_by_their_own_goals_alone(layer_case):
    far = layer_case("60x100", mean=1e4, tf1bn_precise=11.0, textbook=10.0, errors={"tf1bn_precise": 1e-5, "tf1bn": 1})
    found, time = goals.step([far]), "tf1bn_precise, at mean 1e4: <= 1.1x"
    assert (verdict(found, "tf1bn_precise: error <= 1e-5").holds, verdict(found, time).holds) == (True, True)
    assert verdict(found, "tf1bn: >= 1.15x the textbook below").holds is None
    worse = layer_case("60x100", mean=1e4, tf1bn_precise=11.2, textbook=10.0, errors={"tf1bn_precise": 1.1e-5})
    found = goals.step([worse])
    assert (verdict(found, "tf1bn_precise: error <= 1e-5").holds, verdict(found, time).holds) == (False, False)


def network_case(**milliseconds):
    return Case("batch 64", {"batch": 64}, {name: [[value] * 3] for name, value in milliseconds.items()})


def test_the_overhead_of_batch_norm_is_what_it_adds_to_the_network_with_biases():
    found = goals.network([network_case(biases=10.0, tf1bn=12.0, textbook=14.0, slim=12.0, tf_layers=11.0)])
    assert verdict(found, "0.5x the textbook's") == (
        "batch 64: overhead of batch norm <= 0.5x the textbook's", True, "0.50 (tf1bn / textbook)"
    )  # fmt: skip
    below = verdict(found, "below every peer's")
    assert below.holds is False and below.measured == "worst 2.00 (tf1bn / tf_layers); reached in 1 of 2"


def test_a_peer_that_costs_nothing_cannot_be_undercut():
    found = goals.network([network_case(biases=10.0, tf1bn=12.0, slim=9.9)])
    assert verdict(found, "below every peer's").holds is False


def test_strategies_may_differ_by_three_percent_in_either_direction():
    near = network_case(tf1bn=10.2, tf1bn_collection=10.0, tf1bn_ema=10.2, tf1bn_frozen=10.0, tf1bn_placeholder=11.2)
    found = goals.network([near])
    assert verdict(found, "of no update").holds and verdict(found, "of each other").holds
    assert verdict(found, "placeholder switch").holds
    far = network_case(tf1bn=10.0, tf1bn_collection=9.6, tf1bn_ema=10.0, tf1bn_frozen=10.0, tf1bn_placeholder=11.1)
    found = goals.network([far])
    assert not verdict(found, "of no update").holds and not verdict(found, "of each other").holds
    assert not verdict(found, "placeholder switch").holds


def test_inference_is_compared_with_the_network_without_batch_norm():
    def case(batch, **times):
        return Case(f"batch {batch}", {"batch": batch}, {name: [[value] * 3] for name, value in times.items()})

    good = case(1, biases=10.0, folded=10.2, tf1bn_static=11.0, tf1bn_placeholder=13.7)
    assert [each.holds for each in goals.inference([good])] == [True, True, True]
    bad = case(1, biases=10.0, folded=10.3, tf1bn_static=11.1, tf1bn_placeholder=14.0)
    assert [each.holds for each in goals.inference([bad])] == [False, False, False]
    # At larger batches a switch has no bound.
    assert [each.holds for each in goals.inference([dataclasses.replace(bad, facts={"batch": 256})])][2] is None


def test_building_is_linear_where_a_layer_costs_the_same_at_any_depth():
    def case(what, layers, **times):
        return Case(f"{what} {layers}", {"what": what, "layers": layers}, {k: [[v]] for k, v in times.items()})

    cases = [
        case("build", 50, tf1bn=10.0, slim=10.0),
        case("build", 1000, tf1bn=12.0, slim=96.0, tf_layers=95.0),
        case("first run", 200, tf1bn=10.0, slim=10.0),
        case("first run", 50, tf1bn=10.0, slim=1.0),
    ]
    found = goals.graph_build(cases)
    assert verdict(found, "time per layer").holds is True
    assert verdict(found, ">= 8x faster").measured.startswith(
        "worst 7.92 (build 1000, tf_layers / tf1bn); reached in 1"
    )
    assert verdict(found, "first run of 200").holds is True
    cases[1] = case("build", 1000, tf1bn=12.1)
    assert verdict(goals.graph_build(cases), "time per layer").holds is False


def test_what_an_import_adds_is_judged_in_milliseconds():
    def case(microseconds):
        return Case("added to TensorFlow", {"what": "added"}, {"tf1bn": [[microseconds] * 3]})

    assert goals.import_time([case(49e3)])[0].holds is True
    assert goals.import_time([case(51e3)])[0].holds is False


def test_noise_is_reported_and_judges_nothing(layer_case):
    cases = [layer_case("60x100", tf1bn=10.0, tf1bn_again=9.0), layer_case("60x101", tf1bn=10.0, tf1bn_again=12.0)]
    found = verdict(goals.step(cases), "noise")
    assert found.holds is None and found.measured == "0.90 to 1.20 times"


def test_the_report_has_losses_absences_and_open_goals(result, layer_case):
    made = layer_case("60x100", tf1bn=10.0, textbook=9.0)
    made.absent["slim"] = "not installed: tf_slim"
    text = report.text(result("step", made))
    assert "0.90" in text and "- slim: not installed: tf_slim" in text
    assert {row[1] for row in report.goal_rows(result("step", made))} == {"NO", "-"}


def test_the_report_shows_errors_where_values_are_far_from_zero(result, layer_case):
    errors = {"tf1bn": 2e-7, "textbook": 3e-3}
    far = layer_case("60x100", mean=1e4, tf1bn=10.0, textbook=9.0, errors=errors)
    assert "2e-07" in report.text(result("step", far)) and "| 3e-03 |" in report.text(
        result("step", far), markdown=True
    )
    near = layer_case("60x100", tf1bn=10.0, textbook=9.0, errors=errors)
    assert "2e-07" not in report.text(result("step", near))


@pytest.mark.parametrize("suite", variants.SUITES)
def test_every_suite_has_goals_and_an_empty_result_leaves_them_open(result, suite):
    assert all(each.holds is None for each in report.JUDGES[suite](()))
    assert report.content(result(suite))["suite"] == suite
