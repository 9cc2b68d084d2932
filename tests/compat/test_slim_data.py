"""slim's data sets: records written here, read by its providers, decoded by its handlers."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat import slim
from tf1bn.compat.slim_data import tfexample_decoder as decoder


def feature(value: Any) -> tf.train.Feature:
    if isinstance(value[0], bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=value))
    if isinstance(value[0], int):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=value))
    return tf.train.Feature(float_list=tf.train.FloatList(value=value))


def example(**features: Any) -> bytes:
    named = {name.replace("__", "/"): feature(value) for name, value in features.items()}
    return tf.train.Example(features=tf.train.Features(feature=named)).SerializeToString()


def decoded(serialized: bytes, features: dict[str, Any], handler: Any) -> Any:
    with tf.Graph().as_default(), tf.Session() as session:
        made = handler() if not isinstance(handler, decoder.ItemHandler) else handler
        [item] = decoder.TFExampleDecoder(features, {"item": made}).decode(tf.constant(serialized), ["item"])
        session.run(tf.tables_initializer())
        return session.run(item)


PICTURE = np.random.RandomState(0).randint(0, 256, (4, 3, 3)).astype(np.uint8)


def encoded(form: str) -> bytes:
    if form == "raw":
        return PICTURE.tobytes()
    with tf.Graph().as_default(), tf.Session() as session:
        return session.run(tf.image.encode_png(PICTURE))


@pytest.mark.parametrize("form", ["png", "raw", "RAW"])
def test_images_are_decoded_by_their_format(form: str) -> None:
    record = example(image__encoded=[encoded(form.lower())], image__format=[form.encode()])
    features = {name: tf.FixedLenFeature([], tf.string) for name in ("image/encoded", "image/format")}
    np.testing.assert_array_equal(decoded(record, features, decoder.Image(shape=[4, 3, 3])), PICTURE)


def test_jpeg_is_decoded_as_tensorflow_does() -> None:
    with tf.Graph().as_default(), tf.Session() as session:
        data = session.run(tf.image.encode_jpeg(PICTURE))
        wanted = session.run(tf.image.decode_jpeg(data, dct_method="INTEGER_ACCURATE"))
    features = {name: tf.FixedLenFeature([], tf.string) for name in ("image/encoded", "image/format")}
    record = example(image__encoded=[data], image__format=[b"jpeg"])
    got = decoded(record, features, decoder.Image(dct_method="INTEGER_ACCURATE", dtype=tf.float32))
    np.testing.assert_array_equal(got, wanted.astype(np.float32))


SIDES = {name: tf.VarLenFeature(tf.float32) for name in ("ymin", "xmin", "ymax", "xmax")}
HANDLERS: dict[str, tuple[Any, dict[str, Any], Any, Any]] = {
    "boxes": (
        example(ymin=[0.0, 0.1], xmin=[0.2, 0.3], ymax=[0.4, 0.5], xmax=[0.6, 0.7]),
        SIDES,
        decoder.BoundingBox(),
        [[0, 0.2, 0.4, 0.6], [0.1, 0.3, 0.5, 0.7]],
    ),
    "shape of the features": (
        example(x=[1.0, 2.0, 3.0, 4.0], h=[2], w=[2]),
        {"x": tf.VarLenFeature(tf.float32), "h": tf.VarLenFeature(tf.int64), "w": tf.FixedLenFeature([1], tf.int64)},
        decoder.Tensor("x", ["h", "w"]),
        [[1, 2], [3, 4]],
    ),
    "shape that is given": (
        example(x=[1, 2, 3, 4]),
        {"x": tf.FixedLenFeature([4], tf.int64)},
        decoder.Tensor("x", shape=[2, 2]),
        [[1, 2], [3, 4]],
    ),
    "sparse": (
        example(indices=[0, 3], values=[1.5, 2.5]),
        {"indices": tf.VarLenFeature(tf.int64), "values": tf.VarLenFeature(tf.float32)},
        decoder.SparseTensor(shape=[5], densify=True),
        [1.5, 0, 0, 2.5, 0],
    ),
    "table": (
        example(word=[b"b", b"a"]),
        {"word": tf.FixedLenFeature([2], tf.string)},
        lambda: decoder.LookupTensor(
            "word",
            tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a", "b"], [7, 8], tf.string, tf.int64), -1),
        ),
        [8, 7],
    ),
    "backup": (
        example(b=[3]),
        {"a": tf.VarLenFeature(tf.int64), "b": tf.VarLenFeature(tf.int64)},
        decoder.BackupHandler(decoder.Tensor("a"), decoder.Tensor("b")),
        [3],
    ),
    "callback": (
        example(a=[3], b=[4]),
        {name: tf.FixedLenFeature([], tf.int64) for name in "ab"},
        decoder.ItemHandlerCallback(["a", "b"], lambda found: found["a"] * found["b"]),
        12,
    ),
}


@pytest.mark.parametrize("name", HANDLERS)
def test_a_handler_gives_its_item(name: str) -> None:
    record, features, handler, wanted = HANDLERS[name]
    np.testing.assert_allclose(decoded(record, features, handler), wanted, rtol=1e-6)


def test_sequences_of_boxes(plain_graph: tf.Graph, run: Any) -> None:
    steps = [[0.1, 0.2], [0.3]]
    lists = {key: tf.train.FeatureList(feature=[feature(step) for step in steps]) for key in ("y", "x")}
    record = tf.train.SequenceExample(
        context=tf.train.Features(feature={"id": feature([5])}), feature_lists=tf.train.FeatureLists(feature_list=lists)
    ).SerializeToString()
    made = decoder.TFSequenceExampleDecoder(
        {"id": tf.FixedLenFeature([], tf.int64)},
        {key: tf.VarLenFeature(tf.float32) for key in ("y", "x")},
        {
            "points": decoder.KeypointsSequence(prefix=""),
            "count": decoder.NumBoxesSequence(["y", "x"]),
            "id": decoder.Tensor("id"),
        },
    )
    points, count, number = run(made.decode(tf.constant(record)))
    np.testing.assert_allclose(points, [[[0.1, 0.1], [0.2, 0.2]], [[0.3, 0.3], [-1, -1]]], rtol=1e-6)
    assert count.tolist() == [2, 1] and number == 5 and list(made.list_items()) == ["points", "count", "id"]


def written(folder: pathlib.Path) -> None:
    for number in range(2):
        with tf.io.TFRecordWriter(str(folder / f"data-{number}")) as writer:
            for row in range(3):
                writer.write(example(value=[10 * number + row]))


def provider(folder: pathlib.Path, **options: Any) -> Any:
    features = {"value": tf.FixedLenFeature([], tf.int64)}
    made = decoder.TFExampleDecoder(features, {"value": decoder.Tensor("value")})
    data = slim.dataset.Dataset(
        str(folder / "data-*"), tf.TFRecordReader, made, 6, {"value": "a number"}, num_classes=3
    )
    assert data.num_classes == 3
    return slim.dataset_data_provider.DatasetDataProvider(data, num_epochs=1, **options)


@pytest.mark.parametrize("shuffle", [False, True])
def test_each_record_comes_once(plain_graph: tf.Graph, tmp_path: pathlib.Path, shuffle: bool) -> None:
    written(tmp_path)
    made = provider(tmp_path, shuffle=shuffle, num_readers=2 if shuffle else 1, common_queue_min=2)
    value, key = made.get(["value", "record_key"])
    key.set_shape([])  # a queue of records has no shapes
    queue = slim.prefetch_queue.prefetch_queue({"value": value, "key": key})
    found = queue.dequeue()
    seen = []
    with tf.Session() as session:
        session.run(tf.local_variables_initializer())
        with slim.queues.QueueRunners(session):
            for _ in range(6):
                result = session.run(found)
                assert pathlib.Path(result["key"].decode().rpartition(":")[0]).name.startswith("data-")
                seen.append(int(result["value"]))
    assert sorted(seen) == [0, 1, 2, 10, 11, 12] and (shuffle or [value % 10 for value in seen] == [0, 1, 2] * 2)
    assert made.num_samples() == 6 and set(made.list_items()) == {"value", "record_key"}


REFUSALS = {
    "item": (lambda: slim.data_provider.DataProvider({"a": 1}, 1).get(["b"]), r"there is no item 'b'"),
    "list": (lambda: slim.data_provider.DataProvider({"a": 1}, 1).get("a"), "`items` must be a sequence"),
    "files": (lambda: slim.parallel_reader.get_data_files(["/nowhere/*"]), "no file matches the sources"),
    "queue": (
        lambda: slim.parallel_reader.ParallelReader(tf.TFRecordReader, tf.FIFOQueue(1, [tf.int32])),
        "must hold pairs of strings",
    ),
    "both shapes": (lambda: decoder.Tensor("x", "h", [2]), "were both given"),
    "sides": (lambda: decoder.BoundingBox(["a"]), "another number of keys"),
    "counts": (lambda: decoder.NumBoxesSequence(), "there are no keys"),
    "dense": (
        lambda: decoder.NumBoxesSequence(["a"]).tensors_to_item({"a": tf.ones([1])}),
        "tensor must be of type tf.SparseTensor",
    ),
    "handler": (lambda: decoder.BackupHandler(decoder.Tensor("a"), "b"), "the backup is no handler"),
    "twice": (
        lambda: decoder.TFSequenceExampleDecoder({"a": 1}, {"a": 1}, {}),
        "a key is that of a context and of a sequence",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_does_not_fit_is_refused(plain_graph: tf.Graph, name: str) -> None:
    act, text = REFUSALS[name]
    with pytest.raises(errors.Tf1bnError, match=text):
        act()
