"""The wheel that carries the library: of this machine, and a training step runs from it where nothing was built."""

import os
import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest

from tf1bn.native import places

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"
PROGRAM = """
import numpy as np
import tensorflow.compat.v1 as tf
import tf1bn

tf.disable_v2_behavior()
value = np.random.default_rng(0).normal(3.0, 2.0, [8, 5, 5, 6]).astype(np.float32)
x = tf.placeholder(tf.float32, [None, 5, 5, 6])
y = tf1bn.batch_norm(x, True, kernel="native", decay=0.5)
train = tf.train.GradientDescentOptimizer(0.01).minimize(tf.reduce_sum(y * tf.range(6.0)))
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    session.run(train, {x: value})
    [mean] = [v for v in tf.global_variables() if v.op.name.endswith("moving_mean")]
    np.testing.assert_allclose(session.run(mean), 0.5 * value.astype(np.float64).mean((0, 1, 2)), rtol=1e-6)
print(tf1bn.native.info().path)
"""


def run(command, folder, **variables):
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", **variables}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()[-1]


@pytest.fixture
def sources(tmp_path):
    """The files that a wheel is made of, without the library."""
    target = tmp_path / "sources"
    shutil.copytree(
        ROOT / "tf1bn", target / "tf1bn", ignore=shutil.ignore_patterns("__pycache__", places.PREBUILT.name)
    )
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, target / name)
    return target


@pytest.mark.slow
def test_a_wheel_with_the_library_works_where_nothing_was_built(library_folder, sources, tmp_path):
    prebuilt = sources / "tf1bn" / "native" / places.PREBUILT.name
    prebuilt.mkdir()
    shutil.copy(library_folder / places.file_name(), prebuilt)
    name = run([sys.executable, "-c", BUILD, str(tmp_path)], sources, TF1BN_WHEEL_NATIVE="1")
    assert "-py3-none-linux_" in name
    installed, nowhere = tmp_path / "installed", tmp_path / "nowhere"
    with zipfile.ZipFile(tmp_path / name) as wheel:
        wheel.extractall(installed)
    nowhere.mkdir()
    used = run([sys.executable, "-c", PROGRAM], nowhere, PYTHONPATH=str(installed), TF1BN_NATIVE_DIR=str(nowhere))
    assert used == str(installed / "tf1bn" / "native" / places.PREBUILT.name / places.file_name())


@pytest.mark.slow
def test_a_wheel_without_the_library_is_refused_where_one_was_asked_for(sources, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(tmp_path)],
        cwd=sources,
        env={**os.environ, "TF1BN_WHEEL_NATIVE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode and "there is no op library to put into the wheel. Run `make wheel-native`" in done.stderr
