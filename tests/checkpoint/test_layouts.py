"""Every layout of the catalog: recognised from the names its code base writes, and converted there and back."""

import json

import numpy as np
import pytest

from tf1bn import checkpoint, errors
from tf1bn.checkpoint import conversions, dtypes, layout, rules, sites, source
from tf1bn.checkpoint.bundle import TensorInfo
from tf1bn.checkpoint.layout import Layout, Leaf
from tf1bn.checkpoint.layouts import catalog

NAMES = sorted(catalog.LAYOUTS.names())
GAMMA = np.array([0.5, 1.25, 2.0], np.float32)
BETA = np.array([-1.0, 0.0, 3.0], np.float32)
MEAN = np.array([0.25, -4.0, 8.0], np.float32)
VARIANCE = np.array([0.25, 4.0, 2.25], np.float32)
CANONICAL = {"gamma": GAMMA, "beta": BETA, "moving_mean": MEAN, "moving_variance": VARIANCE}

# What each code base keeps for the canonical values above; computed by hand where it is another quantity.
STORED = {
    ("lingvo", "gamma"): np.array([-0.5, 0.25, 1.0], np.float32),
    ("mu_sigma_deviation", "moving_variance"): np.array([0.5, 2.0, 1.5], np.float32),
}
EXTRAS = {
    "shadow_mean": MEAN,
    "shadow_variance": VARIANCE,
    "hidden_mean": MEAN,
    "hidden_variance": VARIANCE,
    "counter_mean": np.array(5, np.int64),
    "counter_variance": np.array(5, np.int64),
    "biased": MEAN,
    "local_step": np.array(5.0, np.float32),
    "renorm_mean": MEAN,
}


def stored(name, role):
    return STORED.get((name, role), CANONICAL.get(role, EXTRAS.get(role)))


def sample(name):
    return {tensor: stored(name, role) for tensor, role in catalog.LAYOUTS.get(name).sample.items()}


@pytest.mark.parametrize("name", NAMES)
def test_the_names_of_each_code_base_are_recognised_as_one_site(name):
    row = catalog.LAYOUTS.get(name)
    infos = {tensor: TensorInfo(tensor, dtypes.of_name("float32"), (3,)) for tensor in row.sample}
    found = sites.recognise(infos)
    assert len(found) == 1
    site = found[0]
    accepted = {site.layout.name, *site.candidates}
    assert name in accepted or row.same_as in accepted
    if row.sample.keys() and site.layout.name == name:
        assert site.tensors == {role: tensor for tensor, role in row.sample.items()}
        assert site.scope == row.site_scope


@pytest.mark.parametrize("name", NAMES)
def test_each_layout_becomes_tf1bn_with_the_canonical_values(name, write, tmp_path):
    source_prefix = write(sample(name))
    plan = checkpoint.plan_migration(source_prefix, "tf1bn", source_layout=name)
    assert not plan.troubles
    checkpoint.migrate(plan, tmp_path / "out", verify=True)
    with source.open_checkpoint(tmp_path / "out") as made:
        found = sites.recognise(made.tensors)
        assert len(found) == 1 and found[0].missing() == ()
        for role, tensor in found[0].tensors.items():
            absent = role not in catalog.LAYOUTS.get(name).sample.values()
            expected = np.ones(3) if role == "gamma" and absent else CANONICAL[role]
            assert np.array_equal(made.read(tensor), expected), role


WRITABLE = [name for name in NAMES if catalog.LAYOUTS.get(name).writable]


@pytest.mark.parametrize("name", WRITABLE)
def test_each_layout_is_written_from_tf1bn_and_read_back_without_loss(name, write, tmp_path):
    prefix = write(sample("tf1bn"))
    checkpoint.migrate(checkpoint.plan_migration(prefix, name), tmp_path / "there", verify=True)
    with source.open_checkpoint(tmp_path / "there") as made:
        for site in sites.recognise(made.tensors, catalog.LAYOUTS.get(name)):
            for role in layout.ROLES:
                assert np.array_equal(made.read(site.tensors[role]).reshape(-1), stored(name, role)), role
    back = checkpoint.plan_migration(tmp_path / "there", "tf1bn", source_layout=name)
    assert not back.troubles
    checkpoint.migrate(back, tmp_path / "back", verify=True)
    with source.open_checkpoint(tmp_path / "back") as made:
        values = {tensor.rpartition("/")[2]: made.read(tensor) for tensor in made.tensors}
    assert values.keys() == CANONICAL.keys()
    for role, value in CANONICAL.items():
        assert np.array_equal(values[role], value), role


def test_tensorpack_keys_may_end_in_colon_zero(write):
    found = checkpoint.inspect(write(sample("tensorpack")))
    assert found.sites[0].site.tensors["moving_mean"] == "group0/block1/bn/mean/EMA:0"
    assert found.sites[0].site.scope == "group0/block1/bn"


