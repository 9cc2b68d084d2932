#!/usr/bin/env bash
# pnnx resizes with half pixels whatever the ONNX file says, so TensorFlow 1's resize_bilinear comes out as another one in ncnn.
#
# TensorFlow 1 puts the first sample of a bilinear resize at 0 and steps by the ratio of the sizes: what ONNX calls "asymmetric".
# pnnx reads the file, warns of nothing, and writes an Interp layer for ncnn that has its samples in the middle of pixels. Nearest
# neighbour and a bilinear resize with half pixels agree with ONNX Runtime.
#
# Seen: largest differences of 0 1 2 3 resized to 8: asymmetric 0.25, half pixels and nearest 0
#
# Versions: pnnx 20261020 ncnn 1.0.20261020 onnx 1.23.2 onnxruntime 1.32.0 numpy 2.4.6. Run on Python 3.11, Linux, CPU.
# Exits with 0 while this is so, else with another code.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
# The program of pnnx reads ONNX without the PyTorch that its Python module wants, and ncnn runs without the packages of its models.
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps pnnx==20261020 ncnn==1.0.20261020 tqdm==4.70.1 portalocker==3.2.0 requests==2.34.2
cd "$folder"
"$folder/venv/bin/python" - <<'PROGRAM' 2>"$folder/log" || { cat "$folder/log" >&2; exit 1; }
import importlib.util
import pathlib
import subprocess

import ncnn
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

PNNX = pathlib.Path(importlib.util.find_spec("pnnx").origin).parent / "pnnx"
ROW = np.arange(4, dtype=np.float32)
X = np.tile(ROW, (1, 1, 4, 1))

def written(mode, where):
    options = {"nearest_mode": "floor"} if mode == "nearest" else {}
    node = helper.make_node(
        "Resize", ["x", "", "scales"], ["y"], mode=mode, coordinate_transformation_mode=where, **options
    )
    value = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    scales = numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales")
    graph = helper.make_graph([node], "g", [value("x", [1, 1, 4, 4])], [value("y", [1, 1, 8, 8])], [scales])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, f"{mode}_{where}.onnx")
    return f"{mode}_{where}"

def both(mode, where):
    name = written(mode, where)
    [wanted] = onnxruntime.InferenceSession(name + ".onnx").run(None, {"x": X})
    said = subprocess.run(
        [PNNX, name + ".onnx", "inputshape=[1,1,4,4]", "fp16=0"], check=True, capture_output=True, text=True
    )
    lines = (said.stdout + said.stderr).lower().splitlines()
    assert not [line for line in lines if "warn" in line and "cpu vendor" not in line]  # one of ONNX Runtime in it
    net = ncnn.Net()
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    assert net.load_param(name + ".ncnn.param") == 0 and net.load_model(name + ".ncnn.bin") == 0
    extractor = net.create_extractor()
    extractor.input("in0", ncnn.Mat(X[0]).clone())
    code, found = extractor.extract("out0")
    assert code == 0
    return wanted[0, 0, 0], np.array(found)[0, 0]

asked = [("linear", "asymmetric"), ("linear", "half_pixel"), ("nearest", "asymmetric")]
rows = {pair: both(*pair) for pair in asked}
print(rows)
difference = {pair: float(np.abs(wanted - found).max()) for pair, (wanted, found) in rows.items()}
print(difference)
# The first sample at 0 and half a step after each, the last one held: by hand.
np.testing.assert_allclose(rows["linear", "asymmetric"][0], [0, 0.5, 1, 1.5, 2, 2.5, 3, 3])
np.testing.assert_allclose(rows["linear", "asymmetric"][1], [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3])
assert difference["linear", "half_pixel"] < 1e-6 and difference["nearest", "asymmetric"] < 1e-6
PROGRAM
