import json
import os
import signal

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.examples import training
from tf1bn.examples.training import Pace, train


def values_of(prefix):
    reader = tf.train.load_checkpoint(str(prefix))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def tags_of(folder):
    found = {}
    for path in folder.glob("events.out.tfevents.*"):
        for event in tf.train.summary_iterator(str(path)):
            for value in event.summary.value:
                found.setdefault(value.tag, []).append(event.step)
    return found


@pytest.mark.parametrize(
    ("model", "strategy"),
    [
        ("mlp", "inline"),
        ("mlp", "collection"),
        ("mlp", "ema"),
        pytest.param("cnn", "inline", marks=pytest.mark.slow),
    ],
)
def test_a_resumed_run_equals_an_uninterrupted_one(model, strategy, settings, small, tmp_path):
    changes = {"model": model, "update_strategy": strategy}
    whole = train(settings(steps=8, **changes), small, tmp_path / "whole", quiet=True)
    first = train(settings(steps=5, **changes), small, tmp_path / "parts", quiet=True)
    second = train(settings(steps=8, **changes), small, tmp_path / "parts", quiet=True)
    assert (whole.resumed_from, first.steps, second.resumed_from, second.steps) == (0, 5, 5, 8)
    ours, theirs = values_of(tmp_path / "parts" / "model-8"), values_of(tmp_path / "whole" / "model-8")
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        np.testing.assert_allclose(ours[name], value, rtol=1e-4, atol=1e-5, err_msg=name)
    assert second.loss == pytest.approx(whole.loss, rel=1e-4)
    assert second.test_accuracy == pytest.approx(whole.test_accuracy, abs=1 / 150)


def test_a_finished_run_is_only_measured_again(settings, small, tmp_path):
    first = train(settings(), small, tmp_path, quiet=True)
    again = train(settings(), small, tmp_path, quiet=True)
    assert (again.steps, again.loss, again.steps_per_second) == (6, None, None)
    assert (again.test_accuracy, again.checkpoint) == (first.test_accuracy, first.checkpoint)
    assert len(list(tmp_path.glob("*.index"))) == 1


def test_the_record_holds_what_another_process_needs(settings, small, tmp_path):
    train(settings(decay=0.5), small, tmp_path, data_dir=str(tmp_path / "images"), quiet=True)
    content = json.loads((tmp_path / "tf1bn_run.json").read_text())
    assert content["settings"]["update_strategy"] == "inline"
    assert content["settings"]["decay"] == 0.5
    assert content["image_shape"] == [8, 8, 1]
    assert content["data"]["data_dir"] == str(tmp_path / "images")


def test_curves_hold_loss_accuracy_and_averages(settings, small, tmp_path):
    train(settings(), small, tmp_path, pace=Pace(validate=2, save=3, summarize=3), quiet=True)
    tags = tags_of(tmp_path)
    assert tags["loss"] == [3, 6]
    assert (tags["validation_accuracy"], tags["test_accuracy"]) == ([2, 4, 6], [6])
    histograms = {f"hidden{n}/batch_norm/moving_{leaf}" for n in (1, 2) for leaf in ("mean", "variance")}
    assert {tag.removeprefix("averages/") for tag in tags if tag.startswith("averages/")} == histograms
    assert sorted(path.name for path in tmp_path.glob("*.index")) == ["model-3.index", "model-6.index"]


def test_how_often_a_run_looks_up_does_not_change_it(settings, small, tmp_path):
    train(settings(), small, tmp_path / "seldom", quiet=True)
    train(settings(), small, tmp_path / "often", pace=Pace(1, 1, 1), quiet=True)
    seldom, often = values_of(tmp_path / "seldom" / "model-6"), values_of(tmp_path / "often" / "model-6")
    for name, value in seldom.items():
        np.testing.assert_allclose(often[name], value, rtol=1e-5, atol=1e-6, err_msg=name)


