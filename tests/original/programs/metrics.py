"""contrib.metrics: the update, twice, and then the value."""
import tensorflow as tf

M = tf.contrib.metrics


def guesses():
    return tf.constant([[0.2, 0.7, 0.9], [0.4, 0.1, 0.6]])


def truth():
    return tf.constant([[0.0, 1, 1], [1, 0, 0]])


def chosen(metric, *rest):
    """A metric of booleans."""
    return updated(metric(guesses() > 0.5, truth() > 0.5, *rest))


def updated(pair):
    return [pair[1], pair[0]]


def whole(values):
    return tf.cast(values, tf.int64)


CASES = {
    "streaming_accuracy": lambda: chosen(M.streaming_accuracy),
    "streaming_precision": lambda: chosen(M.streaming_precision),
    "streaming_recall": lambda: chosen(M.streaming_recall),
    "streaming_true_positives": lambda: chosen(M.streaming_true_positives),
    "streaming_false_positives": lambda: chosen(M.streaming_false_positives),
    "streaming_false_negatives": lambda: chosen(M.streaming_false_negatives),
    "streaming_false_positive_rate": lambda: chosen(M.streaming_false_positive_rate),
    "streaming_mean_iou": lambda: updated(M.streaming_mean_iou(whole(guesses() > 0.5), whole(truth()), 2)),
    "streaming_auc": lambda: updated(M.streaming_auc(guesses(), truth())),
    "streaming_mean_squared_error": lambda: updated(M.streaming_mean_squared_error(guesses(), truth())),
    "streaming_mean_absolute_error": lambda: updated(M.streaming_mean_absolute_error(guesses(), truth())),
    "streaming_root_mean_squared_error": lambda: updated(M.streaming_root_mean_squared_error(guesses(), truth())),
    "streaming_mean_relative_error": lambda: updated(
        M.streaming_mean_relative_error(guesses(), truth(), 2 * tf.ones([2, 3]))),
    "streaming_pearson_correlation": lambda: updated(M.streaming_pearson_correlation(guesses(), truth())),
    "streaming_covariance": lambda: updated(M.streaming_covariance(guesses(), truth())),
    "streaming_mean_cosine_distance": lambda: updated(M.streaming_mean_cosine_distance(guesses(), truth(), 1)),
    "streaming_precision_at_thresholds": lambda: updated(
        M.streaming_precision_at_thresholds(guesses(), truth(), [0.3, 0.65])),
    "streaming_sensitivity_at_specificity": lambda: updated(
        M.streaming_sensitivity_at_specificity(guesses(), truth(), 0.5)),
    "streaming_curve_points": lambda: updated(M.streaming_curve_points(truth(), guesses())),
    "streaming_sparse_precision_at_k": lambda: updated(
        M.streaming_sparse_precision_at_k(guesses(), tf.constant([[1], [0]], tf.int64), 2)),
    "streaming_sparse_recall_at_k": lambda: updated(
        M.streaming_sparse_recall_at_k(guesses(), tf.constant([[1], [2]], tf.int64), 1)),
    "f1_score": lambda: updated(M.f1_score(whole(truth()), guesses())),
    "precision_at_recall": lambda: updated(M.precision_at_recall(whole(truth()), guesses(), 0.5)),
    "cohen_kappa": lambda: updated(M.cohen_kappa(tf.constant([0, 1, 1, 0]), tf.constant([0, 1, 0, 0]), 2)),
    "count": lambda: updated(M.count(guesses())),
}
