"""contrib's embeddings, feature columns and small maps, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat import slim
from tf1bn.compat.contrib import layers, sparse_ops

IDS = np.array([[1, 0, 3], [2, 2, 0]])


def loaded(run: Any) -> dict[str, Any]:
    """Initial values of all variables, by name."""
    run(tf.tables_initializer())
    return {variable.op.name: run(variable) for variable in tf.global_variables()}


@pytest.mark.parametrize("unique", [False, True])
def test_a_sequence_is_embedded(graph: tf.Graph, run: Any, unique: bool) -> None:
    y = layers.embed_sequence(tf.constant(IDS), 4, 2, unique=unique)
    again = layers.embed_sequence(tf.constant(IDS), 4, 2, scope="EmbedSequence", reuse=True)
    [(name, table)] = loaded(run).items()
    assert name == "EmbedSequence/embeddings" and slim.get_model_variables() == tf.global_variables()
    np.testing.assert_array_equal(run(y), table[IDS])
    np.testing.assert_array_equal(run(again), table[IDS])
    assert y.shape.as_list() == [2, 3, 2]


def test_bags_of_words_leave_padding_out_and_give_empty_rows_symbol_0(graph: tf.Graph, run: Any) -> None:
    ids = np.array([[1, 0, 3], [0, 0, 0]])
    y = layers.bow_encoder(tf.constant(ids), 4, 2)
    plain = layers.bow_encoder(tf.constant(ids), 4, 2, sparse_lookup=False, scope="bow_encoder", reuse=True)
    [(name, table)] = loaded(run).items()
    assert name == "bow_encoder/embeddings"
    np.testing.assert_allclose(run(y), [(table[1] + table[3]) / 2, table[0]], rtol=1e-6)
    np.testing.assert_allclose(run(plain), table[ids].mean(1), rtol=1e-6)


@pytest.mark.parametrize(("combiner", "divisor"), [("sum", 1.0), ("mean", 1.5), ("sqrtn", (0.25 + 1) ** 0.5)])
def test_invalid_ids_and_empty_rows_are_safe(plain_graph: tf.Graph, run: Any, combiner: str, divisor: float) -> None:
    table = np.arange(8.0).reshape(4, 2)
    places = [[0, 0], [0, 1], [0, 2], [2, 0]]
    ids = tf.SparseTensor(places, tf.constant([1, 3, -1, 2], tf.int64), [3, 3])
    weights = tf.SparseTensor(places, [0.5, 1.0, 1.0, -2.0], [3, 3])
    y = layers.safe_embedding_lookup_sparse([tf.constant(table, tf.float32)], ids, weights, combiner)
    first = (0.5 * table[1] + table[3]) / divisor
    last = -2 * table[2] if combiner == "sum" else [0, 0]
    np.testing.assert_allclose(run(y), [first, [0, 0], last], rtol=1e-6)
    filled = layers.safe_embedding_lookup_sparse([tf.constant(table, tf.float32)], ids, None, "sum", default_id=1)
    np.testing.assert_allclose(run(filled), [table[1] + table[3], table[1], table[2]], rtol=1e-6)


def columns() -> tuple[dict[str, Any], dict[str, Any]]:
    letters = layers.sparse_column_with_keys("letter", ["a", "b", "c"])
    made = {
        "letter": letters,
        "vector": layers.real_valued_column("vector", 2),
        "bucket": layers.bucketized_column(layers.real_valued_column("size"), [1.0, 0.0]),
        "number": layers.sparse_column_with_integerized_feature("number", 4),
        "weighted": layers.weighted_sparse_column(letters, "importance"),
    }
    features = {
        "letter": tf.constant([["b"], ["c"]]),
        "vector": tf.constant([[1.0, 2.0], [3.0, 4.0]]),
        "size": tf.constant([[0.5], [-3.0]]),
        "number": tf.constant([[3], [1]], tf.int64),
        "importance": tf.constant([[2.0], [0.5]]),
    }
    return made, features


def test_columns_are_joined_in_contribs_order_with_its_variables(graph: tf.Graph, run: Any) -> None:
    made, features = columns()
    parts: dict[Any, Any] = {}
    y = layers.input_from_feature_columns(
        features,
        [
            made["vector"],
            layers.one_hot_column(made["number"]),
            layers.embedding_column(made["letter"], 2),
            layers.embedding_column(made["weighted"], 3, "sum"),
            made["bucket"],
        ],
        trainable=False,
        cols_to_outs=parts,
    )
    values = loaded(run)
    names = ["letter_embedding", "letter_weighted_by_importance_embedding"]
    assert sorted(values) == [f"input_from_feature_columns/{name}/weights" for name in names]
    assert tf.trainable_variables() == [] and len(slim.get_model_variables()) == 2
    plain, weighted = (values[f"input_from_feature_columns/{name}/weights"] for name in names)
    letters, importance = np.array([1, 2]), np.array([[2.0], [0.5]])
    bucket = np.eye(3)[[1, 0]]  # class _BucketizedColumn comes first, then embeddings, one-hot and numbers
    one_hot, vector = np.eye(4)[[3, 1]], [[1, 2], [3, 4]]
    wanted = np.hstack([bucket, plain[letters], weighted[letters] * importance, one_hot, vector])
    np.testing.assert_allclose(run(y), wanted, rtol=1e-6)
    assert len(parts) == 5 and np.array_equal(run(parts[made["bucket"]]), bucket)


def test_linear_sums_of_columns(graph: tf.Graph, run: Any) -> None:
    made, features = columns()
    chosen = [made["vector"], made["letter"], made["bucket"]]
    y, weights, bias = layers.weighted_sum_from_feature_columns(features, chosen, 2)
    joint, [shared], joint_bias = layers.joint_weighted_sum_from_feature_columns(features, chosen[1:], 2)
    values = loaded(run)
    assert {name: value.shape for name, value in values.items()} == {
        "weighted_sum_from_feature_columns/size_bucketized/weights": (3, 2),
        "weighted_sum_from_feature_columns/vector/weight": (2, 2),
        "weighted_sum_from_feature_columns/letter/weights": (3, 2),
        "weighted_sum_from_feature_columns/bias_weight": (2,),
        "joint_weighted_sum_from_feature_columns/linear_weights/weights": (6, 2),
        "joint_weighted_sum_from_feature_columns/bias_weight": (2,),
    }
    assert all(not value.any() for value in values.values())
    session = run.__closure__[0].cell_contents[0]
    given = [np.arange(6.0).reshape(3, 2), np.array([[1.0, -1], [2, 3]]), -np.arange(6.0).reshape(3, 2), [5.0, 7]]
    for variable, value in zip(tf.global_variables(), given, strict=False):
        variable.load(value, session)
    wanted = given[0][[1, 0]] + np.array([[1, 2], [3, 4]]) @ given[1] + given[2][[1, 2]] + given[3]
    np.testing.assert_allclose(run(y), wanted)
    assert set(weights) == set(chosen) and weights[made["letter"]] == [tf.global_variables()[2]]
    assert bias is tf.global_variables()[3] and joint_bias is tf.global_variables()[5]
    shared.load(np.arange(12.0).reshape(6, 2), session)
    np.testing.assert_allclose(
        run(joint), np.arange(12.0).reshape(6, 2)[[1, 0]] + np.arange(6.0, 12).reshape(3, 2)[[1, 2]]
    )


def test_columns_tell_how_examples_are_parsed(plain_graph: tf.Graph, run: Any) -> None:
    made, _ = columns()
    chosen = [made["vector"], layers.embedding_column(made["letter"], 2)]
    feature = {
        "vector": tf.train.Feature(float_list=tf.train.FloatList(value=[1, 2])),
        "letter": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"a", b"c"])),
    }
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    parsed = layers.parse_feature_columns_from_examples(tf.constant([example.SerializeToString()]), chosen)
    assert run(parsed["vector"]).tolist() == [[1, 2]] and run(parsed["letter"].values).tolist() == [b"a", b"c"]
    lists = {name: tf.train.FeatureList(feature=[value, value]) for name, value in feature.items()}
    sequence = tf.train.SequenceExample(
        context=example.features, feature_lists=tf.train.FeatureLists(feature_list=lists)
    )
    context, steps = layers.parse_feature_columns_from_sequence_examples(
        tf.constant(sequence.SerializeToString()), [made["vector"]], [made["vector"]]
    )
    assert run(context["vector"]).tolist() == [1, 2] and run(steps["vector"]).tolist() == [[1, 2], [1, 2]]
    holders = layers.make_place_holder_tensors_for_base_features(chosen)
    assert holders["vector"].shape.as_list() == [None, 2] and isinstance(holders["letter"], tf.SparseTensor)
    [inferred] = layers.infer_real_valued_columns({"x": tf.ones([3, 2, 2])})
    assert inferred.shape == (4,) and inferred.name == "x"


def test_sparse_and_dense(plain_graph: tf.Graph, run: Any) -> None:
    dense = np.array([[0, 5, 0], [7, 0, 9]])
    for found in (layers.dense_to_sparse(tf.constant(dense)), sparse_ops.dense_to_sparse_tensor(tf.constant(dense))):
        assert run(found.indices).tolist() == [[0, 1], [1, 0], [1, 2]] and run(found.values).tolist() == [5, 7, 9]
    ids = sparse_ops.indicators_to_sparse_ids(tf.constant(dense))
    assert run(ids.indices).tolist() == [[0, 0], [1, 0], [1, 1]] and run(ids.values).tolist() == [1, 0, 2]
    assert run(ids.dense_shape).tolist() == [2, 2]
    rows = tf.SparseTensor([[0, 1], [2, 0], [2, 3]], [1, 1, 1], [4, 5])
    assert run(sparse_ops.sparse_row_envelope(rows)).tolist() == [2, 0, 4, 0]


def test_images_are_sequences_of_columns(plain_graph: tf.Graph, run: Any) -> None:
    x = np.arange(48.0).reshape(2, 3, 4, 2)
    wanted = x.transpose(2, 0, 1, 3).reshape(4, 6, 2)
    for form, given in (("NHWC", x), ("NCHW", x.transpose(0, 3, 1, 2))):
        sequence = layers.images_to_sequence(tf.constant(given), form)
        assert sequence.shape.as_list() == [4, 6, 2]
        np.testing.assert_array_equal(run(sequence), wanted)
    np.testing.assert_array_equal(run(layers.sequence_to_images(tf.constant(wanted), 3)), x)
    first = layers.sequence_to_images(tf.constant(wanted), 3, "channels_first")
    np.testing.assert_array_equal(run(first), x.transpose(0, 3, 1, 2))


@pytest.mark.parametrize(("form", "rank"), [("channels_last", 3), ("channels_last", 4), ("channels_first", 4)])
@pytest.mark.parametrize("inverse", [False, True])
def test_divisive_normalization(graph: tf.Graph, run: Any, form: str, rank: int, inverse: bool) -> None:
    if form == "channels_first" and rank == 4:
        pytest.importorskip("tensorflow")  # a convolution of one cell is a product, which a CPU has in both forms
    x = np.random.RandomState(0).rand(2, *[3, 4][: rank - 2], 5)
    given = x if form == "channels_last" else np.moveaxis(x, -1, 1)
    y = layers.gdn(tf.constant(given), inverse, data_format=form)
    values = loaded(run)
    assert {name: value.shape for name, value in values.items()} == {
        "gdn/reparam_beta": (5,),
        "gdn/reparam_gamma": (5, 5),
    }
    np.testing.assert_allclose(values["gdn/reparam_beta"] ** 2 - 2.0**-36, 1, rtol=1e-6)
    np.testing.assert_allclose(values["gdn/reparam_gamma"] ** 2 - 2.0**-36, 0.1 * np.eye(5), atol=1e-6)
    session = run.__closure__[0].cell_contents[0]
    beta, gamma = np.linspace(0.5, 1, 5), np.random.RandomState(1).rand(5, 5)
    for variable, value in zip(tf.global_variables(), (beta, gamma), strict=True):
        variable.load(value, session)
    root = np.sqrt((x**2) @ (gamma**2 - 2.0**-36) + beta**2 - 2.0**-36)
    wanted = x * root if inverse else x / root
    if form == "channels_first":
        return  # the numbers of this form need a convolution that a CPU may lack; its build is what is held here
    np.testing.assert_allclose(run(y), wanted, rtol=1e-6)


def test_a_bound_lets_only_gradients_through_that_lead_back(graph: tf.Graph, run: Any) -> None:
    x = tf.constant(np.random.RandomState(0).rand(4, 3, 2))
    layer = layers.GDN(dtype=tf.float64)
    y = layer(x)
    up, down = (tf.gradients(sign * tf.reduce_sum(layer.beta), layer.trainable_weights[0])[0] for sign in (1.0, -1.0))
    loaded(run)
    layer.trainable_weights[0].load(np.array([-1.0, 1.0]), run.__closure__[0].cell_contents[0])
    assert run(up)[0] == 0 and run(down)[0] < 0 and run(up)[1] == 2 and np.isfinite(run(y)).all()


@pytest.mark.parametrize("normalized", [False, True])
def test_one_kernel_for_every_channel(graph: tf.Graph, run: Any, normalized: bool) -> None:
    x = np.random.RandomState(2).randn(2, 5, 6, 3).astype(np.float32)
    y = layers.conv2d_in_plane(
        tf.constant(x),
        [1, 2],
        padding="VALID",
        activation_fn=None,
        normalizer_fn=slim.layer_norm if normalized else None,
        biases_initializer=tf.constant_initializer([1.0, 2.0, 3.0]),
    )
    values = loaded(run)
    weights = values["ConvInPlane/weights"]
    assert weights.shape == (1, 2, 1, 1) and ("ConvInPlane/biases" in values) is not normalized
    plain = x[:, :, :-1] * weights[0, 0, 0, 0] + x[:, :, 1:] * weights[0, 1, 0, 0]
    if normalized:
        mean, variance = plain.mean((1, 2, 3), keepdims=True), plain.var((1, 2, 3), keepdims=True)
        np.testing.assert_allclose(run(y), (plain - mean) / np.sqrt(variance), atol=1e-5)
    else:
        np.testing.assert_allclose(run(y), plain + [1, 2, 3], atol=1e-5)


def test_the_first_fully_connected_layer(graph: tf.Graph, run: Any) -> None:
    x = np.random.RandomState(3).randn(2, 3, 4).astype(np.float32)
    y = layers.legacy_relu(tf.placeholder_with_default(x, [None, 3, 4]), 2)
    values = loaded(run)
    wanted = np.maximum(x @ values["fully_connected/weights"] + values["fully_connected/bias"], 0)
    np.testing.assert_allclose(run(y), wanted, atol=1e-5)
    assert y.shape.as_list() == [None, 3, 2] and slim.get_model_variables() == []
    assert [len(tf.get_collection(key)) for key in ("weights", "biases", "activations")] == [1, 1, 1]


def test_the_ball_and_pooling_of_any_rank(plain_graph: tf.Graph, run: Any) -> None:
    x = np.array([[3.0, 4.0], [0.3, 0.4]])
    np.testing.assert_allclose(run(layers.poincare_normalize(tf.constant(x))), [x[0] / 5 * (1 - 1e-5), x[1]], rtol=1e-6)
    rows = np.arange(12.0).reshape(1, 6, 2)
    y = layers.pool(tf.constant(rows), 2, "AVG", stride=2)
    np.testing.assert_allclose(run(y), rows.reshape(1, 3, 2, 2).mean(2))
    spread = layers.pool(tf.constant(rows), 2, "MAX", dilation_rate=3)
    np.testing.assert_allclose(run(spread), np.maximum(rows[:, :3], rows[:, 3:]))


def test_clipping_that_adapts(graph: tf.Graph, run: Any) -> None:
    """Three steps of the averages by hand; the last norm is far above the others."""
    fed = tf.placeholder(tf.float32, [])
    variable = tf.get_variable("x", [], initializer=tf.zeros_initializer())
    [(clipped, _)] = layers.adaptive_clipping_fn(std_factor=0.5, decay=0.5, name="norms")([(fed, variable)])
    mean = square = 0.0
    for norm in (2.0, 2.5, 900.0):
        log = np.log(norm + 1e-8)
        mean, square = 0.5 * mean + 0.5 * log, 0.5 * square + 0.5 * log**2
        bound = np.exp(mean + 0.5 * np.sqrt(max(1e-8, square - mean**2)))
        np.testing.assert_allclose(run(clipped, {fed: norm}), norm if norm < bound else np.exp(mean), rtol=1e-4)
    assert {v.op.name for v in tf.global_variables()} == {"x", "norms/mean", "norms/sq_mean"}


def block(x1: Any, x2: Any, efficient: bool, sides: bool) -> Any:
    def f(x: Any, side: Any = None) -> Any:
        return slim.fully_connected(x, 3, tf.tanh) * (side[0] if side else 1.0)

    side = [tf.constant(2.0, tf.float64)] if sides else None
    return layers.RevBlock(f, f, 3, side, side, efficient), side


@pytest.mark.parametrize("sides", [False, True])
def test_a_reversible_block_has_the_gradients_of_a_plain_one(graph: tf.Graph, run: Any, sides: bool) -> None:
    x1, x2 = (tf.constant(np.random.RandomState(n).randn(4, 3)) for n in range(2))
    found = []
    for efficient in (True, False):
        with tf.variable_scope("net", reuse=not efficient):
            made, side = block(x1, x2, efficient, sides)
            made._reuse = not efficient
            y1, y2 = made.forward(x1, x2)
        variables = tf.trainable_variables()
        loss = tf.reduce_sum(y1 * y1 + 3 * y2)
        found.append((y1, y2, tf.gradients(loss, [x1, x2, *variables, *(side or [])])))
        back = made.backward(y1, y2)
    assert [v.op.name for v in tf.trainable_variables()][:2] == [
        "net/revblock/revlayer_0/f/fully_connected/weights",
        "net/revblock/revlayer_0/f/fully_connected/biases",
    ]
    assert len(tf.trainable_variables()) == 12
    run(tf.no_op())
    for efficient, plain in zip(tf.nest.flatten(run(found[0])), tf.nest.flatten(run(found[1])), strict=True):
        np.testing.assert_allclose(efficient, plain, rtol=1e-9)
    for value, wanted in zip(run(back), run([x1, x2]), strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-9)


@pytest.mark.parametrize("by_value", [False, True])
def test_recomputed_gradients_are_the_same_and_updates_count_once(graph: tf.Graph, run: Any, by_value: bool) -> None:
    x = tf.constant(np.random.RandomState(0).randn(4, 3))
    calls = []

    def plain(inputs: Any, is_recomputing: bool = False) -> Any:
        calls.append(is_recomputing)
        return slim.batch_norm(slim.fully_connected(inputs, 2, tf.tanh), scale=True)

    with tf.variable_scope("net", use_resource=True):
        y = layers.recompute_grad(plain, use_data_dep=by_value, tupleize_grads=by_value)(x)
    before = len(tf.get_collection(tf.GraphKeys.UPDATE_OPS))
    got = tf.gradients(y * y, [x, *tf.trainable_variables()])
    assert calls == [False, True] and len(tf.get_collection(tf.GraphKeys.UPDATE_OPS)) == before == 2
    with tf.variable_scope("net", reuse=True):
        z = plain(x)
    wanted = tf.gradients(z * z, [x, *tf.trainable_variables()])
    run(tf.no_op())
    for value, other in zip(run(got), run(wanted), strict=True):
        np.testing.assert_allclose(value, other, rtol=1e-7, atol=1e-9)


def test_a_function_may_take_the_updates_of_its_second_pass_off_the_end(graph: tf.Graph) -> None:
    def layer(inputs: Any, is_recomputing: bool = False) -> Any:
        outputs = slim.batch_norm(inputs)
        updates = tf.get_collection_ref(tf.GraphKeys.UPDATE_OPS)
        if is_recomputing:
            del updates[-2:]
        return outputs

    with tf.variable_scope("net", use_resource=True):
        y = layers.recompute_grad(layer)(tf.ones([4, 3]))
    first = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    tf.gradients(y, tf.trainable_variables())
    assert tf.get_collection(tf.GraphKeys.UPDATE_OPS) == first and len(first) == 2


def closes_over() -> Any:
    outside = tf.ones([2])
    return layers.recompute_grad(lambda x: x + outside)


def twice() -> Any:
    layer = layers.recompute_grad(lambda x: slim.fully_connected(x, 2))
    with tf.variable_scope("net", use_resource=True):
        y = layer(layer(tf.ones([2, 2])))
    return tf.gradients(y, tf.trainable_variables())


REFUSALS = {
    "sizes": (lambda: layers.embed_sequence(tf.constant(IDS)), "`vocab_size` and `embed_dim` are needed"),
    "sparse": (
        lambda: layers.bow_encoder(tf.SparseTensor([[0, 0]], [1], [1, 1]), 4, 2, sparse_lookup=False),
        "ids are sparse",
    ),
    "weights": (lambda: layers.safe_embedding_lookup_sparse([], None), "there are no `embedding_weights`"),
    "combiner": (lambda: layers.sparse_column_with_hash_bucket("x", 3, "max"), "unknown `combiner`"),
    "keys": (
        lambda: layers.sparse_column_with_hash_bucket("x", 3, hash_keys=[1, 2]),
        "`hash_keys` must be a list of pairs",
    ),
    "dtype": (lambda: layers.sparse_column_with_integerized_feature("x", 3, dtype=tf.float32), "must be an integer"),
    "length": (lambda: layers.real_valued_column("x", None), "`dimension` None is not served"),
    "checkpoint": (
        lambda: layers.crossed_column(["a", "b"], 5, ckpt_to_load_from="c"),
        "`ckpt_to_load_from` and `tensor_name_in_ckpt` belong together",
    ),
    "dict": (lambda: layers.check_feature_columns({"a": 1}), "Expected feature_columns to be iterable, found dict"),
    "twice": (
        lambda: layers.check_feature_columns([layers.real_valued_column("x")] * 2),
        "two feature columns have one key",
    ),
    "inferred": (lambda: layers.infer_real_valued_columns(tf.constant(["x"])), "no column can be inferred"),
    "not embedded": (
        lambda: layers.input_from_feature_columns({"x": tf.ones([1, 1])}, [layers.sparse_column_with_keys("x", ["a"])]),
        "cannot be an input of a network",
    ),
    "joint": (
        lambda: layers.joint_weighted_sum_from_feature_columns({}, [layers.real_valued_column("x")], 1),
        "only categorical columns without weights",
    ),
    "format": (
        lambda: layers.images_to_sequence(tf.ones([1, 2, 2, 1]), "CHWN"),
        "data_format has to be either NCHW or NHWC",
    ),
    "gdn": (lambda: layers.gdn(tf.ones([1, 2, 2, 1]), data_format="NHWC"), "unknown `data_format`"),
    "channels": (
        lambda: layers.gdn(tf.placeholder(tf.float32, [1, 2, None])),
        "the number of channels of the inputs is not known",
    ),
    "plane": (lambda: layers.conv2d_in_plane(tf.ones([2, 3]), 2), "must have rank 4 and known channels"),
    "rank": (lambda: layers.legacy_linear(tf.ones([2]), 2), "rank of x must be at least 2 not: 1"),
    "pool": (lambda: layers.pool(tf.ones([2, 2]), 2, "AVG"), "Rank of inputs must be >= 3"),
    "indicators": (lambda: sparse_ops.indicators_to_sparse_ids([[1]], dtype=tf.float32), "`dtype` is not integer"),
    "axes": (lambda: sparse_ops.sparse_row_envelope(None, "a"), "must be integers"),
    "one axis": (lambda: sparse_ops.sparse_row_envelope(None, 1, 1), "`row_axis` and `col_axis` are one axis"),
    "block": (lambda: layers.RevBlock([len], len, 2), "`f` must have one function for each layer"),
    "closure": (closes_over, "closes over Tensor"),
    "input": (lambda: layers.recompute_grad(lambda x: x)(3), "`f` is given something that is no tensor"),
    "scope": (twice, "called twice in the same enclosing scope"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_does_not_fit_is_refused(plain_graph: tf.Graph, name: str) -> None:
    act, text = REFUSALS[name]
    with pytest.raises(errors.Tf1bnError, match=text):
        act()
