"""No migration parts a batch norm: what could be a tensor of a site moves with it, or is asked about by name."""

import re

import numpy as np
import pytest

from tf1bn import checkpoint
from tf1bn.checkpoint import layout, shard
from tf1bn.checkpoint.layouts import catalog

NAMES = sorted(catalog.LAYOUTS.names())
ALIENS = ("weight", "my_mean", "stat1", "population_dev", "m")
VALUES = np.array([0.5, 1.25, 2.0], np.float32)


@pytest.fixture(autouse=True)
def no_flush(monkeypatch):
    """Hundreds of small files need not reach the disk."""
    monkeypatch.setattr(shard.os, "fsync", lambda _: None)


def split(plan):
    return [trouble for trouble in plan.troubles if trouble.kind == "split"]


def renamed(key, word):
    """Returns a tensor's name with another word for its role, in the spelling of its code base."""
    key = re.sub(
        r"(/\.ATTRIBUTES/VARIABLE_VALUE|/ExponentialMovingAverage|/EMA|/var|/average)?(:0)?$", "", key, count=1
    )
    return re.sub(r"((running|moving)_(mean|var|variance)|[^/_.]+)$", word, key)


def test_renamed_keeps_the_scope():
    assert renamed("a/bn1_running_var", "x") == "a/bn1_x"
    assert renamed("conv/bn/mean/EMA:0", "x") == "conv/bn/x"
    assert renamed("G.BN.scale", "x") == "G.BN.x"


@pytest.mark.parametrize("name", NAMES)
def test_a_tensor_under_a_word_that_no_layout_knows_stops_the_migration(name, write):
    """Each layout, each of the four roles, spelled in five foreign ways: 510 files; none may be split in silence."""
    row = catalog.LAYOUTS.get(name)
    to = "tensorpack" if name.startswith("tf1bn") else "tf1bn"
    for at, (key, role) in enumerate(row.sample.items()):
        for word in ALIENS if role in layout.ROLES else ():
            alien = renamed(key, word)
            tensors = dict.fromkeys(row.sample, VALUES) | {"conv/weights": np.ones((1, 3), np.float32)}
            tensors["conv/biases"] = VALUES
            del tensors[key]
            tensors[alien] = VALUES
            plan = checkpoint.plan_migration(write(tensors, f"{word}{at}"), to)
            assert plan.troubles, (role, alien)
            listed = " ".join(trouble.name + trouble.text for trouble in plan.troubles)
            assert alien in listed or "no batch norm was recognised" in listed, (role, alien, plan.troubles)


@pytest.mark.parametrize("name", [name for name in NAMES if catalog.LAYOUTS.get(name).find is None])
@pytest.mark.parametrize("missing", ["", *layout.ROLES])
def test_what_is_not_missing_moves_whole_with_its_slots_and_averages(name, missing, write):
    """The truth is made here: which tensors are one site's. All of them arrive at one place, under one naming."""
    row = catalog.LAYOUTS.get(name)
    to = catalog.LAYOUTS.get("tensorpack" if name.startswith("tf1bn") else "tf1bn")
    kept = {key: role for key, role in row.sample.items() if role != missing}
    if not {"moving_mean", "moving_variance"} & set(kept.values()) or len(kept) < 2:
        pytest.skip("nothing is left that says what it is")
    suffix = "/.ATTRIBUTES/VARIABLE_VALUE"
    slots = {
        f"opt/{key.removesuffix(':0').removesuffix(suffix)}/Adam": role
        for key, role in kept.items()
        if role in ("gamma", "beta")
    }
    tensors = dict.fromkeys([*kept, *slots, "conv/weights/Adam", "conv/weights"], VALUES)
    plan = checkpoint.plan_migration(write(tensors), to.name, source_layout=name)
    if row.whole and missing in layout.STATISTICS:
        assert f"no batch norm of layout {name} was recognised" in [trouble.text for trouble in plan.troubles]
        return
    assert not [trouble for trouble in plan.troubles if trouble.kind != "impossible"], plan.troubles
    targets = {step.source: step.target for step in plan.steps if step.value == ""}
    by_role = {role: targets[key] for key, role in kept.items() if role in layout.ROLES}
    written = {leaf.role: leaf.name.replace("{twin}", "") for leaf in to.leaves}
    places = {target.removesuffix(written[role].removeprefix("{scope}")) for role, target in by_role.items()}
    assert len(places) == 1, by_role
    for key, role in slots.items():
        assert targets[key] == f"opt/{by_role[role]}/Adam"
    assert targets["conv/weights/Adam"] == "conv/weights/Adam"


