"""A plan places every source tensor exactly once, and says what stops it."""

import json

import numpy as np
import pytest

from tf1bn import checkpoint, errors
from tf1bn.checkpoint import plan as plan_module
from tf1bn.checkpoint import rules


def by_target(plan):
    return {step.target: step for step in plan.steps}


def kinds(plan):
    return [trouble.kind for trouble in plan.troubles]


def test_every_source_tensor_is_placed_exactly_once(slim_checkpoint, slim_arrays):
    plan = checkpoint.plan_migration(slim_checkpoint, "tf1bn_ema", drop=["^labels$"])
    placed = [step.source for step in plan.steps if step.action != "synthesised"] + [drop.name for drop in plan.dropped]
    assert sorted(placed) == sorted(slim_arrays)
    assert plan.counts() == {"copied": 3, "renamed": 4, "converted": 0, "synthesised": 3, "dropped": 1}


def test_names_given_by_the_code_base_change_and_names_given_by_people_stay(slim_checkpoint, write):
    steps = by_target(checkpoint.plan_migration(slim_checkpoint, "tf1bn"))
    assert steps["net/conv/batch_norm/moving_mean"].source == "net/conv/BatchNorm/moving_mean"
    assert steps["net/conv/batch_norm/beta/Adam"].action == "renamed"
    values = np.ones(2, np.float32)
    named = write({"conv/norm/beta": values, "conv/norm/moving_mean": values, "conv/norm/moving_variance": values})
    assert set(by_target(checkpoint.plan_migration(named, "tf1bn"))) >= {"conv/norm/moving_mean", "conv/norm/gamma"}


def test_counters_of_automatic_names_are_kept(write):
    values = np.ones(2, np.float32)
    tensors = {}
    for name in ("BatchNorm", "BatchNorm_1", "BatchNorm_12"):
        tensors |= {f"{name}/moving_mean": values, f"{name}/moving_variance": values, f"{name}/beta": values}
    steps = by_target(checkpoint.plan_migration(write(tensors), "tf_layers"))
    assert steps["batch_normalization_12/beta"].source == "BatchNorm_12/beta"
    assert steps["batch_normalization/beta"].source == "BatchNorm/beta"


def test_gamma_of_ones_is_synthesised_where_the_target_learns_one(slim_checkpoint):
    gamma = by_target(checkpoint.plan_migration(slim_checkpoint, "tf_layers"))["net/conv/batch_normalization/gamma"]
    assert (gamma.action, gamma.value, gamma.shape, gamma.dtype) == ("synthesised", "ones", (4,), "float32")
    assert not any("gamma" in name for name in by_target(checkpoint.plan_migration(slim_checkpoint, "slim")))


def test_helpers_that_the_target_lacks_are_dropped_by_name(write):
    values = np.ones(2, np.float32)
    tensors = {f"BatchNorm/{name}": values for name in ("beta", "moving_mean", "moving_variance")}
    tensors["BatchNorm/BatchNorm/moving_mean/biased"] = values
    plan = checkpoint.plan_migration(write(tensors), "tf1bn")
    assert plan.dropped == (plan_module.Drop("BatchNorm/BatchNorm/moving_mean/biased", "layout tf1bn has no biased"),)


def test_renames_apply_in_order_to_target_names(slim_checkpoint):
    plan = checkpoint.plan_migration(slim_checkpoint, "tf1bn", rename=["^net/=>model/", r"model/(\w+)/=>m/\1/x/"])
    assert "m/conv/x/batch_norm/moving_mean" in by_target(plan)
    alone = checkpoint.plan_migration(slim_checkpoint, rename=["^net/=>"])
    assert by_target(alone)["conv/BatchNorm/beta"].action == "renamed"
    assert by_target(alone)["global_step"].action == "copied"


def test_two_sources_for_one_target_stop_the_run(slim_checkpoint, tmp_path):
    plan = checkpoint.plan_migration(slim_checkpoint, rename=["moving_(mean|variance)=>stat"])
    assert kinds(plan) == ["collision"]
    assert "two sources for one target" in plan.troubles[0].text
    with pytest.raises(errors.CheckpointPlanError, match="1 questions open, nothing was written"):
        checkpoint.migrate(plan, tmp_path / "out")
    assert not (tmp_path / "out.index").exists()


def test_a_rule_that_matches_nothing_stops_the_run(slim_checkpoint):
    plan = checkpoint.plan_migration(slim_checkpoint, rename=["^tower=>x"], drop=["Momentum$"], mapping={"gone": "x"})
    assert kinds(plan) == ["unused rule"] * 3


def test_a_map_wins_over_layouts_and_renames(slim_checkpoint, tmp_path):
    (tmp_path / "map.json").write_text(json.dumps({"net/conv/weights": "kernel"}))
    plan = checkpoint.plan_migration(slim_checkpoint, "tf1bn", mapping=tmp_path / "map.json", rename=["^net/=>"])
    assert by_target(plan)["kernel"].source == "net/conv/weights"


def test_values_that_a_file_cannot_tell_stop_the_run_until_they_are_named(write):
    values = np.ones(2, np.float32)
    prefix = write({"bn/mu": values, "bn/sigma": values})
    assert kinds(checkpoint.plan_migration(prefix, "tf1bn")) == ["ambiguous"]
    told = checkpoint.plan_migration(prefix, "tf1bn", source_layout="mu_sigma_deviation")
    assert not told.troubles
    assert by_target(told)["bn/moving_variance"].conversion == ("decode deviation",)


