"""``train_and_evaluate``, exporters and hooks that stop early."""

from __future__ import annotations

import os

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests.compat.estimator import small
from tf1bn import errors
from tf1bn.compat import estimator
from tf1bn.compat.estimator import early_stopping, exporters, folders

E = estimator


def make(folder, **options):
    config = E.RunConfig(**{"save_checkpoints_steps": 2, "keep_checkpoint_max": None, **options})
    return E.Estimator(small.make_model_fn(), folder, config)


class Notes(E.Exporter):
    name = "notes"

    def __init__(self):
        self.calls = []

    def export(self, estimator, export_path, checkpoint_path, eval_result, is_the_final_export):
        relative = os.path.relpath(export_path, estimator.model_dir)
        self.calls.append((relative, os.path.basename(checkpoint_path), eval_result, is_the_final_export))
        return len(self.calls)


def test_each_saved_checkpoint_is_evaluated_and_exported(folder):
    notes, model = Notes(), make(folder)
    metrics, exported = E.train_and_evaluate(
        model,
        E.TrainSpec(small.batches(), max_steps=5),
        E.EvalSpec(small.batches(repeat=False), steps=None, name="all", throttle_secs=0, exporters=notes),
    )
    assert [call[1:2] + call[3:] for call in notes.calls] == [
        ("model.ckpt-2", False),
        ("model.ckpt-4", False),
        ("model.ckpt-5", True),
    ]
    assert exported == [3] and notes.calls[0][0] == os.path.join("export", "notes")
    assert metrics == notes.calls[-1][2] and metrics["global_step"] == 5
    y = small.reference_output(model, small.X, small.reference_averages(5))
    np.testing.assert_allclose(metrics["error"], np.abs(y - small.Y).mean(), rtol=1e-4)
    assert list(early_stopping.read_eval_metrics(model.eval_dir("all"))) == [2, 4, 5]
    spec = E.TrainSpec(small.batches(), max_steps=5)
    assert E.train_and_evaluate(model, spec, E.EvalSpec(small.batches())) == (None, None)


def test_between_evaluations_there_is_a_time_but_the_last_checkpoint_counts(folder):
    notes = Notes()
    train = E.TrainSpec(small.batches(repeat=False))
    E.train_and_evaluate(make(folder), train, E.EvalSpec(small.batches(), steps=1, exporters=[notes]))
    assert [call[1] for call in notes.calls] == ["model.ckpt-2", "model.ckpt-3"]
    assert not notes.calls[-1][3]


def test_exporters_keep_the_newest_the_best_and_the_last(folder):
    model = make(folder).train(small.batches(), steps=1)
    base = os.path.join(folder, "export")
    latest = E.LatestExporter("latest", small.receiver, exports_to_keep=2)
    best = E.BestExporter(serving_input_receiver_fn=small.receiver, exports_to_keep=1)
    last = E.FinalExporter("last", small.receiver)
    steps = exporters.StepsExporter([3, 8], serving_input_receiver_fn=small.receiver)
    made = {"latest": [], "best": [], "last": [], "steps": []}
    for step, loss in ((1, 5.0), (3, 7.0), (9, 4.0)):
        write_evaluation(model.eval_dir(), step, loss)
        for name, exporter in (("latest", latest), ("best", best), ("last", last), ("steps", steps)):
            result = {"loss": loss, "global_step": step}
            path = exporter.export(model, os.path.join(base, name), model.latest_checkpoint(), result, step == 9)
            made[name].append(path)
    assert [path is not None for path in made["latest"]] == [True, True, True]
    assert [path is not None for path in made["best"]] == [True, False, True]
    assert [path is not None for path in made["last"]] == [False, False, True]
    assert [path is not None for path in made["steps"]] == [False, True, True]
    assert folders.exports(os.path.join(base, "latest")) == [path.decode() for path in made["latest"][1:]]
    assert folders.exports(os.path.join(base, "best")) == [made["best"][2].decode()]
    # A new program on the same folder knows the best of the event files.
    again = E.BestExporter(serving_input_receiver_fn=small.receiver)
    for step, loss, exported in ((12, 4.5, False), (13, 3.0, True)):
        write_evaluation(model.eval_dir(), step, loss)
        result = {"loss": loss, "global_step": step}
        path = again.export(model, os.path.join(base, "best"), model.latest_checkpoint(), result, False)
        assert (path is not None) is exported
    assert os.path.basename(best.name) == "best_exporter"


