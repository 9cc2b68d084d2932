"""Which compiler is taken, and that each makes every path: of this architecture and, across, of the other."""

import platform
import shutil
import struct
import sys

import pytest

from tests.native import threads
from tf1bn import errors, native
from tf1bn.native import building, compilers, places


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A path with nothing on it but what is put there."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)

    def put(name):
        program = tmp_path / name
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        return str(program)

    return put


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Puts a package of that name where it is found, or takes it away."""

    def make(is_there):
        found = compilers.importlib.util.find_spec
        monkeypatch.setattr(
            compilers.importlib.util,
            "find_spec",
            lambda name: (is_there or None) if name == compilers.ZIG else found(name),
        )

    return make


def test_the_first_program_that_is_there_is_taken_before_the_package(path, package):
    package(True)
    zig = compilers.find()
    assert zig == (sys.executable, "-m", "ziglang", "c++", "-target", f"{platform.machine()}-linux-gnu.2.17")
    last = path("c++")
    assert compilers.find() == (last,)
    middle = path("clang++")
    assert compilers.find() == (middle,)
    first = path("g++")
    assert compilers.find() == (first,) and compilers.find("ziglang") == zig
    assert compilers.find("c++") == (last,)


def test_a_variable_names_another_with_its_arguments(path, package, monkeypatch):
    package(False)
    launcher, spaced = path("ccache"), path("my g++")
    path("g++")
    for value, command in (("ccache g++ -m64", (launcher, "g++", "-m64")), (spaced, (spaced,)), ("", None)):
        monkeypatch.setenv("CXX", value)
        assert compilers.find() == (command or (shutil.which("g++"),))


def test_what_is_not_there_is_named(path, package, monkeypatch, tmp_path):
    package(False)
    with pytest.raises(
        errors.NativeError, match=r"build: there is no C\+\+ compiler. Expected GCC or Clang.*pip install ziglang"
    ):
        native.build(cache_dir=tmp_path / "cache")
    for given, variable in (("nothing++", ""), (None, "nothing++ -O"), ("ziglang", ""), (None, "ziglang")):
        monkeypatch.setenv("CXX", variable)
        name = given or variable
        with pytest.raises(errors.NativeError, match=rf"the C\+\+ compiler '{name.replace('+', '.')}' is not here"):
            native.build(compiler=given, cache_dir=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


@pytest.mark.slow
def test_the_loops_of_the_other_architecture_are_compiled(tmp_path):
    """The whole source without a warning; what is linked with it is not there for another machine than this."""
    installed = shutil.which("aarch64-linux-gnu-g++")
    compiler = (installed,) if installed else compilers.zig("aarch64") or pytest.skip("needs the package ziglang")
    include, source = building._tensorflow_flags()[:2]
    flags = [flag for flag in places.FLAGS if flag != "-shared"]
    made = tmp_path / "ops.o"
    wanted = [
        *flags,
        "-Wall",
        "-Wextra",
        "-Werror",
        "-isystem",
        include.removeprefix("-I"),
        "-c",
        source,
        "-o",
        str(made),
    ]
    building.run_compiler([*compiler, *wanted], tmp_path)
    content = made.read_bytes()
    assert struct.unpack_from("<H", content, 18) == (183,), "the number of the architecture in the header of ELF"
    assert b"neon\0" in content


def exported(content):
    """The names that a shared object of 64 bits offers to others, by its table of dynamic symbols."""
    start, size, count = struct.unpack_from("<Q", content, 40)[0], *struct.unpack_from("<HH", content, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", content, start + size * i) for i in range(count)]
    [(_, _, _, _, offset, length, link, _, _, entry)] = [section for section in sections if section[1] == 11]
    texts = sections[link][4]
    names = set()
    for at in range(offset, offset + length, entry):
        name, info, _, section = struct.unpack_from("<IBBH", content, at)
        if section and info >> 4:  # defined, and not local
            names.add(content[texts + name : content.index(b"\0", texts + name)].decode())
    return names


OWN_NAMES = {"tf1bn_native_level", "tf1bn_native_problem", "tf1bn_native_threads"}


def test_the_library_offers_its_own_names_alone(library_folder):
    """What it holds of a C++ library is nothing for others to find, whose own may be another one."""
    assert exported((library_folder / places.file_name()).read_bytes()) == OWN_NAMES


@pytest.mark.slow
def test_the_library_does_without_threads_that_it_cannot_have(library_folder):
    threads.runs(library_folder)


@pytest.mark.slow
def test_the_library_by_zig_trains_and_does_without_threads_that_it_cannot_have(tmp_path):
    """It brings a C++ library of its own, in which an error is thrown and caught where there are no threads."""
    if not compilers.zig():
        pytest.skip("needs the package ziglang")
    done = native.build(compiler="ziglang", cache_dir=tmp_path)
    assert exported(done.path.read_bytes()) == OWN_NAMES
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".lock") == [places.file_name()]
    threads.runs(tmp_path)
