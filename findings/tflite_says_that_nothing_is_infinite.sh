#!/usr/bin/env bash
# TFLite's is_inf is False of infinity.
#
# TensorFlow's converter takes tf.math.is_inf without a word, and the model that it makes, run by TFLite's interpreter in
# TensorFlow itself, answers False for infinity, which it computed and can give out. is_nan is right.
#
# Seen: of 1, infinity, -infinity and NaN TensorFlow says [False, True, True, False]; TFLite [False, False, False, False]
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
import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
X = np.array([1.0, np.inf, -np.inf, np.nan], np.float32)

def both(op):
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [4], "x")
        y = op(x * 1.0)
        model = v1.lite.TFLiteConverter.from_session(session, [x], [y]).convert()
        wanted = session.run(y, {x: X})
    interpreter = tf.lite.Interpreter(model_content=model)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], X)
    interpreter.invoke()
    return wanted.tolist(), interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).tolist()

found = {op.__name__: both(op) for op in (tf.math.is_inf, tf.math.is_nan, tf.identity)}
print(found)
assert found["is_inf"] == ([False, True, True, False], [False] * 4)
assert found["is_nan"] == ([False, False, False, True],) * 2
assert found["identity"][0][:3] == found["identity"][1][:3] == X[:3].tolist()
PROGRAM
