#!/usr/bin/env bash
# tf.xla.experimental.jit_scope does not compile the convolutions that Grappler fuses before.
#
# All ops of a small network are built in a jit_scope. What a session makes of the graph (RunOptions.output_partition_graphs) shows
# a compiled cluster, and beside it the convolution: Grappler put convolution, bias and ReLU into one op of its own before, which
# XLA does not take. So with oneDNN and without. With Grappler off no convolution is left outside. There is no warning, and the
# attribute _XlaCompile is on every op.
#
# Seen: compiled cluster, convolutions outside: (True, 1); without Grappler (True, 0)
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
X = np.random.RandomState(0).normal(size=(1, 8, 8, 3)).astype(np.float32)
KERNEL = np.random.RandomState(1).normal(size=(3, 3, 3, 4)).astype(np.float32)

def outside(grappler):
    config, record = v1.ConfigProto(), v1.RunMetadata()
    config.graph_options.rewrite_options.disable_meta_optimizer = not grappler
    with tf.Graph().as_default() as graph, v1.Session(config=config) as session:
        x = v1.placeholder(tf.float32, X.shape)
        with tf.xla.experimental.jit_scope():
            y = tf.nn.bias_add(tf.nn.conv2d(x, KERNEL, 1, "SAME"), np.ones(4, np.float32))
            y = tf.reduce_mean(tf.exp(tf.nn.relu(y) * 0.1), [1, 2])
        assert all(op.get_attr("_XlaCompile") for op in graph.get_operations() if op.type == "Conv2D")
        session.run(y, {x: X}, v1.RunOptions(output_partition_graphs=True), record)
    kinds = [node.op for graph in record.partition_graphs for node in graph.node]
    return "_XlaRun" in kinds, sum("Conv2D" in kind for kind in kinds)

found = outside(True), outside(False)
print(found)
assert found == ((True, 1), (True, 0))
PROGRAM
