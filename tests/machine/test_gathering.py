"""What is gathered of this machine, against other sources."""

import importlib.metadata
import io
import json
import os
import platform
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import setuptools
import tensorflow.compat.v1 as tf

from tf1bn.core import onednn
from tf1bn.machine import distributions, facts, probe, processor, waiting

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def doctor():
    """What the command says of this machine."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-m", "tf1bn", "doctor", "--format=json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_versions_are_those_that_the_packages_say(doctor):
    assert doctor["works"] and doctor["python"] == platform.python_version()
    assert doctor["tensorflow"] == tf.__version__
    told = {line["topic"]: line["text"] for line in doctor["lines"]}
    assert told["numpy"] == np.__version__


def test_the_provider_is_the_distribution_that_holds_the_file(doctor):
    holders = set()
    for distribution in importlib.metadata.distributions():
        if any(str(path) == "tensorflow/__init__.py" for path in distribution.files or ()):
            holders.add(distribution.metadata["Name"].lower().replace("_", "-"))
    assert set(doctor["providers"]) == holders


def test_onednn_is_what_this_process_computes_with(doctor):
    assert doctor["onednn"] is onednn.enabled()


def test_onednn_can_be_turned_off(monkeypatch):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert probe.ask().facts["onednn"] in (False, None)


def test_the_level_of_the_processor_is_what_numpy_finds(doctor):
    core = getattr(np, "_core", None) or np.core
    found = core._multiarray_umath.__cpu_features__
    flags = set(doctor["processor"]["flags"])
    if not flags:
        pytest.skip("this system does not say what its processor can")
    for feature, flag in (
        ("AVX", "avx"),
        ("AVX2", "avx2"),
        ("FMA3", "fma"),
        ("AVX512F", "avx512f"),
        ("ASIMD", "asimd"),
    ):
        if feature in found:
            assert found[feature] == (flag in flags), feature
    level = doctor["processor"]["level"]
    if found.get("AVX512_SKX"):
        assert level.startswith("AVX512")
    elif found.get("AVX2"):
        assert level.startswith("AVX2")


@pytest.mark.parametrize(
    ("flags", "level"),
    [
        ("avx512f avx512bw avx512dq avx512vl avx2 fma avx avx512_vnni avx512_bf16", "AVX512, VNNI, BF16"),
        ("avx512f avx2 fma avx", "AVX2 with FMA"),
        ("avx sse4_2", "AVX"),
        ("sse4_2", "SSE4.2, no AVX"),
        ("asimd sve", "SVE"),
        ("asimd", "NEON"),
        ("fpu", ""),
    ],
)
def test_a_level_is_the_best_whose_flags_are_all_there(flags, level):
    assert processor.level(flags.split()) == level


def test_a_processor_is_read_from_the_system_or_told_to_be_unknown(tmp_path):
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: A (R) 5\nflags\t\t: fpu avx avx2 fma\n\n")
    read = processor.this(tmp_path / "cpuinfo")
    assert (read.name, read.level, read.flags) == ("A (R) 5", "AVX2 with FMA", {"fpu", "avx", "avx2", "fma"})
    none = processor.this(tmp_path / "none")
    assert none.flags == frozenset() and none.level == "" and none.machine == platform.machine()


def test_the_requirements_are_those_of_the_installation(monkeypatch):
    given = {}
    monkeypatch.setattr(setuptools, "setup", lambda **options: given.update(options))
    runpy.run_path(str(ROOT / "setup.py"))
    required = {extra: dict(text.split(">=") for text in rows) for extra, rows in given["extras_require"].items()
                if extra not in ("cross", "docs", "test")}  # fmt: skip
    assert required == distributions.EXTRAS
    assert dict(text.split(">=") for text in given["install_requires"]) == distributions.NEEDED


def test_numbers_of_versions():
    assert distributions.number("2.23.0.dev20261026") == (2, 23, 0)
    assert distributions.number("2.5.1+cpu") == (2, 5, 1)
    assert distributions.number("unknown") == ()
    assert distributions.normalised("Tf_Keras.x") == "tf-keras-x"


def test_a_process_that_fails_is_told_by_its_last_line():
    assert probe.answer(1, "", "Traceback\n  x\nImportError: no such thing\n\n") == probe.Answer(
        1, {}, "ImportError: no such thing"
    )
    assert probe.answer(-4, "", "") == probe.Answer(-4, {}, "")
    assert probe.answer(0, 'noise\n{"version": "1"}\n', "warnings") == probe.Answer(0, {"version": "1"})


def test_a_tensorflow_that_does_not_import_is_fatal(tmp_path):
    (tmp_path / "tensorflow").mkdir()
    (tmp_path / "tensorflow" / "__init__.py").write_text("raise ImportError('libfoo is not here')\n")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    command = [sys.executable, "-m", "tf1bn", "doctor"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FATAL    tensorflow" in done.stdout and "libfoo is not here" in done.stdout
    assert "tf1bn cannot work here" in done.stdout and done.stderr == ""


def test_the_native_library_is_looked_for_where_it_is_built(monkeypatch, tmp_path):
    from tf1bn.native import places

    monkeypatch.setenv("TF1BN_NATIVE_DIR", str(tmp_path))
    monkeypatch.setattr(places, "PREBUILT", tmp_path / "none")
    monkeypatch.setattr(probe, "ask", lambda waiting: probe.Answer(0, {}))
    nothing = facts.gather()
    assert (nothing.native, nothing.native_trouble) == ("", "")
    assert nothing.variables["TF1BN_NATIVE_DIR"] == str(tmp_path)
    (tmp_path / places.file_name()).write_bytes(b"half of it")
    damaged = facts.gather()
    assert damaged.native == str(tmp_path / places.file_name()) and "is damaged" in damaged.native_trouble
    (tmp_path / places.file_name()).write_bytes(places.sealed(b"all of it"))
    whole = facts.gather()
    assert whole.native and whole.native_trouble == ""


def test_who_asks_hears_how_long_it_takes(monkeypatch):
    monkeypatch.setattr(probe, "FIRST_NOTE", 0.001)
    monkeypatch.setattr(probe, "BETWEEN_NOTES", 0.001)
    heard = []
    assert probe.ask(heard.append).facts["version"] == tf.__version__
    assert len(heard) > 1 and heard == sorted(heard)


def test_an_interrupted_question_leaves_no_process(monkeypatch):
    started = []

    class Popen(subprocess.Popen):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            started.append(self)

    def stop(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(probe, "FIRST_NOTE", 0.001)
    monkeypatch.setattr(subprocess, "Popen", Popen)
    with pytest.raises(KeyboardInterrupt):
        probe.ask(stop)
    assert [process.returncode for process in started] == [-9]


class Stream(io.StringIO):
    def __init__(self, terminal):
        super().__init__()
        self.isatty = lambda: terminal


def test_waiting_is_told_in_place_on_a_terminal_and_wiped_at_the_end():
    stream = Stream(terminal=True)
    with waiting.Waiting(stream) as told:
        for seconds in (2.0, 3.1):
            told(seconds)
    drawn = [f"{waiting.TEXT}: {seconds} s" for seconds in (2, 3)]
    wiped = " " * len(drawn[0])
    assert stream.getvalue() == "".join(f"\r{text}" for text in [*drawn, wiped]) + "\r"


def test_waiting_is_told_in_few_lines_elsewhere():
    stream = Stream(terminal=False)
    with waiting.Waiting(stream) as told:
        for second in range(2, 24):
            told(second)
    assert stream.getvalue().splitlines() == [f"{waiting.TEXT}: {second} s" for second in (2, 12, 22)]


def test_what_is_over_soon_is_not_told():
    stream = Stream(terminal=True)
    with waiting.Waiting(stream):
        pass
    assert stream.getvalue() == ""


def test_setup_takes_the_provider_that_is_named(monkeypatch):
    import setuptools

    path = str(Path(__file__).resolve().parents[2] / "setup.py")
    given = {}
    monkeypatch.setattr(setuptools, "setup", lambda **arguments: given.update(arguments))
    for name, expected in (
        ("tf-nightly", ["tf-nightly>=2.16.dev0"]),
        ("tensorflow-cpu", ["tensorflow-cpu>=2.15"]),
        ("none", []),
    ):
        monkeypatch.setenv("TF1BN_TENSORFLOW", name)
        runpy.run_path(path)
        assert [text for text in given["install_requires"] if text.startswith("t")] == expected
    monkeypatch.setenv("TF1BN_TENSORFLOW", "tensorflaw")
    with pytest.raises(RuntimeError, match="tensorflaw.*expected none or one of tensorflow"):
        runpy.run_path(path)
