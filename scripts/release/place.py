"""What the steps of the check share: where they work, how they run a program, and how they fail."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
_SHOWN_LINES = 15


class Failed(Exception):
    """A step found something missing; the text says what."""


class Place(NamedTuple):
    """The folder of one check, and what is where in it.

    Attributes:
      folder: empty at the beginning, outside of the checkout.
    """

    folder: Path

    @property
    def sources(self) -> Path:
        """The files of the last commit."""
        return self.folder / "sources"

    @property
    def products(self) -> Path:
        """The wheel and the sdist."""
        return self.folder / "dist"

    @property
    def environment(self) -> Path:
        """The virtual environment."""
        return self.folder / "environment"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.environment / "bin" / "python"

    @property
    def elsewhere(self) -> Path:
        """An empty folder to start programs in."""
        path = self.folder / "elsewhere"
        path.mkdir(exist_ok=True)
        return path

    def product(self, ending: str) -> Path:
        """The one built file with this ending.

        Raises:
          Failed: there is none, or several.
        """
        found = sorted(self.products.glob(f"*{ending}"))
        if len(found) != 1:
            raise Failed(f"expected one *{ending}, got {[path.name for path in found]}")
        return found[0]


def run(
    command: Sequence[str | Path], folder: Path, *, variables: Mapping[str, str] | None = None, what: str = ""
) -> str:
    """Runs a program without the checkout on its path and returns what it printed.

    Raises:
      Failed: it ended with another code than 0; the text has the last lines.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", **(variables or {})}
    done = subprocess.run(
        [str(word) for word in command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).splitlines()[-_SHOWN_LINES:])
        raise Failed(f"{what or ' '.join(map(str, command))} ended with {done.returncode}:\n{last}")
    return done.stdout
