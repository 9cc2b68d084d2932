"""What inspect says about statistics that are fine, untouched, impossible or absent."""

import json
import os

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import checkpoint, errors
from tf1bn.checkpoint import inspector


def site(mean, variance, gamma=(1.0, 1.0), beta=(0.0, 0.0), scope="bn"):
    values = {"gamma": gamma, "beta": beta, "moving_mean": mean, "moving_variance": variance}
    return {f"{scope}/{role}": np.array(value, np.float32) for role, value in values.items() if value is not None}


@pytest.mark.parametrize(
    ("tensors", "verdict", "codes"),
    [
        (site((0.5, -2.0), (4.0, 0.5)), "updated", []),
        (site((0, 0), (1, 1), (1.5, 1)), "never updated", ["BN024"]),
        (site((0, 0), (1, 1)), "never updated", []),
        (site((0, 3), (1, 2)), "partly updated", ["BN024"]),
        (site((0, 3), (1, -2)), "damaged", ["BN025"]),
        (site((0, np.nan), (1, 2)), "damaged", ["BN025"]),
        (site((0, 1), (np.inf, 2)), "damaged", ["BN025"]),
        (site(None, None), "absent", ["BN022"]),
        (site((0.5, 1), None), "updated", ["BN022"]),
    ],
)
def test_the_state_of_statistics_is_named(write, tensors, verdict, codes):
    found = checkpoint.inspect(write(tensors))
    assert [report.state.verdict for report in found.sites] == [verdict]
    assert [problem.code for problem in found.problems] == codes


@pytest.mark.parametrize(
    ("averaged", "codes"),
    [
        (("gamma", "beta"), []),  # plain statistics beside averaged weights: the usual recipe, a state
        (("gamma",), ["BN027"]),
        (("gamma", "beta", "moving_mean", "moving_variance"), ["BN027"]),
        ((), []),
    ],
)
def test_averages_of_weights_are_judged_as_the_auditor_does(write, averaged, codes):
    tensors = site((0.5, -2.0), (4.0, 0.5))
    shadows = {f"bn/{role}/ExponentialMovingAverage": tensors[f"bn/{role}"] * 0.5 for role in averaged}
    assert [problem.code for problem in checkpoint.inspect(write(tensors | shadows)).problems] == codes


def test_a_shadow_equal_to_its_average_is_the_one_that_feeds_it(write):
    tensors = site((0.5, -2.0), (4.0, 0.5))
    tensors |= {f"{name}/ExponentialMovingAverage": value for name, value in tensors.items()}
    assert checkpoint.inspect(write(tensors)).problems == ()


def test_every_one_of_a_thousand_sites_is_judged(write):
    tensors = {}
    for at in range(1001):
        tensors[f"s{at}/bn/moving_mean"] = tensors[f"s{at}/bn/moving_variance"] = np.full(2, 2.0, np.float32)
        tensors[f"s{at}/bn/gamma"] = tensors[f"s{at}/bn/beta"] = np.full(2, 3.0, np.float32)
    tensors["s7/bn/gamma/ExponentialMovingAverage"] = np.full(2, 3.0, np.float32)
    found = checkpoint.inspect(write(tensors))
    assert [(problem.code, problem.place) for problem in found.problems] == [("BN027", "s7/bn")]


@pytest.mark.parametrize("role", ["gamma", "beta"])
def test_a_group_without_statistics_is_seen_and_said(write, role):
    found = checkpoint.inspect(write({f"conv/BatchNorm/{role}": np.ones(2, np.float32)}))
    (problem,) = found.problems
    assert (problem.code, problem.place) == ("BN022", "conv/BatchNorm")
    assert problem.text.startswith(f"{role} only: statistics missing")


def test_the_text_shows_numbers_of_each_site(write):
    tensors = site((0.5, -2.0, 0, 3), (4.0, 1e-20, 1, 0), (1,) * 4, (0,) * 4)
    text = inspector.as_text(checkpoint.inspect(write(tensors)))
    assert "statistics partly updated, 4 channels, 3 moved, mean -2 to 3, variance 0 to 4, 2 dead" in text


def test_spreads_are_values_of_channels(write):
    random = np.random.RandomState(0)
    mean, variance = random.randn(11).astype(np.float32), random.rand(11).astype(np.float32) + 1
    state = checkpoint.inspect(write(site(mean, variance, (1,) * 11, (0,) * 11))).sites[0].state
    for spread, values in ((state.mean, mean), (state.variance, variance)):
        assert list(spread) == [float(np.sort(values)[at]) for at in (0, 1, 5, 9, 10)]


def test_distances_and_bad_channels_are_counted(write):
    found = checkpoint.inspect(write(site((0.5, -2.0, np.nan, 0), (4.0, -0.5, 1, 0), (1,) * 4, (0,) * 4)))
    state = found.sites[0].state
    assert (state.channels, state.nan, state.negative, state.tiny) == (4, 1, 1, 1)
    assert state.mean_distance == 2.0
    assert state.variance_distance == 3.0
    assert state.bad_channels == (1, 2)


def test_what_else_is_in_the_file_is_sorted_by_kind(slim_checkpoint):
    found = checkpoint.inspect(slim_checkpoint)
    assert found.others == {
        "optimizer slots": ("net/conv/BatchNorm/beta/Adam",),
        "averages of weights": (),
        "global step": ("global_step",),
        "other tensors": ("labels", "net/conv/weights", "table"),
    }
    assert found.global_step == 7
    assert found.partitioned == ("table",)
    assert found.sites[0].site.missing() == ("gamma",)
    assert found.sites[0].site.layout.name == "slim"


