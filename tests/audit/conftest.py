"""The flavours of TensorFlow 1 graphs: both kinds of variables, both kinds of control flow."""

import pytest
import tensorflow.compat.v1 as tf

FLAVOURS = {"reference-v1": (False, False), "resource-v2": (True, True), "resource-v1": (True, False)}


def switch(resource, control_flow_v2):
    (tf.enable_resource_variables if resource else tf.disable_resource_variables)()
    (tf.enable_control_flow_v2 if control_flow_v2 else tf.disable_control_flow_v2)()


@pytest.fixture(params=["reference-v1", "resource-v2", pytest.param("resource-v1", marks=pytest.mark.slow)])
def flavour(request):
    """Builds graphs as `disable_v2_behavior()` or `disable_eager_execution()` would, and a mix of both."""
    before = tf.resource_variables_enabled(), tf.control_flow_v2_enabled()
    switch(*FLAVOURS[request.param])
    yield request.param
    switch(*before)
