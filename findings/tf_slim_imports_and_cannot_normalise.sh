#!/usr/bin/env bash
# tf_slim 1.1.0 imports beside TensorFlow 2.21, and every batch_norm raises.
#
# `import tf_slim` succeeds, which is what most tests of an environment try. slim.batch_norm then looks for a Tensor class where
# TensorFlow 2.21 has none any more. tf_keras and TF_USE_LEGACY_KERAS=1, the usual advice for old programs, do not help.
#
# Seen: AttributeError: module 'tensorflow.python.framework.ops' has no attribute 'Tensor'
#
# Versions: tensorflow 2.21.0 tf_keras 2.21.0 tf_slim 1.1.0. Run on Python 3.11, Linux, CPU.
# Exits with 0 while this is so, else with another code.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check tensorflow==2.21.0 tf_keras==2.21.0 tf_slim==1.1.0
cd "$folder"
export TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES= TF_USE_LEGACY_KERAS=1 
"$folder/venv/bin/python" - <<'PROGRAM' 2>"$folder/log" || { cat "$folder/log" >&2; exit 1; }
import tensorflow as tf
import tf_slim

with tf.Graph().as_default():
    try:
        tf_slim.batch_norm(tf.compat.v1.placeholder(tf.float32, [2, 3]))
        raise SystemExit("it normalises")
    except AttributeError as error:
        print("AttributeError:", error)
        assert "framework.ops" in str(error) and "Tensor" in str(error)
PROGRAM