def bn(scope, leaves=("gamma", "beta", "moving_mean", "moving_variance"), sep="/"):
    return {f"{scope}{sep}{leaf}": VALUES for leaf in leaves}


FLAT = ("gamma", "beta", "moving_mean", "moving_var")


def test_names_that_begin_alike_are_not_mixed_up(write):
    tensors = bn("head_bn", FLAT, "_") | bn("head_bn_1", FLAT, "_") | bn("head_bn_10", FLAT, "_")
    plan = checkpoint.plan_migration(write(tensors), "tf1bn")
    assert not plan.troubles
    assert {step.target.rpartition("/")[0] for step in plan.steps} == {"head_bn", "head_bn_1", "head_bn_10"}
    one = {name: value for name, value in tensors.items() if name != "head_bn_1_moving_mean"} | {
        "head_bn_1_mmm": VALUES
    }
    asked = split(checkpoint.plan_migration(write(one, "b"), "tf1bn"))
    assert [trouble.name for trouble in asked] == ["head_bn_1_mmm"]
    assert "lies beside 'head_bn_1', which lacks moving_mean" in asked[0].text


def test_half_in_slashes_and_half_in_underscores_is_asked_about(write):
    tensors = bn("head_bn", ("gamma", "beta")) | bn("head_bn", ("moving_mean", "moving_var"), "_")
    asked = split(checkpoint.plan_migration(write(tensors), "tf1bn"))
    assert [trouble.name for trouble in asked] == ["head_bn_moving_mean", "head_bn_moving_var"]


def test_a_statistic_anywhere_is_asked_about_where_a_site_has_none(write):
    tensors = bn("net/bn", ("gamma", "beta")) | {"stats/layer1/mean": VALUES}
    (asked,) = split(checkpoint.plan_migration(write(tensors), "tf1bn"))
    assert (asked.name, "'stats/layer1/mean' has their size" in asked.text) == ("net/bn", True)


def test_a_statistic_that_belongs_to_no_site_is_asked_about(write):
    tensors = bn("net/bn") | {"other/thing/moving_mean": VALUES}
    (asked,) = split(checkpoint.plan_migration(write(tensors), "tensorpack"))
    assert asked.name == "other/thing/moving_mean"


def test_half_of_a_loosely_named_site_is_asked_about(write):
    tensors = bn("net/BatchNorm") | bn("bn2a_branch2a", ("scale", "bias", "mean"), "_")
    (asked,) = split(checkpoint.plan_migration(write(tensors), "tf1bn"))
    assert asked.name == "bn2a_branch2a_mean"


def test_what_lies_in_a_scope_that_changes_is_asked_about(write):
    tensors = bn("BatchNorm") | {"BatchNorm/num_batches": np.array(3, np.int64)}
    (asked,) = split(checkpoint.plan_migration(write(tensors), "tf1bn"))
    assert "lies in 'BatchNorm', which moves to 'batch_norm'" in asked.text
    moved = checkpoint.plan_migration(write(tensors, "b"), "tf1bn", rename=["^BatchNorm/num=>batch_norm/num"])
    assert not moved.troubles


def test_layers_around_a_whole_batch_norm_are_not_asked_about(write):
    tensors = bn("conv1") | {"conv1/weights": VALUES, "conv1/biases": VALUES, "conv1/alpha": VALUES}
    tensors |= bn("fc1", FLAT, "_") | {"fc1_bias": VALUES, "relu0_gamma": VALUES, "obs/mean": VALUES, "obs/std": VALUES}
    plan = checkpoint.plan_migration(write(tensors), "tensorpack")
    assert not plan.troubles
    assert plan.notes == ("obs/mean and obs/std are called like statistics; no layout explains them, they stay",)


