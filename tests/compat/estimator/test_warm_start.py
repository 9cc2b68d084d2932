"""``WarmStartSettings``: which variables begin with values of another checkpoint."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests.compat.estimator import small
from tf1bn import errors
from tf1bn.compat import estimator

STEPS = 6


@pytest.fixture
def source(tmp_path):
    folder = str(tmp_path / "source")
    return estimator.Estimator(small.make_model_fn(rate=0.01), folder).train(small.batches(), steps=STEPS)


def warm(folder, settings, norm=small.own_norm):
    """A model that begins so, with what it evaluates to before it is trained."""
    return estimator.Estimator(small.make_model_fn(norm, rate=0.0), folder, warm_start_from=settings)


@pytest.mark.parametrize("norm", small.NORMS)
def test_weights_come_with_the_averages_of_their_batch_norms(source, folder, tmp_path, norm):
    model = warm(folder, source.model_dir, small.NORMS[norm])
    with warnings.catch_warnings():
        warnings.simplefilter("error", errors.Tf1bnWarning)
        metrics = model.evaluate(small.batches(repeat=False))
    averages = small.reference_averages(STEPS)
    y = small.reference_output(source, small.X, averages)
    np.testing.assert_allclose(metrics["error"], np.abs(y - small.Y).mean(), rtol=1e-4)
    model.train(small.batches(), steps=1)
    batch = small.X[:20].astype(np.float64)
    mean = small.DECAY * averages.mean + (1 - small.DECAY) * batch.mean(0)
    np.testing.assert_allclose(small.averages_of(model).mean, mean, rtol=1e-5)
    np.testing.assert_array_equal(model.get_variable_value("kernel"), source.get_variable_value("kernel"))
    assert model.get_variable_value("global_step") == 1


def test_a_list_means_exactly_what_it_names(source, folder):
    settings = estimator.WarmStartSettings(source.model_dir, ["bn/gamma", "bn/moving_mean"])
    rows = warm(folder, settings).predict(small.batches())
    next(rows)
    model = warm(folder, settings).train(small.batches(), steps=1)
    np.testing.assert_array_equal(model.get_variable_value("kernel"), small.KERNEL)
    np.testing.assert_array_equal(model.get_variable_value("bn/gamma"), source.get_variable_value("bn/gamma"))
    variance = small.reference_averages(1).variance
    np.testing.assert_allclose(small.averages_of(model).variance, variance, rtol=1e-5)


def test_an_expression_takes_the_averages_whose_names_it_matches(source, folder):
    model = warm(folder, estimator.WarmStartSettings(source.model_dir, "kernel"))
    model.train(small.batches(), steps=1)
    np.testing.assert_allclose(small.averages_of(model), small.reference_averages(1), rtol=1e-5)
    np.testing.assert_array_equal(model.get_variable_value("kernel"), source.get_variable_value("kernel"))


def test_averages_that_the_checkpoint_lacks_are_warned_about(source, folder, tmp_path):
    path = str(tmp_path / "bare" / "model")
    with tf.Graph().as_default(), tf.Session() as session:
        for name in ("kernel", "bn/gamma", "bn/beta"):
            tf.get_variable(name, initializer=source.get_variable_value(name))
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, path)
    with pytest.warns(errors.Tf1bnWarning, match="no moving averages .* for bn/moving_mean, bn/moving_variance"):
        warm(folder, path).train(small.batches(), steps=1)


def test_names_may_differ(source, folder):
    def model_fn(features, labels, mode):
        with tf.variable_scope("new"):
            return small.make_model_fn(rate=0.0)(features, labels, mode)

    names = ("kernel", "bn/gamma", "bn/beta", "bn/moving_mean", "bn/moving_variance")
    settings = estimator.WarmStartSettings(
        source.model_dir, var_name_to_prev_var_name={f"new/{name}": name for name in names}
    )
    metrics = estimator.Estimator(model_fn, folder, warm_start_from=settings).evaluate(small.batches(repeat=False))
    y = small.reference_output(source, small.X, small.reference_averages(STEPS))
    np.testing.assert_allclose(metrics["error"], np.abs(y - small.Y).mean(), rtol=1e-4)


def test_a_saved_model_gives_its_variables(source, folder, tmp_path):
    exported = source.export_saved_model(str(tmp_path / "export"), small.receiver)
    metrics = warm(folder, exported).evaluate(small.batches(repeat=False))
    y = small.reference_output(source, small.X, small.reference_averages(STEPS))
    np.testing.assert_allclose(metrics["error"], np.abs(y - small.Y).mean(), rtol=1e-4)


def test_a_checkpoint_of_its_own_goes_first(source, folder):
    model = warm(folder, source.model_dir).train(small.batches(), steps=1)
    before = small.averages_of(model)
    again = warm(folder, source.model_dir).train(small.batches(), steps=1)
    batch = small.X[:20].astype(np.float64)
    np.testing.assert_allclose(
        small.averages_of(again).mean, small.DECAY * before.mean + (1 - small.DECAY) * batch.mean(0), rtol=1e-5
    )


def test_an_embedding_follows_its_vocabulary(folder, tmp_path):
    for name, words in (("old", "a\nb\nc\n"), ("new", "c\nd\na\n")):
        (tmp_path / name).write_text(words)
    path = str(tmp_path / "source" / "model")
    table = np.array([[1.0], [2.0], [3.0]], np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        tf.get_variable("table", initializer=table)
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, path)

    def model_fn(features, mode):
        return estimator.EstimatorSpec(mode, predictions=tf.get_variable("table", [3, 1]) + 0.0)

    info = tf.train.VocabInfo(str(tmp_path / "new"), 3, 0, str(tmp_path / "old"))
    settings = estimator.WarmStartSettings(path, "table", var_name_to_vocab_info={"table": info})
    rows = estimator.Estimator(model_fn, folder, warm_start_from=settings).predict(lambda: tf.zeros([1]))
    assert [float(next(rows)[0]) for _ in range(3)] == [3.0, 0.0, 1.0]


@pytest.mark.parametrize(
    "settings, text",
    [
        (3, "Estimator: `warm_start_from` has another type"),
        ("SAME", "Estimator: `warm_start_from` is the Estimator's own folder"),
    ],
)
def test_impossible_settings(folder, settings, text):
    with pytest.raises(errors.Tf1bnError, match=text):
        warm(folder, folder if settings == "SAME" else settings)


def test_an_empty_name_and_a_missing_checkpoint_are_refused(folder, tmp_path):
    with pytest.raises(errors.ArgumentError, match="WarmStartSettings: name a checkpoint"):
        estimator.WarmStartSettings("")
    with pytest.raises(errors.CheckpointMissingError, match="there is no checkpoint to start from. Got .*none"):
        warm(folder, str(tmp_path / "none")).train(small.batches(), steps=1)
