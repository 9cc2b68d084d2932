#!/usr/bin/env bash
# OpenVINO reads a .meta with its checkpoint, but none with a tf.cond or an update of a reference variable.
#
# openvino.convert_model takes the .meta of a TensorFlow 1 checkpoint. One assign_sub in the graph that the output does not
# depend on, to a reference variable, stops it; to a resource variable it does not. A tf.cond (control flow v1) on a placeholder
# with default stops it for both. So the .meta of an inference graph converts, and that of the training graph does not. A
# tf.identity at the end loses its name: the output is called after the op before it.
#
# Seen:
#   inference: outputs ['mul:0'], though the graph's last op is `y`
#   update, reference: AssignSub operation expects variable by the first input
#   switch: Model references undeclared parameters
#
# Versions: tensorflow 2.21.0 openvino 2026.4.1 numpy 2.4.6. Run on Python 3.11, Linux, CPU.
# Exits with 0 while this is so, else with another code.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check tensorflow==2.21.0 openvino==2026.4.1 numpy==2.4.6
cd "$folder"
export TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES= 
"$folder/venv/bin/python" - <<'PROGRAM' 2>"$folder/log" || { cat "$folder/log" >&2; exit 1; }
import openvino
import tensorflow as tf

v1 = tf.compat.v1
v1.disable_v2_behavior()

def outcome(what, resource):
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [2], name="x")
        w = v1.get_variable("w", [], initializer=v1.constant_initializer(3.0), use_resource=resource)
        y = x * w
        if what == "switch":
            y = tf.cond(v1.placeholder_with_default(False, []), lambda: x * 2.0, lambda: x * w)
        if what == "update":
            v1.assign_sub(w, 0.5)
        tf.identity(y, name="y")
        session.run(v1.global_variables_initializer())
        prefix = v1.train.Saver().save(session, f"./{what}_{resource}")
    try:
        return [output.any_name for output in openvino.convert_model(prefix + ".meta").outputs]
    except Exception as error:
        return str(error)

for resource in (False, True):
    found = {what: outcome(what, resource) for what in ("inference", "update", "switch")}
    for what, text in found.items():
        print("resource" if resource else "reference", what, str(text).strip().replace("\n", " ")[-160:])
    assert found["inference"] == ["mul:0"]
    assert found["update"] == ["mul:0"] if resource else "AssignSub operation expects variable" in found["update"]
    assert "undeclared parameters" in found["switch"]
PROGRAM
