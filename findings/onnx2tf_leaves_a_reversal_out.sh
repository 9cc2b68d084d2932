#!/usr/bin/env bash
# onnx2tf leaves out a slice with step -1, without a word.
#
# A reversed axis, such as RGB to BGR in front of a network that was trained on BGR, is a Slice with step -1 in ONNX, whose end is
# the least number of 32 bits. onnx2tf converts the file and the TFLite model that it writes takes the axis as it was: a product
# with 1, 2, 3, 4, 5 per channel comes out as that of the channels in their order. It is so in front of a convolution, too.
#
# Seen: from ONNX Runtime's numbers 4.7 away with step -1, and 0 from the product without a reversal; with step 1 no difference
#
# Versions: onnx2tf 1.29.24 tensorflow 2.21.0 tf_keras 2.21.0 onnx 1.23.2 onnxruntime 1.32.0 onnxsim 0.8.1 numpy 2.4.6. The newest
# onnx2tf for Python 3.11. Run on Python 3.11, Linux, CPU.
# Exits with 0 while this is so, else with another code.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check tensorflow==2.21.0 onnx==1.23.2 onnxruntime==1.32.0 onnxsim==0.8.1 numpy==2.4.6 psutil==7.2.2 requests==2.34.2
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps onnx2tf==1.29.24 tf_keras==2.21.0 onnx_graphsurgeon==0.6.1 sng4onnx==2.0.1 ai-edge-litert==2.3.0
cd "$folder"
export TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES= TF_USE_LEGACY_KERAS=1 PATH="$folder/venv/bin:$PATH"
"$folder/venv/bin/python" - <<'PROGRAM' 2>"$folder/log" || { cat "$folder/log" >&2; exit 1; }
import contextlib
import io

import numpy as np
import onnx
import onnx2tf
import onnxruntime
import tensorflow as tf
from onnx import TensorProto, helper, numpy_helper

X = np.random.RandomState(0).uniform(size=(1, 5, 8, 8)).astype(np.float32)  # of 3 channels it would fetch a file for a test
FACTOR = np.arange(1, 6, dtype=np.float32).reshape(1, 5, 1, 1)

def both(name, start, end, step):
    values = {"start": start, "end": end, "axis": 1, "step": step}
    constants = [numpy_helper.from_array(np.array([value]), key) for key, value in values.items()]
    constants.append(numpy_helper.from_array(FACTOR, "factor"))
    nodes = [helper.make_node("Slice", ["x", *values], ["cut"]), helper.make_node("Mul", ["cut", "factor"], ["y"])]
    x, y = (helper.make_tensor_value_info(key, TensorProto.FLOAT, X.shape) for key in "xy")
    graph = helper.make_graph(nodes, "g", [x], [y], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, name + ".onnx")
    [wanted] = onnxruntime.InferenceSession(name + ".onnx").run(None, {"x": X})
    with contextlib.redirect_stdout(io.StringIO()) as said:
        onnx2tf.convert(input_onnx_file_path=name + ".onnx", output_folder_path=name, verbosity="info")
    assert "WARNING" not in said.getvalue()
    interpreter = tf.lite.Interpreter(f"{name}/{name}_float32.tflite")
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], np.transpose(X, (0, 2, 3, 1)).copy())
    interpreter.invoke()
    found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return wanted, np.transpose(found, (0, 3, 1, 2))

reversed_, kept = both("reversed", -1, -(2**31), -1), both("kept", 0, 2**31 - 1, 1)
print(np.abs(reversed_[0] - reversed_[1]).max(), np.abs(reversed_[1] - X * FACTOR).max(), np.abs(kept[0] - kept[1]).max())
np.testing.assert_allclose(reversed_[0], X[:, ::-1] * FACTOR, 1e-6)
np.testing.assert_allclose(reversed_[1], X * FACTOR, 1e-6)
assert np.abs(reversed_[0] - reversed_[1]).max() > 4
np.testing.assert_allclose(kept[0], kept[1], 1e-6)
PROGRAM
