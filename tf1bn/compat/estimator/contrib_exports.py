"""Exports of ``tf.contrib.estimator``, as functions of an Estimator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tf1bn.compat.calls import given, takes
from tf1bn.compat.estimator.exportable import ExportOfAll, Written
from tf1bn.compat.estimator.modes import ModeKeys


@dataclass(frozen=True)
class _Estimator:
    estimator: Any


@dataclass(frozen=True)
class _OfEstimator(_Estimator):
    export_dir_base: str
    input_receiver_fn: Callable[[], Any]


@dataclass(frozen=True)
class ExportForMode(Written, _OfEstimator):
    """What ``export_saved_model_for_mode`` takes."""

    mode: str = ModeKeys.PREDICT


@dataclass(frozen=True)
class ExportOfAllModes(ExportOfAll, _Estimator):
    """What ``export_all_saved_models`` takes."""


@takes(ExportForMode)
def export_saved_model_for_mode(call: ExportForMode) -> bytes:
    """Does ``Estimator.export_saved_model`` with ``experimental_mode=mode``."""
    words = given(call, "estimator", "input_receiver_fn", "mode")
    path: bytes = call.estimator.export_saved_model(
        **words, serving_input_receiver_fn=call.input_receiver_fn, experimental_mode=call.mode
    )
    return path


@takes(ExportOfAllModes)
def export_all_saved_models(call: ExportOfAllModes) -> bytes:
    """Does ``Estimator.experimental_export_all_saved_models``."""
    path: bytes = call.estimator.experimental_export_all_saved_models(**given(call, "estimator"))
    return path


__all__ = ["export_all_saved_models", "export_saved_model_for_mode"]
