"""What a build and the library are, in lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tf1bn.native import places
from tf1bn.native.names import DIRECTORY_VARIABLE

if TYPE_CHECKING:
    from tf1bn.native.building import Built
    from tf1bn.native.library import Info


def of_build(done: Built) -> str:
    """Returns who compiled the library, where it is, and what makes it found where it is in no usual place."""
    lines = [f"built with {done.compiler}" if done.compiler else "was there", str(done.path)]
    if done.path not in places.candidates():
        lines.append(f"To use it: export {DIRECTORY_VARIABLE}={done.path.parent}")
    return "\n".join(lines)


def of_library(found: Info) -> str:
    """Returns where the library is and what it runs on this processor."""
    return f"{found.path}\nlevels: {', '.join(found.levels)}\nthreads: {found.threads}"
