#!/usr/bin/env bash
# TensorFlow's freezer makes graphs that TensorFlow cannot import, if a branch updates a variable.
#
# convert_variables_to_constants succeeds on a graph with a tf.cond (control flow v1) of which one branch assigns to a variable,
# though the frozen graph is used with that branch off. What it returns cannot be imported: the variable is now a constant, and
# the assignment in the branch still wants a variable. That holds for reference and for resource variables, with different
# words. A boolean reference variable as the predicate stops the freezer itself.
#
# Seen:
#   reference: Input 0 of node cond/AssignSub/Switch was passed float from w:0 incompatible with expected float_ref.
#   resource:  Input 0 of node cond/AssignSubVariableOp was passed float from ... incompatible with expected resource.
#   predicate: `index` 1 is out of range for node(cond/Switch).attr(T), which has 1 elements.
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
import tensorflow as tf

v1 = tf.compat.v1
v1.disable_v2_behavior()

def outcome(resource, by_variable):
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [])
        w = v1.get_variable("w", [], initializer=v1.ones_initializer(), use_resource=resource)
        on = v1.placeholder_with_default(False, [])
        if by_variable:
            on = v1.get_variable("on", [], tf.bool, v1.zeros_initializer(), trainable=False, use_resource=resource)

        def training():
            with tf.control_dependencies([] if by_variable else [v1.assign_sub(w, 0.5 * (w - x))]):
                return x * 2.0

        tf.identity(tf.cond(on, training, lambda: x * 3.0), name="y")
        session.run(v1.global_variables_initializer())
        try:
            frozen = v1.graph_util.convert_variables_to_constants(session, session.graph_def, ["y"])
            with tf.Graph().as_default():
                tf.graph_util.import_graph_def(frozen, name="")
            return "imported"
        except ValueError as error:
            return str(error)

found = {"reference": outcome(False, False), "resource": outcome(True, False), "predicate": outcome(False, True)}
for key, text in found.items():
    print(f"{key}: {text}")
assert "incompatible with expected float_ref" in found["reference"]
assert "incompatible with expected resource" in found["resource"]
assert "`index` 1 is out of range" in found["predicate"]
assert outcome(True, True) == "imported"
PROGRAM
