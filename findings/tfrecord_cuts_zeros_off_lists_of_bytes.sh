#!/usr/bin/env bash
# The tfrecord package cuts the zeros off the end of bytes, where a feature has two or more of them.
#
# A feature of one bytes value comes back as it was written. A list of two or more, such as the raw frames of a film, becomes a
# NumPy array of dtype S, whose items lose all zero bytes at their end: a black image of four bytes is read as b"". It is so
# with a description and without, and in the context of a SequenceExample. TensorFlow's own reader gives all bytes.
#
# Seen: written [00 00 00 00], [03 02 01 00] in one feature; read [] and [03 02 01]; the second alone: [03 02 01 00]
#
# Versions: tensorflow 2.21.0 tfrecord 1.14.6 numpy 2.4.6. Run on Python 3.11, Linux, CPU.
# Exits with 0 while this is so, else with another code.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check tensorflow==2.21.0 tfrecord==1.14.6 numpy==2.4.6
cd "$folder"
export TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES=
# Two processes, since tfrecord 1.14.6 cannot be imported where TensorFlow 2.21.0 is: both define tensorflow.BytesList.
"$folder/venv/bin/python" - <<'PROGRAM' 2>"$folder/log" || { cat "$folder/log" >&2; exit 1; }
import tensorflow as tf

BLACK, GRAY = bytes(4), bytes([3, 2, 1, 0])

def feature(*values):
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))

example = tf.train.Example(
    features=tf.train.Features(feature={"frames": feature(BLACK, GRAY), "frame": feature(GRAY)})
)
with tf.io.TFRecordWriter("films") as writer:
    writer.write(example.SerializeToString())

[record] = tf.data.TFRecordDataset("films")
read = tf.io.parse_single_example(
    record, {"frames": tf.io.FixedLenFeature([2], tf.string), "frame": tf.io.FixedLenFeature([], tf.string)}
)
assert read["frames"].numpy().tolist() == [BLACK, GRAY] and read["frame"].numpy() == GRAY
PROGRAM
"$folder/venv/bin/python" - <<'PROGRAM' 2>"$folder/log" || { cat "$folder/log" >&2; exit 1; }
from tfrecord.reader import tfrecord_loader

for description in (None, {"frames": "byte", "frame": "byte"}):
    [found] = tfrecord_loader("films", None, description)
    print({name: found[name] for name in ("frames", "frame")})
    assert [bytes(frame) for frame in found["frames"]] == [b"", bytes([3, 2, 1])]
    assert found["frame"] == bytes([3, 2, 1, 0])
PROGRAM