def test_json_and_text_say_the_same(slim_checkpoint):
    found = checkpoint.inspect(slim_checkpoint)
    data = json.loads(json.dumps(inspector.as_json(found), allow_nan=False))
    assert data["sites"][0]["layout"] == "slim"
    assert data["sites"][0]["tensors"]["moving_mean"] == "net/conv/BatchNorm/moving_mean"
    text = inspector.as_text(found)
    assert "net/conv/BatchNorm: slim" in text
    assert text.endswith("no problems")


def test_rivals_are_reported_because_a_file_cannot_tell(write):
    values = np.array([1.0, 2.0], np.float32)
    found = checkpoint.inspect(write({"bn/mu": values, "bn/sigma": values}))
    assert found.sites[0].site.rivals == ("mu_sigma_deviation",)
    assert found.sites[0].site.sure == "guess"
    assert "say which with --from" in found.problems[0].text
    told = checkpoint.inspect(write({"bn/mu": values, "bn/sigma": values}, "b"), layout="mu_sigma_deviation")
    assert told.sites[0].state.variance_distance == 3.0


def test_layer_norm_without_statistics_is_no_batch_norm(write):
    values = np.ones(2, np.float32)
    found = checkpoint.inspect(write({"LayerNorm/gamma": values, "LayerNorm/beta": values}))
    assert found.sites == ()


def test_a_v1_file_is_inspected(tmp_path):
    with tf.Graph().as_default(), tf.Session() as session:
        with tf.variable_scope("conv/BatchNorm"):
            tf.get_variable("beta", initializer=[0.5, 1.0])
            tf.get_variable("moving_mean", initializer=[0.0, 0.0])
            tf.get_variable("moving_variance", initializer=[1.0, 1.0])
        session.run(tf.global_variables_initializer())
        saver = tf.train.Saver(write_version=tf.train.SaverDef.V1)
        saver.save(session, str(tmp_path / "v1"), write_meta_graph=False)
    found = checkpoint.inspect(tmp_path / "v1")
    assert (found.version, found.sites[0].site.layout.name, found.sites[0].state.verdict) == (
        1,
        "slim",
        "never updated",
    )


def test_an_object_based_file_is_inspected(tmp_path):
    with tf.Graph().as_default(), tf.Session() as session:
        with tf.variable_scope("net/batch_normalization"):
            names = ("gamma", "beta", "moving_mean", "moving_variance")
            layer = tf.train.Checkpoint(**{name: tf.get_variable(name, initializer=[1.0, 2.0]) for name in names})
        root = tf.train.Checkpoint(bn=layer)
        session.run(tf.global_variables_initializer())
        prefix = root.save(str(tmp_path / "obj"), session=session)
    found = checkpoint.inspect(prefix)
    assert found.object_based
    assert [report.site.layout.name for report in found.sites] == ["object_based"]
    plan = checkpoint.plan_migration(prefix, "tf1bn")
    assert "net/batch_normalization/moving_mean" in [step.target for step in plan.steps]
    assert not plan.troubles


def test_only_statistics_are_read(write, monkeypatch):
    from tf1bn.checkpoint import bundle

    prefix = write(site((0.5, 1), (2, 3)) | {"huge": np.zeros(100000, np.float32)})
    read = []
    monkeypatch.setattr(
        bundle.Bundle, "read_piece", lambda self, entry, at, size: read.append(entry.size) or bytes(entry.size)
    )
    monkeypatch.setattr(bundle.Bundle, "verify_entry", lambda *_: None)
    checkpoint.inspect(prefix)
    assert max(read) == 8


def test_a_wrong_path_names_the_function_and_the_checkpoint(tmp_path):
    with pytest.raises(errors.CheckpointMissingError, match=r"inspect: there is no checkpoint .*\[checkpoint "):
        checkpoint.inspect(tmp_path / "none")


def test_an_unreadable_file_is_named(slim_checkpoint, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(errors.CheckpointMissingError, match="Permission denied"):
        checkpoint.inspect(slim_checkpoint)


def test_what_is_worth_a_look_is_noted_without_being_a_problem(write):
    """An untrained, an exploded and a dead layer among healthy ones, as the picture marks them."""

    def layer(scope, mean, variance):
        parts = {"gamma": 1.0, "beta": 0.0, "moving_mean": mean, "moving_variance": variance}
        return {f"{scope}/{leaf}": np.full(4, value, np.float32) for leaf, value in parts.items()}

    tensors = layer("never/bn", 0.0, 1.0) | layer("far/bn", 3.0, 1e10) | layer("dead/bn", 0.5, 0.0)
    tensors |= layer("a/bn", 0.5, 2.0) | layer("b/bn", 0.5, 2.0)
    found = checkpoint.inspect(write(tensors))
    assert found.problems == () and found.notes == (
        "1 batch norm never updated, with gamma and beta as they began, though others were (never/bn)",
        "1 batch norm exploded: beyond 1e+04, or 100 times the median (far/bn)",
        "1 batch norm with dead channels: a variance below 1e-12 (dead/bn)",
    )
    assert "note: 1 batch norm exploded" in inspector.as_text(found)
    fresh = checkpoint.inspect(write(layer("a/bn", 0.0, 1.0) | layer("b/bn", 0.0, 1.0), "fresh"))
    assert fresh.notes == (), "nothing was trained yet"
