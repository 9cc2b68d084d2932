"""Four CPU devices, and graph mode, before the first check; a cluster of real servers on the loopback interface."""

import pytest


@pytest.fixture(autouse=True, scope="session")
def four_devices():
    # pytest reads this file in every run that collects the folder above, so it must not switch anything on import.
    import tensorflow.compat.v1 as tf

    tf.disable_eager_execution()
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 4
    )


@pytest.fixture(scope="session")
def served():
    """Two workers and a ps: their tasks, and the target of each task's server, by its name."""
    import tensorflow.compat.v1 as tf

    from tf1bn.examples import local_cluster

    tasks = local_cluster.Launch(["none"], workers=2, ps=1).tasks()
    servers = {
        str(task): tf.train.Server(tf.train.ClusterSpec(task.cluster.jobs), job_name=task.job, task_index=task.index)
        for task in tasks
    }
    yield {str(task): task for task in tasks}, {name: server.target for name, server in servers.items()}
