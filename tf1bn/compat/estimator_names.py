"""The paths of ``tf.estimator``, and those of ``tf.contrib`` and of private modules that had the same names."""

from __future__ import annotations

from tf1bn.compat.paths import Path, taken

_HOOKS = {
    name: f"=train.{name}"
    for name in (
        *("CheckpointSaverHook", "CheckpointSaverListener", "FeedFnHook", "FinalOpsHook", "GlobalStepWaiterHook"),
        *("LoggingTensorHook", "NanLossDuringTrainingError", "NanTensorHook", "ProfilerHook", "SecondOrStepTimer"),
        *("SessionRunArgs", "SessionRunContext", "SessionRunHook", "SessionRunValues", "StepCounterHook"),
        *("StopAtStepHook", "SummarySaverHook", "VocabInfo"),
    )
}

_EXPORTS = {
    "export_saved_model_for_mode": "estimator.contrib_exports:export_saved_model_for_mode",
    "export_all_saved_models": "estimator.contrib_exports:export_all_saved_models",
}

_LEARN = {
    **taken("estimator.learn_estimator", "Estimator"),
    **taken("estimator.learn_experiment", "Experiment", "ExportStrategy", "make_export_strategy"),
    **taken("estimator.learn_ops", "InputFnOps", "MetricSpec", "ModeKeys", "ModelFnOps", "ProblemType"),
    **taken("estimator.learn_run_config", "RunConfig"),
    **taken("estimator.run_config", "TaskType"),
}

_SERVING_INPUTS = taken(
    "estimator.learn_ops", "InputFnOps", "build_default_serving_input_fn", "build_parsing_serving_input_fn"
)

_ALL = Path(taken("estimator.run_config", "TaskType"), also=("estimator",), real=False)
_INPUTS = Path(also=("estimator.inputs",), real=False)
_EXPORT = Path(modules=("estimator.export", "estimator.receivers"), real=False)
_STOPPING = Path(modules=("estimator.early_stopping",), real=False)

_PRIVATE: dict[str, Path] = {
    **{
        name: _ALL
        for name in ("", "estimator", "estimator_lib", "model_fn", "run_config", "training", "exporter", "extenders")
    },
    "mode_keys": _ALL,
    "early_stopping": _STOPPING,
    "inputs": _INPUTS,
    "inputs.inputs": _INPUTS,
    "inputs.numpy_io": _INPUTS,
    "inputs.pandas_io": _INPUTS,
    "export": _EXPORT,
    "export.export": _EXPORT,
    "export.export_lib": _EXPORT,
    "export.export_output": _EXPORT,
    "hooks": Path(also=("estimator", "estimator.experimental"), real=False),
    "hooks.hooks": Path(also=("estimator", "estimator.experimental"), real=False),
}
"""Modules of the package tensorflow_estimator, below its folder ``python.estimator``."""


def _private(root: str) -> dict[str, Path]:
    return {f"{root}.{name}".rstrip("."): row for name, row in _PRIVATE.items()}


_TPU = Path(
    taken("estimator.tpu_optimizer", "CrossShardOptimizer", "cross_replica_sum"),
    modules=("estimator.tpu",),
    also=("tpu",),
    real=False,
)
_RUNNER = Path(taken("estimator.learn_experiment", "run"), real=False)
_LEARNING = Path(_LEARN, real=False)
_PREPROCESSING = Path(
    {"TOKENIZER_RE": "learn_preprocessing:TOKENIZER_RE"}, modules=("learn_preprocessing",), real=False
)

PACKAGE = "python.tensorflow_estimator"
"""The facade's path of the package ``tensorflow_estimator``."""

