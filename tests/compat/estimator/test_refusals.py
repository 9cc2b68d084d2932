"""What an Estimator refuses, and in which words."""

from __future__ import annotations

import json
import os

import pytest
import tensorflow.compat.v1 as tf

from tests.compat.estimator import small
from tf1bn import errors
from tf1bn.compat import estimator
from tf1bn.compat.estimator import early_stopping, export_outputs, exporters, spec
from tf1bn.compat.estimator.modes import ModeKeys

E = estimator
T = tf.constant
OTHER = tf.Graph()
with OTHER.as_default():
    STRANGER = tf.constant(1.0, name="stranger")

SPECS = {
    "mode": (lambda: E.EstimatorSpec("test"), "unknown mode. Got 'test'; expected 'train' or 'eval' or 'infer'"),
    "no loss": (lambda: E.EstimatorSpec("train", train_op=T(1)), "`loss` is missing. Expected one in mode 'train'"),
    "no loss to evaluate": (lambda: E.EstimatorSpec("eval"), "`loss` is missing. Expected one in mode 'eval'"),
    "no train op": (lambda: E.EstimatorSpec("train", loss=T(1.0)), "`train_op` is missing"),
    "no predictions": (lambda: E.EstimatorSpec("infer"), "`predictions` is missing"),
    "loss type": (lambda: E.EstimatorSpec("eval", loss=1.0), "`loss` must be a tensor. Got 1.0"),
    "loss shape": (lambda: E.EstimatorSpec("eval", loss=T([1.0, 2.0])), r"`loss` must be a scalar. Got '\(2,\)'"),
    "loss graph": (lambda: E.EstimatorSpec("eval", loss=STRANGER), "`loss` is of another graph.*Got 'stranger:0'"),
    "train op type": (
        lambda: E.EstimatorSpec("train", loss=T(1.0), train_op=3),
        "`train_op` must be an operation or a",
    ),
    "train op graph": (lambda: E.EstimatorSpec("train", loss=T(1.0), train_op=STRANGER), "`train_op` is of another"),
    "predictions": (lambda: E.EstimatorSpec("infer", {"a": 3}), "`predictions` must be tensors; 'a' is not. Got 3"),
    "predictions graph": (lambda: E.EstimatorSpec("infer", {"a": STRANGER}), r"`predictions\[a\]` is of another"),
    "metrics": (lambda: E.EstimatorSpec("eval", loss=T(1.0), eval_metric_ops=3), "`eval_metric_ops` must be a dict"),
    "metric": (lambda: E.EstimatorSpec("eval", loss=T(1.0), eval_metric_ops={"a": T(1)}), "has 'a'.*a pair"),
    "metric part": (lambda: E.EstimatorSpec("eval", loss=T(1.0), eval_metric_ops={"a": (T(1), 2)}), "has 'a'. Got 2"),
    "metric graph": (
        lambda: E.EstimatorSpec("eval", loss=T(1.0), eval_metric_ops={"a": (STRANGER, T(1))}),
        r"`eval_metric_ops\[a\]` is of another graph",
    ),
    "hooks": (
        lambda: E.EstimatorSpec("eval", loss=T(1.0), evaluation_hooks=[3]),
        "of `evaluation_hooks` must be a hook",
    ),
    "scaffold": (lambda: E.EstimatorSpec("eval", loss=T(1.0), scaffold=3), "`scaffold` has another type. Got 3"),
    "outputs": (lambda: E.EstimatorSpec("infer", T(1), export_outputs=3), "`export_outputs` must be a dictionary"),
    "output": (lambda: E.EstimatorSpec("infer", T(1), export_outputs={"a": 3}), "`export_outputs` has 'a'. Got 3"),
    "no default": (
        lambda: E.EstimatorSpec("infer", T(1), export_outputs={n: E.export.PredictOutput(T(1)) for n in "ab"}),
        "several entries and no default. Got .'a', 'b'.*'serving_default'",
    ),
}


@pytest.mark.parametrize("case", SPECS)
def test_a_spec_is_checked_at_once(plain_graph, case):
    call, text = SPECS[case]
    with pytest.raises(errors.Tf1bnError, match=f"^EstimatorSpec: .*{text}"):
        call()


