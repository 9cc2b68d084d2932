"""TPUEstimator on a processor."""

from __future__ import annotations

import glob
import os

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests.compat.estimator import small
from tf1bn import errors
from tf1bn.compat import estimator
from tf1bn.compat.contrib.hparams import HParams
from tf1bn.compat.estimator import tpu_optimizer

tpu = estimator.tpu


def make(folder, model_fn, config=None, **options):
    config = config or tpu.RunConfig(model_dir=folder, log_step_count_steps=1, save_summary_steps=1)
    sizes = {"train_batch_size": 20, "eval_batch_size": 15, "predict_batch_size": 6}
    return tpu.TPUEstimator(model_fn, config=config, use_tpu=False, **{**sizes, **options})


def input_fn(params):
    return tf.data.Dataset.from_tensor_slices(({"x": small.X}, small.Y)).batch(params["batch_size"])


def model_fn(features, labels, mode, params):
    assert params["use_tpu"] is False
    assert params.get("batch_size") == {"train": 20, "eval": 15, "infer": 6}[mode] or "batch_size" not in params
    spec = small.make_model_fn()(features, labels, mode)
    if mode == "infer":
        return tpu.TPUEstimatorSpec(mode, predictions=spec.predictions)

    def metric_fn(labels, y):
        return {"error": tf.metrics.mean_absolute_error(labels, y)}

    metrics = (metric_fn, {"labels": labels, "y": spec.predictions["y"]})
    return tpu.TPUEstimatorSpec(mode, loss=spec.loss, train_op=spec.train_op, eval_metrics=metrics)


def test_each_mode_has_its_batch_size_and_the_reference_holds(folder, tmp_path):
    model = make(folder, model_fn, params={"more": 1}).train(input_fn)
    assert model.get_variable_value("global_step") == 3
    np.testing.assert_allclose(small.averages_of(model), small.reference_averages(3), rtol=1e-5)
    y = small.reference_output(model, small.X, small.reference_averages(3))
    np.testing.assert_allclose(model.evaluate(input_fn, steps=4)["error"], np.abs(y - small.Y).mean(), rtol=1e-4)
    np.testing.assert_allclose([entry["y"] for entry in model.predict(input_fn)], y, rtol=1e-4, atol=1e-5)
    assert os.path.isdir(model.export_saved_model(str(tmp_path), small.receiver))
    assert model.params == {"more": 1}


def test_the_speed_is_written_as_examples_per_second(folder):
    make(folder, model_fn).train(input_fn)
    (path,) = glob.glob(os.path.join(folder, "*.tfevents.*"))
    points = {
        (value.tag, event.step): value.simple_value
        for event in tf.train.summary_iterator(path)
        for value in event.summary.value
    }
    assert points["examples/sec", 3] > 0 and points["global_step/sec", 3] > 0


def test_a_host_call_runs_with_each_step_and_a_scaffold_is_made(folder):
    seen, made = [], []

    def with_host(features, labels, mode, params):
        spec = model_fn(features, labels, mode, params)

        def host(step):
            return tf.numpy_function(lambda value: seen.append(int(value)) or np.int64(0), [step], tf.int64)

        def scaffold():
            made.append(mode)
            return tf.train.Scaffold()

        return spec._replace(host_call=(host, [tf.train.get_global_step()]), scaffold_fn=scaffold)

    model = make(folder, with_host).train(input_fn, steps=2)
    assert len(seen) == 2 and made == ["train"]
    model.evaluate(input_fn, steps=1)
    assert len(seen) == 3
    nothing = lambda *args, **kw: model_fn(*args, **kw)._replace(host_call=(lambda: None, []))  # noqa: E731

    def quiet(features, labels, mode, params):
        return nothing(features, labels, mode, params)

    make(folder, quiet).evaluate(input_fn, steps=1)


def test_hyperparameters_and_plain_specs_are_taken(folder):
    def plain(features, labels, mode, params):
        assert params.batch_size == 20 and params.rate == 0.5
        return small.make_model_fn()(features, labels, mode)

    model = make(folder, plain, params=HParams(rate=0.5))
    model.train(lambda params: input_fn({"batch_size": params.batch_size}))
    assert model.get_variable_value("global_step") == 3


def test_without_sizes_functions_need_no_params(folder):
    model = make(folder, small.make_model_fn(), train_batch_size=None)
    model.train(small.batches(repeat=False))
    assert model.get_variable_value("global_step") == 3