def test_unnamed_averages_of_moments_are_sites_of_their_own(write):
    tensors = {}
    for counter in ("", "_1", "_2"):
        tensors[f"moments{counter}/normalize/mean/ExponentialMovingAverage"] = MEAN
        tensors[f"moments{counter}/normalize/variance/ExponentialMovingAverage"] = VARIANCE
    tensors["Variable"] = GAMMA
    found = checkpoint.inspect(write(tensors))
    assert [report.site.twin for report in found.sites] == ["", "_1", "_2"]
    assert found.problems == ()
    tensors["moments_1/normalize/mean/ExponentialMovingAverage"] = np.zeros(3, np.float32)
    tensors["moments_1/normalize/variance/ExponentialMovingAverage"] = np.ones(3, np.float32)
    still = checkpoint.inspect(write(tensors, "c"))
    assert [problem.code for problem in still.problems] == ["BN024"]  # a number per layer: no copy of the first, BN028
    plan = checkpoint.plan_migration(write(tensors, "b"), "tf1bn")
    steps = {step.target: step for step in plan.steps}
    assert steps["batch_norm_2/moving_mean"].source == ("moments_2/normalize/mean/ExponentialMovingAverage")
    assert steps["Variable"].action == "copied"


@pytest.mark.parametrize(("moved", "codes"), [(True, []), (False, ["BN024", "BN028"])])
def test_two_families_under_one_name_are_two_sites_and_an_untouched_one_is_a_problem(write, moved, codes):
    tensors = {f"batch_normalization/{role}": value for role, value in CANONICAL.items()}
    second = (MEAN, VARIANCE) if moved else (np.zeros(3, np.float32), np.ones(3, np.float32))
    tensors |= {"batch_normalization/moving_mean_1": second[0], "batch_normalization/moving_variance_1": second[1]}
    found = checkpoint.inspect(write(tensors))
    assert [(report.site.scope, report.site.twin) for report in found.sites] == [
        ("batch_normalization", ""),
        ("batch_normalization", "_1"),
    ]
    assert [problem.code for problem in found.problems] == codes


def test_averages_of_weights_are_no_statistics(write):
    tensors = {f"BatchNorm/{role}": value for role, value in CANONICAL.items()}
    tensors |= {"BatchNorm/gamma/ExponentialMovingAverage": GAMMA, "w/ExponentialMovingAverage": GAMMA, "w": GAMMA}
    found = checkpoint.inspect(write(tensors))
    assert len(found.sites) == 1
    assert set(found.others["averages of weights"]) == {
        "BatchNorm/gamma/ExponentialMovingAverage",
        "w/ExponentialMovingAverage",
    }
    assert [problem.code for problem in found.problems] == ["BN027"]


def test_a_mean_and_sigma_of_other_sizes_are_no_site():
    floats = dtypes.of_name("float32")
    infos = {"vae/mu": TensorInfo("vae/mu", floats, (3,)), "vae/sigma": TensorInfo("vae/sigma", floats, (4,))}
    assert sites.recognise(infos) == []


@pytest.mark.parametrize(
    ("form", "value", "canonical"),
    [
        ("minus_one", 0.25, 1.25),
        ("deviation", 1.5, 2.25),
        ("inverse_deviation", 2.0, 0.25),
        ("inverse_deviation(0.125)", 2.0, 0.125),
        ("inverse_variance", 4.0, 0.25),
    ],
)
def test_stored_forms_decode_and_encode(form, value, canonical):
    assert conversions.apply(conversions.chain(form, "identity"), np.array([value]))[0] == canonical
    assert conversions.apply(conversions.chain("identity", form), np.array([canonical]))[0] == value


def test_biased_averages_are_divided_by_their_weight():
    steps = conversions.chain("biased(0.5)", "identity")
    assert conversions.apply(steps, np.array([3.0]), np.array([2.0]))[0] == 4.0  # 3 / (1 - 0.25)
    assert conversions.apply(conversions.chain("weighted", "identity"), np.array([3.0]), np.array([0.5]))[0] == 6.0


def test_a_value_that_has_no_such_form_stops_the_conversion():
    with pytest.raises(errors.CheckpointPlanError, match="a value has no such form: encode deviation"):
        conversions.apply(("encode deviation",), np.array([1.0, -1.0]))
    with pytest.raises(errors.CheckpointPlanError, match="cannot be written"):
        conversions.chain("identity", "biased")


@pytest.mark.parametrize(("text", "message"), [("devation", "Did you mean 'deviation'"), ("deviation(x)", "no number")])
def test_malformed_stored_forms_are_refused(text, message):
    with pytest.raises(errors.ArgumentError, match=message):
        conversions.parse(text)


