"""The older forms of ``tf.contrib.learn`` and ``tf.contrib.estimator``."""

from __future__ import annotations

import os

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests.compat.estimator import small
from tf1bn import errors
from tf1bn.compat import estimator as core
from tf1bn.compat.estimator import (
    calling,
    clipping,
    contrib_exports,
    learn_estimator,
    learn_experiment,
    learn_ops,
    learn_run_config,
)
from tf1bn.compat.estimator.learn_ops import MetricSpec, ModelFnOps


def parts(features, labels, mode):
    spec = small.make_model_fn()(features, labels, mode)
    return spec.predictions, spec.loss, spec.train_op


def triple(features, targets, mode, params):
    assert params == {"a": 1}
    return parts(features, targets, mode)


def ops(features, labels, mode):
    predictions, loss, train_op = parts(features, labels, mode)
    outputs = {"one": (learn_ops.ProblemType.UNSPECIFIED, {"y": predictions["y"]}), "two": (1, dict(predictions))}
    return ModelFnOps(mode, predictions, loss, train_op, output_alternatives=outputs)


def make(folder, model_fn=ops, **options):
    config = learn_run_config.RunConfig(save_checkpoints_steps=2, tf_random_seed=1)
    return learn_estimator.Estimator(model_fn, folder, config, **options)


def error_of(model, steps, inputs=small.X):
    y = small.reference_output(model, inputs, small.reference_averages(steps))
    return np.abs(y - small.Y).mean()


@pytest.mark.parametrize("model_fn, options", [(ops, {}), (triple, {"params": {"a": 1}})], ids=["ops", "triple"])
def test_fit_evaluate_and_predict(folder, model_fn, options):
    model = make(folder, model_fn, **options)
    assert model.fit(input_fn=small.batches(), steps=3) is model
    metrics = {
        "error": MetricSpec(tf.metrics.mean_absolute_error, prediction_key="y"),
        ("square", "y"): tf.metrics.mean_squared_error,
        "largest": MetricSpec(lambda predictions, labels: tf.reduce_max(labels), "y"),
        "old": MetricSpec(lambda predictions, targets: tf.metrics.mean(targets), "y"),
        "weighted": MetricSpec(
            lambda labels, predictions, weights: tf.metrics.mean(labels, weights[:, 0] * 0 + 2), "y", None, "x"
        ),
        "bare": MetricSpec(lambda a, b: tf.metrics.mean_absolute_error(b, a), "y"),
    }
    found = model.evaluate(input_fn=small.batches(repeat=False), metrics=metrics)
    y = small.reference_output(model, small.X, small.reference_averages(3))
    expected = {
        "error": np.abs(y - small.Y).mean(),
        "square": np.square(y - small.Y).mean(),
        "largest": small.Y.reshape(3, 20).max(1).mean(),
        "old": small.Y.mean(),
        "weighted": small.Y.mean(),
        "bare": np.abs(y - small.Y).mean(),
    }
    np.testing.assert_allclose([found[name] for name in expected], list(expected.values()), rtol=1e-3)
    assert found["global_step"] == 3 and "error" not in model.evaluate(input_fn=small.batches(), steps=1)
    joined = model.predict(input_fn=small.batches(repeat=False), as_iterable=False)
    np.testing.assert_allclose(joined["y"], y, rtol=1e-4, atol=1e-5)
    rows = model.predict(small.batches(repeat=False), outputs=["y"])
    np.testing.assert_allclose([row["y"] for row in rows], y, rtol=1e-4, atol=1e-5)
    batches = list(model.predict(input_fn=small.batches(repeat=False), iterate_batches=True))
    assert [batch["x"].shape for batch in batches] == [(20, 3)] * 3


def test_arrays_are_read_without_end_to_train_and_once_to_evaluate(folder):
    model = make(folder).fit(x=small.X, y=small.Y, steps=5, batch_size=50)
    assert model.get_variable_value("global_step") == 5
    averages = small.averages_of(model)
    y = small.reference_output(model, small.X, averages)
    found = model.evaluate({"x": small.X}, small.Y, batch_size=60)
    np.testing.assert_allclose(found["loss"], np.square(y - small.Y).mean(), rtol=1e-4)
    np.testing.assert_allclose(model.predict(x=small.X, as_iterable=False)["y"], y, rtol=1e-4, atol=1e-5)
    model.partial_fit(x=small.X, y=small.Y, max_steps=6)
    assert model.get_variable_value("global_step") == 6