def test_a_run_without_batch_norm_has_no_averages(settings, small, tmp_path):
    result = train(settings(batch_norm=False), small, tmp_path, pace=Pace(summarize=2), quiet=True)
    assert not any("moving" in name for name in values_of(result.checkpoint))
    assert set(tags_of(tmp_path)) == {"loss", "validation_accuracy", "test_accuracy"}


def test_a_folder_of_another_run_is_refused_with_the_difference(settings, small, tmp_path):
    train(settings(), small, tmp_path, quiet=True)
    text = (
        "^train: .* holds another run: update_strategy 'inline' there, 'ema' asked for; decay 0.99 there, 0.9 asked for"
    )
    with pytest.raises(errors.CheckpointError, match=text):
        train(settings(update_strategy="ema", decay=0.9), small, tmp_path, quiet=True)
    with pytest.raises(errors.CheckpointError, match="holds another run: other images"):
        train(settings(), small._replace(train=small.validation), tmp_path, quiet=True)


def test_checkpoints_without_a_record_are_not_taken_for_a_run(settings, small, tmp_path):
    train(settings(), small, tmp_path, quiet=True)
    (tmp_path / "tf1bn_run.json").unlink()
    with pytest.raises(errors.CheckpointError, match="^train: there is no tf1bn_run.json"):
        train(settings(), small, tmp_path, quiet=True)


def test_a_folder_that_cannot_be_made_is_refused_before_training(settings, small, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(errors.CheckpointError, match="^train: cannot write into .*file/run"):
        train(settings(), small, tmp_path / "file" / "run", quiet=True)


def test_a_batch_larger_than_the_training_set_is_refused(settings, small, tmp_path):
    with pytest.raises(errors.ArgumentError, match="too small for one full batch. Got 301"):
        train(settings(batch_size=301), small, tmp_path, quiet=True)


def test_a_loss_that_is_not_finite_ends_the_run_and_is_not_saved(settings, small, tmp_path):
    broken = small._replace(train=small.train._replace(images=small.train.images * np.float32(np.nan)))
    with pytest.raises(training.DivergedError, match="loss is not finite at step 1. Got nan.*lower --learning_rate"):
        train(settings(), broken, tmp_path, quiet=True)
    assert not list(tmp_path.glob("*.index"))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_after_the_current_step_with_a_checkpoint(number, code, settings, small, tmp_path):
    class Interrupting:
        """Training images that send a signal when the fourth batch is drawn."""

        def __init__(self, images):
            self.images, self.shape, self.drawn = images, images.shape, 0

        def __len__(self):
            return len(self.images)

        def __getitem__(self, chosen):
            self.drawn += not isinstance(chosen, slice)
            if self.drawn == 4:
                os.kill(os.getpid(), number)
            return self.images[chosen]

    before = signal.getsignal(number)
    data = small._replace(train=small.train._replace(images=Interrupting(small.train.images)))
    result = train(settings(steps=1000), data, tmp_path, quiet=True)
    assert signal.getsignal(number) is before
    assert (result.steps, result.interrupted, result.exit_code) == (4, number.name, code)
    assert result.validation_accuracy is result.test_accuracy is None
    assert int(values_of(result.checkpoint)["global_step"]) == 4
    resumed = train(settings(steps=6), small, tmp_path, quiet=True)
    assert (resumed.resumed_from, resumed.steps, resumed.exit_code) == (4, 6, 0)


def test_a_plan_checks_everything_and_writes_nothing(settings, small, tmp_path):
    plan = training.plan(settings(), small, tmp_path / "run")
    assert plan["resume_from"] is None
    assert plan["trainable_values"] == 64 * 100 + 100 * 100 + 100 * 10 + 10 + 4 * 100
    assert not list(tmp_path.iterdir())
    with pytest.raises(errors.UnknownNameError, match="unknown update strategy 'nope'"):
        training.plan(settings(update_strategy="nope"), small, tmp_path / "run")
