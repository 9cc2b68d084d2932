"""contrib.losses, which is slim.losses, and its metric_learning."""
import tensorflow as tf
from values import normal, one_hot

S, D = tf.contrib.losses, tf.contrib.losses.metric_learning


def unit(values):
    return tf.nn.l2_normalize(values, 1)


def two(function):
    return function(normal(3, 4)), function(normal(3, 4, seed=1))


CASES = {
    "absolute_difference": lambda: S.absolute_difference(*two(tf.identity)),
    "mean_squared_error": lambda: S.mean_squared_error(*two(tf.identity), weights=0.5),
    "mean_pairwise_squared_error": lambda: S.mean_pairwise_squared_error(*two(tf.identity)),
    "log_loss": lambda: S.log_loss(*two(tf.sigmoid)),
    "hinge_loss": lambda: S.hinge_loss(normal(3, 4), one_hot()),
    "cosine_distance": lambda: S.cosine_distance(*two(unit), axis=1),
    "sigmoid_cross_entropy": lambda: S.sigmoid_cross_entropy(normal(3, 4), one_hot(), label_smoothing=0.1),
    "softmax_cross_entropy": lambda: S.softmax_cross_entropy(
        normal(3, 4), one_hot(), label_smoothing=0.1, weights=tf.constant([1.0, 0, 2])),
    "sparse_softmax_cross_entropy": lambda: S.sparse_softmax_cross_entropy(
        normal(3, 4), tf.constant([1, 2, 0], tf.int64)),
    "contrastive_loss": lambda: D.contrastive_loss(tf.constant([1, 0, 1]), *two(tf.identity)),
    "triplet_semihard_loss": lambda: D.triplet_semihard_loss(tf.constant([1, 0, 1, 0]), unit(normal(4, 4))),
    "npairs_loss": lambda: D.npairs_loss(tf.constant([1, 0, 2]), *two(tf.identity)),
    "lifted_struct_loss": lambda: D.lifted_struct_loss(tf.constant([1, 0, 1, 0]), normal(4, 4)),
}
