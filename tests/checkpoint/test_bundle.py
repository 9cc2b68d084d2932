"""V2 and V1 files that TensorFlow wrote are read as TensorFlow reads them, and indexes written byte for byte alike."""

import io
import os

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.checkpoint import bundle, crc32c, dtypes, protos, shard, source, table

_DTYPES = [
    "float32", "float64", "int32", "uint8", "int16", "int8", "complex64", "int64", "bool", "uint16", "complex128",
    "float16", "uint32", "uint64", "bfloat16",
]  # fmt: skip
_V1_DTYPES = ["float32", "float64", "int32", "uint8", "int16", "int8", "complex64", "int64", "bool", "float16"]


def save(prefix, names, version, sharded=False):
    """Saves variables of many types with TensorFlow; returns name -> value as it was assigned."""
    expected = {}
    with tf.Graph().as_default():
        for row, name in enumerate(names):
            for shape in [(), (3,), (2, 70)] + ([(0, 4)] if version == tf.train.SaverDef.V2 else []):
                value = np.random.RandomState(row).randn(*shape) * 50
                label = f"v_{name}_{len(shape)}_{sum(shape)}"
                tf.get_variable(label, initializer=tf.cast(tf.constant(value), name), use_resource=True)
        tf.get_variable("strings", initializer=tf.constant([b"abc", b"", b"x" * 300]))
        tf.get_variable("string", initializer=tf.constant(b"one"))
        with tf.variable_scope("p", partitioner=tf.fixed_size_partitioner(3)):
            tf.get_variable("w", shape=[100, 5], initializer=tf.random_normal_initializer(seed=1))
        if version == tf.train.SaverDef.V2:
            for name, plain in (("qint8", "int8"), ("quint8", "uint8"), ("qint32", "int32")):
                tf.Variable(tf.bitcast(tf.constant([1, 2, 3], plain), name), name=name, use_resource=False)
        saver = tf.train.Saver(sharded=sharded, write_version=version)
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            for variable in tf.global_variables():
                expected[variable.op.name] = session.run(variable)
            saver.save(session, prefix, write_meta_graph=False)
    return expected


def same(mine, theirs, dtype):
    theirs = np.asarray(theirs, object) if dtype == "string" else theirs
    if dtype == "bfloat16":
        theirs = theirs.view(np.uint16)
    if dtype.startswith("q"):
        theirs = np.asarray([int(value) for value in np.asarray(theirs).reshape(-1)]).reshape(np.shape(theirs))
    return mine.shape == np.shape(theirs) and bool(np.all(mine == theirs))


def check_all(prefix, expected):
    with source.open_checkpoint(prefix) as opened:
        for name, info in opened.tensors.items():
            if info.slices:
                parts = [expected[f"{name}/part_{part}"] for part in range(3)]
                assert np.array_equal(opened.read(name), np.concatenate(parts))
            else:
                assert same(opened.read(name), expected[name], info.dtype.name), name
        return set(opened.tensors)


def test_every_dtype_of_a_v2_file_reads_as_tensorflow_wrote_it(tmp_path):
    prefix = str(tmp_path / "m")
    expected = save(prefix, _DTYPES, tf.train.SaverDef.V2)
    names = check_all(prefix, expected)
    assert {"qint8", "quint8", "qint32", "strings", "p/w", "v_float32_2_4"} <= names


@pytest.mark.parametrize("sharded", [False, True])
def test_every_dtype_of_a_v1_file_reads_as_tensorflow_wrote_it(tmp_path, sharded):
    prefix = str(tmp_path / "m")
    expected = save(prefix, _V1_DTYPES, tf.train.SaverDef.V1, sharded)
    assert "p/w" in check_all(prefix, expected)


def test_the_index_is_written_byte_for_byte_as_tensorflow_does(tmp_path):
    prefix = str(tmp_path / "m")
    save(prefix, _DTYPES, tf.train.SaverDef.V2)
    with bundle.Bundle(prefix) as opened:
        items = shard.IndexItems()
        for name, info in opened.tensors.items():
            placed = opened.slice_entries(name) or [((), opened.entries[name])]
            items.add(name, info.dtype.number, info.shape, placed)
        items.write(str(tmp_path / "again"), opened.header)
    assert (tmp_path / "again").read_bytes() == (tmp_path / "m.index").read_bytes()