def test_a_file_without_batch_norms_cannot_go_to_a_layout(write):
    plan = checkpoint.plan_migration(write({"w": np.ones(2, np.float32)}), "tf1bn")
    assert kinds(plan) == ["unplaced"]


def test_reduced_axes_are_taken_away_for_a_layout_of_vectors(write):
    values = np.ones((1, 1, 1, 2), np.float32)
    tensors = {f"net/batch_norm/{name}": values for name in ("scale", "offset")}
    for name in ("moving_mean", "moving_variance"):
        tensors |= {f"net/batch_norm/{name}/average": values, f"net/batch_norm/{name}/hidden": values}
    step = by_target(checkpoint.plan_migration(write(tensors), "tf1bn"))["net/batch_norm/moving_mean"]
    assert (step.action, step.shape, step.conversion) == ("converted", (2,), ())


def test_an_average_of_gamma_is_converted_with_gamma_and_a_slot_is_not(write):
    values = np.ones(2, np.float32)
    tensors = {f"bn/{name}": values for name in ("gamma", "beta", "moving_mean", "moving_variance")}
    tensors |= {"bn/gamma/ExponentialMovingAverage": values, "bn/gamma/Adam": values}
    steps = by_target(checkpoint.plan_migration(write(tensors), "lingvo"))
    assert steps["bn/gamma/var/ExponentialMovingAverage"].conversion == ("encode minus_one",)
    assert steps["bn/gamma/var/Adam"].conversion == ()


def test_a_slot_of_a_tensor_whose_form_changes_stops_the_run(write):
    values = np.ones(2, np.float32)
    tensors = {f"bn/{name}": values for name in ("moving_mean", "moving_variance", "moving_variance/Adam")}
    plan = checkpoint.plan_migration(write(tensors), "mu_sigma_deviation")
    assert kinds(plan) == ["impossible"]
    assert "a slot of moving_variance" in plan.troubles[0].text


def test_a_partitioned_tensor_keeps_its_shape(write):
    values = np.ones((1, 4), np.float32)
    tensors = {f"n/batch_norm/{name}": values for name in ("beta", "moving_mean", "moving_variance")}
    prefix = write(tensors, slices={"n/batch_norm/beta": [((0, -1), (0, 2)), ((0, -1), (2, 2))]})
    plan = checkpoint.plan_migration(prefix, "tf1bn", source_layout="sonnet_v1")
    assert [trouble.text for trouble in plan.troubles] == ["a partitioned tensor changes its shape"]


def test_a_form_that_needs_an_absent_companion_stops_the_run(write, tmp_path):
    leaves = [
        {"role": "moving_mean", "name": "{scope}/m", "stored": "weighted", "companion": "factor"},
        {"role": "moving_variance", "name": "{scope}/v"},
        {"role": "factor", "name": "{scope}/factor"},
    ]
    (tmp_path / "caffe.json").write_text(json.dumps({"name": "caffe", "leaves": leaves}))
    values = np.array([3.0, 5.0], np.float32)
    layout = str(tmp_path / "caffe.json")
    plan = checkpoint.plan_migration(write({"a/m": values, "a/v": values}), "tf1bn", source_layout=layout)
    assert "needs factor, which the file lacks" in plan.troubles[0].text
    prefix = write({"a/m": values, "a/v": values, "a/factor": np.array([2.0], np.float32)}, "b")
    whole = checkpoint.plan_migration(prefix, "tf1bn", source_layout=layout)
    checkpoint.migrate(whole, tmp_path / "out", verify=True)
    from tf1bn.checkpoint import source

    with source.open_checkpoint(tmp_path / "out") as made:
        assert np.array_equal(made.read("a/moving_mean"), [1.5, 2.5])
    back = checkpoint.plan_migration(tmp_path / "out", layout)
    assert "cannot be written" in back.troubles[0].text


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "nothing to do"),
        ({"to": "object_based"}, "has no names of its own to write"),
        ({"to": "unnamed"}, "has no names of its own to write"),
        ({"rename": ["a"]}, "a rename is malformed"),
        ({"rename": ["(=>b"]}, "left side of a rename is not a regular expression"),
        ({"rename": [r"a=>\9"]}, "right side of a rename is malformed"),
        ({"drop": ["("]}, "a pattern to drop is not a regular expression"),
    ],
)
def test_malformed_requests_are_named(slim_checkpoint, given, text):
    with pytest.raises(errors.ArgumentError, match=text):
        checkpoint.plan_migration(slim_checkpoint, **given)


@pytest.mark.parametrize(
    ("content", "text"), [("[1]", "no map of names"), ('{"a": 1}', "no map of names"), ("{", "cannot read the map")]
)
def test_a_malformed_map_file_is_named(tmp_path, content, text):
    (tmp_path / "m.json").write_text(content)
    with pytest.raises(errors.DataError, match=text):
        rules.parse(mapping=tmp_path / "m.json")


def test_text_and_json_show_each_step(slim_checkpoint):
    plan = checkpoint.plan_migration(slim_checkpoint, "tf1bn", drop=["labels"])
    text = plan_module.as_text(plan)
    assert "renamed     net/conv/batch_norm/beta <- net/conv/BatchNorm/beta" in text
    assert "dropped     labels  (labels)" in text
    data = json.loads(json.dumps(plan_module.as_json(plan)))
    assert data["counts"]["synthesised"] == 1
