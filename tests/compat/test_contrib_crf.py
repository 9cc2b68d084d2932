"""Linear chains of tags against all sequences, one by one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn.compat import contrib_crf as crf

RANDOM = np.random.RandomState(3)
SCORES = RANDOM.randn(5, 4, 3)
TRANSITIONS = RANDOM.randn(3, 3)
TAGS = RANDOM.randint(0, 3, [5, 4])
LENGTHS = np.array([4, 1, 0, 3, 2])


def scored(row: int, tags: tuple[int, ...]) -> float:
    """The score of the first steps of a row."""
    each = sum(SCORES[row, step, tag] for step, tag in enumerate(tags))
    return each + sum(TRANSITIONS[pair] for pair in itertools.pairwise(tags))


def all_of(row: int) -> dict[tuple[int, ...], float]:
    return {tags: scored(row, tags) for tags in itertools.product(range(3), repeat=LENGTHS[row])}


NORMS = np.array([np.log(sum(np.exp(list(all_of(row).values())))) for row in range(5)])
WANTED = np.array([scored(row, tuple(TAGS[row, : LENGTHS[row]])) for row in range(5)])


@pytest.mark.parametrize("dtype", [tf.int32, tf.int64])
def test_likelihoods_and_their_gradients(graph, run, dtype):
    inputs = tf.placeholder_with_default(SCORES, [None, None, 3])
    given = (inputs, tf.constant(TAGS, dtype), tf.constant(LENGTHS, dtype))
    start = tf.constant_initializer(TRANSITIONS)
    with tf.variable_scope("crf", initializer=start):
        likelihood, transitions = crf.crf_log_likelihood(*given)
    assert transitions.op.name == "crf/transitions" and tf.trainable_variables() == [transitions]
    moved = tf.gradients(tf.reduce_sum(likelihood), [inputs, transitions])
    found, score, norm, gradients = run(
        [
            likelihood,
            crf.crf_sequence_score(*given, transitions),
            crf.crf_log_norm(inputs, given[2], transitions),
            moved,
        ]
    )
    np.testing.assert_allclose(score, WANTED, atol=1e-9)
    np.testing.assert_allclose(norm, NORMS, atol=1e-9)
    np.testing.assert_allclose(found, WANTED - NORMS, atol=1e-9)
    by_input, by_transition = expected_gradients()
    np.testing.assert_allclose(gradients[0], by_input, atol=1e-9)
    np.testing.assert_allclose(gradients[1], by_transition, atol=1e-9)


def expected_gradients() -> tuple[np.ndarray, np.ndarray]:
    """What is given less what is expected of a random sequence."""
    by_input, by_transition = np.zeros_like(SCORES), np.zeros_like(TRANSITIONS)
    for row, length in enumerate(LENGTHS):
        weights = {tags: -np.exp(score - NORMS[row]) for tags, score in all_of(row).items()}
        weights[tuple(TAGS[row, :length])] += 1
        for tags, weight in weights.items():
            for step, tag in enumerate(tags):
                by_input[row, step, tag] += weight
            for pair in itertools.pairwise(tags):
                by_transition[pair] += weight
    return by_input, by_transition


def test_the_best_sequence(graph, run):
    tags, best = crf.crf_decode(tf.placeholder_with_default(SCORES, [None, None, 3]), TRANSITIONS, LENGTHS)
    found, score = run([tags, best])
    assert found.dtype == np.int32 and found.shape == (5, 4)
    for row, length in enumerate(LENGTHS):
        ways = all_of(row)
        path = max(ways, key=ways.__getitem__)
        assert tuple(found[row, :length]) == path and not found[row, length:].any()
        np.testing.assert_allclose(score[row], ways[path], atol=1e-9)
        if length:
            alone, value = crf.viterbi_decode(SCORES[row, :length], TRANSITIONS)
            assert tuple(alone) == path
            np.testing.assert_allclose(value, ways[path], atol=1e-9)


def test_sequences_of_one_step(plain_graph, run):
    inputs = SCORES[:, :1].astype(np.float32)
    ones = np.ones(5, np.int32)
    transitions = TRANSITIONS.astype(np.float32)
    tags, best = crf.crf_decode(inputs, transitions, ones)
    likelihood, _ = crf.crf_log_likelihood(inputs, TAGS[:, :1], ones, transitions)
    found = run([tags, best, likelihood])
    np.testing.assert_array_equal(found[0], inputs.argmax(2))
    np.testing.assert_allclose(found[1], inputs.max((1, 2)))
    sums = np.log(np.exp(SCORES[:, 0]).sum(1))
    np.testing.assert_allclose(found[2], SCORES[np.arange(5), 0, TAGS[:, 0]] - sums, rtol=1e-5)


def test_allowed_tags_alone_are_summed(plain_graph, run):
    allowed = RANDOM.rand(5, 4, 3) < 0.6
    allowed[:, :, 1] = True
    found = run(crf.crf_multitag_sequence_score(SCORES, allowed, LENGTHS, TRANSITIONS))
    for row in range(5):
        ways = [
            np.exp(score)
            for tags, score in all_of(row).items()
            if all(allowed[row, s, tag] for s, tag in enumerate(tags))
        ]
        np.testing.assert_allclose(found[row], np.log(sum(ways)), atol=1e-9)


def test_cells_are_single_steps(plain_graph, run):
    forward, best, back = (
        crf.CrfForwardRnnCell(TRANSITIONS),
        crf.CrfDecodeForwardRnnCell(TRANSITIONS),
        crf.CrfDecodeBackwardRnnCell(3),
    )
    assert (forward.state_size, best.output_size, back.state_size, back.output_size) == (3, 3, 1, 1)
    _, state = tf.nn.dynamic_rnn(forward, SCORES[:, 1:], LENGTHS.clip(1) - 1, tf.constant(SCORES[:, 0]))
    pointers, scores = best(SCORES[:, 1], tf.constant(SCORES[:, 0]))
    tags, _ = back(pointers, tf.ones([5, 1], tf.int32))
    found = run([tf.reduce_logsumexp(state, 1), pointers, scores, tags])
    np.testing.assert_allclose(found[0][LENGTHS > 0], NORMS[LENGTHS > 0], atol=1e-9)
    ways = SCORES[:, 0, :, None] + TRANSITIONS
    np.testing.assert_array_equal(found[1], ways.argmax(1))
    np.testing.assert_allclose(found[2], SCORES[:, 1] + ways.max(1))
    np.testing.assert_array_equal(found[3], ways.argmax(1)[:, 1:2])


def test_what_is_refused(plain_graph):
    with pytest.raises(ValueError, match="number of tags must be known"):
        crf.crf_log_likelihood(tf.placeholder(tf.float32, [2, 3, None]), TAGS, LENGTHS)
    with pytest.raises(AttributeError, match="tf.contrib.crf has no 'crf_decoed' in tf1bn. Did you mean 'crf_decode'"):
        _ = crf.crf_decoed
