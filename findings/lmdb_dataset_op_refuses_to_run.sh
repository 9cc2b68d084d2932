#!/usr/bin/env bash
# The op that reads LMDB databases is in TensorFlow, is documented, and builds; it refuses to run.
#
# tf.raw_ops.LMDBDataset is in the API and has a kernel, and its documentation says how LMDB databases are read. A data set and an
# iterator are made of it without a word. The first read of a database that is in order says that support for LMDB was removed. So
# neither the list of ops nor that of kernels tells that a pipeline cannot run.
#
# Seen:
#   LMDBDataset: UnimplementedError, LMDB support is removed: True
#   the package lmdb reads the same file: [(b'key', b'value')]
#
# Versions: tensorflow 2.21.0 numpy 2.4.6 lmdb 3.0.0. Run on Python 3.11, Linux, CPU.
# Exits with 0 while this is so, else with another code.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check tensorflow==2.21.0 numpy==2.4.6 lmdb==3.0.0
cd "$folder"
export TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES= 
"$folder/venv/bin/python" - <<'PROGRAM' 2>"$folder/log" || { cat "$folder/log" >&2; exit 1; }
import lmdb
import tensorflow as tf

v1 = tf.compat.v1
with lmdb.open("base") as base, base.begin(write=True) as transaction:
    transaction.put(b"key", b"value")
with tf.Graph().as_default(), v1.Session() as session:
    strings, shapes = [tf.string] * 2, [tf.TensorShape([])] * 2
    read = tf.raw_ops.LMDBDataset(filenames=["base/data.mdb"], output_types=strings, output_shapes=shapes)
    dataset = tf.data.experimental.from_variant(read, (tf.TensorSpec([], tf.string),) * 2)
    pair = v1.data.make_one_shot_iterator(dataset).get_next()
    try:
        kind, told = "read", session.run(pair)
    except tf.errors.OpError as error:
        kind, told = type(error).__name__, "LMDB support is removed" in error.message
print(f"LMDBDataset: {kind}, LMDB support is removed: {told}")
with lmdb.open("base") as base, base.begin() as transaction:
    pairs = [(bytes(key), bytes(value)) for key, value in transaction.cursor()]
print("the package lmdb reads the same file:", pairs)
assert (kind, told) == ("UnimplementedError", True) and pairs == [(b"key", b"value")]
PROGRAM
