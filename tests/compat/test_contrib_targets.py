"""contrib's target columns against NumPy in float64; tests/original has them beside TensorFlow 1.15."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib import layers, metrics, target_column

LOGITS = np.array([[0.3], [-1.2], [2.0], [0.1]])
CLASSES = np.array([1, 0, 1, 1])
WEIGHTS = np.array([1.0, 2.0, 0.5, 0.0])
FEATURES = {"weight": WEIGHTS}


def value(fetches: Any) -> Any:
    """What a fresh session makes of fetches, with local variables at their first values."""
    with tf.Session() as session:
        session.run(tf.local_variables_initializer())
        return session.run(fetches)


def after_update(found: dict[str, Any]) -> dict[str, Any]:
    """Metrics after one update."""
    with tf.Session() as session:
        session.run(tf.local_variables_initializer())
        session.run([update for _, update in found.values()])
        return {name: session.run(metric) for name, (metric, _) in found.items()}


def cross_entropies(logits: np.ndarray, classes: np.ndarray) -> np.ndarray:
    return np.log(np.exp(logits).sum(1)) - logits[np.arange(len(logits)), classes]


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_losses_of_two_classes_weigh_the_examples(plain_graph: tf.Graph, shape: tuple[int, ...]) -> None:
    each = np.log1p(np.exp(LOGITS[:, 0])) - CLASSES * LOGITS[:, 0]
    labels, logits = tf.constant(CLASSES.reshape(shape)), tf.constant(LOGITS, tf.float32)
    plain = layers.multi_class_target(2)
    weighted = layers.multi_class_target(2, weight_column_name="weight")
    found = value(
        [
            plain.training_loss(logits, labels, {}),
            plain.loss(logits, labels, {}),
            weighted.training_loss(logits, labels, FEATURES),
            weighted.loss(logits, labels, FEATURES),
        ]
    )
    wanted = [each.mean(), each.mean(), (WEIGHTS * each).sum() / 4, (WEIGHTS * each).sum() / WEIGHTS.sum()]
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    assert (plain.num_label_columns, plain.problem_type) == (1, target_column.ProblemType.CLASSIFICATION)


def test_three_classes_have_a_logit_each(plain_graph: tf.Graph) -> None:
    logits = np.random.RandomState(0).randn(4, 3)
    classes = np.array([2, 0, 1, 1])
    head = layers.multi_class_target(3, "class")
    given = tf.constant(logits, tf.float32)
    labels = {"class": tf.constant(classes[:, None]), "other": tf.constant([1.5] * 4)}
    loss, guess, chance = value(
        [head.loss(given, labels, {}), head.logits_to_predictions(given), head.logits_to_predictions(given, proba=True)]
    )
    np.testing.assert_allclose(loss, cross_entropies(logits, classes).mean(), rtol=1e-6)
    np.testing.assert_array_equal(guess, logits.argmax(1))
    np.testing.assert_allclose(chance, np.exp(logits) / np.exp(logits).sum(1, keepdims=True), rtol=1e-6)
    assert (head.num_label_columns, head.label_name) == (3, "class")


def test_metrics_of_two_classes(plain_graph: tf.Graph) -> None:
    head = layers.multi_class_target(2, weight_column_name="weight")
    wanted = {
        ("right", "classes"): metrics.streaming_accuracy,
        ("sure", "probabilities"): lambda chances, labels, weights: metrics.streaming_mean(chances[:, 1], weights),
    }
    logits, labels = tf.constant(LOGITS, tf.float32), tf.constant(CLASSES)
    found = after_update(head.get_eval_ops(FEATURES, logits, labels, wanted))
    chances = 1 / (1 + np.exp(-LOGITS[:, 0]))
    guesses = chances >= 0.5
    hits = guesses == CLASSES
    assert set(found) == {
        *("loss", "right", "sure", "auc", "labels/prediction_mean", "labels/actual_target_mean"),
        *("accuracy/baseline_target_mean", "accuracy/threshold_0.500000_mean"),
        *("precision/positive_threshold_0.500000_mean", "recall/positive_threshold_0.500000_mean"),
    }
    np.testing.assert_allclose(found["right"], (hits * WEIGHTS).sum() / WEIGHTS.sum(), rtol=1e-6)
    np.testing.assert_allclose(found["sure"], (chances * WEIGHTS).sum() / WEIGHTS.sum(), rtol=1e-6)
    np.testing.assert_allclose(found["labels/prediction_mean"], chances.mean(), rtol=1e-6)
    np.testing.assert_allclose(found["accuracy/baseline_target_mean"], 0.75)
    np.testing.assert_allclose(found["accuracy/threshold_0.500000_mean"], hits.mean())
    precision, recall = (found[f"{name}/positive_threshold_0.500000_mean"] for name in ("precision", "recall"))
    np.testing.assert_allclose(precision, CLASSES[guesses].mean(), rtol=1e-6)
    np.testing.assert_allclose(recall, guesses[CLASSES == 1].mean(), rtol=1e-6)


def test_more_classes_have_accuracy_alone(plain_graph: tf.Graph) -> None:
    logits, labels = np.eye(3)[[2, 0, 1]], np.array([2, 0, 0])
    found = layers.multi_class_target(3).get_eval_ops({}, tf.constant(logits, tf.float32), tf.constant(labels))
    assert after_update(found)["accuracy"] == pytest.approx(2 / 3) and set(found) == {"loss", "accuracy"}


def test_a_regression_has_squared_errors(plain_graph: tf.Graph) -> None:
    targets = np.array([0.0, 1.0, 2.0, -1.0])
    each = (LOGITS[:, 0] - targets) ** 2
    head = layers.regression_target(weight_column_name="weight")
    logits = tf.constant(LOGITS, tf.float32)
    labels = tf.constant(targets, tf.float32)
    found = after_update(head.get_eval_ops(FEATURES, logits, labels, {"error": metrics.streaming_mean_squared_error}))
    mean = (each * WEIGHTS).sum() / WEIGHTS.sum()
    np.testing.assert_allclose([found["loss"], found["error"]], [mean, mean], rtol=1e-6)
    np.testing.assert_allclose(value(head.logits_to_predictions(logits)), LOGITS[:, 0], rtol=1e-6)
    two = layers.regression_target(label_dimension=2)
    given = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    loss, guess = value([two.loss(given, given + 2, {}), two.logits_to_predictions(given)])
    assert loss == 4 and guess.shape == (2, 2) and two.num_label_columns == 2


def test_support_vectors_have_margins(plain_graph: tf.Graph) -> None:
    head = target_column.binary_svm_target()
    loss, guess = value(
        [
            head.training_loss(tf.constant(LOGITS, tf.float32), tf.constant(CLASSES), {}),
            head.logits_to_predictions(tf.constant(LOGITS, tf.float32)),
        ]
    )
    np.testing.assert_allclose(loss, np.maximum(0, 1 - (2 * CLASSES - 1) * LOGITS[:, 0]).mean(), rtol=1e-6)
    np.testing.assert_array_equal(guess, LOGITS[:, 0] > 0)


def one(made: Any, labels: Any = CLASSES, **options: Any) -> Any:
    return made.get_eval_ops({}, tf.constant(LOGITS, tf.float32), tf.convert_to_tensor(labels), **options)


REFUSALS = {
    "classes": (lambda: layers.multi_class_target(1), "n_classes must be > 1 for classification. Got 1"),
    "floats": (lambda: one(layers.multi_class_target(3), [1.0, 0, 1, 1]), "Target's dtype should be integer"),
    "labels": (
        lambda: layers.regression_target("a").loss(tf.zeros([1, 1]), {"b": tf.zeros([1])}, {}),
        "without `label_name`. Got 'a'",
    ),
    "triple": (lambda: one(layers.multi_class_target(2), metrics={("a", "b", "c"): len}), "of no known form"),
    "kind": (lambda: one(layers.multi_class_target(2), metrics={("a", "logits"): len}), "of no known form"),
    "margins": (
        lambda: target_column.binary_svm_target().logits_to_predictions(tf.zeros([1, 1]), proba=True),
        "logits to probabilities is not supported",
    ),
    "no loss": (lambda: target_column.RegressionTargetColumn(None, 1, None, None, 0), "loss_fn must be provided"),  # type: ignore[arg-type]
    "no logits": (
        lambda: target_column.RegressionTargetColumn(len, None, None, None, 0),
        "num_label_columns must be provided",
    ),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_does_not_fit_is_refused(plain_graph: tf.Graph, name: str) -> None:
    call, text = REFUSALS[name]
    with pytest.raises(errors.ArgumentError, match=text):
        call()
