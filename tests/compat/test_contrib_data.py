"""tf.contrib.data: transformations of 1.15 and the data sets of 1.2 to 1.4, as what they document says."""

from __future__ import annotations

import struct
import types

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn.compat import contrib_data as data
from tf1bn.compat.contrib_data import lmdb


def all_of(dataset, limit=50):
    """The elements of a data set of either kind."""
    dataset = dataset if isinstance(dataset, data.Dataset) else data.Dataset(dataset)
    following = dataset.make_one_shot_iterator().get_next()
    found = []
    with tf.Session() as session:
        while len(found) < limit:
            try:
                found.append(session.run(following))
            except tf.errors.OutOfRangeError:
                break
    return found


def numbers(n):
    return tf.data.Dataset.range(n)


def test_remainders_of_batches_are_dropped(plain_graph):
    found = all_of(numbers(5).apply(data.batch_and_drop_remainder(2)))
    np.testing.assert_array_equal(found, [[0, 1], [2, 3]])
    rows = numbers(5).map(lambda n: tf.fill([n], n))
    dataset = rows.apply(data.padded_batch_and_drop_remainder(2, [None], tf.constant(-1, tf.int64)))
    assert tf.data.get_output_shapes(dataset).as_list() == [2, None]
    first, second = all_of(dataset)
    np.testing.assert_array_equal(first, [[-1], [1]])
    np.testing.assert_array_equal(second, [[2, 2, -1], [3, 3, 3]])


WINDOWS = {
    "one by one": ({}, [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5], [4, 5, 6]]),
    "by an older name": ({"stride": 2}, [[0, 1, 2], [2, 3, 4], [4, 5, 6]]),
    "shifted and spread": ({"window_shift": 1, "window_stride": 2}, [[0, 2, 4], [1, 3, 5], [2, 4, 6]]),
}


@pytest.mark.parametrize("case", WINDOWS)
def test_windows_slide(plain_graph, case):
    options, wanted = WINDOWS[case]
    np.testing.assert_array_equal(all_of(numbers(7).apply(data.sliding_window_batch(3, **options))), wanted)


def test_windows_keep_the_structure_of_elements(plain_graph):
    pairs = numbers(3).map(lambda n: (n, {"square": n * n}))
    (first, rest), (_, last) = all_of(pairs.apply(data.sliding_window_batch(2)))
    np.testing.assert_array_equal(np.stack([first, rest["square"], last["square"]]), [[0, 1], [0, 1], [1, 4]])
    named = all_of(numbers(2).map(lambda n: {"n": n}).apply(data.sliding_window_batch(2)))
    np.testing.assert_array_equal(named[0]["n"], [0, 1])


def test_shapes_of_elements_are_known_and_checked(plain_graph):
    rows = numbers(3).map(lambda n: (tf.fill([n], n), n))
    fine = rows.take(1).apply(data.assert_element_shape((tf.TensorShape([None]), tf.TensorShape([]))))
    assert [shape.as_list() for shape in tf.data.get_output_shapes(fine)] == [[None], []]
    assert len(all_of(fine)) == 1
    single = numbers(3).map(lambda n: tf.fill([n], n)).apply(data.assert_element_shape(tf.TensorShape([1])))
    assert tf.data.get_output_shapes(single).as_list() == [1]
    with pytest.raises(tf.errors.InvalidArgumentError):
        all_of(single)


def test_data_sets_are_interleaved(plain_graph):
    found = all_of(numbers(3).apply(data.sloppy_interleave(lambda n: numbers(2).map(lambda m: 10 * n + m), 2)))
    assert sorted(found) == [0, 1, 10, 11, 20, 21]


@pytest.mark.parametrize(("n", "wanted"), [(5, 10), (0, 0)])
def test_a_data_set_is_reduced_to_a_tensor(plain_graph, run, n, wanted):
    reducer = data.Reducer(lambda _: tf.zeros([], tf.int64), lambda state, x: state + x, lambda state: {"sum": state})
    assert run(data.reduce_dataset(numbers(n), reducer)) == {"sum": wanted}


def records(tmp_path):
    path = str(tmp_path / "records")
    with tf.io.TFRecordWriter(path) as writer:
        for n in range(3):
            feature = tf.train.Feature(int64_list=tf.train.Int64List(value=[n]))
            writer.write(tf.train.Example(features=tf.train.Features(feature={"n": feature})).SerializeToString())
    return path


