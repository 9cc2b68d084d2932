import socket
import threading
import time

import pytest
import tensorflow.compat.v1 as tf

from tests import patience
from tf1bn import errors
from tf1bn.distribute import waiting
from tf1bn.examples import local_cluster


@pytest.fixture
def variables(served):
    """A graph of one worker with two variables on the ps and one local one; its target."""
    with tf.Graph().as_default():
        with tf.device("/job:ps/task:0"):
            tf.get_variable("here", [2])
            tf.get_variable("there", [2])
        tf.get_variable("mine", [], collections=[tf.GraphKeys.LOCAL_VARIABLES])
        yield served[1]


def test_hosts_that_listen_are_waited_for(served):
    waiting.wait_for_hosts(served[0]["worker 0"].peers, timeout_seconds=patience.SECONDS)
    with socket.create_server((local_cluster.HOST, 0)) as late:
        address = f"{local_cluster.HOST}:{late.getsockname()[1]}"
        waiting.wait_for_hosts([address], timeout_seconds=patience.SECONDS)


def test_a_host_that_comes_late_is_waited_for():
    port = local_cluster.free_ports(1)[0]
    server = []
    thread = threading.Timer(0.3, lambda: server.append(socket.create_server((local_cluster.HOST, port))))
    began = time.monotonic()
    thread.start()
    waiting.wait_for_hosts([f"{local_cluster.HOST}:{port}"], timeout_seconds=patience.SECONDS, poll_seconds=0.05)
    assert time.monotonic() - began >= 0.3
    thread.join()
    server[0].close()


def test_a_host_that_does_not_come_is_named_in_time(served):
    absent = f"{local_cluster.HOST}:{local_cluster.free_ports(1)[0]}"
    with pytest.raises(TimeoutError, match=f"^wait_for_hosts: nobody listens at {absent} after 0.5 s"):
        waiting.wait_for_hosts([served[0]["ps 0"].address, absent], timeout_seconds=0.5, poll_seconds=0.05)


def test_variables_are_waited_for_until_the_chief_has_initialised_them(variables):
    def initialise():
        with tf.Session(variables["worker 0"], graph=graph) as session:
            session.run(init)

    graph, init = tf.get_default_graph(), tf.global_variables_initializer()
    thread = threading.Timer(0.5, initialise)
    began = time.monotonic()
    thread.start()
    waiting.wait_for_variables(variables["worker 1"], timeout_seconds=patience.SECONDS, poll_seconds=0.05)
    assert time.monotonic() - began >= 0.5
    thread.join()


def test_variables_that_nobody_initialises_are_named_in_time(served):
    with tf.Graph().as_default() as graph:
        with tf.device("/job:ps/task:0"):
            tf.get_variable("orphan", [2])
        report = tf.report_uninitialized_variables(tf.global_variables())
        graph.finalize()
        for seconds in (1, 10, 100):  # on a busy machine a second may be too short for one look
            with pytest.raises(waiting.NotReadyError) as caught:
                waiting.wait_for_variables(served[1]["worker 1"], report, timeout_seconds=seconds)
            if "the session cannot be used" not in str(caught.value):
                break
        assert f"1 variables are not initialised (orphan) after {seconds} s" in str(caught.value)
        with pytest.raises(errors.GraphModeError, match="the graph is finalised. Make `uninitialized` before"):
            waiting.wait_for_variables(served[1]["worker 1"], timeout_seconds=1)


@pytest.mark.parametrize("name", ["timeout_seconds", "poll_seconds"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_a_time_that_is_none_is_refused(name, value):
    with pytest.raises(errors.ArgumentError, match=f"^wait_for_hosts: `{name}` must be above 0"):
        waiting.wait_for_hosts(["localhost:1"], **{name: value})
