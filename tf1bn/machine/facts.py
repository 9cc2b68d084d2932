"""All facts of this machine, gathered once."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tf1bn import errors
from tf1bn.machine import distributions, probe, processor
from tf1bn.native import compilers, places

VARIABLES = ("TF_ENABLE_ONEDNN_OPTS", "TF_USE_LEGACY_KERAS", "CUDA_VISIBLE_DEVICES", "TF1BN_NATIVE_DIR")


class Facts(NamedTuple):
    """What there is.

    Attributes:
      python: version of Python.
      executable: its file.
      system: the operating system.
      processor: the processor.
      versions: of each installed distribution.
      providers: the distributions that offer the module ``tensorflow``.
      answer: what TensorFlow said in a process of its own; None where it is not installed.
      nvidia: whether the driver for graphics processors of NVIDIA is loaded.
      native: the file of the native library; empty where it is not built.
      native_trouble: why it cannot be used, although a file is there.
      compiler: one that could build it; empty for none.
      variables: variables of the environment that matter, where they are set.
      required: the distributions that tf1bn requires, as its installation says.
    """

    python: str
    executable: str
    system: str
    processor: processor.Processor
    versions: dict[str, str]
    providers: tuple[str, ...]
    answer: probe.Answer | None
    nvidia: bool = False
    native: str = ""
    native_trouble: str = ""
    compiler: str = ""
    variables: dict[str, str] = {}
    required: tuple[str, ...] = ("tensorflow",)


def gather(waiting: Callable[[float], None] | None = None) -> Facts:
    """Asks this machine.

    Args:
      waiting: hears how long TensorFlow has been asked, as :func:`probe.ask` has it.
    """
    providers = distributions.providers("tensorflow")
    native, trouble = _native()
    return Facts(
        python=platform.python_version(),
        executable=sys.executable,
        system=f"{platform.system()} {platform.release()}",
        processor=processor.this(),
        versions=distributions.versions(),
        providers=providers,
        answer=probe.ask(waiting) if providers else None,
        nvidia=Path("/proc/driver/nvidia/version").exists(),
        native=native,
        native_trouble=trouble,
        compiler=_compiler(),
        variables={name: os.environ[name] for name in VARIABLES if name in os.environ},
        required=distributions.required("tf1bn") or ("tensorflow",),
    )


def _native() -> tuple[str, str]:
    """Returns the native library's file, and what is wrong with it."""
    built = next((str(path) for path in places.candidates() if path.is_file()), "")
    try:
        places.find()
    except errors.NativeError as error:
        return built, str(error) if built else ""
    return built, ""


def _compiler() -> str:
    try:
        return shlex.join(compilers.find())
    except errors.NativeError:
        return ""