def test_records_are_parsed_in_batches(plain_graph, tmp_path, run):
    features = {"n": tf.FixedLenFeature([], tf.int64)}
    batch = data.read_batch_features(records(tmp_path), 2, features, randomize_input=False)
    assert [list(run(batch["n"])) for _ in range(2)] == [[0, 1], [2, 0]]
    assert data.Dataset.read_batch_features(records(tmp_path), 2, features)["n"].dtype == tf.int64


def test_the_rest_is_what_tensorflow_has(plain_graph, tmp_path):
    doubled = numbers(4).apply(data.map_and_batch(lambda n: 2 * n, 2, num_parallel_batches=1))
    np.testing.assert_array_equal(all_of(doubled), [[0, 2], [4, 6]])
    assert sorted(all_of(numbers(2).apply(data.shuffle_and_repeat(4, 2)))) == [0, 0, 1, 1]
    assert all_of(data.choose_from_datasets([numbers(2), numbers(9).skip(5)], numbers(2))) == [0, 5]
    assert all_of(data.Counter(start=3, step=2).take(2)) == [3, 5]
    assert all_of(numbers(4).apply(data.scan(tf.constant(0, tf.int64), lambda s, x: (s + x, s + x)))) == [0, 1, 3, 6]
    assert all_of(tf.data.Dataset.from_tensors([1, 2, 1]).apply(data.unbatch()).apply(data.unique())) == [1, 2]
    with tf.Session() as session:
        assert session.run(data.get_single_element(numbers(1))) == 0
        optional = data.get_next_as_optional(tf.data.make_one_shot_iterator(numbers(1)))
        assert session.run([optional.has_value(), optional.get_value()]) == [True, 0]
        writer = data.TFRecordWriter(str(tmp_path / "texts"))
        session.run(writer.write(numbers(2).map(tf.as_string)))
    assert all_of(data.TFRecordDataset(str(tmp_path / "texts"))) == [b"0", b"1"]


def test_old_data_sets_take_threads_and_buffers(plain_graph):
    dataset = data.Dataset.range(4).map(lambda n: (n, n * n), num_threads=2, output_buffer_size=3)
    assert isinstance(dataset, data.Dataset) and dataset.output_types == (tf.int64, tf.int64)
    assert [shape.as_list() for shape in dataset.output_shapes] == [[], []]
    assert dataset.output_classes == (tf.Tensor, tf.Tensor)
    found = all_of(dataset.filter(lambda n, square: square > 0).map(lambda n, square: n + square).repeat(2).batch(3))
    np.testing.assert_array_equal(found, [[2, 6, 12], [2, 6, 12]])


def test_old_methods_are_todays_functions(plain_graph):
    dataset = data.Dataset.from_tensor_slices([1, 2, 3, 4])
    assert all_of(dataset.enumerate(5).take(1)) == [(5, 1)]
    assert all_of(dataset.batch(3).unbatch().skip(2)) == [3, 4]
    assert all_of(dataset.map(lambda n: tf.check_numerics(1.0 / tf.cast(n - 2, tf.float32), "")).ignore_errors()) == [
        -1.0,
        1.0,
        0.5,
    ]
    windows = dataset.group_by_window(
        lambda n: tf.cast(n % 2, tf.int64), lambda key, window: window.map(lambda n: -n, num_threads=1).batch(2), 2
    )
    np.testing.assert_array_equal(all_of(windows), [[-1, -3], [-2, -4]])
    sparse = all_of(data.Dataset.range(3).map(lambda n: tf.fill([n], n)).dense_to_sparse_batch(3, [4]))[0]
    assert sparse.values.tolist() == [1, 2, 2] and sparse.dense_shape.tolist() == [3, 4]
    pairs = data.Dataset.zip((dataset, data.Dataset.range(2)))
    assert all_of(pairs) == [(1, 0), (2, 1)]
    assert all_of(dataset.take(1).concatenate(data.Dataset.from_tensors(9))) == [1, 9]
    assert all_of(dataset.apply(data.batch_and_drop_remainder(3)))[0].tolist() == [1, 2, 3]
    texts = data.Dataset.from_generator(lambda: iter(["a"]), tf.string)
    assert all_of(texts) == [b"a"]


