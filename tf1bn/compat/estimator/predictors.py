"""``tf.contrib.predictor``: a served model, or an Estimator, as a function of arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.estimator.estimator import Estimator
from tf1bn.compat.estimator.export_outputs import DEFAULT
from tf1bn.compat.estimator.modes import ModeKeys
from tf1bn.compat.estimator.run_config import session_config_of

_SERVE = tf.saved_model.tag_constants.SERVING


class Predictor:
    """Maps name -> array of the inputs to name -> array of the outputs, in a session that stays open.

    Attributes:
      graph, session: what is run.
      feed_tensors, fetch_tensors: inputs and outputs, by name.
    """

    def __init__(self, graph: tf.Graph, session: Any, feeds: Mapping[str, Any], fetches: Mapping[str, Any]) -> None:
        self.graph, self.session = graph, session
        self.feed_tensors, self.fetch_tensors = dict(feeds), dict(fetches)

    def __call__(self, input_dict: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the outputs.

        Raises:
          ArgumentError: an input that there is not.
        """
        unknown = sorted(set(input_dict) - set(self.feed_tensors))
        if unknown:
            raise errors.ArgumentError(
                errors.explain(
                    "there are no such inputs", got=unknown, expected=f"some of {sorted(self.feed_tensors)}"
                ),
                where="Predictor",
            )
        feed = {self.feed_tensors[name]: value for name, value in input_dict.items()}
        found: dict[str, Any] = self.session.run(self.fetch_tensors, feed)
        return found


def from_saved_model(
    export_dir: Any,
    signature_def_key: str | None = None,
    signature_def: Any = None,
    input_names: Mapping[str, str] | None = None,
    output_names: Mapping[str, str] | None = None,
    tags: Any = None,
    graph: tf.Graph | None = None,
    config: Any = None,
) -> Predictor:
    """Returns a predictor of a SavedModel.

    Args:
      export_dir: its folder, as text or bytes.
      signature_def_key: name of a signature; the default one if nothing else is given.
      signature_def: or a signature.
      input_names, output_names: or name -> tensor's name, both.
      tags: of the graph, as a list or separated by commas; "serve" by default.
      graph: in which it is loaded; a new one by default.
      config: a ``tf.ConfigProto``.

    Raises:
      ArgumentError: several ways to name inputs and outputs, or one half of one; no such signature.
    """
    with errors.located("from_saved_model"):
        names = input_names is not None or output_names is not None
        ways = (signature_def_key is not None) + (signature_def is not None) + names
        if ways > 1 or (names and (input_names is None or output_names is None)):
            raise errors.ArgumentError(
                "pass one of `signature_def_key`, `signature_def`, or both `input_names` and `output_names`."
            )
        graph = graph or tf.Graph()
        labels = tags.split(",") if isinstance(tags, str) else list(tags or (_SERVE,))
        with graph.as_default():
            session = tf.Session(config=config)
            meta = tf.saved_model.loader.load(session, labels, tf.compat.as_text(export_dir))
        if not names:
            chosen = signature_def if signature_def is not None else _signature(meta, signature_def_key or DEFAULT)
            input_names = {name: info.name for name, info in chosen.inputs.items()}
            output_names = {name: info.name for name, info in chosen.outputs.items()}
        return Predictor(graph, session, _tensors(graph, input_names), _tensors(graph, output_names))


def from_estimator(
    estimator: Any,
    serving_input_receiver_fn: Callable[[], Any],
    output_key: str | None = None,
    graph: tf.Graph | None = None,
    config: Any = None,
) -> Predictor:
    """Returns a predictor of the newest checkpoint of an Estimator.

    Args:
      serving_input_receiver_fn: as of ``export_saved_model``.
      output_key: which of the export outputs; the default one if None.
      graph: in which it is built; a new one by default.
      config: a ``tf.ConfigProto``; that of the Estimator by default.

    Raises:
      ArgumentTypeError: no Estimator.
      ArgumentError: no such output, or one that does not fit the inputs.
      CheckpointMissingError: there is no checkpoint.
    """
    with errors.located("from_estimator"):
        if not isinstance(estimator, Estimator):
            raise errors.ArgumentTypeError(errors.explain("`estimator` has another type", got=estimator))
        checkpoint = estimator._trained()
        graph = graph or tf.Graph()
        with graph.as_default():
            tf.train.get_or_create_global_step(graph)
            receiver = serving_input_receiver_fn()
            spec = estimator._call_model_fn(receiver.features, None, ModeKeys.PREDICT, estimator.config)
            key = output_key or DEFAULT
            if key not in spec.export_outputs:
                raise errors.ArgumentError(
                    errors.explain("there is no such output", got=key, expected=f"one of {sorted(spec.export_outputs)}")
                )
            signature = spec.export_outputs[key].as_signature_def(receiver.receiver_tensors)
            creator = tf.train.ChiefSessionCreator(
                spec.scaffold,
                config=config or session_config_of(estimator.config),
                checkpoint_filename_with_path=checkpoint,
            )
            session = tf.train.MonitoredSession(creator)
        fetches = {name: info.name for name, info in signature.outputs.items()}
        return Predictor(graph, session, receiver.receiver_tensors, _tensors(graph, fetches))


def _signature(meta: Any, key: str) -> Any:
    if key not in meta.signature_def:
        raise errors.ArgumentError(
            errors.explain("there is no such signature", got=key, expected=f"one of {sorted(meta.signature_def)}")
        )
    return meta.signature_def[key]


def _tensors(graph: tf.Graph, names: Mapping[str, str] | None) -> dict[str, Any]:
    return {name: graph.get_tensor_by_name(tensor) for name, tensor in (names or {}).items()}


__all__ = ["Predictor", "from_estimator", "from_saved_model"]
