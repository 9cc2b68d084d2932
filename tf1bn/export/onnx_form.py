"""ONNX, made by tf2onnx from the frozen graph and checked in onnxruntime; both are optional packages."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from tf1bn import errors, extras
from tf1bn.export import variables
from tf1bn.export.forms import Form, Product

OPSET = 18
"""The highest operator set that tf2onnx writes; onnxruntime reads it since 2023."""


class OnnxForm(Form):
    """An ``.onnx`` file; its inputs and outputs have the names of the graph's tensors, as ``x:0``."""

    ending = ".onnx"
    constants = True

    def graph_path(self, path: str) -> None:
        return None

    def write(self, product: Product, path: str) -> None:
        onnx, tf2onnx = extras.load("onnx"), extras.load("tf2onnx.convert")
        draft = product.draft.copy()
        variables.freeze(draft, product.values)
        try:
            model, _ = tf2onnx.from_graph_def(
                draft.graph_def(),
                input_names=list(product.inputs.values()),
                output_names=list(product.outputs.values()),
                opset=OPSET,
            )
        except Exception as error:  # the converter raises whatever its parts raise
            raise errors.ExportError(
                errors.explain(f"tf2onnx cannot convert the graph ({str(error)[:400]})", fix="Export it as frozen.")
            ) from error
        with open(path, "xb") as file:
            file.write(_bytes(onnx, model))
            file.flush()
            os.fsync(file.fileno())

    def load(self, product: Product, path: str) -> Any:
        return _Session(product, path)


def _bytes(onnx: Any, model: Any) -> bytes:
    try:
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())
    except Exception as error:  # onnx raises errors of its own and of protobuf
        raise errors.ExportError(
            errors.explain(f"the ONNX model is not valid, or larger than 2 GiB ({str(error)[:300]})")
        ) from error


class _Session:
    """A written file in onnxruntime."""

    def __init__(self, product: Product, path: str) -> None:
        runtime = extras.load("onnxruntime")
        self._product = product
        try:
            self._session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has errors of its own
            raise errors.RunError(errors.explain(f"onnxruntime cannot load the file ({str(error)[:300]})")) from error

    def __call__(self, feed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        wanted = {item.name for item in self._session.get_inputs()}
        fed = {name: np.asarray(feed[key]) for key, name in self._product.inputs.items() if name in wanted}
        try:
            found = self._session.run(list(self._product.outputs.values()), fed)
        except Exception as error:  # onnxruntime has errors of its own
            raise errors.RunError(errors.explain(f"the written file does not run ({str(error)[:300]})")) from error
        return dict(zip(self._product.outputs, found, strict=True))

    def uninitialised(self) -> list[str]:
        return []

    def close(self) -> None:
        del self._session