def write_evaluation(folder: str, step: int, loss: float) -> None:
    with tf.Graph().as_default():
        writer = tf.summary.FileWriter(folder, filename_suffix=f".{step}")  # two of one second have one name
        value = tf.Summary.Value(tag="loss", simple_value=loss)
        writer.add_summary(tf.Summary(value=[value]), step)
        writer.close()


LOSSES = ((1, 5.0), (2, 3.0), (4, 4.0), (9, 2.0))


@pytest.mark.parametrize(
    "make_hook, stops",
    [
        (lambda m, **o: E.experimental.stop_if_lower_hook(m, "loss", 2.5, **o), True),
        (lambda m, **o: E.experimental.stop_if_lower_hook(m, "loss", 1.5, **o), False),
        (lambda m, **o: E.experimental.stop_if_higher_hook(m, "loss", 4.5, **o), True),
        (lambda m, **o: E.experimental.stop_if_higher_hook(m, "loss", 4.5, min_steps=2, **o), False),
        (lambda m, **o: E.experimental.stop_if_no_decrease_hook(m, "loss", 2, **o), True),
        (lambda m, **o: E.experimental.stop_if_no_decrease_hook(m, "loss", 8, **o), False),
        (lambda m, **o: E.experimental.stop_if_no_increase_hook(m, "loss", 8, **o), True),
        (lambda m, **o: E.experimental.stop_if_no_increase_hook(m, "loss", 9, **o), False),
    ],
)
def test_training_stops_by_what_evaluations_found(folder, make_hook, stops):
    model = make(folder)
    for step, loss in LOSSES:
        write_evaluation(model.eval_dir(), step, loss)
    model.train(small.batches(), hooks=[make_hook(model, run_every_secs=None, run_every_steps=1)], steps=4)
    assert model.get_variable_value("global_step") == (1 if stops else 4)
    assert model.get_variable_value("signal_early_stopping/STOP") == stops


def test_evaluations_elsewhere_and_broken_files_are_read(folder, tmp_path):
    elsewhere = str(tmp_path / "elsewhere")
    write_evaluation(elsewhere, 3, 1.0)
    (name,) = os.listdir(elsewhere)
    with open(os.path.join(elsewhere, name), "ab") as file:
        file.write(b"\x10\x00\x00broken")
    assert early_stopping.read_eval_metrics(elsewhere) == {3: {"loss": 1.0}}
    assert early_stopping.read_eval_metrics(str(tmp_path / "none")) == {}
    model = make(folder)
    hook = E.experimental.stop_if_lower_hook(model, "los", 2.0, elsewhere, run_every_secs=None, run_every_steps=1)
    with pytest.raises(errors.ArgumentError, match="at step 3 has no metric 'los'. Did you mean 'loss'"):
        model.train(small.batches(), hooks=[hook], steps=1)


def test_a_checkpoint_step_stops_the_only_process(folder):
    model = make(folder)
    model.train(small.batches(), hooks=[E.experimental.make_stop_at_checkpoint_step_hook(model, 3)])
    assert model.get_variable_value("global_step") == 3


def test_evaluation_in_memory_uses_the_averages_of_that_moment(folder):
    model = make(folder, save_checkpoints_steps=None, save_checkpoints_secs=100)
    hook = E.experimental.InMemoryEvaluatorHook(model, small.batches(repeat=False), name="now", every_n_iter=2)
    model.train(small.batches(), hooks=[hook], steps=5)
    found = early_stopping.read_eval_metrics(model.eval_dir("now"))
    assert list(found) == [0, 2, 4, 5]
    y = small.reference_output(model, small.X, small.reference_averages(5))
    np.testing.assert_allclose(found[5]["error"], np.abs(y - small.Y).mean(), rtol=1e-4)
    first = small.X / np.sqrt(1 + small.EPSILON) @ small.KERNEL
    np.testing.assert_allclose(found[0]["error"], np.abs(first - small.Y).mean(), rtol=1e-4)


def test_added_metrics_stand_beside_the_others(folder):
    model = make(folder).train(small.batches(), steps=2)

    def metric_fn(features, labels, predictions, config):
        assert config.model_dir == folder
        return {
            "rows": tf.metrics.mean(features["x"]),
            "error": tf.metrics.mean(labels),
            "y": tf.metrics.mean(predictions["y"]),
        }

    metrics = E.add_metrics(model, metric_fn).evaluate(small.batches(repeat=False))
    np.testing.assert_allclose([metrics["rows"], metrics["error"]], [small.X.mean(), small.Y.mean()], rtol=1e-4)
    y = small.reference_output(model, small.X, small.reference_averages(2))
    np.testing.assert_allclose(metrics["y"], y.mean(), rtol=1e-3)
