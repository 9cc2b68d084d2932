"""Encoder, attention and decoder of tf.contrib.seq2seq: digits written as words are given back in reversed order.

At least nine of ten sequences come back without an error, by greedy choices and by beams.
"""
import os
import sys

import numpy as np
import tensorflow as tf
from tensorflow.contrib import lookup, seq2seq
from tensorflow.python.layers.core import Dense

folder = sys.argv[1]
WORDS = "<s> </s> zero one two three four five".split()
with tf.gfile.GFile(os.path.join(folder, "words.txt"), "w") as f:
    f.write("\n".join(WORDS) + "\n")
GO, END, UNITS, LONGEST = 0, 1, 32, 5


def sample(rng, n):
    """Sources of 2 to 5 words, and their targets with an end, both padded with the end."""
    lengths = rng.randint(2, LONGEST + 1, n)
    source, target = np.full([n, LONGEST], "</s>", dtype=object), np.full([n, LONGEST + 1], END)
    for row, length in enumerate(lengths):
        digits = rng.randint(2, len(WORDS), length)
        source[row, :length] = [WORDS[d] for d in digits]
        target[row, :length] = digits[::-1]
    return source, lengths, target


class Model(object):
    def __init__(self, mode, beam_width=0):
        table = lookup.index_table_from_file(os.path.join(folder, "words.txt"), default_value=END)
        self.source = tf.placeholder(tf.string, [None, None], name="source")
        self.lengths = tf.placeholder(tf.int32, [None], name="lengths")
        self.embedding = tf.get_variable("embedding", [len(WORDS), 16])
        embedded = tf.nn.embedding_lookup(self.embedding, table.lookup(self.source))
        cell = tf.contrib.rnn.GRUCell(UNITS)
        with tf.variable_scope("encoder"):
            memory, state = tf.nn.bidirectional_dynamic_rnn(
                cell, tf.contrib.rnn.GRUCell(UNITS), embedded, self.lengths, dtype=tf.float32)
        memory, state = tf.concat(memory, 2), tf.layers.dense(tf.concat(state, 1), UNITS, name="bridge")
        batch_size, lengths = tf.size(self.lengths), self.lengths
        if beam_width:
            memory = seq2seq.tile_batch(memory, multiplier=beam_width)
            state = seq2seq.tile_batch(state, multiplier=beam_width)
            lengths = seq2seq.tile_batch(lengths, multiplier=beam_width)
            batch_size *= beam_width
        with tf.variable_scope("attend"):
            mechanism = seq2seq.BahdanauAttention(UNITS, memory, memory_sequence_length=lengths, normalize=True)
            cell = seq2seq.AttentionWrapper(
                tf.contrib.rnn.GRUCell(UNITS), mechanism, attention_layer_size=UNITS,
                alignment_history=mode == "infer" and not beam_width, name="attention")
            first = cell.zero_state(batch_size, tf.float32).clone(cell_state=state)
            getattr(self, mode)(cell, first, Dense(len(WORDS), use_bias=False, name="out"), beam_width)

    def train(self, cell, first, layer, _):
        self.target = tf.placeholder(tf.int32, [None, LONGEST + 1], name="target")
        before = tf.concat([tf.fill([tf.shape(self.target)[0], 1], GO), self.target[:, :-1]], 1)
        helper = seq2seq.TrainingHelper(tf.nn.embedding_lookup(self.embedding, before), self.lengths + 1)
        outputs, _, sizes = seq2seq.dynamic_decode(
            seq2seq.BasicDecoder(cell, helper, first, layer), impute_finished=True)
        steps = tf.reduce_max(sizes)
        target, weights = self.target[:, :steps], tf.sequence_mask(sizes, steps, dtype=tf.float32)
        self.loss = seq2seq.sequence_loss(outputs.rnn_output, target, weights)
        hits = tf.to_float(tf.equal(outputs.sample_id, target)) * weights
        self.accuracy = tf.reduce_sum(hits) / tf.reduce_sum(weights)
        self.step = tf.contrib.layers.optimize_loss(
            self.loss, tf.train.get_or_create_global_step(), 0.01, "Adam", clip_gradients=5.0, summaries=[])

    def infer(self, cell, first, layer, beam_width):
        start = tf.fill([tf.size(self.lengths)], GO)
        if beam_width:
            decoder = seq2seq.BeamSearchDecoder(cell, self.embedding, start, END, first, beam_width, layer)
        else:
            helper = seq2seq.GreedyEmbeddingHelper(self.embedding, start, END)
            decoder = seq2seq.BasicDecoder(cell, helper, first, layer)
        outputs, state, _ = seq2seq.dynamic_decode(decoder, maximum_iterations=LONGEST + 1)
        ids = outputs.predicted_ids[:, :, 0] if beam_width else outputs.sample_id
        if not beam_width:
            self.alignments = tf.transpose(state.alignment_history.stack(), [1, 0, 2])
        back = lookup.index_to_string_table_from_file(os.path.join(folder, "words.txt"))
        self.words = back.lookup(tf.to_int64(ids))


def score(model, fetched):
    """Share of sequences that are given back as a whole."""
    rng = np.random.RandomState(7)
    source, lengths, target = sample(rng, 200)
    found = sess.run(fetched, {model.source: source, model.lengths: lengths})
    right = 0
    for words, length, wanted in zip(found, lengths, target):
        said = [w.decode("utf-8") for w in words[:length + 1]]
        right += said == [WORDS[i] for i in wanted[:length + 1]]
    return right / 200.0


rng = np.random.RandomState(3)
model = Model("train")
names = [v.op.name for v in tf.trainable_variables()]
assert "attend/memory_layer/kernel" in names and "attend/decoder/attention/bahdanau_attention/attention_v" in names
hits = []
with tf.Session() as sess:
    sess.run([tf.global_variables_initializer(), tf.tables_initializer()])
    for _ in range(250):
        source, lengths, target = sample(rng, 48)
        feed = {model.source: source, model.lengths: lengths, model.target: target}
        hits.append(sess.run([model.accuracy, model.step], feed)[0])
    path = tf.train.Saver().save(sess, os.path.join(folder, "model.ckpt"))
print("trained: %.4f" % (sum(hits[-20:]) / 20))

scores = []
for width in (0, 3):
    tf.reset_default_graph()
    model = Model("infer", width)
    with tf.Session() as sess:
        sess.run(tf.tables_initializer())
        tf.train.Saver().restore(sess, path)
        scores.append(score(model, model.words))
        if not width:
            source, lengths, _ = sample(np.random.RandomState(1), 20)
            weights = sess.run(model.alignments, {model.source: source, model.lengths: lengths})
            assert abs(weights.sum(2) - 1).max() < 1e-4
assert min(scores) > 0.9, scores
print("restored: %.4f" % scores[0])
print("beams: %.4f" % scores[1])