def test_a_spec_is_completed(plain_graph):
    made = E.EstimatorSpec("train", loss=T([2.0]), train_op=tf.no_op())
    assert made.loss.shape == [] and made.eval_metric_ops == {} and made.training_hooks == ()
    assert made.predictions == {} and isinstance(made.scaffold, tf.train.Scaffold)
    served = E.EstimatorSpec("infer", T(1)).export_outputs
    assert list(served) == ["serving_default"] and list(served["serving_default"].outputs) == ["output"]
    hook = tf.train.StopAtStepHook(1)
    assert made._replace(training_hooks=[hook]).training_hooks == (hook,)
    with pytest.raises(errors.ArgumentError, match="EstimatorSpec._replace: the mode .* cannot change"):
        made._replace(mode="eval")
    spec.require_mode(ModeKeys.EVAL)


def test_metrics_that_are_objects_are_taken(plain_graph):
    class Metric:
        def __init__(self):
            self.updates = [tf.no_op()]

        def result(self):
            return T(3.0)

    ((value, update),) = E.EstimatorSpec("eval", loss=T(1.0), eval_metric_ops={"m": Metric()}).eval_metric_ops.values()
    assert isinstance(value, tf.Tensor) and isinstance(update, tf.Operation)


OUTPUTS = {
    "classification": (lambda: E.export.ClassificationOutput(), "ClassificationOutput: pass `scores`, `classes` or"),
    "scores": (lambda: E.export.ClassificationOutput(T(1)), "`scores` must be a float tensor"),
    "classes": (lambda: E.export.ClassificationOutput(classes=T(1)), "`classes` must be a string tensor"),
    "regression": (lambda: E.export.RegressionOutput(T(1)), "RegressionOutput: `value` must be a float tensor"),
    "name": (lambda: E.export.PredictOutput({3: T(1)}), "PredictOutput: names of outputs must be strings. Got 3"),
    "tensor": (lambda: E.export.PredictOutput({"a": 3}), "output 'a' must be a tensor. Got 3"),
    "no features": (lambda: E.export.ServingInputReceiver(None, T(1)), "ServingInputReceiver: `features` is missing"),
    "feature": (lambda: E.export.ServingInputReceiver({"a": 3}, T(1)), "`features` has 'a'. Got 3; expected a tensor"),
    "feature name": (lambda: E.export.ServingInputReceiver({1.5: T(1)}, T(1)), "names in `features` must be strings"),
    "receiver": (lambda: E.export.ServingInputReceiver(T(1), {3: T(1)}), "names in `receiver_tensors` must be strings"),
    "alternatives": (lambda: E.export.ServingInputReceiver(T(1), T(1), 3), "`receiver_tensors_alternatives` must be a"),
    "one tensor": (lambda: E.export.TensorServingInputReceiver({}, T(1)), "`features` must be one tensor"),
    "labels": (lambda: E.export.SupervisedInputReceiver(T(1), None, T(1)), "`labels` is missing"),
    "names in common": (
        lambda: E.experimental.build_raw_supervised_input_receiver_fn({"a": T(1)}, {"a": T(1)}),
        "features and labels have names in common. Got .'a'.",
    ),
    "a base": (lambda: export_outputs.ExportOutput(), "abstract class ExportOutput.*as_signature_def"),
}


@pytest.mark.parametrize("case", OUTPUTS)
def test_outputs_and_receivers_are_checked(plain_graph, case):
    call, text = OUTPUTS[case]
    with pytest.raises((errors.Tf1bnError, TypeError), match=text):
        call()


