"""Exported networks in other runtimes: every spelling, from each switch and graph mode, against float64 NumPy."""

import functools

import numpy as np
import pytest

from tests.runtimes import networks, runners

# These leave a batch norm where it is: OpenCV merges it into the convolution as it runs, the others are TensorFlow.
KEEP = ("OpenCV", "SavedModel", "TFSMLayer", "XLA")
TOLERANCE = {"LiteRT int8": 0.02}


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """Returns the ops of the network with a bias instead of each batch norm, by runtime."""
    path = networks.without_batch_norm(tmp_path_factory.mktemp("bare"))
    return functools.cache(lambda runtime: runners.RUNNERS[runtime](path)[1])


@pytest.mark.exhaustive
@pytest.mark.parametrize("runtime", runners.RUNNERS)
@pytest.mark.parametrize("case", networks.cases(), ids="-".join)
def test_an_export_runs_elsewhere_and_batch_norm_costs_nothing(case, runtime, tmp_path, bare):
    model = networks.frozen(case, tmp_path)
    y, ops = runners.RUNNERS[runtime](model.path)
    np.testing.assert_allclose(y, model.wanted, atol=TOLERANCE.get(runtime, 1e-5) * np.abs(model.wanted).max())
    if runtime not in KEEP:
        assert ops == bare(runtime)
