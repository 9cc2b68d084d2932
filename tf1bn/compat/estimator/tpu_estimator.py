"""``TPUEstimator`` on a processor: batch sizes in ``params``, metrics and host calls as functions."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.estimator import calling
from tf1bn.compat.estimator.estimator import Estimator
from tf1bn.compat.estimator.modes import ModeKeys
from tf1bn.compat.estimator.tpu_config import RunConfig
from tf1bn.compat.estimator.tpu_spec import TPUEstimatorSpec

_RESERVED = ("batch_size", "context")
_VERSION_1 = 1


class ExamplesPerSecondHook(tf.train.SessionRunHook):
    """Writes the speed of training as the summary ``examples/sec``.

    Args:
      batch_size: examples of a step.
      every_n_steps: steps between two points.
      output_dir: folder of the event file.
    """

    def __init__(self, batch_size: int, every_n_steps: int, output_dir: str) -> None:
        self._batch_size, self._every, self._folder = batch_size, every_n_steps, output_dir
        self._before: tuple[int, float] | None = None

    def begin(self) -> None:
        """Finds the global step."""
        self._step = tf.train.get_global_step()

    def before_run(self, run_context: Any) -> Any:
        """Asks for the global step."""
        return tf.train.SessionRunArgs(self._step)

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Writes the speed since the last point."""
        # What the run itself has read may be the step before or after it.
        if self._before is not None and run_values.results + 1 - self._before[0] < self._every:
            return
        step, now = int(run_context.session.run(self._step)), time.monotonic()
        if self._before is None:
            self._before = step, now
        elif step - self._before[0] >= self._every:
            rate = (step - self._before[0]) * self._batch_size / (now - self._before[1])
            tf.logging.info("examples/sec: %g", rate)
            summary = tf.Summary(value=[tf.Summary.Value(tag="examples/sec", simple_value=rate)])
            tf.summary.FileWriterCache.get(self._folder).add_summary(summary, step)
            self._before = step, now

    def end(self, session: Any) -> None:
        """Brings the points to the file."""
        del session
        tf.summary.FileWriterCache.get(self._folder).flush()


