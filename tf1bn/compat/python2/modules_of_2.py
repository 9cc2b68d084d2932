"""What modules of Python 2 had, as rows for :mod:`tf1bn.compat.gone.views`; renamed modules are a matter of fixers.

Source: the Python 2.7 library reference, ``string``, ``pickle``, ``StringIO``, ``itertools``, ``sys``.
"""

from __future__ import annotations

import io
import pickle
from typing import Any

from tf1bn import errors

ROWS: dict[str, dict[str, str]] = {
    "string": {
        **{f"{kind}case": f"string:ascii_{kind}case" for kind in ("lower", "upper")},
        **{"letters": "string:ascii_letters", "atoi": "builtins:int", "atol": "builtins:int", "atof": "builtins:float"},
        **{
            name: f"@python2.modules_of_2:{name}"
            for name in ("join", "joinfields", "split", "splitfields", "maketrans")
        },
        **{
            name: f"builtins:str.{name}"
            for name in (
                *("capitalize", "count", "expandtabs", "find", "ljust", "lower", "lstrip", "replace", "rfind"),
                *("rindex", "index", "rjust", "rsplit", "rstrip", "strip", "swapcase", "translate", "upper", "zfill"),
                "center",
            )
        },
    },
    "sys": {"setdefaultencoding": "@python2.modules_of_2:setdefaultencoding"},
    "itertools": {"izip": "builtins:zip", "imap": "builtins:map", "ifilter": "builtins:filter"}
    | {"izip_longest": "itertools:zip_longest", "ifilterfalse": "itertools:filterfalse"},
}
CHANGED: dict[str, dict[str, str]] = {
    "pickle": {name: f"@python2.modules_of_2:{name}" for name in ("load", "loads", "dump", "Pickler", "Unpickler")},
    "io": {"StringIO": "@python2.modules_of_2:StringIO"},
}


def join(words: Any, sep: str = " ") -> str:
    """Returns words as one text."""
    return sep.join(words)


def split(s: str, sep: str | None = None, maxsplit: int = -1) -> list[str]:
    """Returns the words of a text."""
    return s.split(sep, maxsplit)


def maketrans(frm: str, to: str) -> dict[int, int]:
    """Returns a table for ``str.translate``."""
    return str.maketrans(frm, to)


joinfields, splitfields = join, split


def setdefaultencoding(name: str) -> None:
    """Accepts UTF-8, which is the rule today.

    Raises:
      ArgumentError: another encoding, which cannot be set.
    """
    if name.lower().replace("_", "-") not in ("utf-8", "utf8"):
        text = errors.explain("the encoding of text cannot be set", got=name, expected="utf-8")
        raise errors.ArgumentError(text, where="sys.setdefaultencoding")


def load(file: Any, **options: Any) -> Any:
    """Unpickles from a file, of text, too; strings of Python 2 become text, one character for each byte."""
    return pickle.load(getattr(file, "buffer", file), **{"encoding": "latin1", **options})


def loads(string: Any, **options: Any) -> Any:
    """Unpickles bytes, or text of one character for each byte."""
    data = string.encode("latin1") if isinstance(string, str) else string
    return pickle.loads(data, **{"encoding": "latin1", **options})


def dump(obj: Any, file: Any, protocol: int = 0) -> None:
    """Pickles into a file, of text, too."""
    if isinstance(file, io.TextIOBase):
        file.flush()
    pickle.dump(obj, getattr(file, "buffer", file), 2 if protocol < 0 else protocol)


class Unpickler(pickle.Unpickler):
    """Unpickles as :func:`load` does."""

    def __init__(self, file: Any) -> None:
        super().__init__(getattr(file, "buffer", file), encoding="latin1")


class Pickler(pickle.Pickler):
    """Pickles as :func:`dump` does."""

    def __init__(self, file: Any, protocol: int = 0) -> None:
        super().__init__(getattr(file, "buffer", file), 2 if protocol < 0 else protocol)


class StringIO:
    """A file in memory, of text or of bytes: whichever is written to it first, or that it begins with."""

    def __init__(self, buf: Any = "") -> None:
        self._file: Any = None
        if len(buf):
            self._file = io.BytesIO(buf) if isinstance(buf, bytes | bytearray | memoryview) else io.StringIO(buf)

    def write(self, s: Any) -> int:
        """Writes text or bytes."""
        if self._file is None or (not isinstance(s, str) and isinstance(self._file, io.StringIO) and not self.len):
            self._file = io.StringIO() if isinstance(s, str) else io.BytesIO()
        return self._file.write(s)

    def writelines(self, iterable: Any) -> None:
        """Writes each of them."""
        for line in iterable:
            self.write(line)

    @property
    def len(self) -> int:
        """Number of characters or bytes."""
        return len(self.getvalue())

    def getvalue(self) -> Any:
        """Returns all that was written."""
        return "" if self._file is None else self._file.getvalue()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._opened(), name)

    def __iter__(self) -> Any:
        return iter(self._opened())

    def __enter__(self) -> StringIO:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened().close()

    def _opened(self) -> Any:
        if self._file is None:
            self._file = io.StringIO()
        return self._file
