"""contrib.training's buckets, samples and placements: what batches hold, by counting."""

from __future__ import annotations

import collections
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests import patience
from tf1bn import errors
from tf1bn.compat.contrib import training


def batches(tensors: Any, limit: int = 10**6) -> Iterator[Any]:
    """Runs the queues until the input ends."""
    with tf.Session() as session:
        session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        coordinator = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(session, coordinator)
        try:
            for _ in range(limit):
                yield session.run(tensors)
        except tf.errors.OutOfRangeError:
            pass
        finally:
            coordinator.request_stop()
            coordinator.join(threads, stop_grace_period_secs=patience.SECONDS, ignore_live_threads=True)


@pytest.fixture(params=["list", "dictionary"])
def form(request: pytest.FixtureRequest) -> str:
    return request.param


def test_every_example_comes_once_in_the_batch_of_its_length(graph: tf.Graph, form: str) -> None:
    source = tf.train.range_input_producer(30, num_epochs=1, shuffle=False).dequeue()
    length = 1 + tf.floormod(source, 7)
    example = tf.fill([length], source)
    given = {"a": example, "b": source} if form == "dictionary" else [example, source]
    lengths, batch = training.bucket_by_sequence_length(
        length, given, 4, [3, 6], dynamic_pad=True, allow_smaller_final_batch=True
    )
    seen: list[int] = []
    for sizes, found in batches((lengths, batch)):
        rows, numbers = (found["a"], found["b"]) if form == "dictionary" else found
        assert len({int(np.digitize(size, [3, 6])) for size in sizes}) == 1
        assert rows.shape == (len(numbers), max(sizes)) and len(numbers) <= 4
        for row, number, size in zip(rows, numbers, sizes, strict=True):
            assert size == 1 + number % 7
            np.testing.assert_array_equal(row, [number] * size + [0] * (len(row) - size))
        seen += numbers.tolist()
    assert sorted(seen) == list(range(30))


def test_buckets_with_sizes_of_their_own_leave_out_what_is_not_kept(graph: tf.Graph) -> None:
    source = tf.train.range_input_producer(40, num_epochs=1, shuffle=False).dequeue()
    kept = tf.less(source, 20)
    which, [batch] = training.bucket([source], tf.floormod(source, 2), [2, 5], 2, keep_input=kept)
    found = collections.defaultdict(list)
    for number, values in batches((which, batch)):
        assert len(values) == (2, 5)[number]
        found[int(number)] += values.tolist()
    assert sorted(found[0]) == list(range(0, 20, 2)) and sorted(found[1]) == list(range(1, 20, 2))


def test_rejected_examples_do_not_come(graph: tf.Graph) -> None:
    source = tf.train.range_input_producer(10, num_epochs=None, shuffle=False).dequeue()
    [batch] = training.rejection_sample(
        [source], lambda values: tf.cast(values[0] < 3, tf.float32), 5, runtime_checks=True
    )
    for values in batches(batch, 20):
        assert values.shape == (5,) and (values < 3).all()


@pytest.mark.parametrize("known", [True, False])
def test_classes_come_in_their_shares(graph: tf.Graph, known: bool) -> None:
    """Data of 80 and 20 percent gives halves; the deviation of 2000 draws is about 0.011."""
    tf.set_random_seed(3)
    data = tf.cast(tf.random_uniform([]) < 0.2, tf.int32)
    [values], labels = training.stratified_sample(
        [tf.cast(data, tf.float32) * 10], data, [0.5, 0.5], 50, init_probs=[0.8, 0.2] if known else None
    )
    found = [(v, label) for v, label in batches((values, labels), 80)][-40:]
    for batch, label in found:
        np.testing.assert_array_equal(batch, 10.0 * label)
    assert abs(np.mean([label for _, label in found]) - 0.5) < 0.07


def test_entries_come_as_often_as_their_rate(plain_graph: tf.Graph) -> None:
    values, rates = tf.constant([1.0, 2.0, 3.0]), tf.constant([0.0, 0.5, 3.0])
    sampled, twice = training.resample_at_rate([values, values * 2], rates, seed=1)
    with tf.Session() as session:
        runs = [session.run([sampled, twice]) for _ in range(2000)]
    joined = np.concatenate([run[0] for run in runs])
    np.testing.assert_array_equal(np.concatenate([run[1] for run in runs]), 2 * joined)
    counts = [(joined == value).mean() * len(joined) / 2000 for value in (1, 2, 3)]
    np.testing.assert_allclose(counts, [0, 0.5, 3], atol=0.15)


def test_weights_tell_the_rates_relative_to_their_mean(graph: tf.Graph) -> None:
    weights = tf.constant([1.0, 3.0])
    [values], rates = training.weighted_resample([tf.constant([1.0, 3.0])], weights, 0.5, seed=2)
    seen = list(batches((values, rates), 1000))
    for value, rate in seen:
        np.testing.assert_allclose(rate, value / 2 * 0.5, rtol=1e-5)
    np.testing.assert_allclose(np.mean([len(value) for value, _ in seen]), 1.0, atol=0.12)


def test_placements(plain_graph: tf.Graph) -> None:
    greedy = training.GreedyLoadBalancingStrategy(2, training.byte_size_load_fn)
    assert [greedy(tf.zeros([size]).op) for size in (10, 3, 4, 2)] == [0, 1, 1, 1]
    assert [training.RandomStrategy(5, seed=7)(None) for _ in range(2)] == [
        training.RandomStrategy(5, seed=7)(None)
    ] * 2
    assert training.byte_size_load_fn(tf.get_variable("v", [3, 2], tf.float64).op) == 48


REFUSALS = {
    "sizes": (lambda: training.bucket([tf.ones([])], 0, [1, 2], 3), "`batch_size` must have one entry"),
    "nothing": (lambda: training.bucket([], 0, 1, 1), "Expected at least one tensor"),
    "sparse": (
        lambda: training.bucket([tf.SparseTensor([[0]], [1], [1])], 0, 1, 1),
        "sparse tensors are not served",
    ),
    "order": (
        lambda: training.bucket_by_sequence_length(1, [tf.ones([])], 1, [3, 2]),
        "the boundaries of the buckets do not rise",
    ),
    "kind": (lambda: training.bucket_by_sequence_length(1, [], 1, [1.5]), "bucket boundaries must be integers"),
    "edges": (lambda: training.bucket_by_sequence_length(1, [], 1, []), "there are no `bucket_boundaries`"),
    "list": (lambda: training.rejection_sample(tf.ones([]), len, 1), "`tensors` must be a list"),
    "labels": (lambda: training.stratified_sample([tf.ones([1])], [0], [1.0], 1), "labels of this rank do not fit"),
    "shares": (
        lambda: training.stratified_sample([tf.ones([])], 0, [0.5, 0.5], 1, [1.0]),
        "the lists of probabilities differ in length",
    ),
    "outputs": (lambda: training.byte_size_load_fn(tf.no_op()), "has not one output"),
    "shape": (
        lambda: training.byte_size_load_fn(tf.placeholder(tf.float32).op),
        "the shape of Placeholder must be known",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_does_not_fit_is_refused(plain_graph: tf.Graph, name: str) -> None:
    act, text = REFUSALS[name]
    with pytest.raises(errors.Tf1bnError, match=text):
        act()
