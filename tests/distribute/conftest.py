"""Clusters of real servers on the loopback interface, all in this process."""

import os

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


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
