"""Long sequences in segments with states, and queues that Python functions feed."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests import patience
from tf1bn.compat.contrib import training

LENGTHS = [5, 2, 7, 3, 6]


def examples() -> dict[str, np.ndarray]:
    """Sequences of ones, so that a running sum is a count of steps."""
    return {f"e{number}": np.ones([length, 1], np.float32) for number, length in enumerate(LENGTHS)}


def reader():
    """One example per run: key, steps ``[length, 1]``, the number of the example."""
    data = examples()
    longest = np.stack([np.pad(value, [[0, 7 - len(value)], [0, 0]]) for value in data.values()])
    key, steps, length, number = tf.train.slice_input_producer(
        [tf.constant(list(data)), tf.constant(longest), tf.constant(LENGTHS), tf.range(len(LENGTHS))],
        num_epochs=1,
        shuffle=False,
    )
    return key, steps[:length], number


def started(session):
    session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
    coordinator = tf.train.Coordinator()
    return coordinator, tf.train.start_queue_runners(session, coordinator)


def test_states_go_from_segment_to_segment_of_each_example(graph):
    key, steps, number = reader()
    batch = training.batch_sequences_with_states(
        key, {"x": steps}, {"number": number}, None, {"sum": tf.zeros([1])}, num_unroll=3, batch_size=2, capacity=9
    )
    assert isinstance(batch, training.NextQueuedSequenceBatch)
    assert batch.sequences["x"].shape.as_list() == [None, 3, 1]
    total = batch.state("sum") + tf.reduce_sum(batch.sequences["x"], 1)
    save = batch.save_state("sum", total)
    told = [batch.key, batch.next_key, batch.length, batch.total_length, batch.context["number"], total]
    told += [batch.sequence, batch.sequence_count, batch.insertion_index, batch.batch_size]
    seen = []
    with tf.Session() as session:
        coordinator, threads = started(session)
        for thread in threads:
            if "close_on_stop" not in thread.name:
                thread.join(patience.SECONDS)
        with pytest.raises(tf.errors.OutOfRangeError):
            while True:
                *columns, size = session.run([*told, save])[: len(told)]
                assert size == len(columns[0])
                seen += zip(*columns, strict=True)
        coordinator.request_stop()
        coordinator.join(threads, stop_grace_period_secs=patience.SECONDS)
    wanted = []
    for number, length in enumerate(LENGTHS):
        count = -(-length // 3)
        for place in range(count):
            after = f"{place + 1:05d}_of_{count:05d}" if place + 1 < count else "STOP"
            wanted.append((f"{place:05d}_of_{count:05d}:e{number}".encode(), f"{after}:e{number}".encode(), number))
    assert sorted((row[0], row[1], row[4]) for row in seen) == sorted(wanted)
    for _, _, length, total_length, number, total, place, count, _, *_ in seen:
        assert total_length == LENGTHS[number] and count == -(-LENGTHS[number] // 3)
        assert length == min(3, LENGTHS[number] - 3 * place)
        np.testing.assert_array_equal(total, [min(3 * (place + 1), LENGTHS[number])])
    assert len({row[8] for row in seen}) == len(LENGTHS) and min(row[8] for row in seen) == -(2**63)


def test_a_saver_keeps_its_batch_size_and_closes(plain_graph):
    key = tf.as_string(tf.random_uniform([], 0, 1 << 30, tf.int32))
    saver = training.SequenceQueueingStateSaver(
        2, 2, 4, key, {"x": tf.ones([4])}, {}, {"s": tf.zeros([])}, capacity=2, name="saver"
    )
    batch = saver.next_batch
    assert batch is saver.next_batch and batch.sequences["x"].shape.as_list() == [2, 2] and saver.num_unroll == 2
    with tf.Session() as session:
        for _ in range(2):
            session.run(saver.prefetch_op)
        save = batch.save_state("s", batch.state("s") + 1)
        first = session.run([batch.sequence, batch.state("s"), save])
        second = session.run([batch.sequence, batch.state("s"), save])
        np.testing.assert_array_equal([first[:2], second[:2]], [[[0, 0], [0, 0]], [[1, 1], [1, 1]]])
        session.run(saver.close())
        with pytest.raises(tf.errors.OpError):
            session.run(saver.prefetch_op)


def test_keys_are_made_unique(plain_graph):
    batch = training.batch_sequences_with_states(
        "same", {"x": tf.ones([2])}, {}, None, {"s": tf.zeros([])}, 2, 3, 1, 10, make_keys_unique=True
    )
    with tf.Session() as session:
        coordinator, threads = started(session)
        keys = session.run([batch.key, batch.save_state("s", batch.state("s"))])[0]
        coordinator.request_stop()
        session.run([runner.cancel_op for runner in tf.get_collection(tf.GraphKeys.QUEUE_RUNNERS)])
        coordinator.join(threads, stop_grace_period_secs=patience.SECONDS)
    assert len(set(keys)) == 3 and all(key.startswith(b"00000_of_00001:same:") for key in keys)


def saver(**changes):
    given = {
        "batch_size": 2,
        "num_unroll": 2,
        "input_length": 4,
        "input_key": "k",
        "input_sequences": {"x": tf.ones([4])},
        "input_context": {},
        "initial_states": {"s": tf.zeros([])},
    }
    return training.SequenceQueueingStateSaver(**{**given, **changes})


REFUSED = {
    "no states": (lambda: saver(initial_states={}), ValueError, "`initial_states` must be a dictionary"),
    "a colon": (lambda: saver(initial_states={"a:b": 1}), ValueError, "must not have a colon. Got 'a:b'"),
    "capacity": (lambda: saver(capacity=1), ValueError, "below the batch size. Got 1; expected at least 2"),
    "length": (lambda: saver(input_length=1.5), TypeError, "`input_length` has another dtype"),
    "key": (lambda: saver(input_key=3), TypeError, "`input_key` has another dtype"),
    "shape": (
        lambda: saver(input_context={"c": tf.placeholder(tf.float32, [None])}),
        ValueError,
        "shape of context 'c' is not known",
    ),
    "a state": (lambda: saver().next_batch.state("t"), KeyError, "no such state. Got 't'; expected s"),
    "no length": (
        lambda: training.batch_sequences_with_states("k", {}, {}, None, {"s": 0}, 2, 2, pad=False),
        ValueError,
        "needed without `pad`",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(plain_graph, case):
    call, kind, text = REFUSED[case]
    with pytest.raises(kind, match=text):
        call()


BAD_LENGTHS = {
    "no multiple": ({"input_sequences": {"x": tf.zeros}}, 3, "no multiple of num_unroll"),
    "too long": ({"input_length": 5}, 4, "input_length is more"),
}


@pytest.mark.parametrize("case", BAD_LENGTHS)
def test_lengths_are_checked_in_the_run(plain_graph, case):
    changes, steps, text = BAD_LENGTHS[case]
    x = tf.placeholder_with_default(np.ones([steps], np.float32), [None])
    made = saver(**{**changes, "input_sequences": {"x": x}, **({"input_length": 3} if steps == 3 else {})})
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match=text):
        session.run(made.prefetch_op)


def feeding(feed_fns, ops=1):
    queue = tf.FIFOQueue(100, [tf.int32], [[]])
    value = tf.placeholder(tf.int32, [])
    runner = training.FeedingQueueRunner(
        queue, [queue.enqueue(value)] * ops, feed_fns=[lambda f=f: {value: next(f)} for f in feed_fns]
    )
    return queue, runner


def test_functions_feed_a_queue_which_closes_behind_the_last(plain_graph):
    queue, runner = feeding([iter(range(4)), iter(range(10, 13))], 2)
    taken = queue.dequeue()
    with tf.Session() as session:
        coordinator = tf.train.Coordinator()
        threads = runner.create_threads(session, coordinator, daemon=True, start=True)
        assert len(threads) == 3 and all(thread.daemon for thread in threads)
        found = [session.run(taken) for _ in range(7)]
        with pytest.raises(tf.errors.OutOfRangeError):
            session.run(taken)
        coordinator.request_stop()
        coordinator.join(threads, stop_grace_period_secs=patience.SECONDS)
    assert sorted(found) == [0, 1, 2, 3, 10, 11, 12]


def test_running_threads_are_not_made_again_and_failures_reach_the_coordinator(plain_graph):
    _, runner = feeding([itertools.count()])
    with tf.Session() as session:
        coordinator = tf.train.Coordinator()
        threads = runner.create_threads(session, coordinator, start=True)
        assert runner.create_threads(session, coordinator) == []
        coordinator.request_stop()
        coordinator.join(threads, stop_grace_period_secs=patience.SECONDS)
    _, broken = feeding([(int("x") for _ in range(1))])
    with tf.Session() as session:
        coordinator = tf.train.Coordinator()
        threads = broken.create_threads(session, coordinator, start=True)
        with pytest.raises(ValueError, match="invalid literal"):
            coordinator.join(threads, stop_grace_period_secs=patience.SECONDS)


def test_a_feeding_runner_refuses(plain_graph):
    with pytest.raises(ValueError, match="`feed_fns` has another length. Got 1; expected 2"):
        feeding([iter(())], 2)
    with pytest.raises(ValueError, match="cannot be stored.*tf.data"):
        feeding([iter(())])[1].to_proto()
