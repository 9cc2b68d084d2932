#!/usr/bin/env bash
# In a TensorFlow 1 graph a Keras 3 batch norm normalises by the batch and never moves its averages.
#
# With training=True in a tf.Graph, keras.layers.BatchNormalization gives outputs of the batch's statistics. Its averages
# stay at 0 and 1 for ever: no update is run with the output, none is in UPDATE_OPS, and the layer has no `updates`. There is
# no warning. Inference by the saved averages then divides by 1.
#
# Seen after 3 runs on values of mean 10: moving_mean [0. 0.], moving_variance [1. 1.], 0 entries of UPDATE_OPS.
#
# Versions: tensorflow 2.21.0 keras 3.15.1 numpy 2.4.6. Run on Python 3.11, Linux, CPU.
# Exits with 0 while this is so, else with another code.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check tensorflow==2.21.0 keras==3.15.1 numpy==2.4.6
cd "$folder"
export TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES= 
"$folder/venv/bin/python" - <<'PROGRAM' 2>"$folder/log" || { cat "$folder/log" >&2; exit 1; }
import keras
import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
with tf.Graph().as_default(), v1.Session() as session:
    x = v1.placeholder(tf.float32, [None, 2])
    layer = keras.layers.BatchNormalization(momentum=0.5)
    y = layer(x, training=True)
    session.run(v1.global_variables_initializer())
    values = np.random.RandomState(0).normal(10, 2, (64, 2))
    for _ in range(3):
        output = session.run(y, {x: values})
    mean, variance = session.run([layer.moving_mean.value, layer.moving_variance.value])
    updates = v1.get_collection(v1.GraphKeys.UPDATE_OPS)
print("output mean", output.mean(0), "moving_mean", mean, "moving_variance", variance, "updates", len(updates))
assert abs(output.mean()) < 1e-3 and abs(output.std() - 1) < 1e-2, "it does not normalise by the batch"
assert (mean == 0).all() and (variance == 1).all() and not updates and not getattr(layer, "updates", None)
PROGRAM