ESTIMATOR: dict[str, Path] = {
    "estimator": Path(_HOOKS, modules=("estimator",), real=False),
    "estimator.experimental": Path(modules=("estimator.experimental",), real=False),
    "estimator.export": Path(modules=("estimator.export",), real=False),
    "estimator.inputs": Path(modules=("estimator.inputs",), real=False),
    "estimator.tpu": Path(modules=("estimator.tpu",), real=False),
    "tpu": Path(taken("estimator.tpu_optimizer", "CrossShardOptimizer", "cross_replica_sum")),
    "contrib.estimator": Path(
        {
            **taken("estimator", "add_metrics"),
            **taken("estimator.exporters", "StepsExporter"),
            **taken("estimator.early_stopping", "read_eval_metrics"),
            **taken("estimator.clipping", "clip_gradients_by_norm"),
            **_EXPORTS,
        },
        modules=("estimator.experimental",),
        real=False,
    ),
    "contrib.estimator.python.estimator.early_stopping": _STOPPING,
    "contrib.estimator.python.estimator.extenders": Path(also=("contrib.estimator",), real=False),
    "contrib.estimator.python.estimator.hooks": Path(also=("contrib.estimator",), real=False),
    "contrib.predictor": Path(modules=("estimator.predictors",), real=False),
    "contrib.tpu": _TPU,
    **{
        f"{place}.tpu.{name}": _TPU
        for place in ("contrib.tpu.python", "python")
        for name in ("tpu_config", "tpu_estimator", "tpu_optimizer")
    },
    "contrib.tpu.python.ops.tpu_ops": _TPU,
    "contrib.learn": Path({**_LEARN, "NanLossDuringTrainingError": "=train.NanLossDuringTrainingError"}, real=False),
    "contrib.learn.learn_runner": _RUNNER,
    "contrib.learn.utils": Path(taken("estimator.learn_experiment", "make_export_strategy"), real=False),
    "contrib.learn.utils.input_fn_utils": Path(_SERVING_INPUTS, real=False),
    "contrib.learn.io": _INPUTS,
    **{f"contrib.learn.{place}preprocessing": _PREPROCESSING for place in ("", "python.learn.")},
    **{
        f"contrib.learn.python.learn.preprocessing.{name}": _PREPROCESSING
        for name in ("categorical", "categorical_vocabulary", "text")
    },
    "contrib.learn.python.learn": _LEARNING,
    "contrib.learn.python.learn.learn_runner": _RUNNER,
    "contrib.learn.python.learn.experiment": _LEARNING,
    "contrib.learn.python.learn.export_strategy": _LEARNING,
    "contrib.learn.python.learn.metric_spec": _LEARNING,
    "contrib.learn.python.learn.learn_io.numpy_io": _INPUTS,
    "contrib.learn.python.learn.learn_io.pandas_io": _INPUTS,
    "contrib.learn.python.learn.estimators": _LEARNING,
    **{
        f"contrib.learn.python.learn.estimators.{name}": _LEARNING
        for name in ("constants", "estimator", "model_fn", "run_config")
    },
    "contrib.learn.python.learn.utils.input_fn_utils": Path(_SERVING_INPUTS, real=False),
    "contrib.learn.python.learn.utils.saved_model_export_utils": Path(
        taken("estimator.learn_experiment", "make_export_strategy"), real=False
    ),
    **_private("python.estimator"),
    **_private(f"{PACKAGE}.python.estimator"),
    PACKAGE: Path({"estimator": "@estimator"}, real=False),
}

_TOWERS = "Estimators here train on one device; tf1bn.distribute shares statistics between replicas."

ESTIMATOR_REPLACEMENTS: dict[str, str] = {
    "contrib.estimator": "See tf.estimator, which is served here.",
    "contrib.estimator.TowerOptimizer": _TOWERS,
    "contrib.estimator.replicate_model_fn": _TOWERS,
    "contrib.learn": "Estimator, Experiment, learn_runner, RunConfig, ModelFnOps and MetricSpec are served here, "
    "preprocessing and datasets.mnist; for the rest use tf.estimator and hooks of tf.train.",
    "contrib.learn.monitors": "Use hooks of tf.train, or tf.estimator.train_and_evaluate to evaluate on the way.",
    "contrib.tpu": "TPUEstimator and its configuration are served here, on the processor; the rest needs a TPU.",
    "estimator": "docs/estimator.md lists what tf.estimator has here.",
    "estimator.tpu.experimental": "TPU embeddings are not served. Use tf.nn.embedding_lookup.",
    "python.estimator": "Use the public names of tf.estimator.",
    PACKAGE: "Use the public names of tf.estimator.",
}
"""Path of an absent name -> what to use instead."""
