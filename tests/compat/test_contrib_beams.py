"""The beam search of tf.contrib.seq2seq against searches in NumPy, one over all sequences."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn.compat import contrib_seq2seq as seq2seq
from tf1bn.compat import rnn_cell, tf_layers
from tf1bn.compat.contrib_seq2seq import beam_scores
from tf1bn.compat.contrib_seq2seq.attention_wrapper import AttentionWrapperState
from tf1bn.compat.contrib_seq2seq.beams import gather_tree_from_array

END, SYMBOLS, STEPS = 0, 3, 3
TABLE = np.random.RandomState(7).randn(SYMBOLS, SYMBOLS) * 2


class Chain(rnn_cell.RNNCell):
    """A cell without variables: logits depend on the last symbol alone; the state is the last symbol."""

    state_size, output_size = SYMBOLS, SYMBOLS

    def call(self, inputs, state):
        return tf.matmul(inputs, tf.constant(TABLE, tf.float32)), inputs


def search(beams, start=(1, 2), static=True, **options):
    tokens = tf.constant(start) if static else tf.placeholder_with_default(np.array(start, np.int32), [None])
    cell = Chain()
    state = cell.zero_state(len(start) * beams if static else tf.size(tokens) * beams, tf.float32)
    embedding = tf.constant(np.eye(SYMBOLS), tf.float32)
    decoder = seq2seq.BeamSearchDecoder(cell, embedding, tokens, END, state, beams, **options)
    return seq2seq.dynamic_decode(decoder, maximum_iterations=STEPS)


def log_softmax(x):
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def every_sequence(start, weight):
    """All sequences of at most STEPS symbols, with score, log probability, and whether they end."""
    found = {}
    for symbols in itertools.product(range(SYMBOLS), repeat=STEPS):
        ended = symbols.index(END) if END in symbols else STEPS
        if any(symbol != END for symbol in symbols[ended:]):
            continue
        taken = symbols[: ended + 1]
        log_prob = sum(log_softmax(TABLE)[a, b] for a, b in zip((start, *taken), taken, strict=False))
        # The end itself makes no sequence longer for its score in the step that chooses it, but in those after it.
        length = min(ended, STEPS) if ended >= STEPS - 1 else ended + 1
        found[symbols] = (log_prob / ((5 + length) / 6) ** weight, log_prob, ended < STEPS)
    return found


@pytest.mark.parametrize("static", [True, False])
@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_beams_as_wide_as_all_sequences_find_the_best_of_them(graph, run, weight, static):
    outputs, state, _ = search(15, static=static, length_penalty_weight=weight)
    found, scores, log_probs, ended, sizes = run(
        [
            outputs.predicted_ids,
            outputs.beam_search_decoder_output.scores,
            state.log_probs,
            state.finished,
            state.lengths,
        ]
    )
    assert outputs.predicted_ids.shape.as_list() == [2 if static else None, None, 15]
    for row, start in enumerate((1, 2)):
        best = every_sequence(start, weight)
        np.testing.assert_allclose(
            scores[row, -1], sorted((score for score, *_ in best.values()), reverse=True), rtol=1e-5
        )
        sequences = [tuple(symbols) for symbols in found[row].T]
        assert len(best) == 15 and set(sequences) == set(best)
        for beam, symbols in enumerate(sequences):
            score, log_prob, end = best[symbols]
            np.testing.assert_allclose([scores[row, -1, beam], log_probs[row, beam]], [score, log_prob], rtol=1e-5)
            assert ended[row, beam] == end
            assert sizes[row, beam] == (np.count_nonzero(symbols) + 1 if end else STEPS)


def narrow_search(start, beams):
    """The usual search: the best continuations of each step, sequences that have ended among them."""
    kept = [((), 0.0)]
    for _ in range(STEPS):
        longer = []
        for symbols, log_prob in kept:
            if END in symbols:
                longer.append(((*symbols, END), log_prob))
                continue
            last = symbols[-1] if symbols else start
            longer += [((*symbols, s), log_prob + log_softmax(TABLE)[last, s]) for s in range(SYMBOLS)]
        kept = sorted(longer, key=lambda one: -one[1])[:beams]
    return kept


def test_narrow_beams_keep_the_best_of_each_step(plain_graph, run):
    outputs, state, _ = search(2)
    found, log_probs = run([outputs.predicted_ids, state.log_probs])
    for row, start in enumerate((1, 2)):
        wanted = narrow_search(start, 2)
        np.testing.assert_array_equal(found[row].T, [symbols for symbols, _ in wanted])
        np.testing.assert_allclose(log_probs[row], [log_prob for _, log_prob in wanted], rtol=1e-5)


def test_states_follow_their_beams(plain_graph, run):
    outputs, state, _ = search(2)
    found, last = run([outputs.predicted_ids, state.cell_state])
    before = np.where(found[:, -1] >= 0, found[:, -2], 0)
    np.testing.assert_array_equal(last.argmax(-1), before)


def tree(steps, parents, lengths, end):
    """What the op of 1.15 documents: each beam is followed back from its last step."""
    found = np.full_like(steps, end)
    for b in range(steps.shape[1]):
        for k in range(steps.shape[2]):
            beam = k
            for time in reversed(range(min(lengths[b], len(steps)))):
                found[time, b, k] = steps[time, b, beam]
                beam = parents[time, b, beam]
            ends = np.flatnonzero(found[:, b, k] == end)
            if len(ends):
                found[ends[0] :, b, k] = end
    return found


def test_sequences_are_gathered_from_the_choices_of_steps(graph, run):
    random = np.random.RandomState(0)
    steps, parents = random.randint(0, 6, [5, 3, 4]), random.randint(0, 4, [5, 3, 4])
    lengths = np.array([5, 3, 0])
    y = seq2seq.gather_tree(tf.constant(steps, tf.int32), tf.constant(parents, tf.int32), lengths, 5)
    assert y.shape.as_list() == [5, 3, 4]
    np.testing.assert_array_equal(run(y), tree(steps, parents, lengths, 5))
    with pytest.raises(tf.errors.InvalidArgumentError):
        run(seq2seq.gather_tree(steps[:, :1] * 0, parents[:, :1] + 4, lengths[:1], 5))


def ordered(values, parents, lengths):
    """Values of steps in the order of sequences; behind the end of a beam its own."""
    beams = np.broadcast_to(np.arange(3), parents.shape)
    order = tree(beams, parents, lengths.max(1), 4)
    order = np.where(np.arange(len(parents))[:, None, None] < lengths, order, beams)
    apart = values.reshape([*parents.shape, -1])
    return np.take_along_axis(apart, order[..., None], 2).reshape(values.shape)


@pytest.mark.parametrize("shape", [[4, 2, 3], [4, 6], [4, 2, 3, 2]])
def test_values_of_steps_are_put_in_the_order_of_sequences(plain_graph, run, shape):
    random = np.random.RandomState(1)
    parents, lengths = random.randint(0, 3, [4, 2, 3]), np.array([[4, 3, 4], [2, 2, 1]])
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    wanted = ordered(values, parents, lengths)
    found = run(gather_tree_from_array(tf.constant(values), tf.constant(parents, tf.int32), tf.constant(lengths)))
    np.testing.assert_array_equal(found, wanted)


def test_a_batch_is_tiled_in_every_part_of_a_structure(plain_graph, run):
    x, y = np.arange(6).reshape(2, 3), np.array(["a", "b"])
    given = (tf.constant(x), [tf.placeholder_with_default(y, [None])])
    tiled = seq2seq.tile_batch(given, 3)
    assert tiled[0].shape.as_list() == [6, 3] and tiled[1][0].shape.as_list() == [None]
    found = run(tiled)
    np.testing.assert_array_equal(found[0], x.repeat(3, 0))
    np.testing.assert_array_equal(found[1][0].astype(str), y.repeat(3))
    with pytest.raises(ValueError, match="tile_batch: `t` must have a known rank above 0"):
        seq2seq.tile_batch(tf.constant(1), 2)


def test_scores_reward_length_and_coverage(plain_graph, run):
    random = np.random.RandomState(2)
    log_probs, lengths = -random.rand(2, 3, 4), random.randint(1, 9, [2, 3, 4])
    attended, finished = random.rand(2, 3, 5) * 1.5, np.array([[True, False, True]] * 2)
    attended[:, :, 3:] = 0
    given = [tf.constant(log_probs, tf.float32), tf.constant(lengths, tf.int64)]
    y = beam_scores.scores(*given, 0.6, 0.4, tf.constant(finished), tf.constant(attended, tf.float32))
    covered = np.log(np.minimum(attended[..., :3], 1)).sum(-1) * finished
    np.testing.assert_allclose(run(y), log_probs / ((5 + lengths) / 6) ** 0.6 + 0.4 * covered[..., None], rtol=1e-5)


def test_coverage_takes_the_mean_of_mechanisms_and_layers(plain_graph, run):
    def state(*alignments):
        found = tuple(tf.constant(a, tf.float32) for a in alignments)
        return AttentionWrapperState((), (), (), found if len(found) > 1 else found[0], (), ())

    found = beam_scores.attention_of((state(1.0), state(2.0, 5.0), ()), 0.5)
    assert run(found) == (1 + (2 + 5) / 2) / 2
    assert beam_scores.attention_of((), 0.0) is None


def attentive(static, **options):
    """A search over a cell with attention; returns the history of alignments and the choices of steps."""
    batch, beams = 2, 3
    rows = batch if static else None
    memory = tf.placeholder_with_default(
        np.random.RandomState(3).randn(batch, 4, 5).astype(np.float32), [rows, 4 if static else None, 5]
    )
    start = tf.placeholder_with_default(np.array([1, 2], np.int32), [rows])
    tiled = seq2seq.tile_batch(memory, beams)
    mechanism = seq2seq.LuongAttention(5, tiled, seq2seq.tile_batch(tf.constant([4, 3]), beams))
    cell = seq2seq.AttentionWrapper(rnn_cell.GRUCell(5), mechanism, alignment_history=True)
    state = cell.zero_state(tf.shape(tiled)[0], tf.float32)
    table = tf.get_variable("table", [6, 5])
    layer = tf_layers.Dense(6, use_bias=False)
    decoder = seq2seq.BeamSearchDecoder(cell, table, start, 0, state, beams, layer, **options)
    outputs, last, _ = seq2seq.dynamic_decode(decoder, maximum_iterations=4)
    return outputs, last


def test_the_history_of_alignments_is_put_in_the_order_of_beams(graph, run):
    with tf.variable_scope("search", initializer=tf.random_uniform_initializer(-2, 2, seed=6)) as scope:
        outputs, state = attentive(False, coverage_penalty_weight=0.1)
    with tf.variable_scope(scope, reuse=True):
        _, other = attentive(False, coverage_penalty_weight=0.1, reorder_tensor_arrays=False)
    history, raw = state.cell_state.alignment_history, other.cell_state.alignment_history
    assert isinstance(raw, tf.TensorArray) and isinstance(history, tf.Tensor)
    found, given, steps, lengths = run([history, raw.stack(), outputs.beam_search_decoder_output, state.lengths])
    parents = steps.parent_ids.transpose(1, 0, 2)
    assert (parents != np.arange(3)).any()
    np.testing.assert_allclose(found, ordered(given, parents, lengths), atol=1e-6)


def test_a_history_of_known_batch_and_entries_stays_an_array_as_in_1_15(plain_graph, run):
    _, state = attentive(True)
    history = state.cell_state.alignment_history
    assert isinstance(history, tf.TensorArray)
    assert run(history.stack()).shape == (4, 6, 4)


REFUSED = {
    "states of another batch": (
        lambda: seq2seq.BeamSearchDecoder(Chain(), tf.eye(3), [1, 2], 0, tf.ones([5, 3]), 2),
        ValueError,
        r"BeamSearchDecoder: a state has another batch size.*2 \* 2 rows.*tile_batch",
    ),
    "states of unknown rank": (
        lambda: seq2seq.BeamSearchDecoder(Chain(), tf.eye(3), [1], 0, tf.placeholder(tf.float32), 2),
        ValueError,
        "must have a known rank",
    ),
    "coverage without attention": (
        lambda: search(2, coverage_penalty_weight=0.5),
        ValueError,
        "`coverage_penalty_weight` needs a cell with attention",
    ),
    "a weight with axes": (
        lambda: search(2, coverage_penalty_weight=[0.5]),
        ValueError,
        "`coverage_penalty_weight` must be a scalar",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_beam_search_refuses(plain_graph, case):
    call, kind, text = REFUSED[case]
    with pytest.raises(kind, match=text):
        call()


def test_a_frozen_search_runs_without_this_library(graph, run):
    outputs, _, _ = search(2)
    found = run(tf.identity(outputs.predicted_ids, name="sequences"))
    definition = tf.get_default_graph().as_graph_def()
    assert {node.op for node in definition.node} <= set(tf.raw_ops.__dict__) | STOCK
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(definition, name="")
        np.testing.assert_array_equal(session.run("sequences:0"), found)


# Control flow of version 1 has public ops, too; these two have other names there.
STOCK = {"Placeholder", "NoOp"}