def test_old_sources_read_files(plain_graph, tmp_path):
    for name in ("b", "a"):
        (tmp_path / f"{name}.txt").write_text(f"head\n{name}1\n{name}2\n")
    files = data.Dataset.list_files(str(tmp_path / "*.txt"))
    assert all_of(files.flat_map(lambda name: data.TextLineDataset(name).skip(1))) == [b"a1", b"a2", b"b1", b"b2"]
    mixed = files.interleave(lambda name: data.TextLineDataset(name).skip(1), cycle_length=2)
    assert all_of(mixed) == [b"a1", b"b1", b"a2", b"b2"]
    assert all_of(data.FixedLengthRecordDataset(str(tmp_path / "a.txt"), 3, header_bytes=5)) == [b"a1\n", b"a2\n"]


def test_one_iterator_goes_over_several_data_sets(plain_graph):
    first = data.Dataset.range(2)
    iterator = data.Iterator.from_structure(first.output_types, first.output_shapes)
    begins = [iterator.make_initializer(first), iterator.make_initializer(tf.data.Dataset.range(7, 9))]
    following, own = iterator.get_next(), data.Iterator.from_dataset(first)
    other = own.get_next()
    again = first.make_initializable_iterator()
    last = again.get_next()
    with tf.Session() as session:
        found = []
        for begin in begins:
            session.run(begin)
            found += [session.run(following) for _ in range(2)]
        session.run([own.initializer, again.initializer])
        assert [*found, session.run(other), session.run(last)] == [0, 1, 7, 8, 0, 0]


