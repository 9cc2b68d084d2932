#!/usr/bin/env bash
# Each call of a loaded SavedModel moves the averages, if its graph was the training graph.
#
# simple_save of a graph in which the output waits for an update of a variable makes a SavedModel whose signature is served
# by tf.saved_model.load in TensorFlow 2. Serving then trains: every call moves the variable in the server, and no two calls
# on the same input have the same averages behind them.
#
# Seen: kept 0.0 as saved; 1.0, 1.5, 1.75 after three calls on values of mean 2.
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
with tf.Graph().as_default(), v1.Session() as session:
    x = v1.placeholder(tf.float32, [None])
    kept = v1.get_variable("kept", [], initializer=v1.zeros_initializer(), trainable=False, use_resource=False)
    with tf.control_dependencies([v1.assign_sub(kept, 0.5 * (kept - tf.reduce_mean(x)))]):
        y = tf.identity(x)
    session.run(v1.global_variables_initializer())
    v1.saved_model.simple_save(session, "model", {"x": x}, {"y": y})
loaded = tf.saved_model.load("model")
serve = loaded.signatures["serving_default"]
read = loaded.prune([], loaded.graph.get_tensor_by_name("kept/read:0"))
seen = [float(read())]
for _ in range(3):
    serve(x=tf.constant([2.0, 2.0]))
    seen.append(float(read()))
print("kept:", seen)
assert seen == [0.0, 1.0, 1.5, 1.75]
PROGRAM
