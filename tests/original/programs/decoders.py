"""contrib.seq2seq: decoders, attention and beams."""
import numpy as np
import tensorflow as tf
from values import normal

Q, R = tf.contrib.seq2seq, tf.contrib.rnn
flatten = tf.contrib.framework.nest.flatten


def lengths():
    return tf.constant([4, 2, 3])


def targets():
    return tf.constant(np.array([[1, 2, 3, 4], [4, 0, 0, 0], [2, 2, 1, 0]]))


def weights():
    return tf.sequence_mask(lengths(), 4, tf.float32)


def trained(cell, initial_state=None, **options):
    helper = Q.TrainingHelper(normal(3, 4, 5), lengths())
    state = cell.zero_state(3, tf.float32) if initial_state is None else initial_state
    decoder = Q.BasicDecoder(cell, helper, state, output_layer=tf.layers.Dense(6, name="out"))
    outputs, state, sizes = Q.dynamic_decode(decoder, **options)
    kept = [part for part in flatten(state) if isinstance(part, tf.Tensor)]
    return [outputs.rnn_output, outputs.sample_id, sizes] + kept


def attended(mechanism, memory=None, **options):
    cell = Q.AttentionWrapper(R.GRUCell(8), mechanism(8, normal(3, 6, 7, seed=2), tf.constant([6, 3, 5])), **options)
    return trained(cell)


def greedy():
    cell = R.BasicLSTMCell(6)
    helper = Q.GreedyEmbeddingHelper(normal(6, 5), tf.constant([1, 2, 3]), 0)
    decoder = Q.BasicDecoder(cell, helper, cell.zero_state(3, tf.float32), tf.layers.Dense(6, name="out"))
    outputs, _, sizes = Q.dynamic_decode(decoder, maximum_iterations=5)
    return [outputs.rnn_output, outputs.sample_id, sizes]


def beams(attention, width=3, **options):
    cell = R.GRUCell(8)
    if attention:
        memory = Q.tile_batch(normal(2, 6, 7, seed=2), width)
        mechanism = Q.BahdanauAttention(8, memory, Q.tile_batch(tf.constant([6, 3]), width))
        cell = Q.AttentionWrapper(cell, mechanism, attention_layer_size=4)
        state = cell.zero_state(2 * width, tf.float32)
    else:
        state = Q.tile_batch(normal(2, 8, seed=3), width)
    decoder = Q.BeamSearchDecoder(cell, normal(6, 5), tf.constant([1, 2]), 0, state, width,
                                  tf.layers.Dense(6, name="out"), **options)
    outputs, state, sizes = Q.dynamic_decode(decoder, maximum_iterations=6)
    found = outputs.beam_search_decoder_output
    return [outputs.predicted_ids, found.scores, found.parent_ids, state.log_probs, sizes]


def inference():
    helper = Q.InferenceHelper(lambda outputs: outputs, [6], tf.float32, normal(3, 6), lambda ids: ids[:, 0] > 2)
    cell = R.GRUCell(6)
    decoder = Q.BasicDecoder(cell, helper, cell.zero_state(3, tf.float32))
    outputs, _, sizes = Q.dynamic_decode(decoder, maximum_iterations=3)
    return [outputs.rnn_output, sizes]


CASES = {
    "training": lambda: trained(R.GRUCell(8)),
    "training, time major, finished": lambda: trained(R.GRUCell(8), output_time_major=True, impute_finished=True),
    "greedy": greedy,
    "inference helper": inference,
    "Bahdanau": lambda: attended(Q.BahdanauAttention),
    "Bahdanau, normalized": lambda: attended(
        lambda *arguments: Q.BahdanauAttention(*arguments, normalize=True), attention_layer_size=4),
    "Luong": lambda: attended(Q.LuongAttention, alignment_history=True),
    "Luong, scaled": lambda: attended(
        lambda *arguments: Q.LuongAttention(*arguments, scale=True), output_attention=False, attention_layer_size=8),
    "Bahdanau, monotonic": lambda: attended(Q.BahdanauMonotonicAttention),
    "Bahdanau, monotonic, hard": lambda: attended(
        lambda *arguments: Q.BahdanauMonotonicAttention(*arguments, mode="hard", normalize=True)),
    "Luong, monotonic": lambda: attended(
        lambda *arguments: Q.LuongMonotonicAttention(*arguments, scale=True, mode="recursive")),
    "beams": lambda: beams(False),
    "beams, attention, penalties": lambda: beams(True, length_penalty_weight=0.6, coverage_penalty_weight=0.1),
    "sequence_loss": lambda: Q.sequence_loss(normal(3, 4, 6), targets(), weights()),
    "sequence_loss, by example": lambda: Q.sequence_loss(
        normal(3, 4, 6), targets(), weights(), average_across_timesteps=True, average_across_batch=False),
    "sequence_loss, by step": lambda: Q.sequence_loss(
        normal(3, 4, 6), targets(), weights(), average_across_timesteps=False, average_across_batch=True),
    "hardmax": lambda: Q.hardmax(normal(3, 4)),
    "safe_cumprod": lambda: Q.safe_cumprod(tf.sigmoid(normal(3, 4)), axis=1, exclusive=True),
    "monotonic_attention": lambda: [
        Q.monotonic_attention(tf.sigmoid(normal(3, 4)), tf.nn.softmax(normal(3, 4, seed=1)), mode)
        for mode in ("recursive", "parallel")],
    "gather_tree": lambda: Q.gather_tree(
        tf.constant([[[1, 2, 3]], [[4, 5, 6]], [[7, 8, 9]]]), tf.constant([[[0, 0, 0]], [[0, 1, 1]], [[2, 1, 2]]]),
        tf.constant([3]), 10),
    "tile_batch": lambda: Q.tile_batch(normal(2, 3), 2),
}
