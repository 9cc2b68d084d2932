#!/usr/bin/env bash
# A collective op with a time limit keeps one thread for each run until the limit is over.
#
# CollectiveReduceV2 with timeout_seconds=T starts a thread in each run, on each device, that sleeps for T seconds although the
# op has ended in microseconds. 50 steps of one reduction over two devices hold 100 to 200 threads; they are gone after T. With
# minutes for T, as a limit against lost peers would be, a training run collects thousands. Without a limit there are none.
#
# Seen (threads of the process before, after 50 steps, after 12 more seconds):
#   timeout_seconds=0:  10, 11, 11
#   timeout_seconds=10: 15, 215, 15
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
import os
import time

import tensorflow as tf

v1 = tf.compat.v1
v1.disable_eager_execution()

def threads():
    return len(os.listdir("/proc/self/task"))

def growth(seconds):
    with tf.Graph().as_default(), v1.Session(config=v1.ConfigProto(device_count={"CPU": 2})) as session:
        reduced = []
        for device in ("/cpu:0", "/cpu:1"):
            with tf.device(device):
                reduced.append(
                    tf.raw_ops.CollectiveReduceV2(
                        input=tf.ones([2]), group_size=2, group_key=1, instance_key=int(10 + seconds),
                        ordering_token=[], merge_op="Add", final_op="Id", timeout_seconds=seconds,
                    )
                )
        session.run(reduced)
        before = threads()
        for _ in range(50):
            session.run(reduced)
        after = threads()
        time.sleep(seconds + 2)
        print(f"timeout_seconds={seconds:g}: {before}, {after}, {threads()}")
        return after - before, threads() - before

kept, _ = growth(0.0)
assert kept < 20
kept, left = growth(10.0)
assert kept >= 90 and left < 20
PROGRAM