def test_settings_of_the_hardware_are_kept():
    config = tpu.RunConfig(tpu_config=tpu.TPUConfig(iterations_per_loop=9, num_shards=8), save_summary_steps=7)
    other = config.replace(tpu_config=tpu.TPUConfig(per_host_input_for_training=False), save_summary_steps=8)
    assert config.tpu_config.iterations_per_loop == 9 and config.save_summary_steps == 7
    assert other.tpu_config.per_host_input_for_training == tpu.InputPipelineConfig.PER_SHARD_V1
    assert (other.save_summary_steps, other.cluster, other.master) == (8, None, "")
    assert tpu.RunConfig(master="a").evaluation_master == "a"
    assert config.replace(save_summary_steps=1).tpu_config is config.tpu_config


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda d: tpu.TPUEstimator(model_fn, d, tpu.RunConfig()), "`use_tpu` is True, and there is no TPU here"),
        (lambda d: make(d, model_fn, embedding_config_spec=1), "`embedding_config_spec` is of TPU embeddings"),
        (lambda d: make(d, model_fn, export_saved_model_api_version=2), "`export_saved_model_api_version` 2"),
        (lambda d: make(d, model_fn, export_to_cpu=False), "`export_to_cpu` is False"),
        (lambda d: make(d, model_fn, estimator.RunConfig()), "`config` has another type"),
        (lambda d: make(d, model_fn, params={"batch_size": 1}), "keys that a TPUEstimator sets itself. Got ..batch_"),
        (lambda d: make(d, model_fn, eval_batch_size=0), "the batch size of mode 'eval' must be a positive number"),
        (lambda d: tpu.RunConfig(cluster="c"), "tpu.RunConfig: `cluster` is of TPUs"),
        (lambda d: tpu.TPUConfig(num_shards=0), "TPUConfig: `num_shards` must be at least 1"),
        (lambda d: tpu.TPUEstimatorSpec("x"), "TPUEstimatorSpec: unknown mode. Got 'x'"),
        (lambda d: tpu.TPUEstimatorSpec("eval", eval_metrics={}), "`eval_metrics` has another form"),
        (lambda d: tpu.TPUEstimatorSpec("eval", host_call=(3, [])), "`host_call` has another form"),
        (lambda d: tpu.TPUEstimatorSpec("eval", scaffold_fn=3), "`scaffold_fn` must be a function"),
        (lambda d: tpu.TPUEstimatorSpec("eval", training_hooks=[3]), "`training_hooks` must be a hook"),
        (lambda d: make(d, model_fn).train(small.batches()), "input_fn must take `params`"),
        (lambda d: make(d, small.make_model_fn()).train(input_fn), "model_fn must take `params`"),
        (
            lambda d: make(d, small.make_model_fn(), params={"a": 1}),
            "`params` are given, but model_fn does not take them",
        ),
    ],
)
def test_what_is_refused(folder, call, text):
    with pytest.raises(errors.Tf1bnError, match=text):
        call(folder)


def test_one_shard_trains_as_its_optimizer():
    with tf.Graph().as_default(), tf.Session() as session:
        v = tf.get_variable("v", [], initializer=tf.ones_initializer())
        momentum = tf.train.MomentumOptimizer(0.5, 0.9)
        optimizer = tpu_optimizer.CrossShardOptimizer(momentum)
        train = optimizer.minimize(v * v)
        summed = tpu_optimizer.cross_replica_sum(v)
        session.run(tf.global_variables_initializer())
        assert session.run(summed) == 1.0
        session.run(train)
        assert session.run(v) == 0.0 and session.run(optimizer.get_slot(v, "momentum")) == 2.0
        assert optimizer.get_slot_names() == ["momentum"] and optimizer.variables() == momentum.variables()
        for call, text in (
            (lambda: tpu_optimizer.CrossShardOptimizer(momentum, reduction="max"), "unknown reduction. Got 'max'"),
            (lambda: tpu_optimizer.CrossShardOptimizer(momentum, group_assignment=[[0]]), "`group_assignment` is of"),
            (lambda: tpu_optimizer.cross_replica_sum(v, [[0]]), "cross_replica_sum: `group_assignment` is of several"),
        ):
            with pytest.raises(errors.ArgumentError, match=text):
                call()
