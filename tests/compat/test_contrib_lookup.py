"""tf.contrib.lookup: tables of 1.15, what they give, how they are filled and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn.compat import contrib_lookup as lookup

WORDS = ["emerson", "lake", "palmer"]


@pytest.fixture
def look():
    """``look(fetches)`` after all tables of the default graph are filled."""

    def call(fetches):
        with tf.Session() as session:
            session.run(tf.tables_initializer())
            return session.run(fetches)

    return call


@pytest.fixture
def vocabulary(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("\n".join(WORDS) + "\n")
    return str(path)


def decoded(values):
    return [value.decode() for value in values]


def test_words_have_the_numbers_of_their_lines(plain_graph, look, vocabulary):
    from_file = lookup.index_table_from_file(vocabulary, vocab_size=3)
    from_list = lookup.string_to_index_table_from_tensor(WORDS)
    keys = tf.constant(["lake", "and", "palmer", "emerson"])
    found = look(
        [from_file.lookup(keys), from_list.lookup(keys), from_file.size(), lookup.string_to_index(keys, WORDS)]
    )
    for ids in (found[0], found[1], found[3]):
        np.testing.assert_array_equal(ids, [1, -1, 2, 0])
    assert found[2] == 3 and from_file.init is from_file.initializer
    assert [path.op.type for path in tf.get_collection(tf.GraphKeys.ASSET_FILEPATHS)] == ["Const"]
    assert len(tf.get_collection(tf.GraphKeys.TABLE_INITIALIZERS)) == 3


def test_numbers_have_their_words(plain_graph, look, vocabulary):
    ids = tf.constant([2, 5, 0], tf.int64)
    from_file = lookup.index_to_string_table_from_file(vocabulary, default_value="?")
    found = look([from_file.lookup(ids), lookup.index_to_string(ids, WORDS)])
    assert decoded(found[0]) == ["palmer", "?", "emerson"] and decoded(found[1]) == ["palmer", "UNK", "emerson"]


def test_columns_of_a_file_are_keys_and_values(plain_graph, look, tmp_path):
    path = tmp_path / "columns.txt"
    path.write_text("emerson 10\nlake 20\n")
    ids = lookup.index_table_from_file(
        str(path), key_column_index=0, value_column_index=1, delimiter=" ", default_value=0
    )
    words = lookup.HashTable(
        lookup.TextFileStringTableInitializer(str(path), key_column_index=1, value_column_index=0, delimiter=" "), "?"
    )
    lines = lookup.HashTable(lookup.TextFileIdTableInitializer(tf.constant(str(path))), -1)
    found = look(
        [
            ids.lookup(tf.constant(["lake", "x"])),
            words.lookup(tf.constant([10, 20], tf.int64)),
            lines.lookup(tf.constant(["lake 20"])),
        ]
    )
    np.testing.assert_array_equal(found[0], [20, 0])
    assert decoded(found[1]) == ["emerson", "lake"] and found[2] == [1]


# Buckets as the ops of the hashes give them; 1.15 gave the same.
HASHES = {
    "fast": (lookup.FastHashSpec, lambda text: tf.strings.to_hash_bucket_fast(text, 5)),
    "legacy": (lookup.HasherSpec("legacy", None), lambda text: tf.strings.to_hash_bucket(text, 5)),
    "strong": (lookup.StrongHashSpec([3, 4]), lambda text: tf.strings.to_hash_bucket_strong(text, 5, [3, 4])),
}


@pytest.mark.parametrize("case", HASHES)
def test_unknown_words_have_buckets_behind_the_known_ones(plain_graph, look, case):
    spec, buckets = HASHES[case]
    table = lookup.index_table_from_tensor(WORDS, num_oov_buckets=5, hasher_spec=spec, name="words")
    other = ["a", "b", "c", "d"]
    keys = tf.SparseTensor([[0, i] for i in range(5)], ["lake", *other], [1, 5])
    ids, wanted, size = look([table.lookup(keys), buckets(tf.constant(other)), table.size()])
    np.testing.assert_array_equal(ids.values, [1, *(wanted + 3)])
    assert size == 8 and len(set(wanted)) > 1
    assert (table.key_dtype, table.value_dtype) == (tf.string, tf.int64) and table.resource_handle is not None


def test_buckets_alone_need_no_table(plain_graph, look):
    table = lookup.IdTableWithHashBuckets(None, 4, key_dtype=tf.int32)
    keys = tf.constant([[7, 8], [9, 7]])
    ids, wanted, size = look([table.lookup(keys), tf.strings.to_hash_bucket_fast(tf.as_string(keys), 4), table.size()])
    np.testing.assert_array_equal(ids, wanted)
    assert size == 4 and table.resource_handle is None and table.name == "hash_bucket"
    with tf.Session() as session:
        session.run(table.init)


def test_whole_numbers_are_keys(plain_graph, look):
    table = lookup.index_table_from_tensor([30, 10, 20], num_oov_buckets=2, dtype=tf.int32)
    same = lookup.IdTableWithHashBuckets(lookup.index_table_from_tensor([30, 10], dtype=tf.int64), 0)
    ids, few = look([table.lookup(tf.constant([10, 30, 11])), same.lookup(tf.constant([10, 11], tf.int64))])
    np.testing.assert_array_equal(ids[:2], [1, 0])
    assert ids[2] in (3, 4) and list(few) == [1, -1]


def test_a_table_of_any_values_is_exported(plain_graph, look):
    table = lookup.HashTable(lookup.KeyValueTensorInitializer(["a", "b"], [0.5, 1.5]), -1.0, name="weights")
    assert table.name == "weights" and isinstance(table, lookup.LookupInterface)
    keys, values = table.export()
    found = look([table.lookup(tf.constant([["b", "x"]])), keys, values, table.default_value])
    np.testing.assert_array_equal(found[0], [[1.5, -1.0]])
    assert dict(zip(decoded(found[1]), found[2], strict=True)) == {"a": 0.5, "b": 1.5} and found[3] == -1


def test_a_data_sets_function_looks_up(graph, look):
    table = lookup.index_table_from_tensor(WORDS, num_oov_buckets=1)
    dataset = tf.data.Dataset.from_tensor_slices(["lake", "x"]).map(table.lookup)
    iterator = tf.data.make_initializable_iterator(dataset)
    following = iterator.get_next()
    with tf.Session() as session:
        session.run(tf.tables_initializer())
        session.run(iterator.initializer)
        assert [session.run(following) for _ in range(2)] == [1, 3]


MUTABLE = {
    "plain": lambda: lookup.MutableHashTable(tf.string, tf.int64, -1, name="table"),
    "dense": lambda: lookup.MutableDenseHashTable(tf.string, tf.int64, -1, "", "$", name="table"),
}


@pytest.mark.parametrize("case", MUTABLE)
def test_a_mutable_table_is_saved_under_the_names_of_1_15(tmp_path, case):
    def build():
        table = MUTABLE[case]()
        assert isinstance(table, lookup.LookupInterface)
        return table, table.lookup(tf.constant(["a", "b", "c"]))

    with tf.Graph().as_default(), tf.Session() as session:
        table, values = build()
        session.run(table.insert(tf.constant(["a", "b"]), tf.constant([1, 2], tf.int64)))
        path = tf.train.Saver().save(session, str(tmp_path / "table"))
        session.run(table.remove(tf.constant(["a"])))
        np.testing.assert_array_equal(session.run(values), [-1, 2, -1])
        assert session.run(table.size()) == 1
    assert [name for name, _ in tf.train.list_variables(path)] == ["table-keys", "table-values"]
    with tf.Graph().as_default(), tf.Session() as session:
        _, values = build()
        tf.train.Saver().restore(session, path)
        np.testing.assert_array_equal(session.run(values), [1, 2, -1])


def floats():
    return lookup.HashTable(lookup.KeyValueTensorInitializer(["a"], [0.5]), -1.0)


class Other(lookup.TableInitializerBase):
    def __init__(self):
        super().__init__(tf.string, tf.float32)

    def initialize(self, table):
        return lookup.KeyValueTensorInitializer([1], [2]).initialize(table)


REFUSED = {
    "no file": (lambda: lookup.index_table_from_file(""), ValueError, "index_table_from_file: `vocabulary_file` is em"),
    "no words": (lambda: lookup.index_to_string_table_from_tensor(None), ValueError, "`mapping` is None"),
    "no size": (lambda: lookup.index_table_from_file("x", vocab_size=0), ValueError, "`vocab_size` must be above 0"),
    "buckets": (lambda: lookup.index_table_from_tensor(["a"], -1), ValueError, "`num_oov_buckets` is negative"),
    "keys of a file": (
        lambda: lookup.index_table_from_file("x", key_dtype=tf.float32),
        TypeError,
        "keys must be strings or whole numbers. Got 'float32'",
    ),
    "keys of a list": (
        lambda: lookup.index_table_from_tensor([1, 2]),
        ValueError,
        "index_table_from_tensor: entries of `mapping` have another dtype. Got 'int32'; expected string",
    ),
    "a path": (lambda: lookup.TextFileIdTableInitializer(""), ValueError, "Initializer: `filename` is empty"),
    "a column": (
        lambda: lookup.TextFileInitializer("x", tf.string, -3, tf.int64, -1),
        ValueError,
        "`key_index` is no column. Got -3",
    ),
    "line numbers": (
        lambda: lookup.TextFileInitializer("x", tf.string, -2, tf.int32, -1),
        ValueError,
        "values that are line numbers have another dtype. Got 'int32'; expected int64",
    ),
    "lines": (
        lambda: lookup.TextFileInitializer("x", tf.float32, -2, tf.int64, -1),
        ValueError,
        "keys that are lines have another dtype. Got 'float32'; expected string or integer",
    ),
    "a table of other dtypes": (
        lambda: lookup.HashTable(Other(), 0.0),
        TypeError,
        "KeyValueTensorInitializer: the table has keys or values of another dtype",
    ),
    "keys looked up": (
        lambda: floats().lookup(tf.constant([1])),
        TypeError,
        "HashTable.lookup: keys have another dtype. Got 'int32'; expected string",
    ),
    "nothing": (lambda: lookup.IdTableWithHashBuckets(None, 0), ValueError, "there is neither a table nor a bucket"),
    "values that are no ids": (
        lambda: lookup.IdTableWithHashBuckets(floats(), 1),
        TypeError,
        "the table must map strings or int64 to int64",
    ),
    "another kind of keys": (
        lambda: lookup.IdTableWithHashBuckets(lookup.index_table_from_tensor(["a"]), 1, key_dtype=tf.int64),
        TypeError,
        "`key_dtype` does not fit the table. Got 'int64'; expected string",
    ),
    "no hash": (lambda: lookup.IdTableWithHashBuckets(None, 1, "md5"), TypeError, "`hasher_spec` is no HasherSpec"),
    "an unknown hash": (
        lambda: lookup.IdTableWithHashBuckets(None, 1, lookup.HasherSpec("md5", None)),
        ValueError,
        "the hash is not known. Got 'md5'; expected fasthash or legacy or stronghash",
    ),
    "a key of one": (lambda: lookup.StrongHashSpec([1]), ValueError, "`key` must be two whole numbers"),
    "a key of texts": (lambda: lookup.StrongHashSpec(["a", "b"]), TypeError, "an entry that is no whole number"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_tables_refuse(plain_graph, case):
    call, kind, text = REFUSED[case]
    with pytest.raises(kind, match=text):
        call()
