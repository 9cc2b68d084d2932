"""Suppressions: which findings a program has decided to live with.

A suppression is `CODE`, or `CODE:scope`; the scope is a shell pattern that a finding's scope must match. A
file holds one per line; what follows `#` is the reason, kept for the reader.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from typing import NamedTuple

from tf1bn import errors
from tf1bn.audit.finding import Finding

_FORM = re.compile(r"^(BN\d{3}|BN\d{0,2}\*|\*)(?::(.+))?$")


class Suppression(NamedTuple):
    """One suppression: patterns for the code and for the scope."""

    code: str
    scope: str

    def covers(self, finding: Finding) -> bool:
        """Whether a finding is suppressed."""
        return fnmatch.fnmatchcase(finding.code, self.code) and fnmatch.fnmatchcase(finding.scope, self.scope)


def parse(texts: Iterable[str]) -> tuple[Suppression, ...]:
    """Returns the suppressions that some texts state.

    Raises:
      ArgumentError: a text is not `CODE` or `CODE:scope`.
    """
    found = []
    for text in texts:
        match = _FORM.match(str(text).strip())
        if not match:
            raise errors.ArgumentError(
                errors.explain("this is no suppression", got=text, expected="'BN014' or 'BN014:scope/*'")
            )
        found.append(Suppression(match.group(1), match.group(2) or "*"))
    return tuple(found)


def read_file(path: str) -> tuple[Suppression, ...]:
    """Returns the suppressions of a file.

    Raises:
      ArgumentError: the file cannot be read, or a line is no suppression.
    """
    try:
        with open(path, encoding="utf-8") as stream:
            lines = [line.split("#")[0].strip() for line in stream]
    except (OSError, UnicodeDecodeError) as error:
        raise errors.ArgumentError(errors.explain(f"the suppression file {path!r} cannot be read ({error})")) from error
    return parse(line for line in lines if line)
