"""Which programs an export can be fitted to: one row for each."""

from __future__ import annotations

from tf1bn import errors
from tf1bn.export.runtimes.onnx import ONNX
from tf1bn.export.runtimes.opencv import OPENCV
from tf1bn.export.runtimes.openvino import OPENVINO
from tf1bn.export.runtimes.runtime import Runtime
from tf1bn.export.runtimes.tflite import TFLITE

ROWS = {runtime.name: runtime for runtime in (ONNX, OPENCV, OPENVINO, TFLITE)}


def named(name: str) -> Runtime:
    """Returns a row.

    Raises:
      UnknownNameError: there is none of this name.
    """
    if name not in ROWS:
        close = errors.did_you_mean(name, ROWS).strip()
        raise errors.UnknownNameError(
            errors.explain(f"unknown runtime {name!r}", expected=f"one of {', '.join(ROWS)}", fix=close)
        )
    return ROWS[name]


def form(runtime: Runtime | None, to: str | None) -> str:
    """Returns the kind of file to write.

    Raises:
      ArgumentError: the runtime does not read files of this kind.
    """
    if runtime is None:
        return to or "saved_model"
    if to is not None and to not in runtime.forms:
        raise errors.ArgumentError(
            errors.explain(
                f"a file of the form {to!r} is not for {runtime.name!r}",
                expected=f"one of {', '.join(runtime.forms)}",
                fix=f"Leave out `to` (--to), which gives {runtime.forms[0]!r}, or leave out `runtime` (--for).",
            )
        )
    return to or runtime.forms[0]
