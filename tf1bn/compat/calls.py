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
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Value = TypeVar("Value")
Result = TypeVar("Result")


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


def value_of(kind: Callable[Arguments, Value], called: str, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Value:
    """Returns the value of a call; arguments that do not fit are told under the name that was called."""
    try:
        return kind(*args, **kwargs)
    except TypeError as error:
        text = str(error).replace(f"{getattr(kind, '__qualname__', kind)}.__init__", called)
        raise TypeError(text) from None


def given(call: Any, *but: str) -> dict[str, Any]:
    """Returns the arguments of a call by name, but some."""
    names = (field.name for field in call.__dataclass_fields__.values() if field.init)
    return {name: getattr(call, name) for name in names if name not in but}
