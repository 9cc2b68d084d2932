"""Every floating-point dtype with every kind: outputs in it, statistics never below float32."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tests.layers import trial
from tests.layers.test_combinations import CASES
from tf1bn.testing import graphs

TOLERANCE = {"float16": 2e-2, "bfloat16": 1e-1, "float32": 2e-4, "float64": 1e-6}


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_every_kind_computes_in_every_dtype(dtype):
    with graphs.graph_mode(), trial.session() as session:
        builts = []
        for number, case in enumerate(CASES.values()):
            data = trial.Data.of(case, count=1, seed=number)
            # The oracle gets what the layer gets: inputs rounded to the dtype.
            data.x = [tf.cast(x, dtype).eval().astype(np.float64) for x in data.x]
            data.dy = [tf.cast(dy, dtype).eval().astype(np.float64) for dy in data.dy]
            builts.append(trial.Built(case, data, "inline", True, f"site{number}", dtype=tf.as_dtype(dtype)))
            assert builts[-1].y.dtype == tf.as_dtype(dtype)
        kept = {v.dtype.base_dtype.name for v in tf.global_variables()}
        assert kept == {"float64" if dtype == "float64" else "float32"}
        session.run(tf.global_variables_initializer())
        averages = [
            [v for v in tf.get_collection(tf.GraphKeys.MOVING_AVERAGE_VARIABLES, f"site{i}/")]
            for i in range(len(builts))
        ]
        seen = trial.run(builts, session, True)
        kept_values = session.run(averages)
        for built, found, values in zip(builts, seen, kept_values, strict=True):
            exact = trial.expected(built.case, built.data)[-1]
            scale = np.abs(exact.y).max()
            np.testing.assert_allclose(found[-1].y.astype(np.float64) / scale, exact.y / scale, atol=TOLERANCE[dtype])
            np.testing.assert_allclose(values[0], exact.read.mean, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", (tf.float16, tf.bfloat16))
def test_half_precision_reaches_the_fused_kernel_and_keeps_float32_averages(dtype):
    with graphs.graph_mode(), tf.Session() as session:
        x = np.random.default_rng(0).normal(1, 2, (32, 16, 16, 16)).astype(np.float32)
        inputs = tf.cast(tf.constant(x), dtype)
        y = tf1bn.batch_norm(inputs, True, decay=0.0)
        assert tf1bn.layers_of()[0].record["kernel"] == "fused" and y.dtype == dtype
        session.run(tf.global_variables_initializer())
        rounded, _ = session.run([tf.cast(inputs, tf.float64), y])
        mean, variance = session.run(tf.get_collection(tf.GraphKeys.MOVING_AVERAGE_VARIABLES))
        assert mean.dtype == variance.dtype == np.float32
        np.testing.assert_allclose(mean, rounded.mean((0, 1, 2)), atol=1e-3)
        np.testing.assert_allclose(variance, rounded.var((0, 1, 2)), rtol=1e-3)
