#!/usr/bin/env bash
# pnnx writes three ops of an ONNX file as others for ncnn, without a word.
#
# A bilinear resize that steps by the ratio of the sizes with the first sample at 0 (ONNX's "asymmetric", the one of TensorFlow 1)
# becomes one with half pixels; a slice with step -1, such as RGB to BGR as tf2onnx writes it, is left out; SpaceToDepth becomes
# a Reorg, whose channels are in another order. The bilinear resize with half pixels, nearest neighbour and step 1 agree.
#
# Seen: largest differences from ONNX Runtime: asymmetric resize 0.25, reversed channels 24, SpaceToDepth 29; the others 0
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
FAR = 10**9
IMAGE = np.tile(np.arange(4, dtype=np.float32), (1, 1, 4, 1))
CHANNELS = np.arange(12, dtype=np.float32).reshape(1, 3, 2, 2)

def resize(mode, where):
    options = {"nearest_mode": "floor"} if mode == "nearest" else {}
    node = helper.make_node(
        "Resize", ["x", "", "scales"], ["y"], mode=mode, coordinate_transformation_mode=where, **options
    )
    return IMAGE, [node], {"scales": np.array([1, 1, 2, 2], np.float32)}

def channels(start, end, step):
    values = {"start": [0, start], "end": [FAR, end], "axis": [0, 1], "step": [1, step]}  # as tf2onnx writes [:, ::-1]
    nodes = [helper.make_node("Slice", ["x", *values], ["cut"]), helper.make_node("Conv", ["cut", "kernel"], ["y"])]
    constants = {name: np.array(value) for name, value in values.items()}
    return CHANNELS, nodes, {**constants, "kernel": np.diag([1, 2, 3]).astype(np.float32).reshape(3, 3, 1, 1)}

CASES = {
    "asymmetric": resize("linear", "asymmetric"),
    "half pixels": resize("linear", "half_pixel"),
    "nearest": resize("nearest", "asymmetric"),
    "reversed": channels(FAR, -FAR, -1),
    "not reversed": channels(0, FAR, 1),
    "space to depth": (
        np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4).repeat(2, 1) * [[[[1]], [[-1]]]],
        [helper.make_node("SpaceToDepth", ["x"], ["y"], blocksize=2)],
        {},
    ),
}

def both(name):
    x, nodes, constants = CASES[name]
    x = x.astype(np.float32)
    value = lambda key, shape: helper.make_tensor_value_info(key, TensorProto.FLOAT, shape)
    constants = [numpy_helper.from_array(array, key) for key, array in constants.items()]
    graph = helper.make_graph(nodes, "g", [value("x", x.shape)], [value("y", None)], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    stem = name.replace(" ", "_")
    onnx.save(model, stem + ".onnx")
    [wanted] = onnxruntime.InferenceSession(stem + ".onnx").run(None, {"x": x})
    shape = str(list(x.shape)).replace(" ", "")
    said = subprocess.run(
        [PNNX, stem + ".onnx", "inputshape=" + shape, "fp16=0"], check=True, capture_output=True, text=True
    )
    lines = (said.stdout + said.stderr).lower().splitlines()
    assert not [line for line in lines if "warn" in line and "cpu vendor" not in line]  # one of ONNX Runtime in it
    net = ncnn.Net()
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    assert net.load_param(stem + ".ncnn.param") == 0 and net.load_model(stem + ".ncnn.bin") == 0
    extractor = net.create_extractor()
    extractor.input("in0", ncnn.Mat(x[0]).clone())
    code, found = extractor.extract("out0")
    assert code == 0
    found = np.array(found)
    assert found.shape == wanted.shape[1:], (name, found.shape, wanted.shape)
    return wanted[0], found

rows = {name: both(name) for name in CASES}
difference = {name: float(np.abs(wanted - found).max()) for name, (wanted, found) in rows.items()}
print(difference)
# The first sample at 0 and half a step after each, the last one held; half pixels instead.
np.testing.assert_allclose(rows["asymmetric"][0][0, 0], [0, 0.5, 1, 1.5, 2, 2.5, 3, 3])
np.testing.assert_allclose(rows["asymmetric"][1][0, 0], [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3])
factor = np.array([1, 2, 3], np.float32).reshape(3, 1, 1)
np.testing.assert_allclose(rows["reversed"][0], CHANNELS[0, ::-1] * factor)
np.testing.assert_allclose(rows["reversed"][1], CHANNELS[0] * factor)
# The place in the block comes first in ONNX, the channel in what ncnn does.
np.testing.assert_allclose(rows["space to depth"][0][:, 0, 0], [0, 0, 1, -1, 4, -4, 5, -5])
np.testing.assert_allclose(rows["space to depth"][1][:, 0, 0], [0, 1, 4, 5, 0, -1, -4, -5])
assert max(difference[name] for name in ("half pixels", "nearest", "not reversed")) == 0
PROGRAM