SETTINGS = {
    "both": ({"save_checkpoints_steps": 1, "save_checkpoints_secs": 1}, "set either `save_checkpoints_steps` or"),
    "steps": ({"save_checkpoints_steps": 0}, "`save_checkpoints_steps` must be above zero. Got 0"),
    "hours": ({"keep_checkpoint_every_n_hours": 0}, "`keep_checkpoint_every_n_hours` must be above zero"),
    "timeout": ({"session_creation_timeout_secs": 0}, "`session_creation_timeout_secs` must be above zero"),
    "kept": ({"keep_checkpoint_max": -1}, "`keep_checkpoint_max` must not be negative"),
    "summaries": ({"save_summary_steps": -1}, "`save_summary_steps` must not be negative"),
    "folder": ({"model_dir": ""}, "`model_dir` must not be empty"),
    "session": ({"session_config": {}}, "`session_config` must be a tf.ConfigProto"),
    "seed": ({"tf_random_seed": 1.5}, "`tf_random_seed` must be a whole number. Got 1.5"),
    "device": ({"device_fn": "/cpu:0"}, "`device_fn` must be a function"),
    "strategy": (
        {"train_distribute": "mirrored"},
        "`train_distribute` is not served. Got 'mirrored'.*tf1bn.distribute",
    ),
    "other strategy": ({"eval_distribute": 1}, "`eval_distribute` is not served"),
    "third strategy": ({"experimental_distribute": 1}, "`experimental_distribute` is not served"),
    "protocol": ({"protocol": "grpc"}, "`protocol` is not served"),
    "delay": ({"experimental_max_worker_delay_secs": 1}, "`experimental_max_worker_delay_secs` is not served"),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_settings_are_checked(case):
    arguments, text = SETTINGS[case]
    with pytest.raises(errors.Tf1bnError, match=f"RunConfig: {text}"):
        E.RunConfig(**arguments)


def test_settings_have_defaults_and_are_replaced():
    config = E.RunConfig()
    assert (config.save_checkpoints_secs, config.save_checkpoints_steps, config.keep_checkpoint_max) == (600, None, 5)
    assert (config.task_type, config.task_id, config.master, config.is_chief) == ("worker", 0, "", True)
    assert (config.num_ps_replicas, config.num_worker_replicas, config.global_id_in_cluster) == (0, 1, 0)
    assert config.session_config is None and config.service is None and config.tf_random_seed is None
    steps = config.replace(save_checkpoints_steps=3, model_dir="m")
    assert (steps.save_checkpoints_secs, steps.save_checkpoints_steps, steps.model_dir) == (None, 3, "m")
    assert steps.replace(save_checkpoints_secs=4).save_checkpoints_steps is None and config.model_dir is None
    with pytest.raises(errors.ArgumentError, match="RunConfig.replace: this cannot be replaced. Got .'save_step'."):
        config.replace(save_step=3)
    with pytest.raises(errors.ArgumentError, match="RunConfig.replace: `save_checkpoints_steps` must be above zero"):
        config.replace(save_checkpoints_steps=0)


def test_the_environment_may_name_a_folder_and_a_single_chief(monkeypatch):
    chief = {
        "cluster": {"chief": ["a:1"]},
        "task": {"type": "chief", "index": 0},
        "model_dir": "m",
        "service": {"s": 1},
    }
    monkeypatch.setenv("TF_CONFIG", json.dumps(chief))
    config = E.RunConfig()
    assert (config.model_dir, config.task_type, config.is_chief, config.service) == ("m", "chief", True, {"s": 1})
    assert config.cluster_spec.as_dict() == {"chief": ["a:1"]} and config.master == ""
    with pytest.raises(errors.ArgumentError, match="`model_dir` and the folder of TF_CONFIG differ. Got .'n', 'm'."):
        E.RunConfig(model_dir="n")


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("{", "TF_CONFIG is not JSON"),
        ("[]", "TF_CONFIG is not a JSON object"),
        (
            json.dumps({"cluster": {"chief": ["a:1"], "ps": ["b:1"]}, "task": {"type": "ps"}}),
            "a cluster of several proc",
        ),
        (json.dumps({"cluster": {"chief": ["a:1"]}, "task": {"type": "evaluator"}}), "a cluster of several processes"),
        (json.dumps({"cluster": {"chief": ["a:1"]}, "task": {"type": "worker"}}), "a task that its cluster has not"),
    ],
)
def test_other_environments_are_refused(monkeypatch, text, complaint):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(errors.ArgumentError, match=f"RunConfig: .*{complaint}"):
        E.RunConfig()


def with_metric(name):
    def model_fn(features, labels, mode):
        return small.make_model_fn()(features, labels, mode)._replace(eval_metric_ops={name: (T(1.0), tf.no_op())})

    return model_fn


def no_labels(features, mode):
    return None