def test_features_are_engineered(folder):
    model = make(folder, feature_engineering_fn=lambda x, y: ({"x": x["x"] * 0.0 + 1.0}, y))
    model.fit(input_fn=small.batches(), steps=1)
    np.testing.assert_allclose(small.averages_of(model).mean, 0.2 * np.ones(3), rtol=1e-5)


def test_an_output_is_made_the_default_of_an_export(folder, tmp_path):
    model = make(folder).fit(input_fn=small.batches(), steps=1)
    features = {"x": tf.FixedLenFeature([3], tf.float32)}
    inputs = learn_ops.build_parsing_serving_input_fn(features)
    path = model.export_savedmodel(str(tmp_path), inputs, default_output_alternative_key="two")
    with tf.Graph().as_default(), tf.Session() as session:
        definitions = tf.saved_model.loader.load(session, ["serve"], path.decode()).signature_def
    assert {name: sorted(d.outputs) for name, d in definitions.items()} == {
        "one": ["y"],
        "two": ["x", "y"],
        "serving_default": ["x", "y"],
    }
    with pytest.raises(errors.ArgumentError, match="there is no such output. Got 'three'"):
        model.export_savedmodel(str(tmp_path), inputs, default_output_alternative_key="three")


def experiment(folder, **options):
    inputs = learn_ops.build_default_serving_input_fn
    strategy = learn_experiment.make_export_strategy(
        lambda: inputs({"x": tf.zeros([1, 3], name="x")})(), "one", exports_to_keep=1
    )
    model = make(folder)
    return learn_experiment.Experiment(
        model,
        small.batches(),
        small.batches(repeat=False),
        **{
            "train_steps": 5,
            "eval_steps": None,
            "eval_metrics": {"error": MetricSpec(tf.metrics.mean_absolute_error, "y")},
            "export_strategies": strategy,
            **options,
        },
    )


def test_an_experiment_trains_evaluates_and_exports(folder):
    seen = []
    config = learn_run_config.RunConfig(model_dir=folder)
    metrics, paths = learn_experiment.run(
        lambda run_config, hparams: (
            seen.append((run_config.model_dir, hparams)) or experiment(folder, min_eval_frequency=2)
        ),
        run_config=config,
        hparams=3,
    )
    model = make(folder)
    assert seen == [(folder, 3)] and metrics["global_step"] == 5
    np.testing.assert_allclose(metrics["error"], error_of(model, 5), rtol=1e-4)
    assert list(core.experimental.make_early_stopping_hook.__globals__["read_eval_metrics"](model.eval_dir())) == [
        2,
        4,
        5,
    ]
    assert os.path.dirname(paths[0].decode()) == os.path.join(folder, "export", "Servo")


def test_the_parts_of_an_experiment(folder):
    one = experiment(folder)
    assert (one.train_steps, one.eval_steps, one.estimator.model_dir) == (5, None, folder)
    runs = []

    class Hook(tf.train.SessionRunHook):
        def after_run(self, run_context, run_values):
            runs.append(1)

    one.extend_train_hooks([Hook()])
    assert len(one.reset_export_strategies()) == 1
    metrics, paths = one.test()
    assert len(runs) == 1 and paths == [] and metrics["global_step"] == 1
    one.train()
    assert one.evaluate(name="again")["global_step"] == 5 and os.path.isdir(os.path.join(folder, "eval_again"))
    assert learn_experiment.run(lambda output_dir: one, output_dir=folder, schedule="evaluate")["global_step"] == 5


def test_settings_of_sessions():
    config = learn_run_config.RunConfig(num_cores=3, gpu_memory_fraction=0.5, master="m", save_checkpoints_steps=7)
    assert config.tf_config.inter_op_parallelism_threads == config.session_config.intra_op_parallelism_threads == 3
    assert (config.master, config.save_checkpoints_steps, config.save_checkpoints_secs) == ("m", 7, None)


