#!/usr/bin/env bash
# tf_keras averages another variance for images than for rows; Keras 3 does not.
#
# tf_keras' BatchNormalization takes the fused kernel for inputs of rank 4 and with it the variance divided by n - 1; for rank 2
# the one divided by n. The same four values give moving variances a factor n / (n - 1) apart. Keras 3 divides by n for both, so
# that a network moved from tf_keras to Keras 3 and trained on has other averages, most where a batch has few values.
#
# Seen for the values 0, 4, 2, 6 and momentum 0:
#   tf_keras: rank 4 6.667, rank 2 5.0
#   keras:    rank 4 5.0,   rank 2 5.0
#
# Versions: tensorflow 2.21.0 tf_keras 2.21.0 keras 3.15.1 numpy 2.4.6. Run on Python 3.11, Linux, CPU.
# Exits with 0 while this is so, else with another code.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check tensorflow==2.21.0 tf_keras==2.21.0 keras==3.15.1 numpy==2.4.6
cd "$folder"
export TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES= KERAS_BACKEND=tensorflow 
"$folder/venv/bin/python" - <<'PROGRAM' 2>"$folder/log" || { cat "$folder/log" >&2; exit 1; }
import keras
import numpy as np
import tf_keras

values = np.array([0, 4, 2, 6], np.float32)
found = {}
for library in (tf_keras, keras):
    for shape in ((4, 1, 1, 1), (4, 1)):
        layer = library.layers.BatchNormalization(momentum=0.0)
        layer(values.reshape(shape), training=True)
        found[library.__name__, len(shape)] = float(np.array(layer.moving_variance)[0])
print(found)
np.testing.assert_allclose(
    [found[key] for key in (("tf_keras", 4), ("tf_keras", 2), ("keras", 4), ("keras", 2))], [20 / 3, 5, 5, 5], rtol=1e-5
)
PROGRAM
