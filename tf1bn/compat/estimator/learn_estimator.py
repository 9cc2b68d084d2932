"""``tf.contrib.learn.Estimator``: ``fit``, ``evaluate`` and ``predict`` on arrays or an ``input_fn``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tf1bn import errors
from tf1bn.compat.calls import method_takes
from tf1bn.compat.estimator import calling, learn_ops
from tf1bn.compat.estimator import estimator as core
from tf1bn.compat.estimator.exportable import Written
from tf1bn.compat.estimator.learn_ops import MetricSpec, ModeKeys
from tf1bn.compat.estimator.numpy_inputs import numpy_input_fn
from tf1bn.compat.estimator.spec import EstimatorSpec

_BATCH = 128


@dataclass(frozen=True)
class _Serving:
    export_dir_base: str
    serving_input_fn: Callable[[], Any]
    default_output_alternative_key: str | None = None


@dataclass(frozen=True)
class Export(Written, _Serving):
    """What ``export_savedmodel`` takes."""

    strip_default_attrs: bool = False


class Estimator(core.Estimator):
    """The Estimator of ``tf.contrib.learn``; all that ``tf.estimator.Estimator`` does, and the older methods.

    Args:
      model_fn: takes features and labels by position, and any of ``mode``, ``params``, ``config`` and ``model_dir``;
        returns ModelFnOps, (predictions, loss, train op), or an EstimatorSpec.
      model_dir, config, params: as there.
      feature_engineering_fn: maps features and labels before ``model_fn`` gets them.
    """

    def __init__(
        self,
        model_fn: Callable[..., Any],
        model_dir: str | None = None,
        config: Any = None,
        params: Any = None,
        feature_engineering_fn: Callable[..., Any] | None = None,
    ) -> None:
        self._given_fn, self._engineer = model_fn, feature_engineering_fn
        self._metrics: Mapping[Any, Any] = {}
        self._default_output: str | None = None

        def adapted(features: Any, labels: Any, mode: str, params: Any, config: Any) -> Any:
            return self._spec(features, labels, mode, params, config)

        super().__init__(adapted, model_dir, config, params if params is not None else {})

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        input_fn: Callable[..., Any] | None = None,
        steps: int | None = None,
        batch_size: int | None = None,
        monitors: Sequence[Any] | None = None,
        max_steps: int | None = None,
    ) -> Estimator:
        """Trains, and returns the Estimator.

        Args:
          x, y: arrays, whose rows come in random order without end; or ``input_fn``.
          monitors: hooks.
          others: as of ``train``.

        Raises:
          ArgumentError: both or none of ``x`` and ``input_fn``; no limit for arrays, which have no end.
        """
        with errors.located("Estimator.fit"):
            if x is not None and steps is None and max_steps is None:
                raise errors.ArgumentError("arrays are read without end. Pass `steps` or `max_steps`.")
            source = _source(x, y, input_fn, batch_size, epochs=None)
        self.train(source, hooks=monitors, steps=steps, max_steps=max_steps)
        return self

    partial_fit = fit

    def evaluate(  # type: ignore[override]
        self,
        x: Any = None,
        y: Any = None,
        input_fn: Callable[..., Any] | None = None,
        feed_fn: Any = None,
        batch_size: int | None = None,
        steps: int | None = None,
        metrics: Mapping[Any, Any] | None = None,
        name: str | None = None,
        checkpoint_path: str | None = None,
        hooks: Sequence[Any] | None = None,
        log_progress: bool = True,
    ) -> dict[str, Any]:
        """Returns the metrics of a checkpoint.

        Args:
          x, y: arrays, or a function in the place of ``x`` as ``tf.estimator`` has it; or ``input_fn``.
          metrics: name, or (name, prediction key) -> MetricSpec or function of predictions and labels.
          feed_fn: refused: the input comes from ``input_fn``.
          log_progress: has to be True or False; TensorFlow's logging decides what is shown.
          others: as of ``tf.estimator.Estimator.evaluate``.

        Raises:
          ArgumentError: both or none of ``x`` and ``input_fn``, or ``feed_fn``.
        """
        with errors.located("Estimator.evaluate"):
            if feed_fn is not None:
                raise errors.ArgumentError("`feed_fn` is not served. Return the batch from `input_fn`.")
            if not isinstance(log_progress, bool):
                raise errors.ArgumentTypeError(errors.explain("`log_progress` must be a bool", got=log_progress))
            if callable(x):
                x, input_fn = None, x
            source = _source(x, y, input_fn, batch_size, epochs=1)
            self._metrics = dict(metrics or {})
            try:
                return super().evaluate(source, steps, hooks, checkpoint_path, name)
            finally:
                self._metrics = {}

    def predict(  # type: ignore[override]
        self,
        x: Any = None,
        input_fn: Callable[..., Any] | None = None,
        batch_size: int | None = None,
        outputs: Any = None,
        as_iterable: bool = True,
        iterate_batches: bool = False,
    ) -> Any:
        """Returns predictions: an iterator over examples, or arrays of all.

        Args:
          x: an array, or a function as ``tf.estimator`` has it; or ``input_fn``.
          outputs: names of the predictions that are wanted.
          as_iterable: False returns arrays.
          iterate_batches: whether the iterator gives batches.
        """
        with errors.located("Estimator.predict"):
            if callable(x):
                x, input_fn = None, x
            source = _source(x, None, input_fn, batch_size, epochs=1)
        found = super().predict(source, outputs, yield_single_examples=as_iterable and not iterate_batches)
        return found if as_iterable else _joined(found)

    @method_takes(Export)
    def export_savedmodel(self, call: Export) -> bytes:  # type: ignore[override]
        """Writes a SavedModel and returns its path as bytes.

        Args:
          serving_input_fn: returns InputFnOps or a ServingInputReceiver.
          default_output_alternative_key: which of several outputs is the default signature.
          others: as of ``tf.estimator.Estimator.export_savedmodel``.
        """
        self._default_output = call.default_output_alternative_key
        try:
            return super().export_savedmodel(
                call.export_dir_base,
                lambda: learn_ops.receiver_of(call.serving_input_fn()),
                call.assets_extra,
                call.as_text,
                call.checkpoint_path,
                call.strip_default_attrs,
            )
        finally:
            self._default_output = None

    def _spec(self, features: Any, labels: Any, mode: str, params: Any, config: Any) -> Any:
        if self._engineer is not None:
            features, labels = self._engineer(features, labels)
        offered = {"mode": mode, "params": params, "config": config, "model_dir": self.model_dir}
        result = self._given_fn(features, labels, **calling.taken(self._given_fn, offered))
        spec = learn_ops.spec_of(result, mode, self._default_output)
        if mode != ModeKeys.EVAL or not self._metrics or not isinstance(spec, EstimatorSpec):
            return spec
        made = {}
        for key, metric in self._metrics.items():
            name, prediction = key if isinstance(key, tuple) else (key, None)
            metric = metric if isinstance(metric, MetricSpec) else MetricSpec(metric, prediction)
            made[name] = metric.create_metric_ops(features, labels, spec.predictions)
        return spec._replace(eval_metric_ops={**spec.eval_metric_ops, **made})


def _source(x: Any, y: Any, input_fn: Any, batch_size: int | None, epochs: int | None) -> Callable[..., Any]:
    """Returns an ``input_fn`` of arrays, or the one that is given."""
    if (x is None) == (input_fn is None):
        raise errors.ArgumentError("pass either arrays as `x`, or `input_fn`.")
    if input_fn is not None:
        if y is not None or batch_size is not None:
            raise errors.ArgumentError(
                "`y` and `batch_size` are of arrays; `input_fn` returns labels and batches itself."
            )
        return input_fn  # type: ignore[no-any-return]

    def array(value: Any) -> Any:
        return {k: np.asarray(v) for k, v in value.items()} if isinstance(value, Mapping) else np.asarray(value)

    labels = None if y is None else array(y)
    return numpy_input_fn(array(x), labels, batch_size or _BATCH, epochs, shuffle=epochs is None)


def _joined(batches: Iterator[Any]) -> Any:
    found = list(batches)
    if not found or not isinstance(found[0], Mapping):
        return np.concatenate(found) if found else np.zeros([0])
    return {name: np.concatenate([batch[name] for batch in found]) for name in found[0]}


__all__ = ["Estimator"]
