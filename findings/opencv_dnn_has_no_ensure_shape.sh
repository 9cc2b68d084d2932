#!/usr/bin/env bash
# OpenCV reads a frozen TensorFlow graph, and stops at the op that does nothing.
#
# cv2.dnn.readNetFromTensorflow of OpenCV 5 still takes TensorFlow 1 graphs. EnsureShape, which only states a shape and which
# TensorFlow's own tools leave in frozen graphs, has no layer there: reading succeeds, and the first forward pass raises.
#
# Seen: forward of relu, max_pool: (1, 3, 2, 2); of relu, ensure_shape, max_pool: Can't create layer "EnsureShape"
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

def outcome(stated):
    with tf.Graph().as_default() as graph:
        y = tf.nn.relu(v1.placeholder(tf.float32, [1, 4, 4, 3]))
        y = tf.ensure_shape(y, [1, 4, 4, 3]) if stated else y
        tf.nn.max_pool2d(y, 2, 2, "VALID")
        frozen = graph.as_graph_def().SerializeToString()
    net = cv2.dnn.readNetFromTensorflow(np.frombuffer(frozen, np.uint8))
    net.setInput(np.ones((1, 3, 4, 4), np.float32))
    try:
        return net.forward().shape
    except cv2.error as error:
        return str(error)

found = outcome(False), outcome(True)
print(found)
assert found[0] == (1, 3, 2, 2) and "Can't create layer \"EnsureShape\"" in found[1]
PROGRAM
