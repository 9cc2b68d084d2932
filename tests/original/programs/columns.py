"""Feature columns and target columns of contrib.layers."""
import importlib

import tensorflow as tf
from values import normal

L = tf.contrib.layers
KEY = L.SPARSE_FEATURE_CROSS_DEFAULT_HASH_KEY


def module(name):
    """A module of the original that contrib.layers did not show."""
    return importlib.import_module("tensorflow.contrib.layers.python." + name)


def words():
    """Sparse words, of which some rows have several and one has none."""
    places = [[0, 0], [0, 1], [2, 0], [3, 0], [3, 1], [3, 2]]
    return tf.SparseTensor(places, ["ab", "c", "ab", "", "zz", "c"], [4, 3])


def features():
    return {
        "word": words(),
        "other": tf.SparseTensor([[0, 0], [1, 0], [2, 0], [3, 0], [3, 1]], ["x", "y", "x", "y", "c"], [4, 2]),
        "dense": tf.constant([["u"], ["v"], ["u"], ["w"]]),
        "number": tf.SparseTensor([[0, 0], [1, 0], [3, 1]], tf.constant([7, 2, 11], tf.int64), [4, 2]),
        "size": normal(4, 1),
        "flat": normal(4),
        "weight": tf.SparseTensor(words().indices, [0.5, 2.0, 1.0, 1.0, 0.25, 1.5], [4, 3]),
        "vector": normal(4, 2, seed=3),
        "step": normal(4, 3, 2, seed=4),
        "steps": tf.SparseTensor([[0, 0, 0], [0, 2, 1], [1, 1, 0], [3, 0, 0]], ["ab", "zz", "c", "ab"], [4, 3, 2]),
        "heavy": tf.SparseTensor([[0, 0, 0], [0, 2, 1], [1, 1, 0], [3, 0, 0]], [0.5, 2.0, 1.5, 3.0], [4, 3, 2]),
        "ids": tf.constant([[1, 2, 0], [0, 0, 5], [2, 2, 2], [3, 1, 1]], tf.int64),
    }


def sparse(name="word", **options):
    return L.sparse_column_with_hash_bucket(name, 10, **options)


def keys(name="word"):
    return L.sparse_column_with_keys(name, ["ab", "c"])


def size():
    return L.real_valued_column("size")


def bucketized(name="size"):
    return L.bucketized_column(L.real_valued_column(name), [-0.5, 0.0, 1.0])


def transformed(*columns):
    """What columns make of the features, in their order: values, places and shapes of sparse ones."""
    made = L.transform_features(features(), list(columns))
    return [parts(made[column]) for column in columns]


def parts(value):
    if isinstance(value, tf.SparseTensor):
        return [value.indices, value.values, value.dense_shape]
    return [parts(each) for each in value] if isinstance(value, tuple) else value


def inputs(*columns):
    return L.input_from_feature_columns(features(), columns)


def steps(*columns):
    return L.sequence_input_from_feature_columns(features(), columns)


def linear(*columns):
    return L.weighted_sum_from_feature_columns(features(), columns, 2)[0]


def joint(*columns):
    return L.joint_weighted_sum_from_feature_columns(features(), columns, 2)[0]


def crossed(*columns, **options):
    return L.crossed_column(columns, 50, **options)


def cross(*names, **options):
    made = module("ops.sparse_feature_cross_op").sparse_feature_cross(
        [features()[name] for name in names], hashed_output=True, **options)
    return parts(made)


def scattered(**options):
    return L.scattered_embedding_column("word", 20, 3, KEY, **options)


def looked_up(name, *rest, **options):
    return getattr(module("layers.embedding_ops"), name)(normal(20), *rest, **options)


def target(made, labels, width=1, wanted=None):
    """Losses, predictions and, after two updates, the metrics of a target."""
    logits, data = normal(4, width), {"w": tf.constant([[1.0], [2.0], [0.5], [0.0]])}
    found = made.get_eval_ops(data, logits, labels, wanted)
    metrics = [part for name in sorted(found) for part in (found[name][1], found[name][0])]
    return [made.training_loss(logits, labels, data), made.loss(logits, labels, data),
            made.logits_to_predictions(logits)] + metrics


def truth():
    return tf.constant([1, 0, 1, 1], tf.int64)


def chances(made):
    return made.logits_to_predictions(normal(4, made.num_label_columns), proba=True)


M = tf.contrib.metrics

