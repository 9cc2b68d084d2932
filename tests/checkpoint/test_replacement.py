"""Checkpoints written anew with other values for some tensors."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.checkpoint import replace

MEAN = "net/conv/BatchNorm/moving_mean"
NEW_MEAN = np.array([1.5, -2.0, 0.25, 3.0])


def read(prefix):
    reader = tf.train.load_checkpoint(prefix)
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def test_replaced_added_and_dropped_tensors_come_out_and_all_others_stay(slim_checkpoint, tmp_path):
    before = read(slim_checkpoint)
    done = replace(
        slim_checkpoint,
        tmp_path / "new",
        {MEAN: NEW_MEAN, "table": before["table"] * 2},
        new={"net/conv/biases": np.arange(4, dtype=np.float32)},
        drop=["net/conv/BatchNorm/beta/Adam"],
    )
    after = read(done.target)
    expected = {name: value for name, value in before.items() if name != "net/conv/BatchNorm/beta/Adam"}
    expected |= {MEAN: NEW_MEAN, "table": before["table"] * 2, "net/conv/biases": np.arange(4)}
    assert after.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(after[name], value)
    assert after[MEAN].dtype == np.float32 and done.verified == len(expected)
    for name, value in read(slim_checkpoint).items():
        np.testing.assert_array_equal(value, before[name])


def test_a_bfloat16_tensor_takes_floats(write, tmp_path):
    source = write({"mean": np.zeros(2, np.uint16)}, names={"mean": "bfloat16"})
    replace(source, tmp_path / "new", {"mean": np.array([1.0, -0.5])})
    stored = tf.train.load_checkpoint(str(tmp_path / "new")).get_tensor("mean")
    np.testing.assert_array_equal(stored.astype(np.float32), [1.0, -0.5])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"values": {MEAN[:-1]: NEW_MEAN}}, f"no tensor '{MEAN[:-1]}'.*Did you mean '{MEAN}'"),
        ({"values": {}, "drop": ["absent"]}, "no tensor 'absent'"),
        ({"values": {MEAN: NEW_MEAN}, "drop": [MEAN]}, "both replaced and dropped"),
        ({"values": {}, "new": {MEAN: NEW_MEAN}}, "has a tensor .* already"),
        ({"values": {MEAN: NEW_MEAN[:3]}}, r"another shape. Got \(3,\); expected \(4,\)"),
        ({"values": {"global_step": np.float32(3)}}, "another type. Got 'float32'; expected int64"),
        ({"values": {"labels": np.array([b"a", b"b", b"c"])}}, "another type"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(slim_checkpoint, tmp_path, arguments, words):
    before = sorted(tmp_path.iterdir())
    with pytest.raises(errors.CheckpointPlanError, match=f"replace: .*{words}"):
        replace(slim_checkpoint, tmp_path / "new", **arguments)
    assert sorted(tmp_path.iterdir()) == before


def test_an_existing_target_is_kept(slim_checkpoint, tmp_path):
    replace(slim_checkpoint, tmp_path / "new", {MEAN: NEW_MEAN})
    with pytest.raises(errors.CheckpointExistsError):
        replace(slim_checkpoint, tmp_path / "new", {MEAN: NEW_MEAN + 1})
    np.testing.assert_array_equal(read(str(tmp_path / "new"))[MEAN], NEW_MEAN)
    replace(slim_checkpoint, tmp_path / "new", {MEAN: NEW_MEAN + 1}, overwrite=True)
    np.testing.assert_array_equal(read(str(tmp_path / "new"))[MEAN], NEW_MEAN + 1)