MODEL = small.make_model_fn()
INPUT = small.batches()

CALLS = {
    "config": (lambda d: E.Estimator(MODEL, d, 3), "Estimator: `config` has another type. Got 3; expected a RunConfig"),
    "model_fn": (lambda d: E.Estimator(3, d), "Estimator: `model_fn` must be a function. Got 3"),
    "features": (lambda d: E.Estimator(lambda x: x, d), "Estimator: model_fn must take `features`. Got ..x"),
    "params": (lambda d: E.Estimator(MODEL, d, params={"a": 1}), "`params` are given, but model_fn does not take them"),
    "arguments": (lambda d: E.Estimator(lambda features, y: 1, d), "arguments that an Estimator has not. Got .'y'."),
    "folders": (lambda d: E.Estimator(MODEL, d, E.RunConfig("other")), "`model_dir` and that of `config` differ"),
    "limits": (lambda d: E.Estimator(MODEL, d).train(INPUT, steps=1, max_steps=1), "train: pass either `steps` or"),
    "steps": (lambda d: E.Estimator(MODEL, d).train(INPUT, steps=0), "`steps` must be above zero"),
    "max_steps": (lambda d: E.Estimator(MODEL, d).train(INPUT, max_steps=-1), "`max_steps` must be above zero"),
    "hooks": (lambda d: E.Estimator(MODEL, d).train(INPUT, hooks=[3]), "every entry of `hooks` must be a hook. Got 3"),
    "listener": (lambda d: E.Estimator(MODEL, d).train(INPUT, saving_listeners=[3]), "`saving_listeners` has another"),
    "no saving": (
        lambda d: E.Estimator(MODEL, d, E.RunConfig(save_checkpoints_secs=None)).train(
            INPUT, steps=1, saving_listeners=[tf.train.CheckpointSaverListener()]
        ),
        "train: `saving_listeners` wait for checkpoints, and none are saved",
    ),
    "input_fn": (lambda d: E.Estimator(MODEL, d).train(3, steps=1), "`input_fn` must be a function. Got 3"),
    "three values": (lambda d: E.Estimator(MODEL, d).train(lambda: (1, 2, 3)), "input_fn returned 3 values"),
    "labels": (lambda d: E.Estimator(no_labels, d).train(INPUT), "input_fn returns labels, but model_fn does not take"),
    "result": (lambda d: E.Estimator(no_labels, d).evaluate(lambda: T(1)), "model_fn returned something else"),
    "eval steps": (lambda d: E.Estimator(MODEL, d).evaluate(INPUT, steps=0), "evaluate: `steps` must be above zero"),
    "loss": (lambda d: E.Estimator(with_metric("loss"), d).evaluate(INPUT), "has 'loss', which an Estimator adds"),
    "step": (lambda d: E.Estimator(with_metric("global_step"), d).evaluate(INPUT), "has 'global_step', which an"),
    "receiver": (lambda d: E.Estimator(MODEL, d).export_saved_model(d, None), "`serving_input_receiver_fn` is missing"),
    "old receiver": (lambda d: E.Estimator(MODEL, d).export_savedmodel(d, None), "`serving_input_receiver_fn` is mis"),
    "modes": (
        lambda d: E.Estimator(MODEL, d).experimental_export_all_saved_models(d, {"x": 1}),
        "unknown mode. Got .'x'",
    ),
    "train spec": (lambda d: E.TrainSpec(3), "TrainSpec: `input_fn` must be a function"),
    "train limit": (lambda d: E.TrainSpec(INPUT, max_steps=0), "TrainSpec: `max_steps` must be above zero"),
    "eval spec": (lambda d: E.EvalSpec(INPUT, name=3), "EvalSpec: `name` must be a string"),
    "throttle": (lambda d: E.EvalSpec(INPUT, throttle_secs=-1), "`throttle_secs` must not be negative"),
    "delay": (lambda d: E.EvalSpec(INPUT, start_delay_secs=-1), "`start_delay_secs` must not be negative"),
    "exporters": (lambda d: E.EvalSpec(INPUT, exporters=[3]), "`exporters` has another type. Got 3"),
    "one name": (
        lambda d: E.EvalSpec(INPUT, exporters=[E.FinalExporter("a", INPUT), E.FinalExporter("a", INPUT)]),
        "two exporters have one name",
    ),
    "alternating": (lambda d: E.train_and_evaluate(3, 4, 5), "train_and_evaluate: `estimator` has another type"),
    "exporter name": (lambda d: E.FinalExporter("", INPUT), "FinalExporter: `name` must be a string, not empty"),
    "exporter function": (lambda d: E.LatestExporter("a", None), "LatestExporter: `serving_input_receiver_fn` must be"),
    "exports": (lambda d: E.LatestExporter("a", INPUT, exports_to_keep=0), "`exports_to_keep` must be above zero"),
    "best exports": (lambda d: E.BestExporter("a", INPUT, exports_to_keep=0), "`exports_to_keep` must be above zero"),
    "comparison": (
        lambda d: E.BestExporter("a", INPUT, compare_fn=lambda a, b: 1),
        "`compare_fn` takes other arguments",
    ),
    "steps exporter": (lambda d: exporters.StepsExporter([], "a", INPUT), "`steps_to_keep` must be positive numbers"),
    "metric_fn": (lambda d: E.add_metrics(E.Estimator(MODEL, d), lambda x: 1), "`metric_fn` takes other arguments"),
    "hook estimator": (lambda d: early_stopping.make_early_stopping_hook(3, len), "`estimator` has another type"),
    "hook function": (
        lambda d: early_stopping.make_early_stopping_hook(E.Estimator(MODEL, d), 3),
        "`should_stop_fn` must",
    ),
    "hook pace": (
        lambda d: early_stopping.make_early_stopping_hook(E.Estimator(MODEL, d), len, 1, 1),
        "pass one of `run_every_secs` and `run_every_steps`",
    ),
    "stop hook": (lambda d: E.experimental.make_stop_at_checkpoint_step_hook(3, 1), "`estimator` has another type"),
    "stop wait": (
        lambda d: E.experimental.make_stop_at_checkpoint_step_hook(E.Estimator(MODEL, d), 1, -1),
        "`wait_after_file_check_secs` must not be negative",
    ),
    "memory": (lambda d: E.experimental.InMemoryEvaluatorHook(3, INPUT), "`estimator` has another type"),
    "memory pace": (
        lambda d: E.experimental.InMemoryEvaluatorHook(E.Estimator(MODEL, d), INPUT, every_n_iter=0),
        "`every_n_iter` must be above zero",
    ),
    "absent": (
        lambda d: E.BoostedTreesClassifier,
        "tf.estimator has no 'BoostedTreesClassifier' in tf1bn. It is a whole model",
    ),
    "no loss to compare": (
        lambda d: exporters._smaller_loss({"loss": 1}, {"a": 1}),
        "BestExporter: there is no loss to compare. Got ..a",
    ),
}