REFUSED = {
    "two shifts": (lambda: data.sliding_window_batch(2, 1, 1), "`stride` and `window_shift` are both given"),
    "two numbers of threads": (
        lambda: data.Dataset.range(1).map(lambda n: n, 1, None, 1),
        "Dataset.map: `num_threads` and `num_parallel_calls` are both given",
    ),
    "too many shapes": (
        lambda: numbers(1).apply(data.assert_element_shape((tf.TensorShape([]), tf.TensorShape([])))),
        "`expected_shapes` needs a shape for each component",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_data_sets_refuse(plain_graph, case):
    call, text = REFUSED[case]
    with pytest.raises(ValueError, match=text):
        call()


def test_private_words_are_no_methods():
    for kind in (data.Dataset, data.Iterator):
        assert not hasattr(kind(None), "_anything")


PAGE = 4096


def lmdb_page(number: int, kind: int, nodes: list[bytes]) -> bytes:
    """A page of nodes in their order, which are written from its end on."""
    page, starts, end = bytearray(PAGE), [], PAGE
    for node in nodes:
        end -= len(node) + len(node) % 2
        page[end : end + len(node)] = node
        starts.append(end)
    lower = 16 + 2 * len(starts)
    page[:lower] = struct.pack(f"<QHHHH{len(starts)}H", number, 0, kind, lower, end, *starts)
    return bytes(page)


def lmdb_file(*leaves: dict[bytes, bytes], flags: int = 0) -> bytes:
    """A database of LMDB 0.9: two pages that describe it, the older of nothing, a branch, leaves, long values."""
    long, pages, branches = b"", [], []
    for number, leaf in enumerate(leaves, 3):
        nodes = []
        for key, value in leaf.items():
            place = b""
            if len(value) > 1000:
                place = struct.pack("<Q", 3 + len(leaves) + len(long) // PAGE)
                whole = struct.pack("<QHHI", 0, 0, 0x04, 1 + len(value) // PAGE) + value
                long += whole.ljust(-(-len(whole) // PAGE) * PAGE, b"\0")
            head = struct.pack("<HHHH", len(value) & 0xFFFF, len(value) >> 16, flags or bool(place), len(key))
            nodes.append(head + key + (place or value))
        pages.append(lmdb_page(number, 0x02, nodes))
        first = next(iter(leaf)) if branches else b""
        branches.append(struct.pack("<HHHH", number, 0, 0, len(first)) + first)
    metas = b""
    for number, root in enumerate((2**64 - 1, 2)):
        free = struct.pack("<IHHQQQQQ", PAGE, 8, 0, 0, 0, 0, 0, 2**64 - 1)
        main = struct.pack("<IHHQQQQQ", 0, 0, 2, 1, len(leaves), 0, sum(map(len, leaves)), root)
        head = struct.pack("<QHHHH", number, 0, 0x08, 0, 0)
        told = struct.pack("<IIQQ", 0xBEEFC0DE, 1, 0, 1 << 20) + free + main + struct.pack("<QQ", 9, number)
        metas += (head + told).ljust(PAGE, b"\0")
    return metas + lmdb_page(2, 0x01, branches) + b"".join(pages) + long


def test_databases_of_lmdb_give_their_pairs_in_order(plain_graph, tmp_path):
    pairs = [(b"a", b"first"), (b"bb", b""), (b"c", bytes(range(256)) * 300), (b"d", b"x" * 1001)]
    (tmp_path / "data.mdb").write_bytes(lmdb_file(dict(pairs[:2]), dict(pairs[2:])))
    other = tmp_path / "other.mdb"
    other.write_bytes(lmdb_file({b"z": b"last"}))
    dataset = data.LMDBDataset([str(tmp_path), str(other)])
    assert tf.data.get_output_types(dataset) == (tf.string, tf.string)
    assert all_of(dataset) == [*pairs, (b"z", b"last")]
    assert all_of(data.LMDBDataset(str(other))) == [(b"z", b"last")]


def test_files_that_are_no_databases_of_pairs_are_refused(tmp_path):
    path = tmp_path / "data.mdb"
    for content in (b"", b"x" * 3 * PAGE):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="LMDBDataset: the file is no database of LMDB. Got"):
            list(lmdb.pairs(path))
    for flag in (0x02, 0x04):
        path.write_bytes(lmdb_file({b"a": b"1"}, flags=flag))
        with pytest.raises(ValueError, match="has databases in it, or several values for a key"):
            list(lmdb.pairs(path))
    path.write_bytes(
        lmdb_file({b"a": b"1"})[: 2 * PAGE] + struct.pack("<QHHHH", 2, 0, 0x40, 18, PAGE).ljust(PAGE, b"\1")
    )
    with pytest.raises(ValueError, match="has a page of kind 64 where keys should be"):
        list(lmdb.pairs(path))


def test_a_database_that_is_cut_off_or_damaged_gives_no_shortened_values(tmp_path):
    path, value = tmp_path / "data.mdb", b"x" * 9000
    whole = lmdb_file({b"a": value})
    for size in (PAGE, 2 * PAGE, 3 * PAGE + 8, 4 * PAGE, len(whole) - PAGE, 4 * PAGE + 16 + len(value) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=rf"is cut off or damaged: it has {size} bytes, not \d+"):
            list(lmdb.pairs(path))
    circle = lmdb_page(2, 0x01, [struct.pack("<HHHH", 2, 0, 0, 0)])
    path.write_bytes(whole[: 2 * PAGE] + circle + whole[3 * PAGE :])
    with pytest.raises(ValueError, match="is damaged: its tree has more than 32 levels"):
        list(lmdb.pairs(path))


class _Estimator:
    """What the hook reads of an Estimator."""

    def __init__(self, folder, workers=1):
        self.model_dir = str(folder)
        self.config = types.SimpleNamespace(
            num_worker_replicas=workers,
            task_type="worker",
            task_id=3,
            save_checkpoints_secs=None,
            save_checkpoints_steps=2,
        )


def trained(estimator, steps):
    """What the first steps read of a data set of numbers, with the hook."""
    found = []
    with tf.Graph().as_default():
        step = tf.train.get_or_create_global_step()
        iterator = tf.data.make_initializable_iterator(numbers(100).shuffle(5, seed=1))
        fetches = [iterator.get_next(), tf.assign_add(step, 1)]
        scaffold = tf.train.Scaffold(local_init_op=iterator.initializer)
        hook = data.CheckpointInputPipelineHook(estimator)
        with tf.train.SingularMonitoredSession([hook], scaffold, checkpoint_dir=None) as session:
            for _ in range(steps):
                found.append(session.run(fetches)[0])
    return found


def test_a_pipeline_goes_on_where_it_was_saved(tmp_path):
    whole = trained(_Estimator(tmp_path / "whole"), 9)
    estimator = _Estimator(tmp_path / "parts")
    assert [*trained(estimator, 4), *trained(estimator, 5)] == whole
    assert tf.train.latest_checkpoint(estimator.model_dir) is None  # that is the model's
    listed = tf.train.latest_checkpoint(estimator.model_dir, "checkpoint_input")
    assert listed.rpartition("/")[2] == "input.ckpt-5"
    assert not list((tmp_path / "parts").glob("*.meta"))


def test_workers_save_their_pipelines_apart(tmp_path):
    trained(_Estimator(tmp_path, workers=2), 3)
    assert (tmp_path / "checkpoint_input_worker_3").exists()
    assert {path.stem for path in tmp_path.glob("*.index")} == {f"input_worker_3.ckpt-{step}" for step in (0, 2, 3)}
