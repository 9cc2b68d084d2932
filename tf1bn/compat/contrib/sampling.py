"""``tf.contrib.training``'s sampling: batches in which examples come as often as a program wants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors


def rejection_sample(
    tensors: Sequence[Any],
    accept_prob_fn: Callable[[list[Any]], Any],
    batch_size: int,
    queue_threads: int = 1,
    enqueue_many: bool = False,
    prebatch_capacity: int = 16,
    prebatch_threads: int = 1,
    runtime_checks: bool = False,
    name: str | None = None,
) -> list[Any]:
    """Returns a batch of examples, each kept with the probability that a function of its tensors gives.

    Graph effects:
      Queue runners.

    Args:
      tensors: those of one example, or with ``enqueue_many`` of several.
      runtime_checks: whether a probability outside 0 to 1 fails the run.

    Raises:
      ArgumentError: no list of tensors.
    """
    if not isinstance(tensors, list | tuple) or not tensors:
        raise errors.ArgumentError(
            errors.explain("`tensors` must be a list, not empty", got=tensors), where="rejection_sample"
        )
    with tf.name_scope(name, "rejection_sample", list(tensors)):
        listed = [tf.convert_to_tensor(value) for value in tensors]
        if enqueue_many:
            single = tf.train.batch(
                listed, batch_size=1, num_threads=prebatch_threads, capacity=prebatch_capacity, enqueue_many=True
            )
            listed = [tf.squeeze(value, [0]) for value in (single if isinstance(single, list) else [single])]
        probability = tf.convert_to_tensor(accept_prob_fn(listed))
        if runtime_checks:
            checks = [
                tf.assert_greater_equal(probability, tf.cast(0.0, probability.dtype)),
                tf.assert_less_equal(probability, tf.cast(1.0, probability.dtype)),
            ]
            with tf.control_dependencies(checks):
                probability = tf.identity(probability)
        return _kept(listed, probability, batch_size, queue_threads)


def stratified_sample(
    tensors: Sequence[Any],
    labels: Any,
    target_probs: Any,
    batch_size: int,
    init_probs: Any = None,
    enqueue_many: bool = False,
    queue_capacity: int = 16,
    threads_per_queue: int = 1,
    name: str | None = None,
) -> tuple[list[Any], Any]:
    """Returns tensors and labels of a batch in which each class has its share; other examples are dropped.

    Class i is accepted with probability (t_i / p_i) / max over j of (t_j / p_j); t are the targets, p the data.

    Graph effects:
      Queue runners; without ``init_probs`` a variable that counts the classes, 10 of each at first.

    Args:
      labels: integers, a scalar or with ``enqueue_many`` a vector.
      target_probs: shares that sum to 1.
      init_probs: shares in the data; by default they are estimated from the labels.

    Raises:
      ArgumentError: labels of another rank, or shares of another number.
    """
    with tf.name_scope(name, "stratified_sample", [*tensors, labels]):
        listed = [tf.convert_to_tensor(value) for value in tensors]
        labels = tf.convert_to_tensor(labels)
        target = tf.convert_to_tensor(target_probs, tf.float32)
        if labels.shape.rank is not None and labels.shape.rank != int(enqueue_many):
            raise errors.ArgumentError(
                errors.explain("labels of this rank do not fit `enqueue_many`", got=str(labels.shape)),
                where="stratified_sample",
            )
        if not enqueue_many:
            listed, labels = [tf.expand_dims(value, 0) for value in listed], tf.expand_dims(labels, 0)
        classes = target.shape.num_elements()
        data = _estimated(labels, classes) if init_probs is None else tf.convert_to_tensor(init_probs, tf.float32)
        if data.shape.num_elements() != classes or classes is None:
            raise errors.ArgumentError(
                errors.explain("the lists of probabilities differ in length", got=(classes, str(data.shape))),
                where="stratified_sample",
            )
        accepted = _accepted(_checked(data), _checked(target))
        labels = _labels_checked(labels, classes)
        batched = tf.train.batch(
            [*listed, labels], batch_size=1, num_threads=threads_per_queue, capacity=queue_capacity, enqueue_many=True
        )
        *values, label = (tf.squeeze(value, [0]) for value in batched)
        kept = _kept([*values, label], tf.gather(accepted, label), batch_size, threads_per_queue)
        return kept[:-1], kept[-1]


def resample_at_rate(
    inputs: Sequence[Any], rates: Any, scope: str | None = None, seed: int | None = None, back_prop: bool = False
) -> list[Any]:
    """Returns the entries of the inputs, each as often as a Poisson variable of its rate.

    Shapes: inputs ``[batch, ...]``, rates ``[batch]``; results ``[some, ...]``.

    Args:
      back_prop: whether gradients reach the inputs.
    """
    with tf.name_scope(scope, "resample_at_rate", list(inputs)):
        rates = tf.convert_to_tensor(rates, tf.float32)
        times = tf.cast(tf.random_poisson(rates, [], tf.float32, seed), tf.int32)
        places = tf.repeat(tf.range(tf.size(times)), times)
        listed = [tf.convert_to_tensor(value) for value in inputs]
        return [tf.gather(value if back_prop else tf.stop_gradient(value), places) for value in listed]


def weighted_resample(
    inputs: Sequence[Any],
    weights: Any,
    overall_rate: Any,
    scope: Any = None,
    mean_decay: float = 0.999,
    seed: int | None = None,
    warmup: int = 10,
) -> tuple[list[Any], Any]:
    """Returns the entries of the inputs as often as their weight says, and the rate of each.

    The rate is weight * overall_rate / mean, the mean of all weights that were seen: a plain mean for the first
    ``warmup`` batches, then a moving average.

    Variables (local; in ``scope``, by default ``estimate_mean``): resample_count and estimated_mean.
    """
    with tf.name_scope(scope, "weighted_resample", list(inputs)):
        with tf.variable_scope(scope, "estimate_mean", list(inputs)):
            count = tf.get_local_variable("resample_count", initializer=tf.constant(0))
            average = tf.get_local_variable("estimated_mean", initializer=tf.constant(0.0))
            number = tf.assign_add(count, 1)
            share = tf.truediv(number - 1, tf.minimum(number, warmup))
            decay = tf.minimum(tf.cast(share, tf.float32), mean_decay)
            weights = tf.convert_to_tensor(weights, tf.float32)
            mean = tf.assign(average, decay * average + (1 - decay) * tf.reduce_mean(weights))
        rates = weights * overall_rate / mean
        found = resample_at_rate([rates, *inputs], rates, seed=seed)
        return found[1:], found[0]


def _kept(values: list[Any], probability: Any, batch_size: int, threads: int) -> list[Any]:
    keep = tf.random_uniform([], dtype=tf.float32) < tf.cast(probability, tf.float32)
    batch = tf.train.maybe_batch(values, keep, batch_size, num_threads=threads)
    return list(batch) if isinstance(batch, list | tuple) else [batch]


def _estimated(labels: Any, classes: int | None) -> Any:
    if classes is None:
        raise errors.ArgumentError("stratified_sample: the number of `target_probs` must be known.")
    seen = tf.Variable([10] * classes, trainable=False, name="class_count", dtype=tf.int64)
    counts = tf.assign_add(seen, tf.reduce_sum(tf.one_hot(labels, classes, dtype=tf.int64), 0))
    counts = tf.cast(counts + 0, tf.float32)  # a copy: another thread may add to the variable meanwhile
    return counts / tf.reduce_sum(counts)


def _checked(shares: Any) -> Any:
    total = tf.reduce_sum(shares)
    checks = [tf.assert_non_negative(shares), tf.assert_less(tf.abs(total - 1), 1e-5)]
    with tf.control_dependencies(checks):
        return tf.identity(shares)


def _labels_checked(labels: Any, classes: int) -> Any:
    checks = [tf.assert_non_negative(labels), tf.assert_less(labels, tf.cast(classes, labels.dtype))]
    with tf.control_dependencies(checks):
        return tf.identity(labels)


def _accepted(data: Any, target: Any) -> Any:
    """Returns with which probability an example of each class is kept."""
    text = "stratified sampling asks for a class that the data does not have; data, target: "
    possible = tf.Assert(tf.reduce_all(tf.logical_or(data > 0, tf.equal(target, 0))), [text, data, target])
    with tf.control_dependencies([possible]):
        ratio = tf.div_no_nan(target, data)
        return ratio / tf.reduce_max(ratio)
