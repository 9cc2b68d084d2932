"""Names of tf.compat.v1 that tf1bn uses: read from source, and looked up in a TensorFlow."""

import json
import subprocess
import sys
import types

import pytest

from tf1bn.machine import tensorflow_names


def test_names_are_read_with_their_first_place(tmp_path):
    (tmp_path / "b.py").write_text("import tensorflow.compat.v1 as tf\nx = tf.train.Saver(tf.float32.name)\n")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "c.py").write_text(
        "def f(tf):\n\n    return tf.train.Saver, other.tf.zeros, tf.zeros([tf.int32])\n"
    )
    assert tensorflow_names.used(tmp_path) == {
        "float32.name": "b.py:2",
        "int32": "a/c.py:3",
        "train.Saver": "a/c.py:3",
        "zeros": "a/c.py:3",
    }


def test_missing_names_are_those_that_a_module_lacks():
    inner = types.ModuleType("inner")
    inner.there = lambda: None
    outer = types.ModuleType("outer")
    outer.inner, outer.value = inner, 1.0
    names = ["inner.there", "inner.gone", "gone", "gone.too", "value.real", "value.odd", "inner.there.odd"]
    assert tensorflow_names.missing(names, outer) == ["inner.gone", "gone", "gone.too"]


def test_tensorflow_here_has_every_name_that_is_used():
    names = tensorflow_names.used()
    assert {"train.Saver", "control_dependencies"} <= names.keys()
    assert len(names) > 200
    assert tensorflow_names.missing(list(names)) == []


def test_another_interpreter_is_asked(tmp_path):
    package = tmp_path / "tensorflow" / "compat" / "v1"
    package.mkdir(parents=True)
    for folder in (package, package.parent, package.parent.parent):
        (folder / "__init__.py").write_text("")
    (package / "__init__.py").write_text("__version__ = '9.1'\nzeros = 1\n")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{tmp_path}:$PYTHONPATH" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    assert tensorflow_names.missing_in(str(python), ["zeros", "ones"]) == ("9.1", ["ones"])


def test_interpreter_without_tensorflow_says_so(tmp_path):
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    python.chmod(0o755)
    with pytest.raises(ValueError, match="No module named"):
        tensorflow_names.missing_in(str(python), ["zeros"])
    with pytest.raises(OSError):
        tensorflow_names.missing_in(str(tmp_path / "nowhere"), ["zeros"])
    assert subprocess.run([str(python), "-c", "import json"], check=False).returncode == 0


def test_doctor_lists_names_and_what_is_lacking(tmp_path):
    command = [sys.executable, "-m", "tf1bn", "doctor", "--names", "--format=json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    assert (done.returncode, report["lacking"]) == (0, [])
    assert report["used"] == tensorflow_names.used()


def test_doctor_says_which_interpreter_cannot_be_asked(tmp_path):
    python = str(tmp_path / "nowhere")
    for flags, code, word in (
        (["--names", f"--python={python}"], 1, "nowhere"),
        ([f"--python={python}"], 2, "--python goes with --names"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "tf1bn", "doctor", *flags], capture_output=True, text=True, check=False
        )
        assert done.returncode == code and word in done.stderr and "Traceback" not in done.stderr
