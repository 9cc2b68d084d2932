"""The exports of an Estimator: SavedModels in folders that are named by their time."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.estimator import checkpoints, exporting, folders
from tf1bn.compat.estimator.modes import ModeKeys
from tf1bn.compat.estimator.run_config import session_config_of

_EXPORT_ORDER = (ModeKeys.TRAIN, ModeKeys.EVAL, ModeKeys.PREDICT)


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

    def export_saved_model(
        self,
        export_dir_base: str,
        serving_input_receiver_fn: Callable[[], Any],
        assets_extra: Mapping[str, str] | None = None,
        as_text: bool = False,
        checkpoint_path: str | None = None,
        experimental_mode: str = ModeKeys.PREDICT,
    ) -> bytes:
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
            if serving_input_receiver_fn is None:
                raise errors.ArgumentError("`serving_input_receiver_fn` is missing.")
            receivers = {experimental_mode: serving_input_receiver_fn}
            return self._export(export_dir_base, receivers, assets_extra, as_text, checkpoint_path, True)

    def export_savedmodel(
        self,
        export_dir_base: str,
        serving_input_receiver_fn: Callable[[], Any],
        assets_extra: Mapping[str, str] | None = None,
        as_text: bool = False,
        checkpoint_path: str | None = None,
        strip_default_attrs: bool = False,
    ) -> bytes:
        """Does ``export_saved_model``; the older name.

        Args:
          strip_default_attrs: whether attributes with default values are left out, for older runtimes.
          others: as there.
        """
        with errors.located("Estimator.export_savedmodel"):
            if serving_input_receiver_fn is None:
                raise errors.ArgumentError("`serving_input_receiver_fn` is missing.")
            receivers = {ModeKeys.PREDICT: serving_input_receiver_fn}
            return self._export(export_dir_base, receivers, assets_extra, as_text, checkpoint_path, strip_default_attrs)

    def experimental_export_all_saved_models(
        self,
        export_dir_base: str,
        input_receiver_fn_map: Mapping[str, Callable[[], Any]],
        assets_extra: Mapping[str, str] | None = None,
        as_text: bool = False,
        checkpoint_path: str | None = None,
    ) -> bytes:
        """Writes one SavedModel with a graph for each mode that has a receiver function.

        Raises:
          ArgumentError: no mode; else as ``export_saved_model``.
        """
        with errors.located("Estimator.experimental_export_all_saved_models"):
            unknown = sorted(set(input_receiver_fn_map) - set(_EXPORT_ORDER))
            if unknown or not input_receiver_fn_map:
                raise errors.ArgumentError(
                    errors.explain("unknown mode", got=unknown, expected=f"some of {list(_EXPORT_ORDER)}")
                )
            return self._export(export_dir_base, input_receiver_fn_map, assets_extra, as_text, checkpoint_path, True)

    def _export(
        self,
        base: Any,
        receivers: Mapping[str, Callable[[], Any]],
        assets: Mapping[str, str] | None,
        as_text: bool,
        checkpoint_path: str | None,
        strip: bool,
    ) -> bytes:
        checkpoint = checkpoints.named(checkpoint_path) or self.latest_checkpoint()
        if checkpoint is None and self._warm_start_settings is None:
            self._trained()
        folder = folders.new_export(os.fsdecode(base))
        builder = tf.saved_model.Builder(folders.temporary(folder))
        try:
            modes = [mode for mode in _EXPORT_ORDER if mode in receivers]
            for mode in modes:
                self._export_graph(builder, mode, receivers[mode], checkpoint, mode == modes[0], strip)
            builder.save(as_text)
            exporting.copy_assets(folders.temporary(folder), assets)
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
