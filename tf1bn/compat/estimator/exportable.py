"""The exports of an Estimator: SavedModels in folders that are named by their time."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.calls import method_takes
from tf1bn.compat.estimator import checkpoints, exporting, folders
from tf1bn.compat.estimator.modes import ModeKeys
from tf1bn.compat.estimator.run_config import session_config_of

_EXPORT_ORDER = (ModeKeys.TRAIN, ModeKeys.EVAL, ModeKeys.PREDICT)


@dataclass(frozen=True)
class Written:
    """What every export takes: further files, the form of the graph, and the checkpoint."""

    assets_extra: Mapping[str, str] | None = None
    as_text: bool = False
    checkpoint_path: str | None = None


@dataclass(frozen=True)
class _Receiver:
    export_dir_base: str
    serving_input_receiver_fn: Callable[[], Any]


@dataclass(frozen=True)
class _Receivers:
    export_dir_base: str
    input_receiver_fn_map: Mapping[str, Callable[[], Any]]


@dataclass(frozen=True)
class Export(Written, _Receiver):
    """What ``export_saved_model`` takes."""

    experimental_mode: str = ModeKeys.PREDICT


@dataclass(frozen=True)
class OldExport(Written, _Receiver):
    """What ``export_savedmodel`` takes."""

    strip_default_attrs: bool = False


@dataclass(frozen=True)
class ExportOfAll(Written, _Receivers):
    """What ``experimental_export_all_saved_models`` takes."""


class Exportable:
    """What an Estimator exports; the other half of the class is in ``estimator.py``, with what this one uses."""

    config: Any
    _config: Any
    _warm_start_settings: Any
    _graph: Callable[[], Any]
    _call_model_fn: Callable[..., Any]
    _begin_warm: Callable[[str | None], None]
    _trained: Callable[[], str]
    latest_checkpoint: Callable[[], str | None]

    @method_takes(Export)
    def export_saved_model(self, call: Export) -> bytes:
        """Writes a SavedModel of one mode into a new folder named by the time, and returns its path as bytes.

        Args:
          export_dir_base: folder above it.
          serving_input_receiver_fn: returns a ServingInputReceiver.
          assets_extra: further files: path below ``assets.extra`` -> source.
          as_text: whether the graph is written as text.
          checkpoint_path: by default the newest.
          experimental_mode: of the graph.

        Raises:
          ArgumentError: no receiver function.
          CheckpointMissingError: there is no checkpoint.
          ExportError: the checkpoint lacks variables of the graph.
        """
        with errors.located("Estimator.export_saved_model"):
            return self._export_one(call, call.experimental_mode, strip=True)

    @method_takes(OldExport)
    def export_savedmodel(self, call: OldExport) -> bytes:
        """Does ``export_saved_model``; the older name.

        Args:
          strip_default_attrs: whether attributes with default values are left out, for older runtimes.
          others: as there.
        """
        with errors.located("Estimator.export_savedmodel"):
            return self._export_one(call, ModeKeys.PREDICT, strip=call.strip_default_attrs)

    @method_takes(ExportOfAll)
    def experimental_export_all_saved_models(self, call: ExportOfAll) -> bytes:
        """Writes one SavedModel with a graph for each mode that has a receiver function.

        Raises:
          ArgumentError: no mode; else as ``export_saved_model``.
        """
        with errors.located("Estimator.experimental_export_all_saved_models"):
            receivers = call.input_receiver_fn_map
            unknown = sorted(set(receivers) - set(_EXPORT_ORDER))
            if unknown or not receivers:
                raise errors.ArgumentError(
                    errors.explain("unknown mode", got=unknown, expected=f"some of {list(_EXPORT_ORDER)}")
                )
            return self._export(call.export_dir_base, receivers, call, strip=True)

    def _export_one(self, call: Export | OldExport, mode: str, strip: bool) -> bytes:
        if call.serving_input_receiver_fn is None:
            raise errors.ArgumentError("`serving_input_receiver_fn` is missing.")
        return self._export(call.export_dir_base, {mode: call.serving_input_receiver_fn}, call, strip)

    def _export(self, base: Any, receivers: Mapping[str, Callable[[], Any]], written: Written, strip: bool) -> bytes:
        checkpoint = checkpoints.named(written.checkpoint_path) or self.latest_checkpoint()
        if checkpoint is None and self._warm_start_settings is None:
            self._trained()
        folder = folders.new_export(os.fsdecode(base))
        builder = tf.saved_model.Builder(folders.temporary(folder))
        try:
            modes = [mode for mode in _EXPORT_ORDER if mode in receivers]
            for mode in modes:
                self._export_graph(builder, mode, receivers[mode], checkpoint, mode == modes[0], strip)
            builder.save(written.as_text)
            exporting.copy_assets(folders.temporary(folder), written.assets_extra)
            tf.gfile.Rename(folders.temporary(folder), folder)
        except BaseException:
            tf.gfile.DeleteRecursively(folders.temporary(folder))
            raise
        tf.logging.info("exported to %s", folder)
        return os.fsencode(folder)

    def _export_graph(
        self, builder: Any, mode: str, receiver_fn: Any, checkpoint: str | None, first: bool, strip: bool
    ) -> None:
        with self._graph():
            receiver = receiver_fn()
            labels = getattr(receiver, "labels", None)
            spec = self._call_model_fn(receiver.features, labels, mode, self.config)
            self._begin_warm(checkpoint)
            exporting.add_graph(builder, spec, receiver, checkpoint, session_config_of(self._config), first, strip)


__all__ = ["Exportable"]
