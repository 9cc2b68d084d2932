"""Exported networks in other runtimes: every spelling, from each switch and graph mode, against float64 NumPy."""

import collections
import contextlib
import functools

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests.runtimes import networks, runners

TOLERANCE = {"LiteRT int8": 0.02}
WITHIN = {"XLA jit_scope": tf.xla.experimental.jit_scope}
LONG = (
    "TVM",
)  # compiles for half a minute what is the file of ONNX Runtime, so it gets some networks of each spelling
BATCH_NORMS = ("FusedBatchNormV3", "Rsqrt")  # one of them in each batch norm that TensorFlow runs


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Returns a frozen network by its case and what it was built within."""

    @functools.cache
    def made(case, within):
        return networks.frozen(case, tmp_path_factory.mktemp("frozen"), within)

    return made


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """Returns the ops of the network with a bias instead of each batch norm, by runtime."""
    path = networks.without_batch_norm(tmp_path_factory.mktemp("bare"))
    return functools.cache(lambda runtime: runners.RUNNERS[runtime](path, networks.X)[1])


def cases():
    for number, case in enumerate(networks.cases()):
        for runtime in runners.RUNNERS:
            if runtime not in LONG or number % 7 == 0:
                yield pytest.param(case, runtime, id="-".join([*case, runtime]))


def left(runtime, ops, bare):
    """Returns what is left of the batch norms, op by op."""
    if runtime in ("SavedModel", "TFSMLayer", "XLA"):
        return sum(ops[kind] for kind in BATCH_NORMS)
    if runtime == "XLA jit_scope":
        outside = ("Conv2D", "Mean", *BATCH_NORMS)
        return ops["_XlaRun"] > 0, sum(ops[kind] for kind in outside)
    return ops - bare(runtime), bare(runtime) - ops


# TensorFlow runs a batch norm as it is. OpenCV has a layer for it, which it merges into the convolution as it runs.
LEFT = {"SavedModel": 2, "TFSMLayer": 2, "XLA": 2, "XLA jit_scope": (True, 0), "OpenCV": ({"BatchNorm": 2}, {})}
NOTHING = (collections.Counter(), collections.Counter())


@pytest.mark.exhaustive
@pytest.mark.parametrize(("case", "runtime"), cases())
def test_an_export_runs_elsewhere_and_batch_norm_costs_nothing(case, runtime, exported, bare):
    model = exported(case, WITHIN.get(runtime, contextlib.nullcontext))
    y, ops = runners.RUNNERS[runtime](model.path, networks.X)
    wanted = model.wanted.ravel()
    np.testing.assert_allclose(np.ravel(y), wanted, atol=TOLERANCE.get(runtime, 1e-5) * np.abs(wanted).max())
    assert left(runtime, ops, bare) == LEFT.get(runtime, NOTHING)
