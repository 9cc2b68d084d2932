"""A kernel chosen by name: the same numbers, or a refusal that leaves no trace."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tests.layers.refusals import refused
from tf1bn import errors
from tf1bn.core import compiled, kernels
from tf1bn.testing import graphs, reference
from tf1bn.testing.reference import Statistics


# The one of the optional op library has its tests in tests/native.
@pytest.mark.parametrize("name", [name for name in kernels.NAMES if name != "native"])
def test_a_named_kernel_is_recorded_and_gives_the_same_outputs_and_averages(name):
    with graphs.graph_mode(), tf.Session() as session:
        x, p = tf.placeholder(tf.float32, [24, 12]), tf.placeholder(tf.bool, [])
        y = tf1bn.batch_norm(x, p, kernel=name, scope="bn", decay=0.9, bessel_correction=True)
        assert tf1bn.layers_of()[0].record["kernel"] == name
        session.run(tf.global_variables_initializer())
        value = np.random.default_rng(0).normal(2, 3, (24, 12)).astype(np.float32)
        np.testing.assert_allclose(session.run(y, {x: value, p: True}), reference.batch_norm(value), atol=1e-5)
        start = Statistics(np.zeros(12), np.ones(12))
        kept = session.run(tf.get_collection(tf.GraphKeys.MOVING_AVERAGE_VARIABLES))
        exact = reference.moving_averages([value], 0.9, start, bessel=True)
        np.testing.assert_allclose(kept, exact, rtol=1e-5)
        found = session.run(y, {x: value, p: False})
        np.testing.assert_allclose(found, reference.normalize(value, exact), atol=1e-5)


def test_precision_is_recorded_and_also_had_from_a_kernel_that_is_named():
    with graphs.graph_mode(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 12])
        value = np.random.default_rng(0).normal(1e4, 1, (64, 12)).astype(np.float32)
        for number, kernel in enumerate((None, "plain", "fused")):
            y = tf1bn.batch_norm(x, True, kernel=kernel, precise=True)
            assert tf1bn.layers_of()[number].record["precise"] is True
            session.run(tf.global_variables_initializer())
            np.testing.assert_allclose(session.run(y, {x: value}), reference.batch_norm(value), atol=2e-5)
        tf1bn.batch_norm(x, True)
        assert tf1bn.layers_of()[-1].record["precise"] is False


def test_small_inputs_take_the_op_that_tflite_lacks_where_no_inference_is_in_the_graph():
    def picked(build):
        with graphs.graph_mode():
            build(tf.placeholder(tf.float32, [None, 12]), tf.placeholder(tf.bool, []))
            return tf1bn.layers_of()[0].record["kernel"]

    assert picked(lambda x, p: tf1bn.batch_norm(x, True)) == "fused_small"
    assert picked(lambda x, p: tf1bn.batch_norm(x, p)) == "plain"
    assert picked(lambda x, p: tf.cond(p, lambda: tf1bn.batch_norm(x, True), lambda: x)) == "plain"


def test_precision_is_a_flag():
    with graphs.graph_mode():
        x = tf.placeholder(tf.float32, [None, 12])
        with refused(errors.ArgumentTypeError, "`precise`"):
            tf1bn.batch_norm(x, True, precise="yes")


REFUSALS = {
    "unknown": ((24, 12), {"kernel": "fast"}, "`kernel` is unknown. Got 'fast'; expected None or 'fused' or"),
    "float64": (
        (24, 12),
        {"kernel": "fused", "dtype": tf.float64},
        "'fused' cannot .*: it does not compute in float64",
    ),
    "ghost": ((24, 12), {"kernel": "wide", "virtual_batch_size": 8}, "`virtual_batch_size` takes part in the normali"),
    "two axes": ((4, 6, 5), {"kernel": "fused", "axis": [1, 2]}, "it takes one channel axis"),
    "first": ((4, 6, 5), {"kernel": "xla", "axis": 1}, "'xla' cannot serve this call: its channels are not last"),
    "odd rows": ((7, 12, 1000), {"kernel": "wide"}, "or too many, or no number of rows divides all of them evenly"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_kernel_that_cannot_serve_is_refused(case):
    shape, options, text = REFUSALS[case]
    options = dict(options)
    with graphs.graph_mode():
        x = tf.placeholder(options.pop("dtype", tf.float32), shape)
        with refused(errors.ArgumentError, text):
            tf1bn.batch_norm(x, True, **options)


def test_without_a_compiler_xla_is_refused(monkeypatch):
    monkeypatch.setattr(compiled, "available", lambda: False)
    with graphs.graph_mode():
        x = tf.placeholder(tf.float32, (24, 12))
        with refused(errors.ArgumentError, "this TensorFlow is built without XLA"):
            tf1bn.batch_norm(x, True, kernel="xla")


STRATEGY_OPS = {"inline": 30, "collection": 29, "ema": 54, "frozen": 17}


@pytest.mark.parametrize("strategy", STRATEGY_OPS)
def test_the_number_of_ops_of_a_layer_beside_those_of_its_variables(strategy):
    with graphs.graph_mode() as graph:
        x = tf.placeholder(tf.float32, (8, 4, 4, 16))
        before = len(graph.get_operations())
        tf1bn.batch_norm(x, True, update_strategy=strategy)
        made = graph.get_operations()[before:]
        names = tuple(v.op.name for v in tf.global_variables())
        of_variables = [op for op in made if op.name.startswith(names)]
        assert len(made) - len(of_variables) <= STRATEGY_OPS[strategy]
