#!/usr/bin/env bash
# The fused batch norm's variance is 9 times too large where 131,072 values lie far from zero.
#
# tf.compat.v1.nn.fused_batch_norm sums float32 values in float32, one after the other. Of values with mean 10,000 and
# deviation 1 its variance is right to 1e-4 for 4,096 and 32,768 values per channel, and then leaves at once: 9.6 times too
# large for 131,072, 90 times for 262,144. tf.nn.moments does the same, only later. What users see is a moving variance that
# depends on the size of the images.
#
# Seen (variance over that of float64, largest of 8 channels):
#   4096 values:   fused 1.000   moments 1.000
#   32768 values:  fused 1.000   moments 1.000
#   131072 values: fused 9.575   moments 1.001
#   262144 values: fused 90.74   moments 9.558
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

found = {}
for count in (4096, 32768, 131072, 262144):
    values = (np.random.RandomState(0).standard_normal((count, 1, 1, 8)) + 1e4).astype(np.float32)
    ones, zeros = np.ones(8, np.float32), np.zeros(8, np.float32)
    fused = tf.compat.v1.nn.fused_batch_norm(values, ones, zeros, is_training=True)[2].numpy()
    moments = tf.nn.moments(tf.constant(values), [0, 1, 2])[1].numpy()
    exact = values.astype(np.float64).var(axis=(0, 1, 2))
    found[count] = (fused / exact).max(), (moments / exact).max()
    print(f"{count} values: fused {found[count][0]:.4g}, moments {found[count][1]:.4g}")
assert all(abs(ratio - 1) < 0.01 for count in (4096, 32768) for ratio in found[count])
assert found[131072][0] > 5 and found[262144][0] > 50 and found[262144][1] > 5
PROGRAM
