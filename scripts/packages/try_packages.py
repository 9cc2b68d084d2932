"""Tries libraries of TensorFlow 1's time: `make test-packages`; one: `scripts/packages/try_packages.py --only=trfl`.

Each is installed into an environment of its own below a folder, behind which the packages of the running one are seen;
then a small training program in the words of its time is run by `tf1bn run --tf1bn_package=...`. One line tells of
each. With --write the table of docs/packages.md is made anew; rows of libraries that were not tried stay.

Exit codes: 0 all that were tried train, 1 some do not, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import platform
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import package_run
import package_table
from package_rows import ROWS

PAGE = package_run.ROOT / "docs" / "packages.md"


def main(arguments: Sequence[str]) -> int:
    """Tries the libraries that are asked for and returns the exit code."""
    options = _parsed(arguments)
    names = options.only.split(",") if options.only else [package.name for package in ROWS]
    outcomes = {}
    with _folder(options.work) as work:
        for package in ROWS:
            if package.name in names:
                outcomes[package.name] = outcome = package_run.attempt(package, work)
                print(told(outcome), flush=True)
    if options.write:
        page = package_table.replaced(PAGE.read_text(encoding="utf-8"), ROWS, outcomes, made_with())
        PAGE.write_text(page, encoding="utf-8")
    return 0 if all(outcome.trained for outcome in outcomes.values()) else 1


def told(outcome: package_run.Outcome) -> str:
    """Returns the line that tells of one library."""
    mark = "trains " if outcome.trained else "imports" if outcome.imported else "stops  "
    seconds = " + ".join(f"{part:.0f}" for part in outcome.seconds)
    what = outcome.said if outcome.stop is None else f"{outcome.stop.place} {outcome.stop.reason}".strip()
    return f"{mark} {outcome.name} {outcome.version} ({seconds} s)  {what}"


def made_with() -> str:
    """Says on which day and with what the table was made."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("tensorflow", "numpy"))
    return f"Made on {datetime.date.today().isoformat()} with Python {platform.python_version()}, {versions}."


@contextlib.contextmanager
def _folder(work: str) -> Iterator[Path]:
    if work:
        yield Path(work).resolve()
        return
    with tempfile.TemporaryDirectory(prefix="tf1bn-packages-") as folder:
        yield Path(folder)


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="try_packages.py", description="Tries libraries of TensorFlow 1's time.")
    known = [package.name for package in ROWS]
    parser.add_argument("--only", default="", help=f"names, with commas between: {', '.join(known)}")
    parser.add_argument("--work", default="", help="folder for the environments; by default one that is removed")
    parser.add_argument("--write", action="store_true", help="write the table of docs/packages.md")
    options = parser.parse_args(arguments)
    if unknown := sorted({name for name in options.only.split(",") if name} - set(known)):
        parser.error(f"there are no rows {', '.join(unknown)}; there are {', '.join(known)}")
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
