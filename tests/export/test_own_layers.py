"""tf1bn's own layers built for training alone, whatever kernel they chose, beside a graph built for inference."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tests.export import programs
from tf1bn import export

CASES = {
    "plain": ((None, 4, 4, 3), tf.float32, {}),
    "wide": ((None, 4, 4, 3), tf.float32, {"kernel": "wide"}),
    "fused": ((None, 28, 28, 64), tf.float32, {}),
    "fused, rank 3": ((None, 6, 8), tf.float32, {"kernel": "fused"}),
    "fused, rank 3, half precision": ((None, 6, 8), tf.float16, {"kernel": "fused"}),
    "fused_wide": ((None, 4, 4, 3), tf.float32, {"kernel": "fused_wide"}),
    "fused, half precision": ((None, 28, 28, 64), tf.float16, {}),
    "channels first": ((None, 3, 4, 4), tf.float32, {"axis": 1}),
    "plain, half precision": ((None, 3), tf.float16, {}),
    "without beta": ((None, 3), tf.float32, {"center": False}),
    "without gamma": ((None, 3), tf.float32, {"scale": False}),
}


def build(shape, dtype, is_training, options):
    x = tf.placeholder(dtype, shape, "x")
    y = tf1bn.batch_norm(x, is_training, **options)
    tf.identity(tf.nn.relu(y + x), "y")


@pytest.mark.parametrize("case", CASES)
def test_a_layer_built_for_training_gives_what_one_built_for_inference_gives(case, tmp_path, run_frozen):
    shape, dtype, options = CASES[case]
    with programs.graph_mode():
        build(shape, dtype, True, options)
        prefix = programs.save(tmp_path)
    x = (np.random.default_rng(1).normal(size=(3, *shape[1:])) * 3 + 5).astype(dtype.as_numpy_dtype)
    with programs.graph_mode(), tf.Session() as session:
        build(shape, dtype, False, options)
        tf.train.Saver().restore(session, prefix)
        expected = session.run("y:0", {"x:0": x})
    done = export.export(f"{prefix}.meta", prefix, ["y"], tmp_path / "f.pb", to="frozen")
    assert done.graph.rewritten == ("batch_norm",) and not done.graph.graph_def.library.function
    found = run_frozen(done.path, "y:0", {"x:0": x})
    close = 1e-2 if dtype == tf.float16 else 1e-5
    np.testing.assert_allclose(found.astype(np.float64), expected.astype(np.float64), rtol=close, atol=close)
