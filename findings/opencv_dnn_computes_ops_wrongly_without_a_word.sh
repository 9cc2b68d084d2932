#!/usr/bin/env bash
# OpenCV reads some ops of a TensorFlow graph, and computes others in their place.
#
# cv2.dnn.readNetFromTensorflow of OpenCV 5 refuses ops that it lacks. Of some that it has it overlooks an attribute or takes
# another axis, and gives numbers: `dilations` of a convolution and of a depthwise one, padding with SYMMETRIC (computed as
# REFLECT), softmax over channels, a constant minus a tensor (the constant is taken away), a slice that does not say all axes,
# a sum over the batch, and batch_to_space (nothing is done). Images are compared with TensorFlow's, turned to channels first.
#
# Seen: right: relu, pad, mean over the image; wrong: all nine others
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
X, KERNEL, SMALL = (random.normal(size=size).astype(np.float32) for size in ((2, 6, 4, 3), (1, 1, 3, 3), (2, 2, 3, 1)))
PAD = [[0, 0], [1, 2], [1, 1], [0, 0]]
RIGHT = {
    "relu": tf.nn.relu,
    "pad": lambda y: tf.pad(y, PAD, "REFLECT"),
    "mean": lambda y: tf.reduce_mean(y, [1, 2]),
}
WRONG = {
    "dilations": lambda y: v1.nn.conv2d(y, np.ones((2, 2, 3, 3), np.float32), 1, "SAME", dilations=[1, 2, 2, 1]),
    "depthwise dilations": lambda y: v1.nn.depthwise_conv2d_native(y, SMALL, [1] * 4, "SAME", dilations=[1, 2, 2, 1]),
    "SYMMETRIC": lambda y: tf.pad(y, PAD, "SYMMETRIC"),
    "softmax": tf.nn.softmax,
    "constant - y": lambda y: 1.0 - y,
    "y[:, 1:3]": lambda y: y[:, 1:3],
    "y[:, ::-1]": lambda y: y[:, ::-1],
    "sum over the batch": lambda y: tf.reduce_sum(y, 0),
    "batch_to_space": lambda y: tf.batch_to_space(y, [2, 1], [[0, 1], [0, 0]]),
}

def right(op):
    with tf.Graph().as_default() as graph, v1.Session() as session:
        x = v1.placeholder(tf.float32, X.shape, "x")
        y = op(tf.nn.conv2d(x, KERNEL, 1, "SAME"))
        wanted = session.run(y, {x: X})
    net = cv2.dnn.readNetFromTensorflow(np.frombuffer(graph.as_graph_def().SerializeToString(), np.uint8))
    net.setInput(X.transpose(0, 3, 1, 2))
    found = net.forward()
    found = found.transpose(0, 2, 3, 1) if found.ndim == 4 else found
    return found.shape == wanted.shape and bool(np.allclose(found, wanted, atol=1e-4))

found = {name: right(op) for name, op in {**RIGHT, **WRONG}.items()}
print(found)
assert all(found[name] for name in RIGHT) and not any(found[name] for name in WRONG)
PROGRAM
