"""Names of 0.x and functions whose argument order changed: both orders give NumPy's numbers."""

import numpy as np
import pytest

import tf1bn.compat.v1 as tf
from tf1bn import errors

A = np.arange(6, dtype=np.float32).reshape(2, 3)
B = A + 10


def value(fetch: object, feed: dict | None = None) -> object:
    with tf.Session() as session:
        return session.run(fetch, feed)


def same(fetch: object, expected: object, tolerance: float = 1e-6) -> None:
    np.testing.assert_allclose(value(fetch), expected, rtol=tolerance, atol=tolerance)


def test_renamed_functions_compute_what_their_names_say() -> None:
    same(tf.mul(A, B), A * B)
    same(tf.sub(A, B), A - B)
    same(tf.neg(A), -A)
    same(tf.inv(B), 1 / B)
    same(tf.pack([A, B]), np.stack([A, B]))
    same(tf.unpack(tf.constant(A))[1], A[1])
    same(tf.select(A > 2, A, B), np.where(A > 2, A, B))
    same(tf.batch_matmul(A[None], B[None], adj_y=True), (A @ B.T)[None])
    same(tf.batch_matmul(A[None], B[None], adj_x=True), (A.T @ B)[None])
    same(tf.complex_abs(tf.constant(3 + 4j)), 5)
    same(tf.listdiff([1, 2, 3], [2])[0], [1, 3])
    same(tf.reduce_sum(A, reduction_indices=[1], keep_dims=True), A.sum(1, keepdims=True))


CONCATS = {
    "0.x": lambda: tf.concat(1, [A, B]),
    "0.x, NumPy axis": lambda: tf.concat(np.int64(1), [A, B]),
    "0.x, 0-d array": lambda: tf.concat(np.array(1), [A, B]),
    "0.x, tensor axis": lambda: tf.concat(tf.constant(1), [A, B]),
    "0.x, dimension": lambda: tf.concat(tf.Dimension(1), [A, B]),
    "0.x, keyword": lambda: tf.concat(concat_dim=1, values=[A, B], name="c"),
    "0.x, mixed": lambda: tf.concat(1, values=[A, B]),
    "1.x": lambda: tf.concat([A, B], 1),
    "1.x, keyword": lambda: tf.concat(values=[A, B], axis=1),
    "1.x, negative": lambda: tf.concat([tf.constant(A), tf.constant(B)], -1),
}


@pytest.mark.parametrize("case", CONCATS)
def test_concat_takes_both_orders(case: str) -> None:
    same(CONCATS[case](), np.concatenate([A, B], 1))


def test_concat_keeps_the_name() -> None:
    assert tf.concat(0, [A, B], "mine").op.name == "mine"
    assert tf.concat([A, B], 0, "other").op.name == "other"


SPLITS = {
    "0.x": lambda: tf.split(1, 3, A),
    "0.x, tensor": lambda: tf.split(1, 3, tf.constant(A)),
    "0.x, name": lambda: tf.split(1, 3, A, "s"),
    "0.x, keyword": lambda: tf.split(split_dim=1, num_split=3, value=A),
    "0.x, mixed": lambda: tf.split(1, 3, value=A),
    "1.x": lambda: tf.split(A, 3, 1),
    "1.x, sizes": lambda: tf.split(A, [1, 1, 1], axis=1),
    "1.x, keyword": lambda: tf.split(value=A, num_or_size_splits=3, axis=1),
}


@pytest.mark.parametrize("case", SPLITS)
def test_split_takes_both_orders(case: str) -> None:
    for column, part in enumerate(value(SPLITS[case]())):
        np.testing.assert_array_equal(part, A[:, column : column + 1])


def test_reverse_takes_bools_and_numbers() -> None:
    same(tf.reverse(A, [True, False]), A[::-1])
    same(tf.reverse(A, dims=[False, True]), A[:, ::-1])
    same(tf.reverse(A, tf.constant([True, True])), A[::-1, ::-1])
    same(tf.reverse(A, [1]), A[:, ::-1])
    same(tf.reverse(A, tf.constant([0])), A[::-1])
    with pytest.raises(errors.ArgumentError, match="tf.reverse: `dims` must be known while building"):
        tf.reverse(A, tf.placeholder(tf.bool, [2]))


AXES = {
    "range": range(1),
    "range over two": range(2),
    "NumPy array": np.arange(2),
    "tuple": (0,),
    "number": 0,
    "set": {0, 1},
    "NumPy number": np.int32(1),
    "dimensions": [tf.Dimension(0)],
}


@pytest.mark.parametrize("case", AXES)
def test_moments_takes_any_kind_of_axes(case: str) -> None:
    axes = AXES[case]
    plain = tuple(int(axis) for axis in np.atleast_1d(sorted(axes) if isinstance(axes, set) else axes))
    mean, variance = tf.nn.moments(tf.constant(A), axes)
    same(mean, A.mean(plain))
    same(variance, A.var(plain))
    mean, _ = tf.nn.moments(tf.constant(A), axes, keep_dims=True)
    same(mean, A.mean(plain, keepdims=True))


def test_moments_takes_a_tensor_of_axes() -> None:
    same(tf.nn.moments(tf.constant(A), tf.constant([0]))[1], A.var(0))


