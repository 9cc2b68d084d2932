"""``tf.estimator.tpu``."""

from __future__ import annotations

from tf1bn.compat.estimator.tpu_config import InputPipelineConfig, RunConfig, TPUConfig
from tf1bn.compat.estimator.tpu_estimator import TPUEstimator
from tf1bn.compat.estimator.tpu_spec import TPUEstimatorSpec

__all__ = ["InputPipelineConfig", "RunConfig", "TPUConfig", "TPUEstimator", "TPUEstimatorSpec"]
