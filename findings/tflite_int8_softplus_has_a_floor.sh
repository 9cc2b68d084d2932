#!/usr/bin/env bash
# A softplus in a TFLite model of 8-bit integers never comes near 0, and its error grows with the range of its input.
#
# TensorFlow's converter writes softplus as EXP, ADD and LOG, and quantises each. The exponential of 6 is 403, in 256 steps of 1.6:
# all of the input below 0 falls on the lowest step. sigmoid and relu of the same input have kernels of their own and are within
# a step of their output. With an input from -4 to 4 the error is smaller, with -8 to 8 it is larger.
#
# Seen: of -6 TensorFlow says 0.0025, the model 0.47, as it does of -3 and -1.5; errors up to 0.16, 0.47, 1.8 with inputs to 4, 6, 8
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

def both(op, width):
    values = np.linspace(-width, width, 49, dtype=np.float32).reshape(1, 49)
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, values.shape, "x")
        y = op(x)
        wanted = session.run(y, {x: values})
        converter = v1.lite.TFLiteConverter.from_session(session, [x], [y])
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: iter([[values]])
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        model = converter.convert()
    interpreter = tf.lite.Interpreter(model_content=model)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
    interpreter.invoke()
    return wanted[0], interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]

def error(op, width):
    wanted, found = both(op, width)
    return float(np.abs(wanted - found).max())

wanted, found = both(tf.nn.softplus, 6)
print(wanted[[0, 12, 18, 24]], found[[0, 12, 18, 24]])
np.testing.assert_allclose(wanted, np.log1p(np.exp(np.linspace(-6, 6, 49))), 1e-4)
assert wanted[0] < 0.01 and 0.4 < found.min() and found[0] == found[12] == found[18]
errors = {width: error(tf.nn.softplus, width) for width in (4, 6, 8)}
print(errors, {op.__name__: error(op, 6) for op in (tf.nn.sigmoid, tf.nn.relu)})
assert errors[4] < 0.3 < errors[6] < 0.6 < errors[8]
assert error(tf.nn.sigmoid, 6) < 0.01 and error(tf.nn.relu, 6) < 0.05
PROGRAM
