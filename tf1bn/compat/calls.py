"""A call as one value: a foreign signature is written once, as the fields of a frozen dataclass.

The fields are the arguments of the original, in its order and with its defaults::

    @dataclass(frozen=True)
    class Pool:
        inputs: Any
        kernel_size: Any
        stride: Any = 2

    @takes(Pool)
    def max_pool2d(call: Pool) -> tf.Tensor:
        ...  # max_pool2d(x, [3, 3]) comes here with call.inputs, call.kernel_size and call.stride

Programs, ``inspect.signature`` and type checkers see ``max_pool2d(inputs, kernel_size, stride=2)``; the value is what
flows on to the core. Signatures that have much in common inherit from each other, as dataclasses do:

* The fields of the last base come first: ``class Convolution(Affine, Window)`` has the fields of Window, then those of
  Affine, then its own.
* A field that is written again keeps its place, with the new default: ``stride: Any = (1, 1)``.
* ``field(init=False)`` is no argument: it keeps a place that a class below fills, or takes an argument away, for good
  where it has a default.

Constructors have :func:`made_with`, other methods :func:`method_takes`; a function whose arguments are those of another
function has :func:`takes_as`.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, Concatenate, ParamSpec, TypeVar

from tf1bn import errors

Arguments = ParamSpec("Arguments")
Value = TypeVar("Value")
Result = TypeVar("Result")
Object = TypeVar("Object")

_KEYWORDS = inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD, annotation="Any")


def takes(
    kind: Callable[Arguments, Value],
) -> Callable[[Callable[[Value], Result]], Callable[Arguments, Result]]:
    """Makes a function of one value into a function of that value's fields.

    Args:
      kind: a dataclass.

    Raises:
      TypeError: when called with other arguments, in Python's words and with the function's name.
    """

    def decorated(body: Callable[[Value], Result]) -> Callable[Arguments, Result]:
        @functools.wraps(body)
        def called(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
            return body(value_of(kind, body.__name__, *args, **kwargs))

        shown = inspect.signature(kind).replace(return_annotation=inspect.signature(body).return_annotation)
        called.__signature__ = shown  # type: ignore[attr-defined]
        return called

    return decorated


def made_with(
    kind: Callable[Arguments, Value],
) -> Callable[[Callable[[Object, Value], None]], Callable[Concatenate[Object, Arguments], None]]:
    """Makes a constructor of one value into one of that value's fields.

    Fields that are given by keyword only show as ``**kwargs``, as the originals have it.

    Raises:
      ArgumentTypeError: when called with a keyword that is no field.
    """
    fields = inspect.signature(kind).parameters.values()
    known = tuple(field.name for field in fields)

    def decorated(body: Callable[[Object, Value], None]) -> Callable[Concatenate[Object, Arguments], None]:
        @functools.wraps(body)
        def made(self: Object, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
            name = type(self).__name__
            refuse(name, {word: value for word, value in kwargs.items() if word not in known}, known)
            body(self, value_of(kind, f"{name}.__init__", *args, **kwargs))

        own = inspect.signature(body)
        itself = next(iter(own.parameters.values()))
        listed = (field for field in fields if field.kind is not inspect.Parameter.KEYWORD_ONLY)
        more = [_KEYWORDS] if any(field.kind is inspect.Parameter.KEYWORD_ONLY for field in fields) else []
        shown = own.replace(parameters=[itself, *listed, *more])
        made.__signature__ = shown  # type: ignore[attr-defined]
        made.complete = True  # type: ignore[attr-defined]  # nothing is passed on to the class above
        return made

    return decorated


def method_takes(
    kind: Callable[Arguments, Value],
) -> Callable[[Callable[[Object, Value], Result]], Callable[Concatenate[Object, Arguments], Result]]:
    """Makes a method of one value into one of that value's fields; ``__new__`` of a named tuple, too.

    Args:
      kind: a dataclass, or the ``typing.NamedTuple`` that ``__new__`` builds on.

    Raises:
      TypeError: when called with other arguments, in Python's words and with the method's name.
    """

    def decorated(body: Callable[[Object, Value], Result]) -> Callable[Concatenate[Object, Arguments], Result]:
        @functools.wraps(body)
        def called(self: Object, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
            return body(self, value_of(kind, body.__qualname__, *args, **kwargs))

        own = inspect.signature(body)
        itself = next(iter(own.parameters.values()))
        fields = (field.replace(annotation=_written(field)) for field in inspect.signature(kind).parameters.values())
        called.__signature__ = own.replace(parameters=[itself, *fields])  # type: ignore[attr-defined]
        return called

    return decorated


def takes_as(
    other: Callable[Arguments, Any], **defaults: Any
) -> Callable[[Callable[[dict[str, Any]], Result]], Callable[Arguments, Result]]:
    """Makes a function of a dictionary into one of all arguments of another function.

    Args:
      other: the function whose arguments they are.
      **defaults: what differs from its defaults.

    Raises:
      TypeError: when called with other arguments, in Python's words and with the function's name.
    """
    theirs = inspect.signature(other)
    parameters = [p.replace(default=defaults.get(p.name, p.default)) for p in theirs.parameters.values()]
    more = [p.name for p in parameters if p.kind is inspect.Parameter.VAR_KEYWORD]

    def decorated(body: Callable[[dict[str, Any]], Result]) -> Callable[Arguments, Result]:
        shown = theirs.replace(parameters=parameters, return_annotation=inspect.signature(body).return_annotation)

        @functools.wraps(body)
        def called(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
            try:
                bound = shown.bind(*args, **kwargs)
            except TypeError as error:
                raise TypeError(f"{body.__name__}() {error}") from None
            bound.apply_defaults()
            given = dict(bound.arguments)
            for name in more:
                given |= given.pop(name)
            return body(given)

        called.__signature__ = shown  # type: ignore[attr-defined]
        return called

    return decorated


def _written(field: inspect.Parameter) -> Any:
    """Returns the annotation of a field as it is written: a NamedTuple keeps it as a reference."""
    return getattr(field.annotation, "__forward_arg__", field.annotation)


def refuse(where: str, unknown: Mapping[str, Any], known: tuple[str, ...] = ()) -> None:
    """Refuses keyword arguments that a function does not have, naming all of them.

    Raises:
      ArgumentTypeError: there are any.
    """
    if unknown:
        names = ", ".join(f"`{name}`" for name in sorted(unknown))
        hint = errors.did_you_mean(sorted(unknown)[0], known).strip()
        raise errors.ArgumentTypeError(errors.explain(f"unsupported argument {names}", fix=hint), where=where)


def value_of(kind: Callable[Arguments, Value], called: str, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Value:
    """Returns the value of a call; arguments that do not fit are told under the name that was called."""
    try:
        return kind(*args, **kwargs)
    except TypeError as error:
        made = re.escape(getattr(kind, "__qualname__", str(kind)))
        raise TypeError(re.sub(rf"{made}\.__(init|new)__", called, str(error))) from None


def given(call: Any, *but: str) -> dict[str, Any]:
    """Returns the arguments of a call by name, but some."""
    names = (field.name for field in call.__dataclass_fields__.values() if field.init)
    return {name: getattr(call, name) for name in names if name not in but}
