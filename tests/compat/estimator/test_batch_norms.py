"""Batch norm in an Estimator: moving averages move in training alone, and everything else computes with them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests.compat.estimator import small
from tf1bn import errors
from tf1bn.audit import AuditHook
from tf1bn.compat import estimator

STEPS = 7


@pytest.mark.parametrize("norm", small.NORMS)
def test_training_moves_averages_and_the_other_modes_compute_with_them(setting, norm, folder, tmp_path):
    model = estimator.Estimator(small.make_model_fn(small.NORMS[norm]), folder)
    with warnings.catch_warnings():
        warnings.simplefilter("error", errors.Tf1bnWarning)
        model.train(small.batches(), steps=STEPS)
        expected = small.reference_averages(STEPS)
        np.testing.assert_allclose(small.averages_of(model), expected, rtol=1e-5)
        y = small.reference_output(model, small.X, expected)
        metrics = model.evaluate(small.batches(repeat=False))
        predicted = np.array([entry["y"] for entry in model.predict(small.batches(repeat=False))])
        exported = model.export_saved_model(str(tmp_path / "export"), small.receiver)
    by_batch = np.square(y - small.Y).reshape(3, 20).mean(1)
    np.testing.assert_allclose(metrics["loss"], by_batch.mean(), rtol=1e-4)
    np.testing.assert_allclose(metrics["error"], np.abs(y - small.Y).mean(), rtol=1e-4)
    np.testing.assert_allclose(predicted, y, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(serve(exported, small.X[:7]), y[:7], rtol=1e-4, atol=1e-5)
    # A batch of one: statistics of the batch would give 0 before gamma and beta.
    np.testing.assert_allclose(serve(exported, small.X[:1]), y[:1], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(small.averages_of(model), expected, rtol=1e-5)
    assert metrics["global_step"] == STEPS


def serve(path: bytes, x: np.ndarray) -> np.ndarray:
    with tf.Graph().as_default(), tf.Session() as session:
        meta = tf.saved_model.loader.load(session, ["serve"], path.decode())
        signature = meta.signature_def["serving_default"]
        return session.run(signature.outputs["y"].name, {signature.inputs["x"].name: x})


def test_training_goes_on_with_the_averages_of_the_checkpoint(folder):
    for steps in (2, 3, 2):
        estimator.Estimator(small.make_model_fn(), folder).train(small.batches(), steps=steps)
    # The input begins anew with each call.
    mean = np.zeros(3)
    for start in (0, 20, 0, 20, 40, 0, 20):
        mean = small.DECAY * mean + (1 - small.DECAY) * small.X[start : start + 20].mean(0, dtype=np.float64)
    model = estimator.Estimator(small.make_model_fn(), folder)
    np.testing.assert_allclose(small.averages_of(model).mean, mean, rtol=1e-5)


@pytest.mark.parametrize("norm", ["tf.layers", "slim"])
def test_updates_that_the_train_op_leaves_out_are_warned_about(norm, folder):
    model = estimator.Estimator(small.make_model_fn(small.NORMS[norm], updates=False), folder)
    with pytest.warns(
        errors.Tf1bnWarning, match=r"train_op does not run these updates of moving averages: bn/.*UPDATE_OPS"
    ):
        model.train(small.batches(), steps=2)
    np.testing.assert_array_equal(small.averages_of(model).mean, np.zeros(3))


def test_the_auditor_is_a_hook_of_an_estimator(folder):
    forgetful = estimator.Estimator(small.make_model_fn(small.tf_layers_norm, updates=False), folder)
    with pytest.warns(errors.Tf1bnWarning), pytest.raises(errors.PlacementError, match="AuditHook: .*BN001"):
        forgetful.train(small.batches(), hooks=[AuditHook()], steps=2)
    right = estimator.Estimator(small.make_model_fn(small.tf_layers_norm), folder)
    right.train(small.batches(), hooks=[AuditHook(check_after=2)], steps=3)


def test_many_forgotten_updates_are_counted(folder):
    def model_fn(features, labels, mode):
        x = features["x"]
        for number in range(4):
            x = small.tf_layers.batch_normalization(x, training=True, name=f"bn{number}")
        loss = tf.reduce_mean(x * tf.get_variable("kernel", [3]))
        train = tf.train.GradientDescentOptimizer(0.1).minimize(loss, tf.train.get_global_step())
        return estimator.EstimatorSpec(mode, x, loss, train)

    with pytest.warns(errors.Tf1bnWarning, match=r"bn0/.* and 3 more\."):
        estimator.Estimator(model_fn, folder).train(small.batches(), steps=1)


@pytest.mark.parametrize("mode", ["eval", "infer"])
def test_batch_norms_that_train_in_another_mode_are_warned_about(mode, folder):
    model = estimator.Estimator(small.make_model_fn(always=True), folder)
    model.train(small.batches(), steps=1)
    with pytest.warns(errors.Tf1bnWarning, match=f"in mode '{mode}' these batch norms are built to train: bn"):
        model.evaluate(small.batches(), 1) if mode == "eval" else next(model.predict(small.batches()))


def test_moments_of_the_whole_run_differ_from_those_of_the_last_batch(folder):
    """The check above can fail: averages and the moments of one batch are not the same here."""
    averages = small.reference_averages(STEPS)
    assert np.abs(averages.mean - small.X[:20].mean(0)).max() > 0.1
