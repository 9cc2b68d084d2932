"""What a facade says of a name that it does not have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from tf1bn import errors

_CANNED = (
    *("BaselineClassifier", "BaselineEstimator", "BaselineRegressor", "DNNClassifier", "DNNEstimator", "DNNRegressor"),
    *("DNNLinearCombinedClassifier", "DNNLinearCombinedEstimator", "DNNLinearCombinedRegressor", "LinearClassifier"),
    *("LinearEstimator", "LinearRegressor", "BoostedTreesClassifier", "BoostedTreesEstimator"),
    *("BoostedTreesRegressor", "KMeans", "LinearSDCA", "RNNClassifier", "RNNEstimator", "SVM", "LogisticRegressor"),
    *("dnn_logit_fn_builder", "linear_logit_fn_builder"),
)
_HEADS = (
    *("Head", "BinaryClassHead", "LogisticRegressionHead", "MultiClassHead", "MultiHead", "MultiLabelHead"),
    *("PoissonRegressionHead", "RegressionHead", "binary_classification_head", "logistic_regression_head"),
    *("multi_class_head", "multi_head", "multi_label_head", "poisson_regression_head", "regression_head"),
)

NEAREST = {
    "adaptive_clipping_fn": "a function of the (gradient, variable) pairs as clip_gradients",
    "bow_encoder": "tf.nn.embedding_lookup and tf.reduce_mean",
    "conv2d_in_plane": "tf.nn.depthwise_conv2d",
    "rev_block": "tf.recompute_grad",
    "cluster_loss": "mean_squared_error of pairwise distances, or the package tensorflow-addons' losses",
    "embed_sequence": "tf.nn.embedding_lookup",
    "embedding_column": "tf.feature_column.embedding_column",
    "LSTMCell": "tf.nn.rnn_cell.LSTMCell",
    **dict.fromkeys(
        _CANNED,
        "tf.estimator.Estimator with a model_fn that builds the network (tf.feature_column.input_layer, tf.layers, "
        "tf.losses); docs/estimator.md has one",
    ),
    **dict.fromkeys(
        _HEADS,
        "tf.losses and tf.metrics in the model_fn, which returns a tf.estimator.EstimatorSpec; see docs/estimator.md",
    ),
}
"""The nearest replacement by name."""


def refuse(where: str, name: str, known: Iterable[str]) -> NoReturn:
    """Refuses a name, with its nearest replacement.

    Raises:
      AbsentError: always; an AttributeError, so ``hasattr`` works.
    """
    near = NEAREST.get(name)
    fix = f"Use {near}." if near else errors.did_you_mean(name, known).strip()
    raise errors.AbsentError(errors.explain(f"{where} has no {name!r} in tf1bn", fix=fix))