def test_tensorflow_reads_what_is_written(tmp_path):
    prefix = str(tmp_path / "w")
    values = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "b": np.array(3, np.int64),
        "s": np.array([b"x", b"yy" * 400], object),
        "e": np.zeros((0, 2), np.float64),
    }
    shard.write_checkpoint(prefix, values)
    reader = tf.train.load_checkpoint(prefix)
    for name, value in values.items():
        read = reader.get_tensor(name)
        assert read.dtype == value.dtype and np.array_equal(read, value)


def test_bfloat16_numbers_round_trip_through_floats():
    bfloat16 = dtypes.of_name("bfloat16")
    values = np.array([0.0, 1.0, -2.5, 3.140625, np.inf, 1.00390625, 1.01171875])
    bits = dtypes.from_floats(values, bfloat16)
    assert np.array_equal(bits, _tf_bits(values))
    assert np.array_equal(dtypes.as_floats(bits, bfloat16)[:5], values[:5])
    assert np.isnan(dtypes.as_floats(dtypes.from_floats(np.array([np.nan]), bfloat16), bfloat16)[0])


def _tf_bits(values):
    with tf.Graph().as_default(), tf.Session() as session:
        return session.run(tf.bitcast(tf.cast(tf.constant(values, tf.float32), tf.bfloat16), tf.uint16))


def index_of(prefix, entries, header=None):
    """Writes an index of raw entries."""
    out = io.BytesIO()
    items = {b"": header or protos.header_bytes(protos.Header(1))}
    items |= {name.encode(): data for name, data in entries.items()}
    table.write_table(out, sorted(items.items()))
    with open(prefix + ".index", "wb") as file:
        file.write(out.getvalue())
    return prefix


def entry(**parts):
    return protos.entry_bytes(protos.Entry(**{"dtype": 1, "shape": (2,), "size": 8} | parts))


@pytest.mark.parametrize(
    ("entries", "header", "error", "text"),
    [
        ({"a": entry(size=9)}, None, errors.CheckpointDamagedError, "another size than its shape says"),
        ({"a": entry(dtype=77)}, None, errors.CheckpointDamagedError, "unknown data type"),
        ({"a": entry(offset=-4)}, None, errors.CheckpointDamagedError, "before the beginning"),
        ({"a": entry(shape=(1,) * 300)}, None, errors.CheckpointDamagedError, "too many axes"),
        ({"a": entry(shape=(-2,))}, None, errors.CheckpointDamagedError, "negative size"),
        ({"a": entry(slices=(((0, 1),),))}, None, errors.CheckpointDamagedError, "a slice of a is not in the index"),
        ({"a": entry(slices=(((0, 9),),))}, None, errors.CheckpointDamagedError, "is not in the index"),
        ({"a": entry(), "\0x": entry()}, None, errors.CheckpointDamagedError, "slices of no tensor"),
        ({}, b"\x08\x00", errors.CheckpointDamagedError, "impossible number of data files"),
        ({}, b"\x08\x01\x10\x01", errors.CheckpointUnsupportedError, "big-endian"),
    ],
)
def test_an_index_that_contradicts_itself_is_named(tmp_path, entries, header, error, text):
    with pytest.raises(error, match=text):
        bundle.Bundle(index_of(str(tmp_path / "m"), entries, header))


def test_an_index_without_header_is_not_a_checkpoint(tmp_path):
    out = io.BytesIO()
    table.write_table(out, [(b"a", b"")])
    (tmp_path / "m.index").write_bytes(out.getvalue())
    with pytest.raises(errors.CheckpointDamagedError, match="no header"):
        bundle.Bundle(str(tmp_path / "m"))
    out = io.BytesIO()
    table.write_table(out, [])
    (tmp_path / "m.index").write_bytes(out.getvalue())
    with pytest.raises(errors.CheckpointDamagedError, match="the index is empty"):
        bundle.Bundle(str(tmp_path / "m"))


def test_a_missing_or_short_data_file_is_named(slim_checkpoint):
    path = slim_checkpoint + ".data-00000-of-00001"
    with open(path, "rb") as file:
        data = file.read()
    with open(path, "wb") as file:
        file.write(data[:-1])
    with (
        bundle.Bundle(slim_checkpoint) as opened,
        pytest.raises(errors.CheckpointDamagedError, match="is too short for"),
    ):
        opened.shards()
    os.remove(path)
    with bundle.Bundle(slim_checkpoint) as opened, pytest.raises(errors.CheckpointMissingError, match="cannot read"):
        opened.read("table")


def test_a_tensor_in_a_data_file_that_does_not_exist_is_named(tmp_path):
    prefix = index_of(str(tmp_path / "m"), {"a": entry(shard=4)})
    with bundle.Bundle(prefix) as opened, pytest.raises(errors.CheckpointDamagedError, match="in data file 4"):
        opened.shards()


