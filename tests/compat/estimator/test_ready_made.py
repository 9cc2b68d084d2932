"""Ready-made estimators against NumPy in float64; variables, metrics and signatures have the names of 1.15."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat import estimator as E

RANDOM = np.random.RandomState(0)
ROWS = 12
DATA = {
    "a": RANDOM.randn(ROWS).astype(np.float32),
    "e": RANDOM.choice(list("xy"), ROWS),
    "w": RANDOM.rand(ROWS).astype(np.float32),
}
TWO, THREE = RANDOM.randint(0, 2, ROWS), np.arange(ROWS) % 3
NUMBERS = (2 * DATA["a"] + 1).astype(np.float32)
A = tf.feature_column.numeric_column("a")
WORD = tf.feature_column.categorical_column_with_vocabulary_list("e", ["x", "y"])
DEEP, WIDE = [A, tf.feature_column.indicator_column(WORD)], [A, WORD]


def rows(labels: Any, epochs: int | None = 1) -> Any:
    """Returns an input_fn of one batch with all rows, in order."""
    return E.inputs.numpy_input_fn(dict(DATA), labels, batch_size=ROWS, num_epochs=epochs, shuffle=False)


def values(model: Any) -> dict[str, np.ndarray]:
    return {name: np.asarray(model.get_variable_value(name), np.float64) for name in model.get_variable_names()}


def dense(held: dict[str, np.ndarray], scope: str, x: np.ndarray) -> np.ndarray:
    return x @ held[f"dnn/{scope}/kernel"] + held[f"dnn/{scope}/bias"]


def deep_inputs() -> np.ndarray:
    """The columns in the order of their names: a, then the words one by one."""
    return np.stack([DATA["a"], DATA["e"] == "x", DATA["e"] == "y"], 1).astype(np.float64)


def predicted(model: Any, key: str) -> np.ndarray:
    return np.stack([entry[key] for entry in model.predict(rows(None))])


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_a_deep_classifier_predicts_what_its_layers_say(folder: str, setting: str) -> None:
    model = E.DNNClassifier([5, 4], DEEP, folder, n_classes=3)
    model.train(rows(THREE, None), steps=3)
    held = values(model)
    hidden = deep_inputs()
    for number in range(2):
        hidden = np.maximum(dense(held, f"hiddenlayer_{number}", hidden), 0)
    logits = dense(held, "logits", hidden)
    np.testing.assert_allclose(predicted(model, "logits"), logits, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(predicted(model, "probabilities"), softmax(logits), rtol=1e-4)
    chosen = np.argmax(logits, 1)
    np.testing.assert_array_equal(predicted(model, "class_ids")[:, 0], chosen)
    np.testing.assert_array_equal(predicted(model, "classes")[:, 0], [b"%d" % number for number in chosen])
    metrics = model.evaluate(rows(THREE))
    each = -np.log(softmax(logits)[np.arange(ROWS), THREE])
    expected = {"accuracy": np.mean(chosen == THREE), "average_loss": each.mean(), "loss": each.sum()}
    assert metrics.keys() == {*expected, "global_step"}
    for name, value in expected.items():
        np.testing.assert_allclose(metrics[name], value, rtol=1e-4, err_msg=name)


def test_a_linear_regressor_makes_the_step_of_its_loss(folder: str) -> None:
    model = E.LinearRegressor(WIDE, folder, optimizer=tf.train.GradientDescentOptimizer(0.01))
    model.train(rows(NUMBERS, None), steps=1)
    held = values(model)
    # From zeros, loss = sum (x w + b - y)^2, so w = 0.01 * 2 * sum x y.
    step = 0.02 * NUMBERS.astype(np.float64)
    words = [np.sum(step * (word == DATA["e"])) for word in "xy"]
    np.testing.assert_allclose(held["linear/linear_model/a/weights"], [[np.sum(step * DATA["a"])]], rtol=1e-5)
    np.testing.assert_allclose(held["linear/linear_model/e/weights"][:, 0], words, rtol=1e-5)
    np.testing.assert_allclose(held["linear/linear_model/bias_weights"], [np.sum(step)], rtol=1e-5)
    made = DATA["a"] * np.sum(step * DATA["a"]) + np.where(DATA["e"] == "x", *words) + np.sum(step)
    np.testing.assert_allclose(predicted(model, "predictions")[:, 0], made, rtol=1e-4)
    metrics = model.evaluate(rows(NUMBERS))
    np.testing.assert_allclose(metrics["average_loss"], np.mean((made - NUMBERS) ** 2), rtol=1e-4)
    np.testing.assert_allclose(metrics["label/mean"], np.mean(NUMBERS), rtol=1e-5)
    np.testing.assert_allclose(metrics["prediction/mean"], np.mean(made), rtol=1e-4)


def test_metrics_of_two_classes_weigh_examples(folder: str) -> None:
    model = E.LinearClassifier(WIDE, folder, weight_column="w")
    model.train(rows(TWO, None), steps=5)
    held, weights = values(model), np.float64(DATA["w"])
    words = held["linear/linear_model/e/weights"][:, 0]
    logits = DATA["a"] * held["linear/linear_model/a/weights"][0, 0] + np.where(DATA["e"] == "x", *words)
    chance = 1 / (1 + np.exp(-(logits + held["linear/linear_model/bias_weights"][0])))
    chosen, share = chance > 0.5, weights / weights.sum()
    each = -np.log(np.where(TWO == 1, chance, 1 - chance))
    expected = {
        "accuracy": share @ (chosen == TWO),
        "accuracy_baseline": max(share @ TWO, 1 - share @ TWO),
        "average_loss": share @ each,
        "loss": weights @ each,
        "label/mean": share @ TWO,
        "prediction/mean": share @ chance,
        "precision": weights @ (chosen * TWO) / (weights @ chosen),
        "recall": weights @ (chosen * TWO) / (weights @ TWO),
    }
    metrics = model.evaluate(rows(TWO))
    assert metrics.keys() == {*expected, "auc", "auc_precision_recall", "global_step"}
    for name, value in expected.items():
        np.testing.assert_allclose(metrics[name], value, rtol=1e-4, err_msg=name)
    pairs = [
        (chance[i] > chance[j], weights[i] * weights[j]) for i in np.flatnonzero(TWO) for j in np.flatnonzero(1 - TWO)
    ]
    area = sum(right * weight for right, weight in pairs) / sum(weight for _, weight in pairs)
    assert abs(metrics["auc"] - area) < 0.05  # from 200 thresholds


def test_a_combined_model_adds_logits_and_steps_once(folder: str) -> None:
    sgd = tf.train.GradientDescentOptimizer
    model = E.DNNLinearCombinedRegressor(
        folder, WIDE, sgd(0.0), DEEP, lambda: sgd(0.001), [4], dnn_activation_fn=tf.nn.tanh
    )
    model.train(rows(NUMBERS, None), steps=1)
    first = values(model)
    model.train(rows(NUMBERS, None), steps=2)
    held = values(model)
    assert held["global_step"] == 3
    assert all(not held[name].any() for name in held if name.startswith("linear/"))  # a learning rate of 0
    assert np.any(held["dnn/logits/kernel"] != first["dnn/logits/kernel"])
    hidden = np.tanh(dense(held, "hiddenlayer_0", deep_inputs()))
    np.testing.assert_allclose(predicted(model, "predictions"), dense(held, "logits", hidden), rtol=1e-4, atol=1e-5)


def slots(variables: dict[str, str], optimizer: str, between: str = "", count: int = 1) -> set[str]:
    names = [f"{optimizer}_{number}" if number else optimizer for number in range(count)]
    return {*variables, *(f"{variable}/{between}{name}" for variable in variables for name in names), "global_step"}


LAYERS = {f"dnn/{scope}/{leaf}": "" for scope in ("hiddenlayer_0", "logits") for leaf in ("kernel", "bias")}
LINES = {f"linear/linear_model/{name}": "" for name in ("a/weights", "e/weights", "bias_weights")}
NAMES: dict[str, tuple[Any, set[str]]] = {
    "DNNClassifier": (lambda d: E.DNNClassifier([4], DEEP, d), slots(LAYERS, "Adagrad", "t_0/")),
    "DNNClassifier with Adam": (
        lambda d: E.DNNClassifier([4], DEEP, d, optimizer="Adam"),
        {*slots(LAYERS, "Adam", "t_0/", 2), "dnn/head/beta1_power", "dnn/head/beta2_power"},
    ),
    "LinearClassifier": (lambda d: E.LinearClassifier(WIDE, d), slots(LINES, "Ftrl", "part_0/", 2)),
    "LinearClassifier, None": (
        lambda d: E.LinearClassifier(WIDE, d, optimizer=None),
        slots(LINES, "Ftrl", "part_0/", 2),
    ),
    "DNNLinearCombinedClassifier": (
        lambda d: E.DNNLinearCombinedClassifier(d, WIDE, dnn_feature_columns=DEEP, dnn_hidden_units=[4]),
        slots(LAYERS, "Adagrad") | slots(LINES, "Ftrl", "", 2),
    ),
    "BaselineClassifier": (lambda d: E.BaselineClassifier(d), slots({"baseline/bias": ""}, "Ftrl", "", 2)),
}


@pytest.mark.parametrize("name", NAMES)
def test_checkpoints_have_the_names_of_1_15(folder: str, name: str) -> None:
    make, expected = NAMES[name]
    model = make(folder)
    model.train(rows(TWO, None), steps=1)
    assert set(model.get_variable_names()) == expected


def test_a_vocabulary_names_the_classes(folder: str) -> None:
    labels = np.array(["no", "yes"])[TWO]
    model = E.DNNClassifier([4], DEEP, folder, label_vocabulary=["no", "yes"], batch_norm=True, dropout=0.1)
    model.train(rows(labels, None), steps=3)
    chosen = predicted(model, "class_ids")[:, 0]
    np.testing.assert_array_equal(predicted(model, "classes")[:, 0], np.array([b"no", b"yes"])[chosen])
    assert predicted(model, "all_classes")[0].tolist() == [b"no", b"yes"]
    moved = model.get_variable_value("dnn/hiddenlayer_0/batchnorm_0/moving_variance")
    assert np.all(moved != 1) and model.evaluate(rows(labels))["global_step"] == 3


def test_an_export_has_the_signatures_of_1_15(folder: str, tmp_path: Any) -> None:
    model = E.LinearClassifier(WIDE, folder)
    model.train(rows(TWO, None), steps=1)
    parse = tf.feature_column.make_parse_example_spec(WIDE)
    path = model.export_saved_model(str(tmp_path / "out"), E.export.build_parsing_serving_input_receiver_fn(parse))
    with tf.Graph().as_default(), tf.Session() as session:
        signatures = tf.saved_model.loader.load(session, ["serve"], path.decode()).signature_def
        kinds = {name: signature.method_name.rpartition("/")[2] for name, signature in signatures.items()}
        example = tf.train.Example()
        example.features.feature["a"].float_list.value.append(DATA["a"][0])
        example.features.feature["e"].bytes_list.value.append(DATA["e"][0].encode())
        called = signatures["predict"]
        feed = {called.inputs["examples"].name: [example.SerializeToString()]}
        chance = session.run(called.outputs["logistic"].name, feed)
    assert kinds == {
        "serving_default": "classify",
        "classification": "classify",
        "regression": "regress",
        "predict": "predict",
    }
    np.testing.assert_allclose(chance[0], predicted(model, "logistic")[0], rtol=1e-5)


def test_a_baseline_learns_the_mean_of_the_labels(folder: str) -> None:
    loss = tf.losses.Reduction.MEAN
    model = E.BaselineRegressor(folder, optimizer=tf.train.GradientDescentOptimizer(0.5), loss_reduction=loss)
    model.train(rows(NUMBERS, None), steps=1)  # bias = 0.5 * 2 * mean(y)
    np.testing.assert_allclose(model.get_variable_value("baseline/bias"), [np.mean(NUMBERS)], rtol=1e-5)
    np.testing.assert_allclose(predicted(model, "predictions"), np.full([ROWS, 1], np.mean(NUMBERS)), rtol=1e-5)


def test_labels_of_several_numbers(folder: str) -> None:
    labels = np.stack([NUMBERS, -NUMBERS], 1)
    model = E.DNNRegressor([4], DEEP, folder, label_dimension=2)
    model.train(rows(labels, None), steps=1)
    made = predicted(model, "predictions")
    np.testing.assert_allclose(model.evaluate(rows(labels))["average_loss"], np.mean((made - labels) ** 2), rtol=1e-4)


REFUSED = {
    "no units": (lambda: E.DNNClassifier([], DEEP), "DNNClassifier: `hidden_units` is empty"),
    "no columns": (lambda: E.LinearRegressor([]), "LinearRegressor: `feature_columns` is empty"),
    "one class": (lambda: E.DNNClassifier([4], DEEP, n_classes=1), "DNNClassifier: `n_classes` must be at least 2"),
    "a vocabulary": (
        lambda: E.LinearClassifier(WIDE, label_vocabulary=["a"]),
        "`label_vocabulary` has another size than `n_classes`. Got 1; expected 2",
    ),
    "a loss": (lambda: E.BaselineClassifier(loss_reduction="none"), "BaselineClassifier: `loss_reduction` is wrong"),
    "nothing": (lambda: E.DNNLinearCombinedClassifier(), "neither `linear_feature_columns` nor"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_at_once(name: str) -> None:
    make, text = REFUSED[name]
    with pytest.raises(errors.ArgumentError, match=text):
        make()


LATE = {
    "no labels": (lambda d: E.DNNClassifier([4], DEEP, d), None, "DNNClassifier: `labels` is None"),
    "words": (lambda d: E.LinearClassifier(WIDE, d), np.array(["x"] * ROWS), "must be whole numbers.*label_vocabulary"),
    "no words": (
        lambda d: E.LinearClassifier(WIDE, d, label_vocabulary=["a", "b"]),
        TWO,
        "`labels` must be strings with a `label_vocabulary`",
    ),
    "a matrix": (lambda d: E.LinearRegressor(WIDE, d), np.zeros([ROWS, 2]), "`labels` has another shape"),
    "several": (lambda d: E.LinearRegressor(WIDE, d), {"p": TWO, "q": TWO}, "`labels` must be one tensor"),
    "an optimizer": (lambda d: E.LinearRegressor(WIDE, d, optimizer="Sgd"), NUMBERS, "unknown optimizer"),
    "no optimizer": (lambda d: E.LinearRegressor(WIDE, d, optimizer=3), NUMBERS, "no optimizer of tf.train"),
}


@pytest.mark.parametrize("name", LATE)
def test_labels_and_optimizers_are_checked_in_the_graph(folder: str, name: str) -> None:
    make, labels, text = LATE[name]
    with pytest.raises(errors.Tf1bnError, match=text):
        make(folder).train(rows(labels, None), steps=1)


def test_a_label_out_of_range_stops_the_run(folder: str) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="Labels must be below n_classes"):
        E.LinearClassifier(WIDE, folder).train(rows(THREE, None), steps=1)
