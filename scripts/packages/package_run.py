"""Runs a program with a library of TensorFlow 1's time in an environment for the occasion, and says how it ended."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from package_rows import Package

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / "tests" / "packages" / "programs"
LONGEST = 900
_LONGEST_REASON = 220

_FRAME = re.compile(r'^ +File "(?P<file>.+)", line (?P<line>\d+), in ')
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")  # colours and moves of a terminal
_ERROR = re.compile(r"^[A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|Iteration|Warning)(?:: .*)?$")


class Stop(NamedTuple):
    """Where a program stopped, and why.

    Attributes:
      reason: the kind of the error and the first line of its text.
      place: file below the installed packages, and line; "" where nothing is known.
    """

    reason: str
    place: str = ""


class Outcome(NamedTuple):
    """How a library did.

    Attributes:
      name: of the distribution.
      version: of it.
      imported: whether its import succeeds.
      trained: whether the program ended well.
      stop: where it did not.
      said: last line that the program printed.
      seconds: of the installation, of import and of the program.
    """

    name: str
    version: str
    imported: bool = False
    trained: bool = False
    stop: Stop | None = None
    said: str = ""
    seconds: tuple[float, float, float] = (0.0, 0.0, 0.0)


def attempt(package: Package, work: Path) -> Outcome:
    """Installs a library below a folder and tries it there."""
    outcome = Outcome(package.name, package.version)
    folder = work / package.name
    (folder / "run").mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    failure = install(package, folder)
    installed = time.monotonic()
    if failure is not None:
        return outcome._replace(stop=failure, seconds=(installed - began, 0.0, 0.0))
    script = folder / "run" / "imports.py"
    script.write_text(f"import {package.module}\n")
    _, stop = _run(package, folder, script)
    imported = time.monotonic()
    outcome = outcome._replace(imported=stop is None)
    said = ""
    if stop is None:
        said, stop = _run(package, folder, PROGRAMS / f"{package.program}.py")
    seconds = (installed - began, imported - installed, time.monotonic() - imported)
    return outcome._replace(trained=stop is None, stop=stop, said=said, seconds=seconds)


def install(package: Package, folder: Path) -> Stop | None:
    """Makes an environment that sees this one's packages behind its own; returns what pip complained of, if it did."""
    environment = folder / "environment"
    done = _start([sys.executable, "-m", "venv", "--without-pip", environment], folder)
    places = [path for path in sys.path if path.endswith("site-packages")]
    site = next(environment.glob("lib/python*/site-packages"))
    (site / "behind.pth").write_text("\n".join([str(ROOT), *places]) + "\n")
    command = [sys.executable, "-m", "pip", "--python", _python(folder), "install", "--quiet", "--no-deps"]
    done = _start([*command, "--no-warn-conflicts", *package.specifiers], folder)
    if done.returncode == 0:
        return None
    complaints = [line for line in done.stderr.splitlines() if line.lower().startswith("error")]
    return Stop(f"pip: {complaints[-1] if complaints else 'it ended with ' + str(done.returncode)}")


def stop_of(trace: str, site: str) -> Stop:
    """Returns what the traceback at the end of a program's stderr says.

    Args:
      trace: what the program wrote to stderr.
      site: folder of its installed packages; the last frame below it is the place.
    """
    lines = trace.splitlines()
    begin = max((n for n, line in enumerate(lines) if line.startswith("Traceback (most recent")), default=None)
    if begin is None:
        return Stop(_shortened(lines[-1] if lines else "it ended without a word"))
    frames = [match for line in lines[begin:] if (match := _FRAME.match(line))]
    found = [match for line in lines[begin:] if (match := _ERROR.match(line))]
    reason = _shortened(found[-1][0]) if found else _shortened(lines[-1])
    inside = [f"{frame['file'][len(site) + 1 :]}:{frame['line']}" for frame in frames if frame["file"].startswith(site)]
    return Stop(reason, inside[-1] if inside else "")


def _shortened(text: str) -> str:
    text = text.strip()
    return text if len(text) <= _LONGEST_REASON else text[: _LONGEST_REASON - 4].rsplit(" ", 1)[0] + " ..."


def _run(package: Package, folder: Path, script: Path) -> tuple[str, Stop | None]:
    served = [f"--tf1bn_package={name}" for name in package.serves]
    command = [_python(folder), "-W", "ignore", "-m", "tf1bn.run", *served, script]
    try:
        done = _start(command, folder / "run", package.variables)
    except subprocess.TimeoutExpired:
        return "", Stop(f"it did not end within {LONGEST} s")
    if done.returncode:
        site = next((folder / "environment").glob("lib/python*/site-packages"))
        return "", stop_of(done.stderr, str(site))
    return (_CONTROL.sub("", done.stdout).strip().splitlines() or [""])[-1], None


def _python(folder: Path) -> Path:
    return folder / "environment" / "bin" / "python"


def _start(
    command: Sequence[str | Path], folder: Path, variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", **(variables or {})}
    return subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=LONGEST,
    )
