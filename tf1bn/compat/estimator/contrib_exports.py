"""Exports of ``tf.contrib.estimator``, as functions of an Estimator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def export_saved_model_for_mode(
    estimator: Any,
    export_dir_base: str,
    input_receiver_fn: Callable[[], Any],
    assets_extra: Mapping[str, str] | None = None,
    as_text: bool = False,
    checkpoint_path: str | None = None,
    mode: str = "infer",
) -> bytes:
    """Does ``Estimator.export_saved_model`` with ``experimental_mode=mode``."""
    path: bytes = estimator.export_saved_model(
        export_dir_base, input_receiver_fn, assets_extra, as_text, checkpoint_path, mode
    )
    return path


def export_all_saved_models(
    estimator: Any,
    export_dir_base: str,
    input_receiver_fn_map: Mapping[str, Callable[[], Any]],
    assets_extra: Mapping[str, str] | None = None,
    as_text: bool = False,
    checkpoint_path: str | None = None,
) -> bytes:
    """Does ``Estimator.experimental_export_all_saved_models``."""
    path: bytes = estimator.experimental_export_all_saved_models(
        export_dir_base, input_receiver_fn_map, assets_extra, as_text, checkpoint_path
    )
    return path


__all__ = ["export_all_saved_models", "export_saved_model_for_mode"]
