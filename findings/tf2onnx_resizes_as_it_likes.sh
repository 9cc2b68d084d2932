#!/usr/bin/env bash
# tf2onnx turns bicubic and area resizing into another one, without a word.
#
# tf2onnx converts ResizeBicubic and ResizeArea to ONNX's Resize. ONNX Runtime gives TensorFlow's numbers for bilinear and nearest
# neighbour. Bicubic as TensorFlow 1 does it (no half pixels, the first sample at 0) and with aligned corners is off by tenths of
# the deviation of the image; with half pixels by less than a hundredth. A resize by area, 6 to 3 and 4 to 2, should be the mean of
# blocks of four, and is not.
#
# Seen: largest differences: bilinear, nearest below 1e-5; bicubic over 0.05, corners over 0.05, half pixels below 0.02; area over 0.5
#
# Versions: tensorflow 2.21.0 tf2onnx 1.17.0 onnx 1.23.2 onnxruntime 1.32.0 numpy 2.4.6. Run on Python 3.11, Linux, CPU.
# Exits with 0 while this is so, else with another code.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check tensorflow==2.21.0 tf2onnx==1.17.0 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$folder"
export TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES=
"$folder/venv/bin/python" - <<'PROGRAM' 2>"$folder/log" || { cat "$folder/log" >&2; exit 1; }
import numpy as np
import onnxruntime
import tensorflow as tf
import tf2onnx

v1 = tf.compat.v1
X = np.random.RandomState(0).normal(size=(2, 6, 4, 3)).astype(np.float32)
OPS = {
    "bilinear": lambda x: v1.image.resize_bilinear(x, [9, 8]),
    "nearest": lambda x: v1.image.resize_nearest_neighbor(x, [9, 8]),
    "bicubic": lambda x: v1.image.resize_bicubic(x, [9, 8]),
    "bicubic, corners": lambda x: v1.image.resize_bicubic(x, [9, 8], align_corners=True),
    "bicubic, half pixels": lambda x: v1.image.resize_bicubic(x, [9, 8], half_pixel_centers=True),
    "area": lambda x: v1.image.resize_area(x, [3, 2]),
}

def difference(op):
    with tf.Graph().as_default() as graph, v1.Session() as session:
        x = v1.placeholder(tf.float32, X.shape, "x")
        y = tf.identity(op(x), "y")
        wanted = session.run(y, {x: X})
    model, _ = tf2onnx.convert.from_graph_def(
        graph.as_graph_def(), input_names=["x:0"], output_names=["y:0"], opset=17
    )
    [found] = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x:0": X})
    return float(np.abs(found - wanted).max())

found = {name: difference(op) for name, op in OPS.items()}
print(found)
assert found["bilinear"] < 1e-5 and found["nearest"] < 1e-5
assert found["bicubic"] > 0.05 and found["bicubic, corners"] > 0.05 and found["bicubic, half pixels"] < 0.02
assert found["area"] > 0.5
PROGRAM
