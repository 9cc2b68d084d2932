"""contrib's crosses, hashes, transformed features and columns of sequences.

Hashes are those that TensorFlow 1.15 itself gave; the rest is NumPy. tests/original has both beside TensorFlow 1.15.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat import slim
from tf1bn.compat.contrib import crossing, layers, scattered

KEY = layers.SPARSE_FEATURE_CROSS_DEFAULT_HASH_KEY


def words() -> tf.SparseTensor:
    return tf.SparseTensor([[0, 0], [0, 1], [1, 0]], ["ab", "c", ""], [2, 2])


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"hashed_output": True, "num_buckets": 1000}, [502, 924, 717]),
        ({"hashed_output": True}, [5486243346918404502, 6135902018645176117, 992325754704430717]),
        ({"hashed_output": True, "num_buckets": 1000, "hash_key": KEY}, [946, 514, 587]),
        ({}, [b"ab_X_7_X_x", b"c_X_7_X_x", b"_X_-3_X_zz"]),
    ],
)
def test_crosses_are_hashed_as_they_were(plain_graph: tf.Graph, run: Any, options: Any, wanted: Any) -> None:
    inputs = [words(), tf.constant([[7], [-3]]), tf.constant([["x"], ["zz"]])]
    found = run(crossing.sparse_feature_cross(inputs, **options))
    assert found.values.tolist() == wanted
    assert found.indices.tolist() == [[0, 0], [0, 1], [1, 0]] and found.dense_shape.tolist() == [2, 2]


def test_components_of_embeddings_are_scattered(plain_graph: tf.Graph, run: Any) -> None:
    params = tf.range(20.0)
    ab, cd = np.array([[15, 5, 11, 15], [6, 13, 12, 9]])
    two = scattered.scattered_embedding_lookup(params, tf.constant(["a", "b"]), 4, hash_key=99)
    np.testing.assert_array_equal(run(two), [ab, cd])
    parts = [params[:7], params[7:14], params[14:]]
    for each, size in zip(parts, (7, 7, 6), strict=True):
        each.set_shape([size])
    apart = scattered.scattered_embedding_lookup(parts, tf.constant([["b"]]), 4, hash_key=99)
    np.testing.assert_array_equal(run(apart), [[cd]])
    older = scattered.scattered_embedding_lookup(params, tf.constant([3, 4], tf.int64), 4)
    np.testing.assert_array_equal(run(older), [[10, 0, 17, 14], [13, 1, 16, 15]])
    rows = tf.SparseTensor([[0, 0], [0, 1]], ["a", "b"], [2, 2])
    empty = [4, 2, 7, 10]
    for combiner, first in (
        ("sum", ab + cd),
        ("mean", (ab + cd) / 2),
        ("sqrtn", (ab + cd) / 2**0.5),
        (None, (ab + cd) / 2),
    ):
        found = scattered.scattered_embedding_lookup_sparse(params, rows, 4, combiner, hash_key=99)
        np.testing.assert_allclose(run(found), [first, empty], rtol=1e-6)


def test_a_scattered_column_is_an_input(graph: tf.Graph, run: Any) -> None:
    column = layers.scattered_embedding_column("word", 20, 4, 99, "sum", tf.constant_initializer(np.arange(20.0)))
    features = {"word": tf.SparseTensor([[0, 0], [0, 1]], ["a", "b"], [2, 2]), "x": tf.ones([2, 1])}
    y = layers.input_from_feature_columns(features, [layers.real_valued_column("x"), column])
    [weights] = slim.get_model_variables()
    assert weights.op.name == "input_from_feature_columns/word_scattered_embedding/weights"
    assert weights.shape.as_list() == [20] and y.shape.as_list() == [2, 5]
    np.testing.assert_array_equal(run(y), [[1, 21, 18, 23, 24], [1, 4, 2, 7, 10]])  # real numbers come first by name
    assert layers.create_feature_spec_for_parsing([column]) == {"word": tf.io.VarLenFeature(tf.string)}


def test_a_word_has_a_bucket_by_each_key(plain_graph: tf.Graph, run: Any) -> None:
    column = layers.sparse_column_with_hash_bucket("w", 100, hash_keys=[[1, 2], [3, 4]])
    found = run(layers.transform_features({"w": words()}, [column])[column])
    assert found.values.tolist() == [6, 49, 64, 74, 35, 26] and found.dense_shape.tolist() == [2, 4]
    dense = layers.input_from_feature_columns({"w": tf.constant(["ab", ""])}, [layers.one_hot_column(column)])
    np.testing.assert_array_equal(run(dense), [np.eye(100)[6] + np.eye(100)[64], np.zeros(100)])


def test_integers_wrap_around(plain_graph: tf.Graph, run: Any) -> None:
    column = layers.sparse_column_with_integerized_feature("x", 4)
    y = layers.input_from_feature_columns({"x": tf.constant([[7, 2], [5, -1]])}, [layers.one_hot_column(column)])
    np.testing.assert_array_equal(run(y), [[0, 0, 1, 1], [0, 1, 0, 0]])


@pytest.mark.parametrize(("combiner", "divisor"), [("sum", 1), ("mean", 2), ("sqrtn", 2**0.5)])
def test_linear_sums_combine_as_their_columns_say(graph: tf.Graph, run: Any, combiner: str, divisor: float) -> None:
    column = layers.sparse_column_with_integerized_feature("x", 3, combiner)
    features = {"x": tf.constant([[0, 2], [1, -1]])}
    y, weights, _ = layers.weighted_sum_from_feature_columns(features, [column], 1)
    run(tf.no_op())
    run(tf.assign(weights[column][0], [[3.0], [5.0], [7.0]]))
    np.testing.assert_allclose(run(y), [[10 / divisor], [5]], rtol=1e-6)
    if combiner != "sum":
        with pytest.raises(errors.ArgumentError, match="whose combiner is sum"):
            layers.joint_weighted_sum_from_feature_columns(features, [column], 1)


def test_crosses_start_with_the_weights_of_a_checkpoint(tmp_path: Any) -> None:
    path, values = str(tmp_path / "model"), np.arange(5.0).reshape(5, 1)
    with tf.Graph().as_default(), tf.Session() as session:
        saver = tf.train.Saver([tf.get_variable("w", initializer=tf.constant(values, tf.float32))])
        session.run(tf.global_variables_initializer())
        saver.save(session, path)
    with tf.Graph().as_default(), tf.Session() as session:
        column = layers.crossed_column([sparse(), sparse("y")], 5, ckpt_to_load_from=path, tensor_name_in_ckpt="w")
        features = {name: tf.constant([["a"]]) for name in "xy"}
        _, weights, _ = layers.weighted_sum_from_feature_columns(features, [column], 1)
        session.run(tf.global_variables_initializer())
        np.testing.assert_array_equal(session.run(weights[column][0]), values)


def test_columns_go_with_those_of_today(plain_graph: tf.Graph, run: Any) -> None:
    numbers = layers.sparse_column_with_integerized_feature("y", 4)
    hashed = layers.sparse_column_with_hash_bucket("z", 9, hash_keys=[[1, 2]])
    crossed = layers.crossed_column(
        [sparse(), numbers, layers.bucketized_column(layers.real_valued_column("s"), [0])], 7
    )
    spec = tf.feature_column.make_parse_example_spec([crossed, layers.embedding_column(hashed, 2)])
    kinds = {"x": tf.string, "y": tf.int64, "z": tf.string, "s": tf.float32}
    assert {name: value.dtype for name, value in spec.items()} == kinds
    given = {"x": [["a"], ["b"]], "y": [[5], [2]], "z": [["c"], ["d"]], "s": [[1.0], [-1.0]]}
    features = {name: tf.constant(value) for name, value in given.items()}
    y = tf.feature_column.linear_model(features, [crossed, hashed])
    made = layers.transform_features(features, [crossed, hashed])
    run(tf.no_op())
    wanted = np.zeros([2, 1])
    for column in (crossed, hashed):
        [weights] = [v for v in tf.global_variables() if v.op.name == f"linear_model/{column.name}/weights"]
        run(tf.assign(weights, np.random.RandomState(0).randn(column.num_buckets, 1)))
        wanted += run(weights)[run(made[column]).values]
    np.testing.assert_allclose(run(y), wanted, rtol=1e-6)


def test_columns_transform_features(plain_graph: tf.Graph, run: Any) -> None:
    letters = layers.sparse_column_with_integerized_feature("letter", 5)
    size = layers.real_valued_column("size", normalizer=lambda x: x * 2)
    columns = {
        "numbers": size,
        "buckets": layers.bucketized_column(size, [1.0, 3.0]),
        "embedded": layers.embedding_column(letters, 3),
        "hot": layers.one_hot_column(letters),
        "weighted": layers.weighted_sparse_column(letters, "weight"),
        "given": layers.sparse_column_with_integerized_feature("given", 5),
    }
    features = {
        "letter": tf.constant([[3, -1], [1, 4]], tf.int64),
        "size": tf.constant([[1], [0]]),
        "weight": tf.constant([[0.5, 0.0], [2.0, 3.0]]),
        columns["given"]: tf.constant(1),
    }
    made = layers.transform_features(features, columns.values())
    assert set(made) == set(columns.values()) and tf.global_variables() == []
    found = {name: run(made[column]) for name, column in columns.items()}
    assert found["numbers"].tolist() == [[2], [0]] and found["numbers"].dtype == np.float32
    assert found["buckets"].tolist() == [[1], [0]] and found["given"] == 1
    for name in ("embedded", "hot"):
        assert found[name].values.tolist() == [3, 1, 4] and found[name].indices.tolist() == [[0, 0], [1, 0], [1, 1]]
    ids, weights = found["weighted"]
    assert ids.values.tolist() == [3, 1, 4] and weights.values.tolist() == [0.5, 2, 3]


def test_steps_of_sequences_have_values(graph: tf.Graph, run: Any) -> None:
    letters = layers.sparse_column_with_integerized_feature("letter", 3)
    shared = layers.shared_embedding_columns([letters, layers.sparse_column_with_integerized_feature("b", 3)], 2)
    columns = [layers.real_valued_column("step"), layers.one_hot_column(letters), *shared]
    features = {
        "step": tf.constant([[1.0, 2.0], [3.0, 4.0]]),
        "letter": tf.SparseTensor([[0, 0, 0], [0, 0, 1], [1, 1, 0]], tf.constant([2, 0, 1], tf.int64), [2, 2, 2]),
        "b": tf.SparseTensor([[0, 1], [1, 0]], tf.constant([1, 2], tf.int64), [2, 2]),
    }
    y = layers.sequence_input_from_feature_columns(features, columns, weight_collections=["mine"])
    [table] = tf.global_variables()
    assert slim.get_model_variables() == [table] and tf.get_collection("mine") == [table]
    w, found, zero = run(table), run(y), np.zeros(2)
    embedded_b = np.array([[zero, w[1]], [w[2], zero]])
    embedded = np.array([[(w[2] + w[0]) / 2, zero], [zero, w[1]]])
    hot = np.array([[[1, 0, 1], [0, 0, 0]], [[0, 0, 0], [0, 1, 0]]])
    steps = np.array([[[1], [2]], [[3], [4]]])
    np.testing.assert_allclose(found, np.concatenate([embedded_b, embedded, hot, steps], 2), rtol=1e-6)


def test_deeper_features_are_flattened_in_each_step(plain_graph: tf.Graph, run: Any) -> None:
    values = np.arange(16.0).reshape(1, 2, 2, 4)
    y = layers.sequence_input_from_feature_columns({"x": tf.constant(values)}, [layers.real_valued_column("x", 8)])
    np.testing.assert_array_equal(run(y), values.reshape(1, 2, 8))


def sequence(column: Any, value: Any = None) -> Any:
    return layers.sequence_input_from_feature_columns({"x": tf.ones([1, 1]) if value is None else value}, [column])


def sparse(name: str = "x") -> Any:
    return layers.sparse_column_with_hash_bucket(name, 5)


def bucketized() -> Any:
    return layers.bucketized_column(layers.real_valued_column("x"), [1.0])


REFUSALS = {
    "sparse": (lambda: sequence(sparse()), "not currently supported for sequence data"),
    "scattered": (lambda: sequence(layers.scattered_embedding_column("x", 5, 2, KEY)), "not currently supported"),
    "buckets": (lambda: sequence(bucketized()), "not currently supported for sequence data"),
    "embedded buckets": (
        lambda: sequence(layers.embedding_column(bucketized(), 2)),
        "column x_bucketized is bucketized or crossed",
    ),
    "embedded crosses": (
        lambda: sequence(layers.embedding_column(layers.crossed_column([sparse(), sparse("y")], 5), 2)),
        "column x_X_y is bucketized or crossed",
    ),
    "rank": (
        lambda: sequence(layers.real_valued_column("x"), tf.ones([3])),
        "column x: a sequence has no such rank. Got 1",
    ),
    "feature": (lambda: sequence(layers.real_valued_column("y")), r"doesn't contain key \(y\). Got \['x'\]"),
    "crossed names": (lambda: layers.crossed_column(["a", "b"], 5), "columns must be a set of _SparseColumn"),
    "crossed weights": (
        lambda: layers.crossed_column([sparse(), layers.weighted_sparse_column(sparse("y"), "w")], 5),
        "columns must be a set of _SparseColumn",
    ),
    "crossed alone": (lambda: layers.crossed_column([sparse()], 5), "at least 2 elements"),
    "one bucket": (lambda: layers.crossed_column([sparse(), sparse("y")], 1), "hash_bucket_size must be at least 2"),
    "size": (lambda: layers.scattered_embedding_column("x", 0, 2, KEY), "must be greater than 0. Got (2, 0)"),
    "combiner": (lambda: layers.scattered_embedding_column("x", 5, 2, KEY, "max"), "Combiner must be one of"),
    "initializer": (lambda: layers.scattered_embedding_column("x", 5, 2, KEY, initializer=3), "must be callable"),
    "no key": (lambda: layers.scattered_embedding_column("x", 5, 2, 0), "`hash_key` must not be 0"),
    "dimension": (lambda: scattered.scattered_embedding_lookup(tf.ones([3]), ["a"], 0), "must specify dimension"),
    "matrix": (lambda: scattered.scattered_embedding_lookup(tf.ones([3, 2]), ["a"], 2), "must be vectors"),
    "parts": (
        lambda: scattered.scattered_embedding_lookup([tf.ones([1]), tf.ones([2])], ["a"], 2),
        r"Got \[1, 2\]; expected \[2, 1\]",
    ),
    "dense": (lambda: scattered.scattered_embedding_lookup_sparse(tf.ones([3]), ["a"], 2), "must be SparseTensor"),
    "combined": (
        lambda: scattered.scattered_embedding_lookup_sparse(tf.ones([3]), words(), 2, "max"),
        "Combiner must be one of",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_does_not_fit_is_refused(plain_graph: tf.Graph, name: str) -> None:
    call, text = REFUSALS[name]
    with pytest.raises(errors.Tf1bnError, match=text.replace("(2, 0)", r"\(2, 0\)")):
        call()
