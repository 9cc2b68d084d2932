"""The build: where the library goes, beside other builds, killed at any moment, and every refusal.

The compilers here are shell scripts, so nothing is compiled.
"""

import json
import os
import signal
import stat
import subprocess
import sys
import time

import pytest

from tf1bn import errors, native
from tf1bn.commands import native as subcommand
from tf1bn.commands import parsing
from tf1bn.native import __main__ as command
from tf1bn.native import building, library, places
from tf1bn.native.names import DIRECTORY_VARIABLE

WRITES = 'for last; do :; done; printf "a library" > "$last"\n'


@pytest.fixture
def compiler(tmp_path, monkeypatch):
    """Makes a compiler of a shell script; it notes each of its runs in ``runs``."""
    monkeypatch.setattr(building, "_tensorflow_flags", lambda: ["ops.cc"])

    def make(script, name="compiler"):
        path = tmp_path / name
        path.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path / "runs"}\n{script}')
        path.chmod(0o755)
        return str(path)

    return make


def runs(tmp_path):
    return (tmp_path / "runs").read_text().splitlines() if (tmp_path / "runs").exists() else []


def left(folder):
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


def test_it_is_built_once_and_whole(compiler, tmp_path):
    folder = tmp_path / "deep" / "cache"
    done = native.build(compiler=compiler(WRITES), cache_dir=folder)
    assert done == (folder / places.file_name(), str(tmp_path / "compiler"))
    assert left(folder) == [places.file_name()] and places.is_whole(done.path)
    assert done.path.read_bytes().startswith(b"a library")
    assert native.build(compiler="no such compiler", cache_dir=folder) == (done.path, "")
    assert len(runs(tmp_path)) == 1
    native.build(compiler=compiler(WRITES), cache_dir=folder, force=True)
    assert len(runs(tmp_path)) == 2
    for flag in ("-march", "-mtune", "-ffast-math", "-mavx"):
        assert flag not in runs(tmp_path)[0], "nothing may depend on this processor"


def test_a_damaged_file_is_built_anew_and_never_found(compiler, tmp_path, monkeypatch):
    done = native.build(compiler=compiler(WRITES), cache_dir=tmp_path / "cache")
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path / "cache"))
    assert places.find() == done.path
    whole = done.path.read_bytes()
    for damaged in (whole[:-1], whole[:40], b"", whole.replace(b"a lib", b"a bil"), b"a library"):
        done.path.write_bytes(damaged)
        with pytest.raises(errors.NativeError, match="is damaged. Remove it and build it anew: python -m tf1bn.native"):
            places.find()
        assert not native.available()
        assert native.build(compiler=compiler(WRITES), cache_dir=tmp_path / "cache").compiler
        assert done.path.read_bytes() == whole


def test_builds_side_by_side_compile_once(compiler, tmp_path):
    slow = compiler("sleep 0.5\n" + WRITES)
    code = (
        "import sys; from tf1bn.native import building; building._tensorflow_flags = lambda: ['ops.cc']; "
        "building.build(compiler=sys.argv[1], cache_dir=sys.argv[2])"
    )
    started = [subprocess.Popen([sys.executable, "-c", code, slow, str(tmp_path / "cache")]) for _ in range(4)]
    assert [process.wait() for process in started] == [0] * 4
    assert left(tmp_path / "cache") == [places.file_name()] and len(runs(tmp_path)) == 1


def test_a_build_that_is_killed_leaves_no_library_and_the_next_one_cleans_up(compiler, tmp_path):
    """Killed while the compiler is at work, with half a file written."""
    half = compiler('for last; do :; done; printf "half" > "$last"; touch ' + f"{tmp_path}/begun; sleep 60\n")
    code = (
        "import sys; from tf1bn.native import building; building._tensorflow_flags = lambda: ['ops.cc']; "
        "building.build(compiler=sys.argv[1], cache_dir=sys.argv[2])"
    )
    folder = tmp_path / "cache"
    process = subprocess.Popen([sys.executable, "-c", code, half, str(folder)], start_new_session=True)
    while not (tmp_path / "begun").exists():
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert len(left(folder)) == 1 and not (folder / places.file_name()).exists()
    native.build(compiler=compiler(WRITES), cache_dir=folder)
    assert left(folder) == [places.file_name()]


