"""The arguments of the ready-made estimators: each list stands here once, for classes and for numbers.

A signature is three parts in a row: what the model looks at, what it says of labels, and how it learns. How dataclasses
make signatures is told in :mod:`tf1bn.compat.calls`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat.estimator.ready_heads import Head, Regression, classes

_SUM = tf.losses.Reduction.SUM


@dataclass(frozen=True)
class Classes:
    """Labels that are one of some classes."""

    n_classes: int = 2
    weight_column: Any = None
    label_vocabulary: Any = None

    def head(self, reduction: str) -> Head:
        """Returns the head of as many classes.

        Raises:
          ArgumentError: fewer than 2 classes, or a vocabulary of another size.
        """
        return classes(self.n_classes, self.label_vocabulary, self.weight_column, reduction)


@dataclass(frozen=True)
class Numbers:
    """Labels that are numbers."""

    label_dimension: int = 1
    weight_column: Any = None

    def head(self, reduction: str) -> Head:
        """Returns the head of as many numbers."""
        return Regression(self.label_dimension, self.weight_column, reduction)


@dataclass(frozen=True)
class _DeepInputs:
    hidden_units: Sequence[int]
    feature_columns: Any
    model_dir: str | None = None


@dataclass(frozen=True)
class Deep:
    """How a stack of dense layers learns."""

    optimizer: Any = "Adagrad"
    activation_fn: Any = tf.nn.relu
    dropout: float | None = None
    input_layer_partitioner: Any = None
    config: Any = None
    warm_start_from: Any = None
    loss_reduction: str = _SUM
    batch_norm: bool = False


@dataclass(frozen=True)
class DeepClasses(Deep, Classes, _DeepInputs):
    """What ``DNNClassifier`` takes."""


@dataclass(frozen=True)
class DeepNumbers(Deep, Numbers, _DeepInputs):
    """What ``DNNRegressor`` takes."""


@dataclass(frozen=True)
class _WideInputs:
    feature_columns: Any
    model_dir: str | None = None


@dataclass(frozen=True)
class Wide:
    """How a linear model learns."""

    optimizer: Any = "Ftrl"
    config: Any = None
    partitioner: Any = None
    warm_start_from: Any = None
    loss_reduction: str = _SUM
    sparse_combiner: str = "sum"


@dataclass(frozen=True)
class WideClasses(Wide, Classes, _WideInputs):
    """What ``LinearClassifier`` takes."""


@dataclass(frozen=True)
class WideNumbers(Wide, Numbers, _WideInputs):
    """What ``LinearRegressor`` takes."""


@dataclass(frozen=True)
class _CombinedInputs:
    model_dir: str | None = None
    linear_feature_columns: Any = None
    linear_optimizer: Any = "Ftrl"
    dnn_feature_columns: Any = None
    dnn_optimizer: Any = "Adagrad"
    dnn_hidden_units: Sequence[int] | None = None
    dnn_activation_fn: Any = tf.nn.relu
    dnn_dropout: float | None = None


@dataclass(frozen=True)
class Combined:
    """How both together learn, beside what is told of each."""

    input_layer_partitioner: Any = None
    config: Any = None
    warm_start_from: Any = None
    loss_reduction: str = _SUM
    batch_norm: bool = False
    linear_sparse_combiner: str = "sum"


@dataclass(frozen=True)
class CombinedClasses(Combined, Classes, _CombinedInputs):
    """What ``DNNLinearCombinedClassifier`` takes."""


@dataclass(frozen=True)
class CombinedNumbers(Combined, Numbers, _CombinedInputs):
    """What ``DNNLinearCombinedRegressor`` takes."""


@dataclass(frozen=True)
class _Place:
    model_dir: str | None = None


@dataclass(frozen=True)
class Baseline:
    """How the baseline learns; it has no start in another model."""

    optimizer: Any = "Ftrl"
    config: Any = None
    warm_start_from: Any = field(default=None, init=False)
    loss_reduction: str = _SUM


@dataclass(frozen=True)
class BaselineClasses(Baseline, Classes, _Place):
    """What ``BaselineClassifier`` takes."""


@dataclass(frozen=True)
class BaselineNumbers(Baseline, Numbers, _Place):
    """What ``BaselineRegressor`` takes."""
