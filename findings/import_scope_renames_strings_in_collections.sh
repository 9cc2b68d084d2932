#!/usr/bin/env bash
# import_meta_graph with an import_scope puts the scope before every string of a collection.
#
# A collection may hold any strings: names of classes, a path, JSON. With import_scope="here" each comes back as "here/..." and
# as bytes, as if it were the name of an op. Without import_scope the strings are as they were saved, though as bytes.
#
# Seen for the collection ["cat", '{"decay": 0.9}']:
#   no scope:            [b'cat', b'{"decay": 0.9}']
#   import_scope="here": ['here/cat', 'here/{"decay": 0.9}']
#
# Versions: tensorflow 2.21.0 numpy 2.4.6. Run on Python 3.11, Linux, CPU.
# Exits with 0 while this is so, else with another code.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check tensorflow==2.21.0 numpy==2.4.6
cd "$folder"
export TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES= 
"$folder/venv/bin/python" - <<'PROGRAM' 2>"$folder/log" || { cat "$folder/log" >&2; exit 1; }
import tensorflow as tf

v1 = tf.compat.v1
with tf.Graph().as_default():
    v1.get_variable("w", [])
    for text in ("cat", '{"decay": 0.9}'):
        v1.add_to_collection("labels", text)
    meta = v1.train.export_meta_graph()
found = {}
for scope in (None, "here"):
    with tf.Graph().as_default():
        v1.train.import_meta_graph(meta, import_scope=scope)
        found[scope] = [tf.compat.as_text(item) for item in v1.get_collection("labels")]
print(found)
assert found[None] == ["cat", '{"decay": 0.9}']
assert found["here"] == ["here/cat", 'here/{"decay": 0.9}']
PROGRAM