KILLED = """
import os, signal, sys, tempfile
from pathlib import Path
from tf1bn.native import building, places

building._tensorflow_flags = lambda: ["ops.cc"]
compiler, folder = sys.argv[1:]
watched = {module.__file__ for module in (building, places, tempfile)}
target = Path(folder, places.file_name())


def killed_at(moment):
    left = moment

    def trace(frame, event, unused):
        nonlocal left
        if frame.f_code.co_filename not in watched:
            return None
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
    building.build(compiler=compiler, cache_dir=folder)
    sys.settrace(None)


moment = status = found = 0
while status != 0 or moment == 0:
    moment += 1
    child = os.fork()
    if not child:
        killed_at(moment)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL), status
    if target.exists():
        assert places.is_whole(target), moment
        found += 1
        target.unlink()
assert moment > 50 and found > 1, (moment, found)
building.build(compiler=compiler, cache_dir=folder)
"""


def test_killed_at_whatever_line_a_build_leaves_a_whole_library_or_none(compiler, tmp_path):
    folder = tmp_path / "cache"
    subprocess.run([sys.executable, "-c", KILLED, compiler(WRITES), str(folder)], check=True)
    assert left(folder) == [places.file_name()]


def test_a_failing_rename_or_compiler_leaves_nothing(compiler, tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    with pytest.raises(errors.NativeError, match=r"compiler' failed. Got 3; expected GCC 9.*It says:\nops.cc:1: no"):
        native.build(compiler=compiler("echo 'ops.cc:1: no' >&2; exit 3\n"), cache_dir=folder)
    assert left(folder) == []

    def fail(*unused):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(building.os, "replace", fail)
    with pytest.raises(errors.NativeError, match=r"build: the folder '.*' cannot be written to: No space left on dev"):
        native.build(compiler=compiler(WRITES), cache_dir=folder)
    assert left(folder) == []


def test_a_folder_that_cannot_be_written_to_is_refused(compiler, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(errors.NativeError, match="Name another with --cache_dir or TF1BN_NATIVE_DIR"):
        native.build(compiler=compiler(WRITES), cache_dir=tmp_path / "file" / "cache")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_home_is_refused(compiler, tmp_path, monkeypatch):
    (tmp_path / "home").mkdir()
    (tmp_path / "home").chmod(stat.S_IRUSR | stat.S_IXUSR)
    monkeypatch.delenv(DIRECTORY_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    with pytest.raises(errors.NativeError, match="Permission denied. Name another with --cache_dir"):
        native.build(compiler=compiler(WRITES))


def test_a_compiler_that_cannot_be_run_is_named(tmp_path):
    path = tmp_path / "compiler"
    path.write_bytes(b"\x7fELF nothing")
    path.chmod(0o755)
    with pytest.raises(errors.NativeError, match="compiler' cannot be run: "):
        building.run_compiler([str(path)], tmp_path)


def test_another_system_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(building.sys, "platform", "darwin")
    with pytest.raises(errors.NativeError, match="is for Linux. Got 'darwin'"):
        native.build(cache_dir=tmp_path)


def test_a_tensorflow_without_headers_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr("tensorflow.compat.v1.sysconfig.get_include", lambda: str(tmp_path))
    with pytest.raises(errors.NativeError, match="comes without its C headers.*beside a TensorFlow from pip"):
        building._tensorflow_flags()


def test_where_it_is_looked_for(monkeypatch, tmp_path):
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path))
    assert places.candidates() == [tmp_path / places.file_name(), places.PREBUILT / places.file_name()]
    monkeypatch.delenv(DIRECTORY_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert places.folder() == tmp_path / "tf1bn" / "native"
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert places.folder() == tmp_path / ".cache" / "tf1bn" / "native"


def test_the_key_is_of_the_source_the_machine_and_nothing_else(monkeypatch, tmp_path):
    first = places.key()
    for folder in ("same", "other"):
        (tmp_path / folder).mkdir()
        for path in places.sources():
            (tmp_path / folder / path.name).write_bytes(path.read_bytes())
    (tmp_path / "other" / "ops.cc").write_text("// another")
    found = {}
    for name in ("same", "other"):
        monkeypatch.setattr(places, "SOURCE", tmp_path / name)
        places.key.cache_clear()
        found[name] = places.key()
    monkeypatch.setattr(places, "SOURCE", tmp_path / "same")
    monkeypatch.setattr(places.platform, "machine", lambda: "aarch64")
    places.key.cache_clear()
    found["machine"] = places.key()
    places.key.cache_clear()
    assert found["same"] == first and len({first, *found.values()}) == 3


def test_a_file_that_cannot_be_read_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path))
    (tmp_path / places.file_name()).write_bytes(b"")

    def fail(unused):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(places, "is_whole", fail)
    with pytest.raises(errors.NativeError, match=r"cannot be read: \[Errno 13\] Permission denied"):
        places.find()


