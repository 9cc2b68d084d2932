"""Four CPU devices, and graph mode, before the first check."""

import pytest


@pytest.fixture(autouse=True, scope="session")
def four_devices():
    # pytest reads this file in every run that collects the folder above, so it must not switch anything on import.
    import tensorflow.compat.v1 as tf

    tf.disable_eager_execution()
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 4
    )
