"""contrib.crf."""
import numpy as np
import tensorflow as tf
from values import normal

C = tf.contrib.crf


def tags():
    return tf.constant(np.array([[0, 1, 2, 1], [2, 2, 0, 0], [1, 0, 1, 2]], np.int32))


def lengths():
    return tf.constant([4, 2, 1])


CASES = {
    "crf_log_likelihood": lambda: C.crf_log_likelihood(normal(3, 4, 3), tags(), lengths())[0],
    "crf_log_likelihood, given": lambda: C.crf_log_likelihood(normal(3, 4, 3), tags(), lengths(), normal(3, 3))[0],
    "crf_sequence_score": lambda: C.crf_sequence_score(normal(3, 4, 3), tags(), lengths(), normal(3, 3)),
    "crf_multitag_sequence_score": lambda: C.crf_multitag_sequence_score(
        normal(3, 4, 3), normal(3, 4, 3, seed=4) > 0.0, lengths(), normal(3, 3)),
    "crf_log_norm": lambda: C.crf_log_norm(normal(3, 4, 3), lengths(), normal(3, 3)),
    "crf_unary_score": lambda: C.crf_unary_score(tags(), lengths(), normal(3, 4, 3)),
    "crf_binary_score": lambda: C.crf_binary_score(tags(), lengths(), normal(3, 3)),
    "crf_decode": lambda: list(C.crf_decode(normal(3, 4, 3), normal(3, 3), lengths())),
    "viterbi_decode": lambda: tf.constant(C.viterbi_decode(
        np.random.RandomState(0).randn(4, 3), np.random.RandomState(1).randn(3, 3))[0]),
}
