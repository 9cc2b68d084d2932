import threading

import pytest

from tests import patience
from tf1bn import errors
from tf1bn.distribute import cluster, done, waiting
from tf1bn.examples import local_cluster


def test_a_ps_leaves_when_every_worker_is_done_and_a_restarted_one_counts_once(served):
    tasks, targets = served
    ended = threading.Event()
    server = threading.Thread(
        target=lambda: (
            done.wait_until_done(targets["ps 0"], tasks["ps 0"], timeout_seconds=patience.SECONDS),
            ended.set(),
        )
    )
    server.start()
    for _ in range(2):
        done.announce_done(targets["worker 1"], tasks["worker 1"])
    assert not ended.wait(0.7)
    done.announce_done(targets["worker 0"], tasks["worker 0"])
    assert ended.wait(patience.SECONDS)
    server.join()


def test_a_ps_names_the_ranks_that_it_waited_for_in_vain(served):
    tasks, targets = served
    done.announce_done(targets["worker 1"], tasks["worker 1"])
    with pytest.raises(waiting.NotReadyError, match=r"^wait_until_done: not all are done after 1 s. Got \[0\]"):
        done.wait_until_done(targets["ps 0"], tasks["ps 0"], timeout_seconds=1)


def test_a_cluster_without_ps_has_nobody_to_tell():
    done.announce_done("", cluster.make_task({"worker": ["h:1"]}, "worker", 0))


def test_a_ps_that_is_gone_is_named_in_time(served):
    absent = f"{local_cluster.HOST}:{local_cluster.free_ports(1)[0]}"
    task = cluster.make_task({"worker": [served[0]["worker 0"].address], "ps": [absent]}, "worker", 0)
    with pytest.raises(waiting.NotReadyError, match=f"nobody listens at {absent}"):
        done.announce_done(served[1]["worker 0"], task, timeout_seconds=0.5)


def test_each_side_is_for_its_own_job(served):
    tasks, targets = served
    with pytest.raises(errors.ArgumentError, match="^announce_done: a ps does not train. Got 'ps 0'"):
        done.announce_done(targets["ps 0"], tasks["ps 0"])
    with pytest.raises(errors.ArgumentError, match="^wait_until_done: only a ps waits .* Got 'worker 0'"):
        done.wait_until_done(targets["worker 0"], tasks["worker 0"])
    with pytest.raises(errors.ArgumentError, match="`poll_seconds` must be above 0. Got 0"):
        done.wait_until_done(targets["ps 0"], tasks["ps 0"], poll_seconds=0)
