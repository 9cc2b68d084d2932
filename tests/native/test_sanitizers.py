"""The arithmetic alone, fuzzed under the compiler's sanitizers, and for another processor, emulated."""

import shutil
import subprocess

import pytest

from tests.native.conftest import require_compiler
from tf1bn.native import places

FUZZ = places.SOURCE.parents[2] / "tests" / "native" / "fuzz.cc"
FLAGS = ["-std=c++17", "-fno-math-errno", "-Wall", "-Wextra", "-Werror", "-Wno-psabi", "-pthread", f"-I{places.SOURCE}"]
FLAGS += ["-DTF1BN_STREAMED_BYTES=4096"]  # small outputs are written as the largest are, too


def compiled(tmp_path, compiler, *flags):
    target = tmp_path / "fuzz"
    done = subprocess.run(
        [compiler, *FLAGS, *flags, str(FUZZ), "-o", str(target)], capture_output=True, text=True, check=False
    )
    if done.returncode and "sanitize" in " ".join(flags) and "cannot find" in done.stderr:
        pytest.skip(f"this compiler comes without the sanitizer: {done.stderr.splitlines()[0]}")
    assert done.returncode == 0, done.stderr[-3000:]
    return str(target)


def passes(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]


@pytest.mark.slow
def test_addresses_and_undefined_behaviour(tmp_path):
    flags = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    passes(compiled(tmp_path, require_compiler(), *flags), "1", "100", "1")


@pytest.mark.slow
def test_threads(tmp_path):
    passes(compiled(tmp_path, require_compiler(), "-O1", "-g", "-fsanitize=thread"), "2", "40", "3")


@pytest.mark.exhaustive
def test_the_levels_of_the_other_architecture(tmp_path):
    compiler, machine = shutil.which("aarch64-linux-gnu-g++"), shutil.which("qemu-aarch64")
    if not (compiler and machine):
        pytest.skip("needs aarch64-linux-gnu-g++ and qemu-aarch64")
    passes(machine, compiled(tmp_path, compiler, "-O2", "-static"), "3", "100", "1")
