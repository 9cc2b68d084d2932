#!/usr/bin/env bash
# OpenVINO reads log_softmax and tile behind a convolution along another axis, and lrn with too few channels.
#
# openvino.convert_model takes a frozen TensorFlow graph. Behind a convolution, whose images it holds channels first, softmax is
# right, and log_softmax and tile are taken along another axis than in TensorFlow. lrn is wrong everywhere: `depth_radius` is read
# as the width of the window, which in TensorFlow is twice that and one, and alpha as what is yet to be divided by it; so a radius
# of 1 normalises each channel by itself. There is no warning, and for equal sizes of axes the shape is right, too.
#
# Seen: right behind a convolution, and alone: relu, softmax True True; log_softmax, tile False True; lrn False False
#
# Versions: tensorflow 2.21.0 openvino 2026.4.1 numpy 2.4.6. Run on Python 3.11, Linux, CPU.
# Exits with 0 while this is so, else with another code.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check tensorflow==2.21.0 openvino==2026.4.1 numpy==2.4.6
cd "$folder"
export TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES= CI=true
"$folder/venv/bin/python" - <<'PROGRAM' 2>"$folder/log" || { cat "$folder/log" >&2; exit 1; }
import numpy as np
import openvino
import tensorflow as tf

v1 = tf.compat.v1
X = np.random.RandomState(0).normal(size=(2, 6, 4, 3)).astype(np.float32)
KERNEL = np.random.RandomState(1).normal(size=(1, 1, 3, 3)).astype(np.float32)
OPS = {
    "relu": tf.nn.relu,
    "softmax": tf.nn.softmax,
    "log_softmax": tf.nn.log_softmax,
    "tile": lambda y: tf.tile(y, [1, 1, 1, 2]),
    "lrn": lambda y: v1.nn.lrn(y, depth_radius=1, bias=1.0, alpha=0.5, beta=0.75),
}

def both(op, convolved):
    with tf.Graph().as_default() as graph, v1.Session() as session:
        x = v1.placeholder(tf.float32, X.shape, "x")
        y = op(tf.nn.conv2d(x, KERNEL, 1, "SAME") if convolved else x)
        wanted = session.run(y, {x: X})
        v1.io.write_graph(graph, ".", "graph.pb", as_text=False)
    model = openvino.convert_model("graph.pb")
    return wanted, openvino.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(X)[0]

def right(op, convolved):
    wanted, found = both(op, convolved)
    return found.shape == wanted.shape and bool(np.allclose(found, wanted, atol=1e-4))

found = {name: (right(op, True), right(op, False)) for name, op in OPS.items()}
print(found)
assert found["relu"] == found["softmax"] == (True, True)
assert found["log_softmax"] == found["tile"] == (False, True) and found["lrn"] == (False, False)
assert np.allclose(both(OPS["lrn"], False)[1], X / (1 + 0.5 * X**2) ** 0.75, atol=1e-4)
PROGRAM