@pytest.mark.parametrize("case", CALLS)
def test_calls_are_checked(folder, case):
    call, text = CALLS[case]
    with pytest.raises(errors.Tf1bnError, match=text):
        call(folder)


def test_params_that_are_not_given_are_warned_about(folder):
    with pytest.warns(errors.Tf1bnWarning, match="model_fn takes `params`, but none are given"):
        E.Estimator(lambda features, params: 1, folder)


def test_a_folder_is_made_up_when_none_is_named(caplog):
    with caplog.at_level("WARNING", logger="tensorflow"):
        model = E.Estimator(MODEL)
    assert os.path.isdir(model.model_dir) and model.model_dir in caplog.text
    assert model.config.model_dir == model.model_dir
    os.rmdir(model.model_dir)


def test_examples_have_features_labels_and_weights():
    column = tf.feature_column.numeric_column("x", [3])
    found = E.classifier_parse_example_spec([column], "y", weight_column="w")
    assert found["y"] == tf.FixedLenFeature((1,), tf.int64) and sorted(found) == ["w", "x", "y"]
    found = E.regressor_parse_example_spec([column], "y", label_dimension=2, label_default=0.0)
    assert found["y"] == tf.FixedLenFeature((2,), tf.float32, 0.0)
    with pytest.raises(errors.ArgumentError, match="a feature column is called as the label, 'x'"):
        E.classifier_parse_example_spec([column], "x")
