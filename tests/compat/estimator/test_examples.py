"""The networks of ``scripts/train.py`` as a ``model_fn``: the same steps give the same weights and accuracy."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import datasets
from tf1bn.compat import estimator
from tf1bn.datasets.batches import batches
from tf1bn.examples import models, training
from tf1bn.examples.settings import TrainSettings
from tf1bn.examples.training_graph import options_of
from tf1bn.layers.train_op import minimize


def model_fn(features: Any, labels: Any, mode: str, params: TrainSettings) -> Any:
    model = models.MODELS[params.model]
    logits = model.network(features, mode == estimator.ModeKeys.TRAIN, options_of(params)).logits
    classes = tf.argmax(logits, 1)
    loss = model.loss(logits, labels)
    train = None
    if mode == estimator.ModeKeys.TRAIN:
        train = minimize(model.optimizer(params.learning_rate), loss, global_step=tf.train.get_global_step())
    metrics = {"accuracy": tf.metrics.accuracy(labels, classes)}
    return estimator.EstimatorSpec(mode, classes, loss, train, metrics)


def endless(split: datasets.Split, settings: TrainSettings) -> Callable[[], Any]:
    """The batches of ``scripts/train.py``."""

    def rows() -> Any:
        for batch in batches(split, settings.batch_size, seed=settings.seed):
            yield batch.images, batch.labels

    shapes = ([settings.batch_size, *split.images.shape[1:]], [settings.batch_size])
    return lambda: tf.data.Dataset.from_generator(rows, (tf.float32, tf.int64), shapes)


def once(split: datasets.Split) -> Callable[[], Any]:
    labels = np.asarray(split.labels, np.int64)
    return estimator.inputs.numpy_input_fn(np.asarray(split.images, np.float32), labels, 500, shuffle=False)


def both(settings: TrainSettings, data: datasets.Dataset, tmp_path: Any) -> tuple[Any, str]:
    """An Estimator that has trained, and the checkpoint of ``scripts/train.py``."""
    result = training.train(settings, data, tmp_path / "script", quiet=True)
    config = estimator.RunConfig(tf_random_seed=settings.seed, save_checkpoints_steps=10**6)
    model = estimator.Estimator(model_fn, str(tmp_path / "model"), config, settings)
    model.train(endless(data.train, settings), steps=settings.steps)
    return model, result.checkpoint


# The first step of Adam is the learning rate, whatever the gradient; later ones of so deep a network amplify rounding.
CNN = pytest.param("cnn", 1, 5e-3, marks=pytest.mark.slow)


@pytest.mark.parametrize("name, steps, tolerance", [("mlp", 150, 1e-4), CNN])
def test_a_model_fn_trains_as_the_script_does(name, steps, tolerance, tmp_path):
    settings = TrainSettings(name, steps=steps, seed=1, decay=0.9)
    data = datasets.digits.load(size=8)
    model, checkpoint = both(settings, data, tmp_path)
    reader = tf.train.load_checkpoint(checkpoint)
    names = sorted(reader.get_variable_to_shape_map())
    assert sorted(model.get_variable_names()) == names and any("moving_variance" in key for key in names)
    for key in names:
        mine = model.get_variable_value(key)
        np.testing.assert_allclose(mine, reader.get_tensor(key), rtol=1e-3, atol=tolerance, err_msg=key)
    mine = model.evaluate(once(data.test))["accuracy"]
    script = model.evaluate(once(data.test), checkpoint_path=checkpoint, name="script")["accuracy"]
    assert abs(mine - script) < 0.01 and (mine > 0.85 or name == "cnn"), (mine, script)


# What the deep network reaches there is the part of tests/examples/test_evaluation.py, which trains it once.
SMALL = pytest.param("mlp", 1000, 0.9, 0.001, marks=pytest.mark.slow)
DEEP = pytest.param("cnn", 400, 0.9, 0.03, marks=pytest.mark.exhaustive)


@pytest.mark.mnist
@pytest.mark.parametrize("name, steps, accuracy, apart", [SMALL, DEEP])
def test_a_model_fn_reaches_the_accuracy_of_the_script_on_mnist(
    name, steps, accuracy, apart, tmp_path, mnist_dir, warmed
):
    """In a process of its own, whose memory goes with it."""
    program = "import sys; from tests.compat.estimator.test_examples import *; scores_on_mnist(*sys.argv[1:])"
    done = warmed.run(["-c", program, name, steps, mnist_dir, tmp_path])
    assert done.returncode == 0, done.stderr[-3000:]
    mine, script = json.loads(done.stdout.splitlines()[-1])
    assert min(mine, script) > accuracy and abs(mine - script) < apart, (mine, script)


def scores_on_mnist(name: str, steps: str, images: str, folder: str) -> None:
    """Prints the accuracy of the Estimator, and that of the checkpoint of the script."""
    # So short a run needs averages that follow.
    settings = TrainSettings(name, steps=int(steps), seed=1, decay=0.9)
    data = datasets.load(images)
    model, checkpoint = both(settings, data, pathlib.Path(folder))
    mine = model.evaluate(once(data.test))["accuracy"]
    script = model.evaluate(once(data.test), checkpoint_path=checkpoint, name="script")["accuracy"]
    print(json.dumps([float(mine), float(script)]))
