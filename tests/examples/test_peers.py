import socket

import pytest
import tensorflow.compat.v1 as tf

from tf1bn.distribute import cluster
from tf1bn.examples import peers

GRAPH_ERROR = """Graph execution error:

Detected at node 'x' defined at (most recent call last):
  File "train.py", line 1, in <module>
Node: 'x'
Timed out waiting for notification
\t [[{{node x}}]]

Original stack trace for 'x':
"""


def test_a_server_whose_address_is_taken_names_it():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        task = cluster.make_task({"worker": [address]}, "worker", 0)
        with pytest.raises(peers.PeerError, match=f"worker 0 cannot listen at {address}: .*Use another port"):
            peers.start_server(task, tf.ConfigProto())


@pytest.mark.parametrize("kind", [tf.errors.DeadlineExceededError, tf.errors.UnavailableError, tf.errors.AbortedError])
def test_a_lost_process_is_told_with_the_reason_and_not_the_trace(kind):
    with pytest.raises(peers.PeerError, match="^a step did not end: .* late or gone") as caught:
        with peers.meeting("a step"):
            raise kind(None, None, GRAPH_ERROR)
    assert f"({kind.__name__}: Timed out waiting for notification)" in str(caught.value)
    assert "stack trace" not in str(caught.value)


def test_other_errors_pass_unchanged():
    with pytest.raises(tf.errors.InvalidArgumentError), peers.meeting("a step"):
        raise tf.errors.InvalidArgumentError(None, None, "")


@pytest.mark.parametrize(("message", "text"), [("", "no message"), ("gone\nmore", "gone")])
def test_a_reason_is_one_line(message, text):
    assert peers.reason(tf.errors.AbortedError(None, None, message)) == f"AbortedError: {text}"