LEARN = learn_estimator.Estimator
EXPERIMENT = learn_experiment.Experiment


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda d: make(d).fit(), "Estimator.fit: pass either arrays as `x`, or `input_fn`"),
        (lambda d: make(d).fit(small.X, small.Y, small.batches(), 1), "pass either arrays as `x`, or `input_fn`"),
        (lambda d: make(d).fit(small.X, small.Y), "arrays are read without end. Pass `steps` or `max_steps`"),
        (lambda d: make(d).fit(input_fn=small.batches(), batch_size=3, steps=1), "`y` and `batch_size` are of arrays"),
        (lambda d: make(d).evaluate(small.X, feed_fn=1), "`feed_fn` is not served"),
        (lambda d: make(d).evaluate(small.X, log_progress=3), "`log_progress` must be a bool"),
        (lambda d: EXPERIMENT(3, None, None), "Experiment: `estimator` has another type"),
        (lambda d: experiment(d, checkpoint_and_export=True), "Experiment: `checkpoint_and_export` is not served"),
        (lambda d: experiment(d, export_strategies=[3]), "`export_strategies` has another type"),
        (lambda d: experiment(d).train(delay_secs=3), "`delay_secs` is not served"),
        (
            lambda d: EXPERIMENT(core.Estimator(small.make_model_fn(), d), None, None, {}),
            "`eval_metrics` are of contrib.learn.Estimator",
        ),
        (lambda d: learn_experiment.run(None), "learn_runner.run: pass either `output_dir` or `run_config`"),
        (lambda d: learn_experiment.run(None, d, hparams=3), "`hparams` go with `run_config`"),
        (lambda d: learn_experiment.run(None, d, "continuous_eval"), "unknown schedule. Got 'continuous_eval'"),
        (lambda d: learn_experiment.run(lambda d: 3, d), "`experiment_fn` returned something else. Got 3"),
        (
            lambda d: MetricSpec(None, "z").create_metric_ops({}, 1, {"y": 2}),
            "`prediction_key` names no entry. Got 'z'",
        ),
        (lambda d: MetricSpec(None, "z").create_metric_ops({}, 1, 2), "`prediction_key` names an entry of what is one"),
        (
            lambda d: learn_experiment.make_export_strategy(None, "key").export(
                core.Estimator(small.make_model_fn(), d), d
            ),
            "`default_output_alternative_key` is of contrib.learn.Estimator",
        ),
        (lambda d: clipping.clip_gradients_by_norm(None, 0), "clip_gradients_by_norm: `clip_norm` must be above zero"),
    ],
)
def test_what_is_refused(folder, call, text):
    with pytest.raises(errors.Tf1bnError, match=text):
        call(folder)


def test_gradients_are_clipped():
    with tf.Graph().as_default(), tf.Session() as session:
        v = tf.get_variable("v", [2], initializer=tf.zeros_initializer())
        unused = tf.get_variable("u", [])
        momentum = tf.train.MomentumOptimizer(1.0, 0.9)
        optimizer = clipping.clip_gradients_by_norm(momentum, 1.0)
        train = optimizer.minimize(tf.reduce_sum(v * [3.0, 4.0]), var_list=[v, unused])
        session.run(tf.global_variables_initializer())
        session.run(train)
        np.testing.assert_allclose(session.run(v), [-0.6, -0.8], rtol=1e-6)
        assert optimizer.get_slot_names() == ["momentum"] and optimizer.get_slot(v, "momentum") is not None
        assert optimizer.variables() == momentum.variables()


def test_exports_as_functions(folder, tmp_path):
    model = core.Estimator(small.make_model_fn(), folder).train(small.batches(), steps=1)
    one = contrib_exports.export_saved_model_for_mode(model, str(tmp_path), small.receiver)
    all_ = contrib_exports.export_all_saved_models(model, str(tmp_path), {"infer": small.receiver})
    assert os.path.isdir(one) and os.path.isdir(all_) and one != all_


def test_a_logit_function_gets_what_it_asks_for():
    call = core.experimental.call_logit_fn
    assert call(lambda features, mode: (features, mode), 1, "eval", 2, 3) == (1, "eval")
    assert calling.arguments_of(lambda a, *, b=1, **rest: 0) == ("a", "b")
