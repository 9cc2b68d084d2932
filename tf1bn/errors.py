"""Errors of tf1bn: one family, one sentence pattern.

Every error reads ``where: what. Got ...; expected .... How to fix. [scope, shape]``. Inner functions raise
short errors; the public function that was called adds its own name, scope and input once, with
:func:`located`. Each class is also the built-in that a TensorFlow program would catch.
"""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any


class _Placed(type):
    """Makes errors from a text, and notes the place beside it."""

    def __call__(cls, text: str, *, where: str = "", context: str = "") -> Any:
        error = super().__call__(text)
        error.where, error.context = where, context
        return error


class Tf1bnError(Exception, metaclass=_Placed):
    """Base class of every error that tf1bn raises on purpose.

    Attributes:
      text: what is wrong and how to fix it, without the place.
      where: the public function that was called, once known.
      context: scope and shape of the call, once known.
    """

    # Trick: AutoGraph raises what it caught once more, with its own text, and keeps the class only where this is the
    # constructor; of any other class it makes a StagingError, which is neither a Tf1bnError nor a ValueError.
    __init__ = Exception.__init__

    where = ""
    context = ""

    @property
    def text(self) -> str:
        return str(self.args[0]) if self.args else ""

    @text.setter
    def text(self, value: str) -> None:
        self.args = (value,)

    def __str__(self) -> str:
        head = f"{self.where}: " if self.where else ""
        tail = f" [{self.context}]" if self.context else ""
        return f"{head}{self.text}{tail}"


class ArgumentError(Tf1bnError, ValueError):
    """An argument has a value that is not possible."""


class ArgumentTypeError(Tf1bnError, TypeError):
    """An argument has the wrong type or dtype."""


class ShapeError(Tf1bnError, ValueError):
    """A tensor has a rank or shape that cannot be normalised."""


class UnknownNameError(Tf1bnError, KeyError):
    """A name is not in the registry."""


class ReuseError(Tf1bnError, ValueError):
    """Variables exist, do not exist, or differ from what is asked for."""


class GraphModeError(Tf1bnError, RuntimeError):
    """A graph-mode function was called outside a graph."""


class PlacementError(Tf1bnError, ValueError):
    """The ops of an update strategy cannot be right at this place of the graph."""


class StrategyError(Tf1bnError, TypeError):
    """An update strategy does not fulfil the protocol."""


class AbsentError(Tf1bnError, AttributeError):
    """A dialect's module does not have this name here."""


class Tf1bnWarning(UserWarning):
    """Something works, but not as its program may expect."""


class DataError(Tf1bnError, ValueError):
    """A data file is malformed."""


class CheckpointError(Tf1bnError, ValueError):
    """A checkpoint is missing, damaged, or of another model."""


class CheckpointMissingError(CheckpointError):
    """A checkpoint, or one of its files, is not there or cannot be opened."""


class CheckpointDamagedError(CheckpointError):
    """A checkpoint file is cut, altered, or was never a checkpoint."""


class CheckpointUnsupportedError(CheckpointError):
    """A checkpoint is whole but of a kind that is not read here."""


class CheckpointExistsError(CheckpointError):
    """The place that a checkpoint shall be written to is taken."""


class CheckpointPlanError(CheckpointError):
    """A migration does not say what happens to every tensor."""


class GraphError(Tf1bnError, ValueError):
    """A graph file is missing, damaged, or too large to read."""


class RepairError(Tf1bnError, ValueError):
    """A graph cannot be repaired safely."""


class ExportError(Tf1bnError, ValueError):
    """A graph cannot be made an inference graph, or the result is not what its source was."""


class ConvertError(Tf1bnError, ValueError):
    """Weights cannot be taken to another framework or back, or what they give there is not what they gave here."""


class MissingExtraError(Tf1bnError, ImportError):
    """An optional package that this needs is not installed."""


class PopulationError(Tf1bnError, ValueError):
    """Population statistics cannot be estimated from this graph or this data, or would be wrong."""


class RunError(Tf1bnError, RuntimeError):
    """A graph cannot be imported, initialised or run here."""


class AbsentModuleError(Tf1bnError, ImportError):
    """A module, or a name imported from one, of an old TensorFlow that is not served."""

    @property
    def msg(self) -> str:  # type: ignore[override]
        """What ``ImportError`` calls its text; its own constructor, which fills it, does not run."""
        return self.text


class UnfinishedCellError(Tf1bnError, NotImplementedError):
    """A recurrent cell is used for something that its class does not define."""


class NativeError(Tf1bnError, RuntimeError):
    """The native op library is not built, cannot be built, or does not load."""


class ProgramError(Tf1bnError, RuntimeError):
    """A program cannot be run as it is."""


def explain(what: str, *, got: Any = None, expected: str = "", fix: str = "") -> str:
    """Returns one error text in the house pattern: what; got and expected; how to fix.

    ``got`` is shown by its ``repr`` and left out when it is None.
    """
    parts = [what.rstrip(".") + "."]
    if got is not None:
        parts.append(f"Got {got!r}; expected {expected}." if expected else f"Got {got!r}.")
    elif expected:
        parts.append(f"Expected {expected}.")
    if fix:
        parts.append(fix)
    return " ".join(parts)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns ``Did you mean 'x'? `` for the closest known name, or an empty string."""
    close = difflib.get_close_matches(str(name), list(known), n=1)
    return f"Did you mean {close[0]!r}? " if close else ""


@contextlib.contextmanager
def located(where: str, **context: Any) -> Iterator[None]:
    """Adds the public function's name and its context to a short error raised inside.

    The innermost public function wins: an error that already knows its place is left alone.
    """
    try:
        yield
    except Tf1bnError as error:
        place(error, where, context)
        raise


def place(error: Tf1bnError, where: str, context: Mapping[str, Any]) -> None:
    """Notes the public function on an error that does not know its place yet."""
    if error.where:
        return
    error.where = where
    error.context = ", ".join(f"{key} {value}" for key, value in context.items() if value)
    # AutoGraph has noted the text as it was further inside, and would show that one.
    note: Any = getattr(error, "ag_error_metadata", None)
    if hasattr(note, "cause_message"):
        note.cause_message = f"{type(error).__name__}: {error}"
