"""Optional packages, imported when they are needed, with the way to install them when they are not there."""

from __future__ import annotations

import importlib
from typing import Any

from tf1bn import errors

_ROWS = {
    "safetensors": "convert",
    "torch": "torch",
    "onnx": "onnx",
    "onnxruntime": "onnx",
    "tf2onnx": "onnx",
    "PIL": "images",
    "fissix": "python2",
}
_NOTES = {"torch": "PyTorch's own site says how to get its build for processors only, which is enough. "}


def load(module: str) -> Any:
    """Returns an optional module, such as ``torch`` or ``safetensors``.

    Raises:
      MissingExtraError: it is not installed; the text says how to install it.
    """
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ImportError as error:
        extra = _ROWS[package]
        raise errors.MissingExtraError(
            errors.explain(
                f"this needs the package {package!r}, which cannot be imported ({error})",
                fix=f"{_NOTES.get(package, '')}Run: pip install 'tf1bn[{extra}]'",
            )
        ) from error
