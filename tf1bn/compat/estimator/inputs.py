"""``tf.estimator.inputs``."""

from __future__ import annotations

from tf1bn.compat.estimator.numpy_inputs import numpy_input_fn
from tf1bn.compat.estimator.pandas_inputs import pandas_input_fn

__all__ = ["numpy_input_fn", "pandas_input_fn"]
