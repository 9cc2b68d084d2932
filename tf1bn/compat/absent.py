"""What a facade says of a name that it does not have: why, and what to use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from tf1bn import errors

_CANNED = (
    *("BaselineEstimator", "DNNEstimator", "DNNLinearCombinedEstimator", "LinearEstimator"),
    *(
        "BoostedTreesClassifier",
        "BoostedTreesEstimator",
        "BoostedTreesRegressor",
        "KMeans",
        "LinearSDCA",
        "RNNClassifier",
        "RNNEstimator",
        "SVM",
        "LogisticRegressor",
    ),
    *("dnn_logit_fn_builder", "linear_logit_fn_builder"),
)
_READY_MADE = (
    *("DNNClassifier", "DNNRegressor", "LinearClassifier", "LinearRegressor"),
    *("DNNLinearCombinedClassifier", "DNNLinearCombinedRegressor"),
)
"""Models of contrib.learn that tf.estimator has, too."""

_HEADS = (
    *("Head", "BinaryClassHead", "LogisticRegressionHead", "MultiClassHead", "MultiHead", "MultiLabelHead"),
    *("PoissonRegressionHead", "RegressionHead", "binary_classification_head", "logistic_regression_head"),
    *("multi_class_head", "multi_head", "multi_label_head", "poisson_regression_head", "regression_head"),
)

_WORKERS = ("it is for workers that share variables of a parameter server", "the optimizer alone")

_LOOP = "it wrapped the loop of TensorFlow 1.0's decoders"
_STATISTICS = (
    "statistics of input pipelines left TensorFlow",
    "the profiler, or tf.summary on what the pipeline gives",
)

REASONS: dict[str, tuple[str, str]] = {
    "DynamicAttentionWrapper": ("1.2 gave it another name", "AttentionWrapper"),
    "StatsAggregator": _STATISTICS,
    "attention_decoder_fn_inference": (_LOOP, "BasicDecoder with GreedyEmbeddingHelper and an AttentionWrapper"),
    "attention_decoder_fn_train": (_LOOP, "BasicDecoder with TrainingHelper and an AttentionWrapper"),
    "bytes_produced_stats": _STATISTICS,
    "dynamic_rnn_decoder": (_LOOP, "dynamic_decode"),
    "feature_stats": _STATISTICS,
    "latency_stats": _STATISTICS,
    "LSTMCell": ("", "tf.nn.rnn_cell.LSTMCell"),
    "LayerNormLSTMCell": ("1.15 did not have it in tf.contrib.rnn", "LayerNormBasicLSTMCell"),
    "NTMCell": ("1.15 did not have it in tf.contrib.rnn", "the cell's source beside the program"),
    "WeightNormLSTMCell": ("1.15 did not have it in tf.contrib.rnn", "the cell's source beside the program"),
    "cluster_loss": ("it runs a clustering in Python in each step", "triplet_semihard_loss or lifted_struct_loss"),
    "prepare_attention": (_LOOP, "BahdanauAttention or LuongAttention"),
    "set_stats_aggregator": _STATISTICS,
    "simple_decoder_fn_inference": (_LOOP, "BasicDecoder with GreedyEmbeddingHelper"),
    "simple_decoder_fn_train": (_LOOP, "BasicDecoder with TrainingHelper"),
    **dict.fromkeys(
        (
            *("AGNCustomGetter", "AGNOptimizer", "DelayCompensatedGradientDescentOptimizer"),
            *("DropStaleGradientOptimizer", "ElasticAverageCustomGetter", "ElasticAverageOptimizer"),
            *("ModelAverageCustomGetter", "ModelAverageOptimizer"),
        ),
        _WORKERS,
    ),
    **{name: ("", f"tf.estimator.{name} with columns of tf.feature_column, and input_fn") for name in _READY_MADE},
    **dict.fromkeys(
        _CANNED,
        (
            "it is a whole model that TensorFlow wrote",
            "tf.estimator.Estimator with a model_fn that builds the network (tf.feature_column.input_layer, tf.layers, "
            "tf.losses); docs/estimator.md has one",
        ),
    ),
    **dict.fromkeys(
        _HEADS,
        (
            "it is a part of the models that TensorFlow wrote",
            "tf.losses and tf.metrics in the model_fn, which returns an EstimatorSpec; see docs/estimator.md",
        ),
    ),
}
"""Name -> why it is absent, and what to use."""


def reason(name: str) -> str:
    """Returns why a name is absent and what to use, as sentences; "" for a name that is not known."""
    why, use = REASONS.get(name, ("", ""))
    because = f"{why[0].upper()}{why[1:]}. " if why else ""
    return f"{because}Use {use}." if use else ""


def refuse(where: str, name: str, known: Iterable[str]) -> NoReturn:
    """Refuses a name, with the reason and its nearest replacement.

    Raises:
      AbsentError: always; an AttributeError, so ``hasattr`` works.
    """
    fix = reason(name) or errors.did_you_mean(name, known).strip()
    raise errors.AbsentError(errors.explain(f"{where} has no {name!r} in tf1bn", fix=fix))
