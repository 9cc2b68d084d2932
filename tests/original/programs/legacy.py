"""contrib.legacy_seq2seq: lists of steps; outputs, losses and gradients."""
import numpy as np
import tensorflow as tf
from values import normal

L, R = tf.contrib.legacy_seq2seq, tf.contrib.rnn
flatten = tf.contrib.framework.nest.flatten


def symbols(steps, most=5, seed=0):
    return [tf.constant(row) for row in np.random.RandomState(seed).randint(0, most, (steps, 3)).astype(np.int32)]


def inputs(steps):
    return [normal(3, 4, seed=number) for number in range(steps)]


def chosen(value):
    return tf.placeholder_with_default(tf.constant(value), [])


def all_of(result):
    """Outputs, state, and the gradients of all variables."""
    parts = [part for part in flatten(result) if isinstance(part, tf.Tensor)]
    grads = tf.gradients([tf.reduce_sum(tf.square(part)) for part in parts], tf.trainable_variables())
    return parts + [tf.convert_to_tensor(grad) for grad in grads if grad is not None]


def of_symbols(function, *sizes, **options):
    cell = options.pop("cell", None) or R.BasicLSTMCell(4)
    return all_of(function(symbols(3), symbols(2, seed=1), cell, *sizes, **options))


def projected(function, *sizes, **options):
    pair = (tf.get_variable("w", [4, 6]), tf.get_variable("b", [6]))
    return of_symbols(function, *sizes, output_projection=pair, **options)


def decoder(**options):
    cell, memory = R.GRUCell(4), normal(3, 5, 4, seed=7)
    return all_of(L.attention_decoder(inputs(3), normal(3, 4, seed=8), memory, cell, **options))


def many(feed):
    cells = {"x": R.GRUCell(4), "y": R.GRUCell(4)}
    given = {"x": symbols(2, seed=1), "y": symbols(3, seed=2)}
    outputs, states = L.one2many_rnn_seq2seq(
        symbols(3), given, R.GRUCell(4), cells, 5, {"x": 6, "y": 7}, 4, feed_previous=feed)
    return all_of([outputs["x"], outputs["y"], states["x"], states["y"]])


def buckets(**options):
    def network(encoded, decoded):
        return L.embedding_attention_seq2seq(encoded, decoded, R.GRUCell(4), 5, 5, 3)

    ones = [tf.constant([1.0, 0.5, 0.0])] * 4
    return all_of(L.model_with_buckets(
        symbols(4), symbols(4, seed=1), symbols(4, seed=2), ones, [(2, 1), (4, 3)], network, **options))


def losses(function, **options):
    logits = [normal(3, 5, seed=number) for number in range(2)]
    return function(logits, symbols(2), [tf.constant([1.0, 0.5, 0.0])] * 2, **options)


def half(labels, logits):
    return 0.5 * tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)


def looped(last, number):
    return last * 0.5 + number


A, E, T = L.embedding_attention_seq2seq, L.embedding_rnn_seq2seq, L.embedding_tied_rnn_seq2seq
CASES = {
    "rnn_decoder": lambda: all_of(L.rnn_decoder(inputs(3), normal(3, 4, seed=9), R.GRUCell(4))),
    "rnn_decoder in a loop": lambda: all_of(
        L.rnn_decoder(inputs(3), normal(3, 4, seed=9), R.GRUCell(4), looped, scope="mine")),
    "basic_rnn_seq2seq": lambda: all_of(L.basic_rnn_seq2seq(inputs(3), inputs(2), R.BasicLSTMCell(4))),
    "tied_rnn_seq2seq": lambda: all_of(L.tied_rnn_seq2seq(inputs(3), inputs(2), R.GRUCell(4), looped)),
    "embedding_rnn_seq2seq": lambda: of_symbols(E, 5, 6, 3),
    "embedding_rnn_seq2seq, fed": lambda: of_symbols(E, 5, 6, 3, feed_previous=True),
    "embedding_rnn_seq2seq, told": lambda: of_symbols(E, 5, 6, 3, feed_previous=chosen(True)),
    "embedding_rnn_seq2seq, projected": lambda: projected(E, 5, 6, 3, feed_previous=True),
    "embedding_tied_rnn_seq2seq": lambda: of_symbols(T, 6, 4),
    "embedding_tied_rnn_seq2seq, fed": lambda: of_symbols(T, 6, 4, num_decoder_symbols=5, feed_previous=True),
    "embedding_tied_rnn_seq2seq, told": lambda: of_symbols(T, 6, 4, feed_previous=chosen(False)),
    "attention_decoder": decoder,
    "attention_decoder, two heads": lambda: decoder(num_heads=2, output_size=3),
    "attention_decoder, from the first state": lambda: decoder(initial_state_attention=True),
    "attention_decoder in a loop": lambda: decoder(loop_function=looped),
    "embedding_attention_seq2seq": lambda: of_symbols(A, 5, 6, 3),
    "embedding_attention_seq2seq, fed": lambda: of_symbols(A, 5, 6, 3, feed_previous=True, num_heads=2),
    "embedding_attention_seq2seq, told": lambda: of_symbols(A, 5, 6, 3, feed_previous=chosen(True)),
    "embedding_attention_seq2seq, projected": lambda: projected(
        A, 5, 6, 3, feed_previous=True, initial_state_attention=True),
    "embedding_attention_seq2seq, deep": lambda: of_symbols(
        A, 5, 6, 3, cell=R.MultiRNNCell([R.GRUCell(4), R.BasicLSTMCell(4)])),
    "one2many_rnn_seq2seq": lambda: many(False),
    "one2many_rnn_seq2seq, told": lambda: many(chosen(True)),
    "model_with_buckets": buckets,
    "model_with_buckets, each": lambda: buckets(per_example_loss=True, softmax_loss_function=half),
    "sequence_loss": lambda: losses(L.sequence_loss),
    "sequence_loss, summed": lambda: losses(
        L.sequence_loss, average_across_timesteps=False, average_across_batch=False),
    "sequence_loss_by_example": lambda: losses(L.sequence_loss_by_example, softmax_loss_function=half),
}
