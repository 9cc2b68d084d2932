import json

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.datasets import digits
from tf1bn.examples import evaluation, training
from tf1bn.examples.settings import TrainSettings


@pytest.fixture(scope="module")
def trained(embedded, tmp_path_factory):
    """Trains 300 steps with a strategy once; returns the result."""
    done = {}

    def run(strategy, **changes):
        key = strategy, *changes.items()
        if key not in done:
            settings = TrainSettings(steps=300, update_strategy=strategy, **changes)
            done[key] = training.train(settings, embedded, tmp_path_factory.mktemp("run"), quiet=True)
        return done[key]

    return run


def folder_of(result):
    return result.checkpoint.rpartition("/")[0]


@pytest.mark.parametrize("strategy", ["inline", "collection", "ema"])
def test_a_restored_inference_graph_scores_as_the_training_graph(strategy, trained, embedded, mlp_by_hand):
    result = trained(strategy)
    report = evaluation.evaluate(model_dir=folder_of(result))
    reader = tf.train.load_checkpoint(result.checkpoint)
    values = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    right = mlp_by_hand(values, embedded.test.images).argmax(1) == embedded.test.labels
    assert report.accuracy == pytest.approx(right.mean(), abs=1 / 300)
    assert report.single_image_accuracy == pytest.approx(right[:100].mean(), abs=1 / 100)
    assert report.accuracy == pytest.approx(result.test_accuracy, abs=0.03)
    assert report.accuracy > 0.9
    assert (report.model, report.update_strategy, report.step) == ("mlp", strategy, 300)
    assert (report.test_images, report.singles, report.data, report.same_data) == (300, 100, "embedded digits", True)


def test_single_images_with_batch_statistics_all_get_one_class(trained, embedded):
    report = evaluation.evaluate(model_dir=folder_of(trained("inline")), singles=300)
    counts = np.bincount(embedded.test.labels).tolist()
    assert round(300 * report.batch_statistics_single_image_accuracy) in counts


def test_forgotten_updates_and_frozen_averages_lose_what_was_learned(trained):
    for result in (trained("frozen"), trained("collection", forget_updates=True)):
        assert result.test_accuracy > 0.9
        assert evaluation.evaluate(model_dir=folder_of(result)).accuracy < 0.6


def test_without_batch_norm_there_is_no_mistake_to_make(trained):
    report = evaluation.evaluate(model_dir=folder_of(trained("inline", batch_norm=False)))
    assert report.batch_statistics_single_image_accuracy is None
    assert (report.update_strategy, report.batch_norm) == ("none", False)
    assert report.accuracy > 0.9


def test_one_checkpoint_can_be_named_and_singles_are_at_most_all(trained):
    result = trained("inline")
    report = evaluation.evaluate(checkpoint=result.checkpoint, singles=1000)
    assert (report.checkpoint, report.singles) == (result.checkpoint, 300)
    assert report.single_image_accuracy == pytest.approx(report.accuracy, abs=1 / 300)


def test_other_images_are_reported_as_such(trained, monkeypatch):
    folder = folder_of(trained("inline"))
    other = digits.load(seed=5)
    monkeypatch.setattr(evaluation.datasets, "load", lambda data_dir: other)
    assert not evaluation.evaluate(model_dir=folder).same_data


def test_images_of_another_shape_are_refused(trained, monkeypatch, small):
    monkeypatch.setattr(evaluation.datasets, "load", lambda data_dir: small)
    text = r"^evaluate: the images have another shape .* Got \(8, 8, 1\); expected \(28, 28, 1\)"
    with pytest.raises(errors.ShapeError, match=text):
        evaluation.evaluate(model_dir=folder_of(trained("inline")))


def test_exactly_one_of_folder_and_checkpoint_is_needed():
    for arguments in ({}, {"model_dir": "a", "checkpoint": "b"}):
        with pytest.raises(errors.ArgumentError, match="exactly one of `model_dir` and `checkpoint`"):
            evaluation.evaluate(**arguments)


def test_no_single_image_is_refused():
    with pytest.raises(errors.ArgumentError, match="`singles` must be at least 1. Got 0"):
        evaluation.evaluate(model_dir="a", singles=0)


# In a process of its own, whose memory goes with it.
ON_MNIST = """
import json, sys
from tf1bn import datasets
from tf1bn.examples import evaluation, training
from tf1bn.examples.settings import TrainSettings

model, steps, images, folder = sys.argv[1:]
settings = TrainSettings(model=model, steps=int(steps), decay=0.9)
result = training.train(settings, datasets.load(images), folder, data_dir=images, quiet=True)
report = evaluation.evaluate(model_dir=folder)
names = ("accuracy", "single_image_accuracy", "batch_statistics_single_image_accuracy")
found = {"trained": result.test_accuracy, **{name: getattr(report, name) for name in names}}
print(json.dumps({name: float(value) for name, value in found.items()}))
"""


@pytest.mark.slow
@pytest.mark.mnist
@pytest.mark.parametrize(("model", "steps", "floor"), [("mlp", 600, 0.87), ("cnn", 400, 0.9)])
def test_on_mnist_the_restored_graph_scores_for_single_images_too(model, steps, floor, mnist_dir, tmp_path, warmed):
    done = warmed.run(["-c", ON_MNIST, model, steps, mnist_dir, tmp_path])
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["trained"] > floor and found["accuracy"] > floor and found["single_image_accuracy"] > floor
    assert found["batch_statistics_single_image_accuracy"] < 0.25
