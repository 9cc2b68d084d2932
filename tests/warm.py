"""Programs in processes of their own, forked from one that has imported TensorFlow already.

An import of TensorFlow takes about four seconds of a processor, far more than most programs of a test do. So one
process imports it, starts no session, and forks for each program: the program has modules, flags, graphs and exit code
of its own, as if an interpreter had been started for it. Not for tests of what an import does, nor for programs whose
environment sets something that TensorFlow reads when it is imported.
"""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "",
}


class Interpreter:
    """Starts programs with ``run``, whose result is that of :func:`subprocess.run`; close it."""

    def __init__(self) -> None:
        # More threads than one would not live on in a fork, and the library behind NumPy starts some on import.
        command = [sys.executable, __file__]
        self._server = subprocess.Popen(
            command, env={**ENVIRONMENT, "OPENBLAS_NUM_THREADS": "1"}, text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def run(self, words: Sequence[object], folder: Path = ROOT, without: str = "") -> subprocess.CompletedProcess[str]:
        """Runs ``python WORDS`` in a folder, without one of the environment's variables where that is named.

        The words begin with ``-c CODE``, ``-m MODULE`` or the path of a file.
        """
        words = [str(word) for word in words]
        with tempfile.TemporaryDirectory() as told:
            outputs = [str(Path(told, name)) for name in ("stdout", "stderr")]
            assert self._server.stdin and self._server.stdout
            self._server.stdin.write(json.dumps([words, str(folder), without, *outputs]) + "\n")
            answer = self._server.stdout.readline()
            assert answer, "the process that holds TensorFlow has ended"
            texts = [Path(path).read_text(encoding="utf-8") for path in outputs]
        return subprocess.CompletedProcess(words, int(answer), *texts)

    def close(self) -> None:
        self._server.communicate()


def serve() -> None:
    """Forks for each line of standard input, and answers with the exit code of the fork."""
    import tensorflow.compat.v1 as tf

    assert tf and len(os.listdir("/proc/self/task")) == 1, "a fork would lose the other threads"
    for line in sys.stdin:
        child = os.fork()
        if not child:
            become(*json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def become(words: list[str], folder: str, without: str, *outputs: str) -> None:
    """Is the program from here on, and ends with it."""
    os.chdir(folder)
    os.environ.pop(without, None)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, path in enumerate(outputs, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    code = 0
    try:
        execute(words, folder)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if code and not isinstance(end.code, int):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        code = 1
    with contextlib.suppress(BaseException):
        import atexit

        atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def execute(words: list[str], folder: str) -> None:
    first, *rest = words
    sys.path[0] = folder if first in ("-c", "-m") else str(Path(folder, first).parent)
    if first == "-c":
        sys.argv = ["-c", *rest[1:]]
        space = {"__name__": "__main__", "__builtins__": __builtins__}
        exec(compile(rest[0], "<string>", "exec"), space)
    elif first == "-m":
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = words
        runpy.run_path(first, run_name="__main__")


if __name__ == "__main__":
    serve()
