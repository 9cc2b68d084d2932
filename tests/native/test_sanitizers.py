"""The arithmetic alone, fuzzed: under the compiler's sanitizers, and on other processors, emulated."""

import shutil
import subprocess

import pytest

from tests.native.conftest import require_compiler
from tf1bn.native import compilers, places

FUZZ = places.SOURCE.parents[2] / "tests" / "native" / "fuzz.cc"
FLAGS = ["-std=c++17", "-fno-math-errno", "-Wall", "-Wextra", "-Werror", "-Wno-psabi", "-pthread", f"-I{places.SOURCE}"]
# Small inputs are read, shared by threads, and small outputs written, as the largest are, too.
FLAGS += ["-DTF1BN_STREAMED_BYTES=4096", "-DTF1BN_MEMORY_BYTES=50000", "-DTF1BN_THREAD_ELEMENTS=16384"]


def compiled(tmp_path, compiler, *flags):
    target = tmp_path / "fuzz"
    done = subprocess.run(
        [*compiler, *FLAGS, *flags, str(FUZZ), "-o", str(target)], capture_output=True, text=True, check=False
    )
    if done.returncode and "sanitize" in " ".join(flags) and "cannot find" in done.stderr:
        pytest.skip(f"this compiler comes without the sanitizer: {done.stderr.splitlines()[0]}")
    assert done.returncode == 0, done.stderr[-3000:]
    return str(target)


def passes(*command):
    """Runs the program, and returns the levels that it went through."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout.split()


def emulator(machine):
    found = shutil.which(f"qemu-{machine}") or shutil.which(f"qemu-{machine}-static")
    if not found:
        pytest.skip(f"needs qemu-{machine} (apt install qemu-user-static)")
    return found


def gcc_or_clang():
    compiler = require_compiler()
    if compilers.ZIG in compiler:
        pytest.skip("Zig comes without the sanitizers' libraries")
    return compiler


@pytest.mark.slow
def test_addresses_and_undefined_behaviour(tmp_path):
    flags = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    passes(compiled(tmp_path, gcc_or_clang(), *flags), "1", "100", "1")


@pytest.mark.slow
def test_threads(tmp_path):
    passes(compiled(tmp_path, gcc_or_clang(), "-O1", "-g", "-fsanitize=thread"), "2", "40", "3")


@pytest.mark.slow
def test_the_levels_of_another_architecture(tmp_path):
    """On ARM, emulated; static, as the emulator has no libraries of that system."""
    machine = emulator("aarch64")
    installed, zig = shutil.which("aarch64-linux-gnu-g++"), compilers.zig("aarch64")
    if installed:
        compiler = (installed,)
    elif zig:
        compiler = tuple("aarch64-linux-musl" if "linux" in word else word for word in zig)
    else:
        pytest.skip("needs aarch64-linux-gnu-g++ or the package ziglang")
    assert passes(machine, compiled(tmp_path, compiler, "-O2", "-static"), "3", "100", "1") == ["neon"]


@pytest.mark.slow
def test_a_processor_with_less_takes_the_loops_that_it_has(tmp_path):
    machine = emulator("x86_64")
    program = compiled(tmp_path, require_compiler(), "-O2")
    for processor, levels in (("Nehalem", ["sse2"]), ("SandyBridge", ["sse2"]), ("Haswell", ["avx2", "sse2"])):
        assert passes(machine, "-cpu", processor, program, "4", "20", "2") == levels, processor