class TPUEstimator(Estimator):
    """An Estimator whose functions find the batch size in ``params["batch_size"]``.

    Here it trains on the processor: ``use_tpu`` must be False. What is special to TPUs (``batch_axis``,
    ``eval_on_tpu``, ``export_to_tpu``) then does nothing, as in TensorFlow.

    ``model_fn`` returns a TPUEstimatorSpec or an EstimatorSpec and finds ``params["use_tpu"]`` False.

    Args:
      model_fn, model_dir, params, warm_start_from: as of Estimator; ``params`` may not have "batch_size" or "context".
      config: a ``tpu.RunConfig``.
      use_tpu: must be False.
      train_batch_size, eval_batch_size, predict_batch_size: what ``params["batch_size"]`` is in each mode; None leaves
        it out.
      embedding_config_spec: refused unless None.
      export_saved_model_api_version: refused unless it is the first.

    Raises:
      ArgumentError: something of a TPU is wanted, a reserved key in ``params``, a size that is not positive; else as of
        Estimator.
      ArgumentTypeError: ``config`` is no ``tpu.RunConfig``.
    """

    def __init__(
        self,
        model_fn: Any = None,
        model_dir: str | None = None,
        config: Any = None,
        params: Any = None,
        use_tpu: bool = True,
        train_batch_size: int | None = None,
        eval_batch_size: int | None = None,
        predict_batch_size: int | None = None,
        batch_axis: Any = None,
        eval_on_tpu: bool = True,
        export_to_tpu: bool = True,
        export_to_cpu: bool = True,
        warm_start_from: Any = None,
        embedding_config_spec: Any = None,
        export_saved_model_api_version: Any = _VERSION_1,
    ) -> None:
        with errors.located("TPUEstimator"):
            _refuse_hardware(use_tpu, embedding_config_spec, export_saved_model_api_version, export_to_cpu)
            if not isinstance(config, RunConfig):
                raise errors.ArgumentTypeError(
                    errors.explain("`config` has another type", got=config, expected="a tpu.RunConfig")
                )
            reserved = [key for key in _RESERVED if params is not None and key in params]
            if reserved:
                raise errors.ArgumentError(
                    errors.explain("`params` has keys that a TPUEstimator sets itself", got=reserved)
                )
            sizes = {
                ModeKeys.TRAIN: train_batch_size,
                ModeKeys.EVAL: eval_batch_size,
                ModeKeys.PREDICT: predict_batch_size,
            }
            for mode, size in sizes.items():
                if size is not None and (not isinstance(size, int) or size < 1):
                    raise errors.ArgumentError(
                        errors.explain(f"the batch size of mode {mode!r} must be a positive number", got=size)
                    )
            super().__init__(model_fn, model_dir, config, params if params is not None else {}, warm_start_from)
        self._sizes = sizes
        self._exporting = False

    def _require_model_fn(self, model_fn: Any, params: Any) -> None:
        """Checks the arguments; ``params`` are there for the batch size, whether the program gave some or not."""
        takes = "params" in calling.arguments_of(model_fn)
        calling.require_model_fn(model_fn, params if takes or params else None)

    def _params_of(self, mode: str) -> Any:
        params = self.params
        size = None if self._exporting else self._sizes[mode]
        if size is not None:
            _put(params, "batch_size", size)
        return params

    def _call_input_fn(self, input_fn: Any, mode: str) -> Any:
        self._require_params("input_fn", input_fn, mode)
        offered = {"mode": mode, "params": self._params_of(mode), "config": self.config, "input_context": None}
        return input_fn(**calling.taken(input_fn, offered))

    def _model_params(self, mode: str) -> Any:
        self._require_params("model_fn", self._model_fn, mode)
        params = self._params_of(mode)
        _put(params, "use_tpu", False)
        return params

    def _require_params(self, name: str, function: Any, mode: str) -> None:
        if self._sizes[mode] is not None and "params" not in calling.arguments_of(function):
            raise errors.ArgumentError(f'{name} must take `params`, in which it finds params["batch_size"].')

    def _as_spec(self, result: Any) -> Any:
        return result.as_estimator_spec() if isinstance(result, TPUEstimatorSpec) else result

    def _export_graph(self, *arguments: Any) -> None:
        self._exporting = True
        try:
            super()._export_graph(*arguments)
        finally:
            self._exporting = False

    def _train_model(self, input_fn: Any, hooks: list[Any], saving_listeners: Sequence[Any]) -> Any:
        size, every = self._sizes[ModeKeys.TRAIN], self._config.log_step_count_steps
        if size is not None and every is not None:
            hooks = [*hooks, ExamplesPerSecondHook(size, every, self.model_dir)]
        return super()._train_model(input_fn, hooks, saving_listeners)


def _refuse_hardware(use_tpu: Any, embedding: Any, version: Any, export_to_cpu: Any) -> None:
    complaint = ""
    if use_tpu:
        complaint = "`use_tpu` is True, and there is no TPU here. Pass use_tpu=False to train on the processor."
    elif embedding is not None:
        complaint = "`embedding_config_spec` is of TPU embeddings, which are not served. Use tf.nn.embedding_lookup."
    elif getattr(version, "value", version) != _VERSION_1:
        complaint = "`export_saved_model_api_version` 2 is of TPU inference, which is not served. Leave it out."
    elif not export_to_cpu:
        complaint = "`export_to_cpu` is False, and exports here are of the processor. Leave it out."
    if complaint:
        raise errors.ArgumentError(complaint)


def _put(params: Any, key: str, value: Any) -> None:
    """Sets an entry of a dictionary or of HParams."""
    if hasattr(params, "set_hparam"):
        (params.set_hparam if key in params else params.add_hparam)(key, value)
    else:
        params[key] = value


__all__ = ["TPUEstimator"]