def test_a_whole_file_that_is_no_library_does_not_load(monkeypatch, tmp_path):
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path))
    monkeypatch.setattr(library, "_loaded", [])
    (tmp_path / places.file_name()).write_bytes(places.sealed(b"no library"))
    assert native.available()
    with pytest.raises(errors.NativeError, match=r"does not load here: .*Build it anew on this machine: .* --force"):
        native.load()


def test_the_command_prints_where_the_library_is(compiler, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path / "usual"))
    path, target = compiler(WRITES), tmp_path / "cache"
    assert command.main(["build", f"--compiler={path}", f"--cache_dir={target}"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"built with {path}", str(target / places.file_name()), f"To use it: export TF1BN_NATIVE_DIR={target}",
    ]  # fmt: skip
    assert command.main(["build", f"--cache_dir={target}"]) == 0
    assert capsys.readouterr().out.startswith("was there\n")
    assert command.main(["build", f"--compiler={tmp_path / 'none'}"]) == 1
    assert capsys.readouterr().err.startswith("tf1bn.native: tf1bn.native.build: the C++ compiler")
    for wrong in ([], ["make"]):
        with pytest.raises(SystemExit) as stopped:
            command.main(wrong)
        assert stopped.value.code == 2


def test_the_command_tells_what_the_processor_runs(library_folder, monkeypatch, capsys):
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(library_folder))
    assert command.main(["info"]) == 0
    path, levels, threads = capsys.readouterr().out.splitlines()
    assert path.endswith(places.file_name())
    assert levels.startswith("levels: ") and int(threads.removeprefix("threads: ")) >= 1


def test_the_command_tf1bn_native_builds_and_tells_the_same(compiler, tmp_path, capsys):
    path, target = compiler(WRITES), tmp_path / "cache"
    flags = subcommand.COMMAND.flags.values
    flags(["tf1bn native", f"--compiler={path}", f"--cache_dir={target}"])
    try:
        first, second = (subcommand.COMMAND.work(["build"]) for _ in range(2))
        with pytest.raises(parsing.UsageError, match="belong to build"):
            subcommand.COMMAND.work(["info"])
    finally:
        flags.unparse_flags()
    assert first.content == {"path": str(target / places.file_name()), "compiler": path}
    assert second.content == {**first.content, "compiler": None}
    assert command.main(["build", f"--cache_dir={target}"]) == 0
    assert capsys.readouterr().out == f"{second.text}\n"


def test_the_command_tf1bn_native_tells_what_the_processor_runs(library_folder, monkeypatch, capsys):
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(library_folder))
    flags = subcommand.COMMAND.flags.values
    flags(["tf1bn native"])
    try:
        told = subcommand.COMMAND.work(["info"])
    finally:
        flags.unparse_flags()
    assert command.main(["info"]) == 0
    assert capsys.readouterr().out == f"{told.text}\n" and json.loads(json.dumps(told.content))["levels"]