CASES = {
    "transformed: sparse": lambda: transformed(
        sparse(), keys(), sparse("dense"), sparse("ids", dtype=tf.int64),
        L.sparse_column_with_integerized_feature("number", 5)),
    "transformed: numbers": lambda: transformed(
        size(), L.real_valued_column("vector", 2, normalizer=lambda x: 2 * x - 1), L.real_valued_column("flat")),
    "transformed: buckets": lambda: transformed(bucketized(), bucketized("flat")),
    "transformed: wrapped": lambda: transformed(
        L.embedding_column(sparse(), 3), L.one_hot_column(keys()), L.weighted_sparse_column(sparse(), "weight")),
    "transformed: several hashes": lambda: transformed(sparse(hash_keys=[[10, 20], [20, 30]])),
    "transformed: crossed": lambda: transformed(crossed(sparse(), sparse("other"), hash_key=KEY)),
    "transformed: crossed, older hash": lambda: transformed(crossed(sparse(), sparse("other"))),
    "transformed: crossed, three, a number": lambda: transformed(
        crossed(sparse(), sparse("other"), L.sparse_column_with_integerized_feature("number", 5), hash_key=KEY)),
    "transformed: crossed, buckets": lambda: transformed(crossed(keys(), bucketized(), hash_key=KEY)),
    "transformed: crossed, crossed": lambda: transformed(crossed(crossed(sparse(), sparse("other")), keys("dense"))),
    "cross: older hash, no buckets": lambda: cross("word", "other"),
    "cross: older hash, numbers": lambda: cross("number", "dense", "ids", num_buckets=1000),
    "cross: key, no buckets": lambda: cross("word", "dense", hash_key=KEY),
    "inputs": lambda: inputs(
        L.embedding_column(sparse(), 3), L.one_hot_column(keys("dense")), size(), bucketized(), scattered()),
    "inputs: combiners": lambda: inputs(
        L.embedding_column(sparse(), 3, "sum"), L.embedding_column(keys("other"), 2, "sqrtn")),
    "inputs: crossed": lambda: inputs(L.embedding_column(crossed(sparse(), sparse("other")), 3)),
    "inputs: weighted": lambda: inputs(L.embedding_column(L.weighted_sparse_column(sparse(), "weight"), 3)),
    "inputs: scattered": lambda: inputs(scattered(combiner="sum")),
    "linear": lambda: linear(
        sparse(), bucketized(), L.real_valued_column("vector", 2), crossed(sparse(), sparse("other"))),
    "linear: joint": lambda: joint(sparse(), crossed(sparse(), keys("dense"), hash_key=KEY)),
    "linear: combiners": lambda: linear(
        sparse(combiner="mean"), sparse("other", combiner="sqrtn"),
        L.weighted_sparse_column(L.sparse_column_with_keys("word", ["ab", "c"], combiner="mean"), "weight")),
    "linear: integers": lambda: linear(L.sparse_column_with_integerized_feature("number", 5)),
    "steps": lambda: steps(
        L.real_valued_column("step", 2), L.embedding_column(sparse("steps"), 3), L.one_hot_column(keys("steps"))),
    "steps: one value": lambda: steps(
        L.real_valued_column("vector", 2), L.embedding_column(sparse("other"), 3, "sum")),
    "steps: dense ids": lambda: steps(L.one_hot_column(L.sparse_column_with_integerized_feature("ids", 4))),
    "steps: weighted": lambda: steps(
        L.embedding_column(L.weighted_sparse_column(sparse("steps"), "heavy"), 3)),
    "steps: weighted, one-hot": lambda: steps(L.one_hot_column(L.weighted_sparse_column(keys("steps"), "heavy"))),
    "scattered: look-up": lambda: looked_up(
        "scattered_embedding_lookup", tf.constant([["a", "b"], ["c", "a"]]), 5, hash_key=KEY),
    "scattered: look-up, numbers, older hash": lambda: looked_up(
        "scattered_embedding_lookup", tf.constant([3, 4, 3], tf.int64), 5),
    "scattered: look-up, sparse": lambda: looked_up(
        "scattered_embedding_lookup_sparse", words(), 5, combiner="sqrtn", hash_key=KEY),
    "target: regression": lambda: target(L.regression_target(), normal(4, seed=1)),
    "target: regression, weights": lambda: target(
        L.regression_target(weight_column_name="w"), normal(4, 1, seed=1),
        wanted={"mse": M.streaming_mean_squared_error}),
    "target: regression, two labels": lambda: target(L.regression_target(label_dimension=2), normal(4, 2, seed=1), 2),
    "target: two classes": lambda: target(L.multi_class_target(2), truth()),
    "target: two classes, weights": lambda: target(
        L.multi_class_target(2, weight_column_name="w"), tf.expand_dims(truth(), 1),
        wanted={("right", "classes"): M.streaming_accuracy, "again": M.streaming_accuracy}),
    "target: three classes": lambda: target(L.multi_class_target(3), tf.constant([2, 0, 1, 1]), 3),
    "target: three classes, weights": lambda: target(
        L.multi_class_target(3, weight_column_name="w"), tf.constant([[2], [0], [1], [1]]), 3,
        {("likely", "probabilities"): lambda guesses, labels, weights: tf.metrics.mean(guesses, weights[:, None])}),
    "target: support vectors": lambda: target(module("layers.target_column").binary_svm_target(), truth()),
    "target: chances": lambda: [chances(L.multi_class_target(2)), chances(L.multi_class_target(3))],
}
