#!/usr/bin/env bash
# OpenCV adds one number per channel only behind a factor per channel, be it one.
#
# cv2.dnn.readNetFromTensorflow of OpenCV 5 reads relu(convolution) + c, where c has one value per channel, and so does bias_add; the
# forward pass raises. Multiplied by a vector of ones before, it runs and is right. So does a factor alone, and a bias right behind
# the convolution; y + c right behind it raises, though it is the same.
#
# Seen: relu + c, bias_add(relu, c), convolution + c: error in shape_utils.hpp ('end' is 5); relu * ones + c,
# bias_add(convolution, c), relu * c: right
#
# Versions: tensorflow 2.21.0 opencv-python-headless 5.0.0.93 numpy 2.4.6. Run on Python 3.11, Linux, CPU.
# Exits with 0 while this is so, else with another code.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check tensorflow==2.21.0 opencv-python-headless==5.0.0.93 numpy==2.4.6
cd "$folder"
export TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES=
"$folder/venv/bin/python" - <<'PROGRAM' 2>"$folder/log" || { cat "$folder/log" >&2; exit 1; }
import cv2
import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
random = np.random.RandomState(0)
X, KERNEL = random.normal(size=(2, 6, 4, 3)).astype(np.float32), random.normal(size=(1, 1, 3, 3)).astype(np.float32)
C, ONES = np.array([0.5, -1.5, 2.0], np.float32), np.ones(3, np.float32)
RIGHT = {
    "relu * ones + c": lambda y: tf.nn.relu(y) * ONES + C,
    "bias_add(convolution, c)": lambda y: tf.nn.bias_add(y, C),
    "relu * c": lambda y: tf.nn.relu(y) * C,
}
RAISE = {
    "relu + c": lambda y: tf.nn.relu(y) + C,
    "bias_add(relu, c)": lambda y: tf.nn.bias_add(tf.nn.relu(y), C),
    "convolution + c": lambda y: y + C,
}

def outcome(op):
    with tf.Graph().as_default() as graph, v1.Session() as session:
        x = v1.placeholder(tf.float32, X.shape, "x")
        y = op(tf.nn.conv2d(x, KERNEL, 1, "SAME"))
        wanted = session.run(y, {x: X})
    net = cv2.dnn.readNetFromTensorflow(np.frombuffer(graph.as_graph_def().SerializeToString(), np.uint8))
    net.setInput(X.transpose(0, 3, 1, 2))
    try:
        return bool(np.allclose(net.forward().transpose(0, 2, 3, 1), wanted, atol=1e-4))
    except cv2.error as error:
        return "raises " + str(error)[:90]

found = {name: outcome(op) for name, op in {**RIGHT, **RAISE}.items()}
print(found)
assert all(found[name] is True for name in RIGHT)
assert all("shape_utils.hpp" in str(found[name]) for name in RAISE)
PROGRAM
