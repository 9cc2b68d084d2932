"""Says what a release still lacks: `make release-check`, or `python scripts/release/check.py --only=version,wheel`.

Each step prints one line; a step that fails prints why, and the others still run. Wheel and sdist are built from the
files of the last commit and installed into an empty environment in a folder for the occasion, so nothing of the
checkout helps.

Exit codes: 0 nothing is missing, 1 something is, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import built
import installed
import texts
from place import Failed, Place

Step = Callable[[Place], str]

STEPS: dict[str, Step] = {
    "version": texts.version,
    "changelog": texts.changelog,
    "committed": texts.committed,
    "build": built.build,
    "reproducible": built.reproducible,
    "sdist": built.sdist_is_whole,
    "licences": built.licences,
    "install": installed.install,
    "commands": installed.commands,
    "types": installed.types,
    "demo": installed.demo,
    "from-sdist": installed.from_sdist,
    "docs": texts.docs,
}
"""In the order in which they run."""

NEEDS = {
    **dict.fromkeys(("reproducible", "sdist", "licences", "install"), ("build",)),
    **dict.fromkeys(("commands", "types", "demo", "from-sdist"), ("build", "install")),
}


def main(arguments: Sequence[str]) -> int:
    """Runs the steps that are asked for, and those that they need, and returns the exit code."""
    asked = _parsed(arguments)
    with tempfile.TemporaryDirectory(prefix="tf1bn-release-") as folder:
        place = Place(Path(folder))
        failed = _run([name for name in STEPS if name in asked], place)
    print(f"\nMissing for a release: {', '.join(failed)}." if failed else "\nNothing is missing.")
    return 1 if failed else 0


def _run(names: Sequence[str], place: Place) -> list[str]:
    failed: list[str] = []
    wide = max(map(len, names))
    for name in names:
        lacking = [need for need in NEEDS.get(name, ()) if need in failed]
        began = time.monotonic()
        if sys.stdout.isatty():
            print(f"...      {name}", end="\r", flush=True)
        try:
            if lacking:
                raise Failed(f"not tried, since {lacking[0]} failed")
            told, mark = STEPS[name](place), "ok"
        except Failed as error:
            failed.append(name)
            told, mark = str(error), "MISSING"
        print(f"{mark:8} {name:{wide}} {time.monotonic() - began:5.0f} s  {told}", flush=True)
    return failed


def _parsed(arguments: Sequence[str]) -> set[str]:
    parser = argparse.ArgumentParser(prog="check.py", description="Says what a release still lacks.")
    parser.add_argument("--only", default="", help=f"steps, with commas between: {', '.join(STEPS)}")
    asked = {name for name in parser.parse_args(arguments).only.split(",") if name} or set(STEPS)
    if unknown := sorted(asked - set(STEPS)):
        parser.error(f"there are no steps {', '.join(unknown)}; there are {', '.join(STEPS)}")
    return asked | {need for name in asked for need in NEEDS.get(name, ())}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
