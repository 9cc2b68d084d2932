"""Checkpoints of the same weights whose averages were kept apart."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import checkpoint, errors, population
from tf1bn.population import report

RANDOM = np.random.default_rng(2)
ROWS = [RANDOM.normal(number, 1 + number, size=(size, 3)) for number, size in enumerate((10, 40, 25))]
COUNTS = [len(rows) for rows in ROWS]


def save(prefix, values):
    with tf.Graph().as_default(), tf.Session() as session:
        variables = [tf.get_variable(name, initializer=value) for name, value in values.items()]
        session.run(tf.global_variables_initializer())
        return tf.train.Saver(variables).save(session, str(prefix), write_meta_graph=False)


def content(rows, **changes):
    values = {
        "net/kernel": np.arange(6, dtype=np.float32),
        "net/kernel/Adam": np.zeros(6, np.float32),
        "net/bn/gamma": np.ones(3, np.float32),
        "net/bn/beta": np.zeros(3, np.float32),
        "net/bn/moving_mean": rows.mean(0).astype(np.float32),
        "net/bn/moving_variance": rows.var(0).astype(np.float32),
        "net/bn/moving_mean/ExponentialMovingAverage": rows.mean(0).astype(np.float32),
        "global_step": np.int64(7),
    }
    return values | {name.replace("__", "/"): value for name, value in changes.items()}


@pytest.fixture
def ranks(tmp_path):
    return [save(tmp_path / f"rank{number}", content(rows)) for number, rows in enumerate(ROWS)]


def read(prefix):
    reader = tf.train.load_checkpoint(prefix)
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def test_pooled_averages_are_those_of_all_rows_together(ranks, tmp_path):
    done = population.merge_checkpoints(ranks, tmp_path / "new", counts=COUNTS)
    after, rows = read(done.target), np.concatenate(ROWS)
    for name in ("net/bn/moving_mean", "net/bn/moving_mean/ExponentialMovingAverage"):
        np.testing.assert_allclose(after[name], rows.mean(0), rtol=1e-6)
    np.testing.assert_allclose(after["net/bn/moving_variance"], rows.var(0), rtol=1e-6)
    same = checkpoint.compare(ranks[0], done.target)
    assert {row.name for row in same.differences} == set(done.sites[0].variables)
    assert done.shares == (10 / 75, 40 / 75, 25 / 75) and done.verified == 8 and done.from_first == ()
    spread = np.max(np.abs(np.stack([r.mean(0) for r in ROWS]) - rows.mean(0)) / rows.std(0))
    np.testing.assert_allclose(done.sites[0].spread, spread, rtol=1e-5)
    assert f"wrote {tmp_path / 'new'}" in report.merge_as_text(done)


def test_the_mean_of_variances_leaves_the_distance_of_the_means_out(ranks, tmp_path):
    done = population.merge_checkpoints(ranks, tmp_path / "new", mode="mean_of_batches")
    np.testing.assert_allclose(done.sites[0].mean, np.mean([r.mean(0) for r in ROWS], axis=0), rtol=1e-6)
    np.testing.assert_allclose(done.sites[0].variance, np.mean([r.var(0) for r in ROWS], axis=0), rtol=1e-6)


def test_slots_and_steps_are_those_of_the_first(ranks, tmp_path):
    other = save(
        tmp_path / "other", content(ROWS[1], net__kernel__Adam=np.ones(6, np.float32), global_step=np.int64(9))
    )
    done = population.merge_checkpoints([ranks[0], other], tmp_path / "new")
    after = read(done.target)
    assert done.from_first == ("global_step", "net/kernel/Adam")
    assert after["global_step"] == 7 and not after["net/kernel/Adam"].any()
    assert "taken from the first" in report.merge_as_text(done)


DIFFERENT = {
    "gamma": ({"net__bn__gamma": np.full(3, 1.5, np.float32)}, "'net/bn/gamma': 3 elements differ, by at most 0.5"),
    "beta": ({"net__bn__beta": np.array([0, 0, 1], np.float32)}, "'net/bn/beta': 1 elements differ, by at most 1"),
    "a weight": ({"net__kernel": np.arange(6, dtype=np.float32) + 0.25}, "'net/kernel': 6 elements.*at most 0.25"),
    "a shape": ({"net__kernel": np.zeros(5, np.float32)}, "shape of 'net/kernel'"),
    "a name": ({"net__bias": np.zeros(2, np.float32)}, "do not hold the same tensors. Got .'net/bias'"),
    "NaN": ({"net__bn__moving_mean": np.full(3, np.nan, np.float32)}, "averages of 'net/bn' in .* are not finite"),
    "a negative variance": ({"net__bn__moving_variance": -np.ones(3, np.float32)}, "negative variances"),
}  # fmt: skip


@pytest.mark.parametrize("case", DIFFERENT)
def test_checkpoints_of_other_weights_are_refused(case, ranks, tmp_path):
    changes, text = DIFFERENT[case]
    other = save(tmp_path / "other", content(ROWS[1], **changes))
    with pytest.raises(errors.PopulationError, match=text) as caught:
        population.merge_checkpoints([ranks[0], other], tmp_path / "new")
    assert caught.value.where == "merge_checkpoints" and not list(tmp_path.glob("new*"))


def test_a_tolerance_lets_weights_differ(ranks, tmp_path):
    other = save(tmp_path / "other", content(ROWS[1], net__kernel=np.arange(6, dtype=np.float32) + 1e-4))
    done = population.merge_checkpoints([ranks[0], other], tmp_path / "new", tolerance=1e-3)
    np.testing.assert_array_equal(read(done.target)["net/kernel"], np.arange(6))


def test_other_refusals(ranks, tmp_path):
    with pytest.raises(errors.ArgumentError, match="nothing to merge"):
        population.merge_checkpoints(ranks[:1], tmp_path / "new")
    for counts in ([1, 2], [1, 2, 0], [1, 2, float("nan")]):
        with pytest.raises(errors.ArgumentError, match="`counts` do not fit"):
            population.merge_checkpoints(ranks, tmp_path / "new", counts=counts)
    with pytest.raises(errors.ArgumentError, match="unknown `mode`"):
        population.merge_checkpoints(ranks, tmp_path / "new", mode="best")
    with pytest.raises(errors.CheckpointExistsError):
        population.merge_checkpoints(ranks, ranks[2])
    plain = save(tmp_path / "plain", {"kernel": np.zeros(2, np.float32)})
    with pytest.raises(errors.PopulationError, match="no batch norm with averages"):
        population.merge_checkpoints([plain, plain], tmp_path / "new")
    leaves = {f"net/bn/{leaf}": np.ones(2, np.float32) for leaf in ("gamma", "beta", "mu", "sigma")}
    deviations = save(tmp_path / "deviations", leaves)
    with pytest.raises(errors.PopulationError, match="may be, stored in another form.*mu_sigma_deviation"):
        population.merge_checkpoints([deviations, deviations], tmp_path / "new")


def test_a_dry_run_writes_nothing(ranks, tmp_path):
    done = population.merge_checkpoints(ranks, tmp_path / "new", dry_run=True)
    assert done.target == "" and done.verified == 0 and not list(tmp_path.glob("new*"))
    assert "nothing was written" in report.merge_as_text(done)
