"""The vector instructions of the processor."""

from __future__ import annotations

import platform
import re
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

# Best first: the name of a level, and the flags of /proc/cpuinfo that it needs.
_LEVELS = (
    ("AVX512", ("avx512f", "avx512bw", "avx512dq", "avx512vl")),
    ("AVX2 with FMA", ("avx2", "fma")),
    ("AVX", ("avx",)),
    ("SSE4.2, no AVX", ("sse4_2",)),
    ("SVE", ("sve",)),
    ("NEON", ("asimd",)),
)
# What is told beside the level: numbers of 16 and 8 bits.
_EXTRAS = {"avx512_vnni": "VNNI", "avx_vnni": "AVX-VNNI", "avx512_bf16": "BF16", "amx_tile": "AMX"}


class Processor(NamedTuple):
    """A processor.

    Attributes:
      name: as it calls itself.
      machine: its family, such as "x86_64".
      level: its widest vectors, and what it has for small numbers; empty where the system does not say.
      flags: what it can, in the words of Linux; empty where the system does not say.
    """

    name: str
    machine: str
    level: str
    flags: frozenset[str]


def this(cpuinfo: Path = Path("/proc/cpuinfo")) -> Processor:
    """Returns the processor of this machine."""
    machine = platform.machine()
    try:
        text = cpuinfo.read_text(encoding="utf-8")
    except OSError:
        return Processor(platform.processor() or machine, machine, "", frozenset())
    name = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    listed = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", text, re.MULTILINE)
    flags = frozenset(listed[1].split()) if listed else frozenset()
    return Processor(name[1] if name else machine, machine, level(flags), flags)


def level(flags: Collection[str]) -> str:
    """Returns the name of the best level that flags allow, with what is for small numbers; empty for none."""
    best = next((name for name, needed in _LEVELS if set(needed) <= set(flags)), "")
    return ", ".join(filter(None, [best, *(name for flag, name in _EXTRAS.items() if flag in flags)]))