BOTH = (Leaf("moving_mean", "{scope}/m"), Leaf("moving_variance", "{scope}/v"))


@pytest.mark.parametrize(
    ("row", "error", "text"),
    [
        ("slim", errors.ArgumentTypeError, "not a checkpoint layout"),
        (Layout("x", "", BOTH[:1], ""), errors.ArgumentError, "each role once, the two statistics"),
        (Layout("x", "", (*BOTH, BOTH[0]), ""), errors.ArgumentError, "each role once"),
        (Layout("x", "", (*BOTH, Leaf("gamma", "{scope}/g", ("(",))), ""), errors.ArgumentError, "impossible pattern"),
        (Layout("x", "", (*BOTH, Leaf("gamma", "g")), ""), errors.ArgumentError, "no place for the scope"),
        (Layout("x", "", (*BOTH, Leaf("gamma", "")), ""), errors.ArgumentError, "has no name"),
        (
            Layout("x", "", (*BOTH, Leaf("gamma", "{scope}/g", stored="weighted")), ""),
            errors.ArgumentError,
            "needs a companion",
        ),
        (Layout("x", "", (*BOTH, Leaf("gamma", "{scope}/g", make="twos")), ""), errors.ArgumentError, "cannot be made"),
    ],
)
def test_a_layout_that_contradicts_itself_is_refused_at_registration(row, error, text):
    with pytest.raises(error, match=text):
        catalog.LAYOUTS.register("test_only", row)
    assert "test_only" not in catalog.LAYOUTS.names()


MINE = {
    "name": "mine",
    "default_scope": "bn",
    "leaves": [
        {"role": "gamma", "name": "{scope}/g"},
        {"role": "moving_mean", "name": "{scope}/running/mu"},
        {
            "role": "moving_variance",
            "name": "{scope}/running/inv_std",
            "stored": "inverse_deviation(0.0)",
            "patterns": ["(?P<scope>.+)/running/istd"],
        },
    ],
}


def test_a_layout_from_a_json_file_is_used_by_name_of_the_file(write, tmp_path):
    (tmp_path / "mine.json").write_text(json.dumps(MINE))
    prefix = write({"a/g": GAMMA, "a/running/mu": MEAN, "a/running/istd": np.array([2.0, 0.5, 4.0], np.float32)})
    plan = checkpoint.plan_migration(prefix, "tf_layers", source_layout=str(tmp_path / "mine.json"))
    checkpoint.migrate(plan, tmp_path / "out", verify=True)
    with source.open_checkpoint(tmp_path / "out") as made:
        assert np.array_equal(made.read("a/moving_variance"), [0.25, 4.0, 0.0625])
        assert np.array_equal(made.read("a/gamma"), GAMMA)
        assert np.array_equal(made.read("a/beta"), np.zeros(3))


@pytest.mark.parametrize(
    ("content", "error", "text"),
    [
        ("{", errors.DataError, "cannot read the layout"),
        ("[]", errors.DataError, "must be a JSON object"),
        ('{"name": "x", "leafs": []}', errors.DataError, "Did you mean 'leaves'"),
        ('{"name": "x", "leaves": [{"rle": 1}]}', errors.DataError, "a leaf has an unknown key"),
        ('{"name": "x", "leaves": []}', errors.ArgumentError, "each role once"),
    ],
)
def test_a_malformed_layout_file_is_named(tmp_path, content, error, text):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(error, match=text):
        rules.load_layout(tmp_path / "x.json")


def test_an_unknown_layout_is_answered_with_the_closest(slim_checkpoint):
    with pytest.raises(errors.UnknownNameError, match="Did you mean 'slim'"):
        checkpoint.plan_migration(slim_checkpoint, "slimm")


def test_averages_of_slim_statistics_do_not_make_the_site_one_of_tf1bn(write):
    tensors = {f"BatchNorm/{role}": value for role, value in CANONICAL.items()}
    tensors |= {f"BatchNorm/{role}/ExponentialMovingAverage": value for role, value in CANONICAL.items()}
    found = checkpoint.inspect(write(tensors))
    assert found.sites[0].site.layout.name == "slim"
    steps = {step.target for step in checkpoint.plan_migration(write(tensors, "b"), "tf1bn").steps}
    assert "batch_norm/moving_mean/ExponentialMovingAverage" in steps


def test_only_statistics_with_shadows_are_the_ema_strategy(write):
    found = checkpoint.inspect(write(sample("tf1bn_ema")))
    assert found.sites[0].site.layout.name == "tf1bn_ema"
    plan = checkpoint.plan_migration(write(sample("tf1bn_ema"), "b"), "tf1bn")
    assert [drop.pattern for drop in plan.dropped] == [
        "layout tf1bn has no shadow_mean",
        "layout tf1bn has no shadow_variance",
    ]
