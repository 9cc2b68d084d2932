"""compare: what is only on one side, what differs, by how much and where."""

import json

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import checkpoint, errors
from tf1bn.checkpoint import comparison


def test_equal_checkpoints_are_equal_also_with_nan_and_other_slices(write):
    values = {
        "a": np.array([1.0, np.nan], np.float32),
        "t": np.arange(12.0).reshape(4, 3),
        "s": np.array([b"x"], object),
    }
    first = write(values, "first")
    second = write(values, "second", slices={"t": [((0, 1), (0, -1)), ((1, 3), (0, -1))]})
    found = checkpoint.compare(first, second)
    assert found.equal and found.same == 3
    assert comparison.as_text(found) == "3 tensors are the same"


def test_each_kind_of_difference_is_named(write):
    one = {
        "only": np.zeros(1, np.float32),
        "type": np.zeros(1, np.float32),
        "shape": np.zeros(1, np.float32),
        "value": np.array([0.0, 1.0, 5.0], np.float32),
        "words": np.array([b"a", b"b"], object),
        "same": np.ones(3, np.int32),
        "nan": np.array([np.nan], np.float32),
        "whole": np.array([1, 200], np.uint8),
        "complex": np.array([1 + 1j], np.complex64),
    }
    two = {
        "other": np.zeros(1, np.float32),
        "type": np.zeros(1, np.float64),
        "shape": np.zeros((1, 1), np.float32),
        "value": np.array([0.0, 3.0, 4.5], np.float32),
        "words": np.array([b"a", b"c"], object),
        "same": np.ones(3, np.int32),
        "nan": np.array([0.0], np.float32),
        "whole": np.array([1, 100], np.uint8),
        "complex": np.array([1 + 4j], np.complex64),
    }
    found = checkpoint.compare(write(one, "one"), write(two, "two"))
    rows = {row.name: row for row in found.differences}
    assert (found.only_first, found.only_second, found.same) == (("only",), ("other",), 1)
    assert {name: row.what for name, row in rows.items()} == {
        "type": "dtype", "shape": "shape", "value": "value", "words": "value", "nan": "value", "whole": "value",
        "complex": "value",
    }  # fmt: skip
    assert (rows["value"].largest, rows["value"].place, rows["value"].elements) == (2.0, 1, 2)
    assert (rows["words"].place, rows["whole"].largest, rows["complex"].largest) == (1, 100.0, 3.0)
    assert rows["nan"].largest == np.inf
    data = json.loads(json.dumps(comparison.as_json(found), allow_nan=False))
    assert data["equal"] is False
    assert "only in" in comparison.as_text(found)


def test_a_tolerance_forgives_small_differences(write):
    first = write({"v": np.array([1.0, 2.0], np.float32)}, "first")
    second = write({"v": np.array([1.0, 2.25], np.float32)}, "second")
    assert not checkpoint.compare(first, second).equal
    assert checkpoint.compare(first, second, tolerance=0.25).equal
    assert not checkpoint.compare(first, second, tolerance=0.2).equal
    with pytest.raises(errors.ArgumentError, match="compare: impossible tolerance"):
        checkpoint.compare(first, second, tolerance=-1)


def test_the_place_of_a_difference_counts_over_pieces(write):
    values = np.zeros(700_001, np.float32)
    first = write({"v": values}, "first")
    values[600_000] = 3.0
    found = checkpoint.compare(first, write({"v": values}, "second"))
    assert (found.differences[0].place, found.differences[0].elements) == (600_000, 1)


def test_a_v1_and_a_v2_file_of_the_same_graph_are_equal(tmp_path):
    with tf.Graph().as_default(), tf.Session() as session:
        tf.get_variable("v", initializer=tf.random_normal([300, 1000]))
        tf.get_variable("s", initializer=tf.constant([b"a", b"bb"]))
        session.run(tf.global_variables_initializer())
        for name, version in (("v1", tf.train.SaverDef.V1), ("v2", tf.train.SaverDef.V2)):
            tf.train.Saver(write_version=version).save(session, str(tmp_path / name), write_meta_graph=False)
    assert checkpoint.compare(tmp_path / "v1", tmp_path / "v2").equal


def test_altered_bytes_are_an_error_and_not_a_difference(slim_checkpoint, tmp_path):
    checkpoint.migrate(checkpoint.plan_migration(slim_checkpoint, rename=["^net/=>net/"]), tmp_path / "copy")
    with open(tmp_path / "copy.data-00000-of-00001", "r+b") as file:
        file.write(b"\xaa\xbb\xcc")
    with pytest.raises(errors.CheckpointDamagedError, match="checksum of the data"):
        checkpoint.compare(slim_checkpoint, tmp_path / "copy")
