"""Recognises Python 2 in a source that does not compile."""

from __future__ import annotations

import re

from tf1bn import errors

_SIGNS = (
    (re.compile(r"^\s*print\b(?!\s*[(=.,\])])"), "the print statement"),
    (re.compile(r"^\s*except\b[^:]*,\s*\w+\s*:"), "`except Error, name:`"),
    (re.compile(r"^\s*raise\s+[\w.]+\s*,"), "`raise Error, text`"),
    (re.compile(r"^\s*exec\s+[^(]"), "the exec statement"),
    (re.compile(r"<>"), "the operator `<>`"),
    (re.compile(r"`[^`]+`"), "backquotes"),
    (re.compile(r"\bur['\"]"), "a string `ur''`"),
    (re.compile(r"\b0[0-7]+\b|\b\d+[lL]\b"), "a number like `0777` or `10L`"),
    (re.compile(r"\blambda\s*\("), "a lambda that unpacks its argument"),
    (re.compile(r"^\s*def\s+\w+\s*\([^)]*\("), "a function that unpacks its argument"),
)
_NAMES = (
    "xrange",
    "unicode",
    "raw_input",
    "basestring",
    "unichr",
    "long",
    "reduce",
    "iteritems",
    "itervalues",
    "has_key",
)
_MODULES = ("cPickle", "urllib2", "ConfigParser", "Queue", "StringIO", "cStringIO", "__builtin__", "itertools")
CONVERT = (
    "Let it be translated as it runs: --tf1bn_python2 before SCRIPT (pip install 'tf1bn[python2]'); "
    "or convert it once: `fissix --write --nobackups {}`."
)


def explain_syntax(error: SyntaxError, path: str, lines: list[str]) -> errors.ProgramError | None:
    """Returns a refusal that names the Python 2 construct on the line that does not compile, or None."""
    number = error.lineno or 0
    line = lines[number - 1].rstrip("\n") if 0 < number <= len(lines) else ""
    if isinstance(error, TabError):
        sign: str | None = "tabs and spaces mixed"
    else:
        code = re.sub(r"(?<!`)#.*", "", line)
        sign = next((words for pattern, words in _SIGNS if pattern.search(code)), None)
    if sign is None:
        return None
    text = errors.explain(f"line {number} is Python 2: {sign}", got=line.strip(), fix=CONVERT.format(path))
    return errors.ProgramError(text, where=path)


def hint(error: BaseException, path: str) -> str:
    """Returns one line of help when a running program failed on a name of Python 2, else an empty string."""
    names: tuple[str, ...] = ()
    if isinstance(error, NameError | AttributeError):
        names = _NAMES
    elif isinstance(error, ModuleNotFoundError):
        names = _MODULES
    name = getattr(error, "name", None)
    return f"{path}: `{name}` is Python 2. {CONVERT.format(path)}" if name in names else ""
