"""Four CPU devices, and graph mode, before anything else happens in this process."""

import pytest
import tensorflow.compat.v1 as tf

from tf1bn.testing import graphs

tf.disable_eager_execution()
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 4
)

EXTREMES = (graphs.Mode(True, True), graphs.Mode(False, False))


@pytest.fixture(params=EXTREMES, ids=str)
def graph(request):
    with graphs.graph_mode(request.param) as fresh:
        yield fresh


@pytest.fixture
def plain_graph():
    with graphs.graph_mode() as fresh:
        yield fresh