def test_map_drop_and_rename_answer_the_question(write):
    tensors = bn("net/bn", ("beta", "moving_mean", "moving_variance")) | {"net/bn/weight": VALUES * 2}
    prefix = write(tensors)
    assert [trouble.name for trouble in split(checkpoint.plan_migration(prefix, "tf1bn"))] == ["net/bn/weight"]
    for answer in ({"mapping": {"net/bn/weight": "net/bn/gamma"}}, {"rename": ["bn/weight$=>bn/gamma"]}):
        plan = checkpoint.plan_migration(prefix, "tf1bn", **answer)
        assert not plan.troubles
        (gamma,) = (step for step in plan.steps if step.target == "net/bn/gamma")
        assert gamma.source == "net/bn/weight"  # not a gamma of ones
    kept = checkpoint.plan_migration(prefix, "tf1bn", mapping={"net/bn/weight": "net/bn/weight"})
    assert not kept.troubles and "net/bn/gamma" in [step.target for step in kept.steps]
    assert not checkpoint.plan_migration(prefix, "tf1bn", drop=["weight$"]).troubles


def test_a_tensor_that_the_user_maps_is_not_made_anew_and_takes_its_slots_along(write):
    tensors = bn("net/bn") | {"net/bn/gamma/Adam": VALUES, "w": VALUES, "opt/w/Adam": VALUES}
    plan = checkpoint.plan_migration(write(tensors), "tensorpack", mapping={"net/bn/gamma": "g", "w": "kernel"})
    targets = {step.target: step.source for step in plan.steps}
    assert "net/bn/gamma" not in targets
    assert (targets["g"], targets["g/Adam"]) == ("net/bn/gamma", "net/bn/gamma/Adam")
    assert (targets["kernel"], targets["opt/kernel/Adam"]) == ("w", "opt/w/Adam")


def test_half_a_batch_norm_is_not_completed_with_ones(write):
    plan = checkpoint.plan_migration(write(bn("BatchNorm", ("beta", "moving_mean"))), "tf1bn")
    assert sorted(step.target for step in plan.steps) == ["batch_norm/beta", "batch_norm/moving_mean"]


def test_with_from_other_layouts_stay_and_are_told(write):
    plan = checkpoint.plan_migration(write(bn("a/BatchNorm") | bn("b_bn", FLAT, "_")), "tf1bn", source_layout="slim")
    assert not plan.troubles
    assert plan.notes == ("1 batch norms of other layouts stay as they are, the first b_bn",)
    halved = bn("a/BatchNorm") | bn("b/bn", ("gamma", "beta", "mean/EMA", "variance/EMA"))  # slim would take the half
    asked = split(checkpoint.plan_migration(write(halved, "b"), "tf1bn", source_layout="slim"))
    assert [trouble.name for trouble in asked] == ["b/bn/mean/EMA", "b/bn/variance/EMA"]


def test_averages_of_all_weights_are_not_taken_for_the_ema_strategy_and_none_is_lost(write):
    tensors = bn("net/tpu_batch_normalization")
    tensors |= {f"{name}/ExponentialMovingAverage": value for name, value in tensors.items()}
    plan = checkpoint.plan_migration(write(tensors), "tf1bn")
    assert not plan.dropped and not plan.troubles
    assert len(plan.steps) == 8


@pytest.mark.parametrize(
    "name", ["adam/net_bn_gamma_momentum", "optimizer/adam/net_bn_beta_velocity", "sgd/net_bn_gamma_m"]
)
def test_slot_in_one_word_as_keras_3_writes_it_stops_a_rename(name, write):
    """It follows no rename, so it is asked about by name; not where names stay, nor where it is another tensor's."""
    site = {f"net/bn/{role}": VALUES for role in layout.ROLES}
    prefix = write(site | {name: VALUES, "adam/net_conv_kernel_momentum": VALUES}, "slots")
    (trouble,) = split(checkpoint.plan_migration(prefix, "tensorpack"))
    assert trouble.name == name and "slot of 'net/bn' as Keras 3 names it" in trouble.text
    assert not split(checkpoint.plan_migration(prefix, "tensorpack", mapping={name: name}))
    assert not split(checkpoint.plan_migration(prefix, "tf_layers"))
