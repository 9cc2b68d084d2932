"""One line of a diagnosis."""

from __future__ import annotations

from typing import NamedTuple

OK, NOTE, PROBLEM, FATAL = LEVELS = ("ok", "note", "problem", "fatal")


class Line(NamedTuple):
    """Something that this machine has or lacks.

    Attributes:
      topic: what it is about.
      text: what was found.
      level: "ok"; "note" is good to know; "problem" can be mended and concerns a part of tf1bn or a neighbour; "fatal"
        means that tf1bn cannot work here.
      mend: how to mend it; never empty for a problem.
    """

    topic: str
    text: str
    level: str = OK
    mend: str = ""
