"""``tf.estimator`` of TensorFlow 1, on monitored sessions; newer TensorFlow has none.

In come a program's ``model_fn`` and ``input_fn``; out come a ``model_dir`` with the files that TensorFlow 1.15 wrote,
metrics, predictions and SavedModels. Averages of batch norms move in training only.

To read, in this order: :mod:`modes`, :mod:`spec` with :mod:`checks`, :mod:`run_config`; :mod:`estimator`, the front
door, with :mod:`calling`, :mod:`feeding`, :mod:`fitting`, :mod:`evaluating`, :mod:`predicting`, :mod:`exporting`,
:mod:`warm_start` and :mod:`batch_norms`; :mod:`alternating` with :mod:`train_specs` and :mod:`exporters`;
:mod:`ready_made` with :mod:`ready_signatures`, :mod:`ready_logits`, :mod:`ready_heads` and :mod:`ready_optimizers`;
:mod:`inputs`, :mod:`export`, :mod:`experimental`; :mod:`tpu`; ``contrib.learn`` in the files that begin with ``learn``.

>>> from tf1bn.compat import estimator
>>> model = estimator.Estimator(model_fn, "model_dir")
>>> model.train(estimator.inputs.numpy_input_fn({"x": x}, y, shuffle=True), steps=1000)
"""

from __future__ import annotations

from typing import Any

from tf1bn.compat import absent
from tf1bn.compat.estimator import experimental, export, inputs, tpu
from tf1bn.compat.estimator.added_metrics import add_metrics
from tf1bn.compat.estimator.alternating import train_and_evaluate
from tf1bn.compat.estimator.estimator import Estimator
from tf1bn.compat.estimator.example_specs import classifier_parse_example_spec, regressor_parse_example_spec
from tf1bn.compat.estimator.exporters import BestExporter, Exporter, FinalExporter, LatestExporter
from tf1bn.compat.estimator.modes import ModeKeys
from tf1bn.compat.estimator.ready_made import (
    BaselineClassifier,
    BaselineRegressor,
    DNNClassifier,
    DNNLinearCombinedClassifier,
    DNNLinearCombinedRegressor,
    DNNRegressor,
    LinearClassifier,
    LinearRegressor,
)
from tf1bn.compat.estimator.run_config import RunConfig
from tf1bn.compat.estimator.spec import EstimatorSpec
from tf1bn.compat.estimator.train_specs import EvalSpec, TrainSpec
from tf1bn.compat.estimator.warm_start import WarmStartSettings

__all__ = [
    "BaselineClassifier",
    "BaselineRegressor",
    "BestExporter",
    "DNNClassifier",
    "DNNLinearCombinedClassifier",
    "DNNLinearCombinedRegressor",
    "DNNRegressor",
    "Estimator",
    "EstimatorSpec",
    "EvalSpec",
    "Exporter",
    "FinalExporter",
    "LatestExporter",
    "LinearClassifier",
    "LinearRegressor",
    "ModeKeys",
    "RunConfig",
    "TrainSpec",
    "WarmStartSettings",
    "add_metrics",
    "classifier_parse_example_spec",
    "experimental",
    "export",
    "inputs",
    "regressor_parse_example_spec",
    "tpu",
    "train_and_evaluate",
]


def __getattr__(name: str) -> Any:
    return absent.refuse("tf.estimator", name, __all__)