def softmax_entropy(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return -(labels * (logits - np.log(np.exp(logits).sum(1, keepdims=True)))).sum(1)


def test_cross_entropies_take_logits_first_by_position_and_any_order_by_name() -> None:
    labels = np.array([[0, 1, 0], [0, 0, 1]], np.float32)
    expected = softmax_entropy(A, labels)
    entropy = tf.nn.softmax_cross_entropy_with_logits
    same(entropy(A, labels), expected, 1e-5)
    same(entropy(labels=labels, logits=A), expected, 1e-5)
    same(entropy(None, labels, A), expected, 1e-5)
    sparse = tf.nn.sparse_softmax_cross_entropy_with_logits
    same(sparse(A, [1, 2]), expected, 1e-5)
    same(sparse(labels=[1, 2], logits=A), expected, 1e-5)
    expected = np.log1p(np.exp(A)) - A * labels
    sigmoid = tf.nn.sigmoid_cross_entropy_with_logits
    same(sigmoid(A, labels), expected, 1e-5)
    same(sigmoid(logits=A, targets=labels), expected, 1e-5)
    assert sigmoid(A, labels, "named").op.name == "named"


@pytest.mark.parametrize("loss", ["nce_loss", "sampled_softmax_loss"])
def test_sampled_losses_find_the_labels_by_their_dtype(loss: str) -> None:
    weights, biases = tf.constant(np.eye(5, 3, dtype=np.float32)), tf.zeros([5])
    labels, inputs = tf.constant([[1], [2]], tf.int64), tf.constant(A)
    sampled = (tf.constant([0, 4], tf.int64), tf.fill([2, 1], 0.5), tf.fill([2], 0.5))
    function = getattr(tf.nn, loss)
    old = function(weights, biases, inputs, labels, 2, 5, sampled_values=sampled)
    new = function(weights, biases, labels, inputs, 2, 5, sampled_values=sampled)
    named = function(
        weights, biases, labels=labels, inputs=inputs, num_sampled=2, num_classes=5, sampled_values=sampled
    )
    old, new, named = value([old, new, named])
    np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(old, named)


def test_resize_images_takes_height_and_width_apart_or_together() -> None:
    images = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    expected = images[:, ::2, ::2]
    nearest = tf.image.ResizeMethod.NEAREST_NEIGHBOR
    same(tf.image.resize_images(images, 2, 2, nearest), expected)
    same(tf.image.resize_images(images, new_height=2, new_width=2, method=nearest), expected)
    same(tf.image.resize_images(images, [2, 2], nearest), expected)
    same(tf.image.resize_images(images, size=[2, 2], method=nearest), expected)


def test_per_image_whitening_gives_mean_zero_and_deviation_one() -> None:
    image = np.random.RandomState(0).rand(4, 4, 3).astype(np.float32)
    white = value(tf.image.per_image_whitening(image))
    assert abs(white.mean()) < 1e-5 and abs(white.std() - 1) < 1e-4


def test_old_summaries_keep_the_tag_as_given() -> None:
    with tf.name_scope("scope"):
        tf.scalar_summary("loss", 2.5)
        tf.scalar_summary(["a", "b"], [1.0, 2.0])
        tf.histogram_summary("weights", A)
        tf.image_summary("pictures", np.zeros([2, 4, 4, 1], np.float32), max_images=1)
        tf.audio_summary("sound", np.zeros([1, 8], np.float32), 8000, max_outputs=1)
    text = tf.scalar_summary("elsewhere", 1.0, collections=["own"])
    merged = tf.merge_all_summaries()
    values = tf.Summary.FromString(value(merged)).value
    tags = [item.tag for item in values]
    assert tags[:4] == ["loss", "a", "b", "weights"] and len(tags) == 6
    assert tags[4].startswith("pictures") and tags[5].startswith("sound")
    assert values[0].simple_value == 2.5
    assert tf.get_collection("own") == [text]


@pytest.mark.parametrize("graph", ["graph", "graph_def"])
def test_the_old_summary_writer_takes_a_graph(graph: str, tmp_path) -> None:
    text = tf.merge_summary([tf.scalar_summary("loss", 1.0)])
    given = tf.get_default_graph() if graph == "graph" else tf.get_default_graph().as_graph_def()
    writer = tf.train.SummaryWriter(str(tmp_path), given)
    writer.add_summary(value(text), 3)
    writer.close()
    events = [event for path in tmp_path.iterdir() for event in tf.train.summary_iterator(str(path))]
    assert any(event.step == 3 and event.summary.value[0].tag == "loss" for event in events)
    assert any(event.graph_def for event in events)


def test_a_static_recurrent_network_has_its_old_name() -> None:
    outputs, _ = tf.nn.rnn(tf.nn.rnn_cell.BasicRNNCell(2), [tf.constant(A), tf.constant(B)], dtype=tf.float32)
    assert [tuple(output.shape.as_list()) for output in outputs] == [(2, 2), (2, 2)]


def test_deconv2d_is_the_transposed_convolution() -> None:
    made = tf.nn.deconv2d(
        np.ones([1, 2, 2, 1], np.float32), np.ones([1, 1, 1, 1], np.float32), [1, 4, 4, 1], [1, 2, 2, 1]
    )
    assert value(made).sum() == 4