def test_altered_data_are_found_by_the_checksum(slim_checkpoint):
    path = slim_checkpoint + ".data-00000-of-00001"
    with open(path, "r+b") as file:
        file.write(b"\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55")
    with bundle.Bundle(slim_checkpoint) as opened:
        name = min((entry.offset, name) for name, entry in opened.entries.items() if not entry.slices)[1]
        with pytest.raises(errors.CheckpointDamagedError, match="checksum of the data of"):
            opened.read(name)


@pytest.mark.parametrize("damage", ["length", "check", "short"])
def test_damaged_strings_are_found(tmp_path, damage):
    prefix = str(tmp_path / "m")
    shard.write_checkpoint(prefix, {"s": np.array([b"abc", b"de"], object)})
    path = tmp_path / "m.data-00000-of-00001"
    data = bytearray(path.read_bytes())
    assert bytes(data[:2]) == b"\x03\x02" and bytes(data[6:]) == b"abcde"
    data[{"length": 0, "check": 3, "short": 1}[damage]] = 120 if damage == "short" else 2
    path.write_bytes(data)
    with bundle.Bundle(prefix) as opened, pytest.raises(errors.CheckpointDamagedError, match="string"):
        opened.read("s")


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda folder: folder, "This is a directory; pass a prefix, perhaps '.*ckpt-5'"),
        (lambda folder: folder / "ckpt-5.index", "This is one file of it; pass the prefix"),
        (lambda folder: folder / "ckpt-6", "Did you mean '.*ckpt-5'"),
        (lambda folder: folder / "no" / "ckpt", "directory .* does not exist"),
        (lambda folder: folder / "orphan", "the checkpoint is incomplete"),
    ],
)
def test_a_wrong_path_is_answered_with_what_was_meant(tmp_path, make, text):
    shard.write_checkpoint(str(tmp_path / "ckpt-5"), {"a": np.zeros(1, np.float32)})
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "ckpt-5"\n')
    (tmp_path / "orphan.data-00000-of-00001").write_bytes(b"")
    with pytest.raises(errors.CheckpointMissingError, match=text):
        source.open_checkpoint(make(tmp_path))


def test_a_file_that_is_no_checkpoint_is_named(tmp_path):
    (tmp_path / "text").write_text("hello " * 100)
    with pytest.raises(errors.CheckpointDamagedError, match="not a checkpoint"):
        source.open_checkpoint(tmp_path / "text")
    out = io.BytesIO()
    table.write_table(out, [(b"a", b"x")])
    (tmp_path / "table").write_bytes(out.getvalue())
    with pytest.raises(errors.CheckpointDamagedError, match="not a V1 checkpoint"):
        source.open_checkpoint(tmp_path / "table")


def test_an_index_that_is_a_directory_cannot_be_read(tmp_path):
    (tmp_path / "m.index").mkdir()
    with pytest.raises(errors.CheckpointMissingError, match="Is a directory"):
        source.open_checkpoint(tmp_path / "m")


def test_missing_files_of_a_sharded_v1_checkpoint_are_named(tmp_path):
    (tmp_path / "m-00000-of-00002").write_bytes(b"")
    with pytest.raises(errors.CheckpointMissingError, match="files of the V1 checkpoint"):
        source.open_checkpoint(tmp_path / "m")


def test_a_slice_key_sorts_and_escapes(tmp_path):
    from tf1bn.checkpoint import ordered_code

    key = ordered_code.slice_key("a\0b", ((0, -1),))
    assert key == b"\x00a\x00\xffb\x00\x01\x01\x01\x80\x7f"
    assert ordered_code.slice_key("n", ((64, 100000),)) == b"\x00n\x00\x01\x01\x01\xc0\x40\xe1\x86\xa0"
    with pytest.raises(errors.CheckpointDamagedError, match="another rank"):
        bundle.slice_shape((2, 3), ((0, 1),))
    with pytest.raises(errors.CheckpointDamagedError, match="outside its tensor"):
        bundle.slice_shape((2,), ((1, 5),))


def test_an_unknown_dtype_name_is_answered_with_the_closest():
    with pytest.raises(errors.ArgumentError, match="Did you mean 'float32'"):
        dtypes.of_name("float23")


def test_checksum_of_an_entry_is_that_of_its_bytes(write):
    prefix = write({"a": np.arange(4, dtype=np.float32)})
    with bundle.Bundle(prefix) as opened:
        expected = crc32c.mask(crc32c.value(np.arange(4, dtype="<f4").tobytes()))
        assert opened.entries["a"].crc == expected
