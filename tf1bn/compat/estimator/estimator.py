"""``Estimator``: trains, evaluates, predicts and exports what a ``model_fn`` describes, in a folder of checkpoints."""

from __future__ import annotations

import contextlib
import copy
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib import evaluation
from tf1bn.compat.estimator import (
    batch_norms,
    calling,
    cautions,
    checkpoints,
    checks,
    evaluating,
    fitting,
    input_results,
    predicting,
    termination,
    warm_start,
)
from tf1bn.compat.estimator.exportable import Exportable
from tf1bn.compat.estimator.modes import ModeKeys
from tf1bn.compat.estimator.run_config import RunConfig, session_config_of
from tf1bn.compat.estimator.spec import EstimatorSpec


class Estimator(Exportable):
    """A model of which every graph is built by one function, and whose variables live in checkpoints of one folder.

    Each call of ``train``, ``evaluate``, ``predict`` and an export builds a fresh graph in its mode, restores the
    newest checkpoint of ``model_dir`` by the names of variables, and closes its session. So batch norm trains with the
    batch, and everything else normalises with the moving averages of the checkpoint.

    Files in ``model_dir``: ``graph.pbtxt``, ``checkpoint``, ``model.ckpt-STEP.*`` and event files; those of evaluations
    in ``eval`` or ``eval_NAME``.

    SIGTERM while it trains finishes the step, saves a checkpoint and ends the process with exit code 143, unless the
    program handles the signal itself; a second one ends it at once.

    Args:
      model_fn: takes ``features`` and any of ``labels``, ``mode``, ``params`` and ``config``, and returns an
        EstimatorSpec.
      model_dir: the folder; by default that of ``config``, else a new temporary one.
      config: a RunConfig.
      params: what ``model_fn`` and ``input_fn`` get under that name, as a copy.
      warm_start_from: a checkpoint or WarmStartSettings, from which a first training begins.

    Raises:
      ArgumentError: ``model_fn`` takes other arguments; two different folders.
      ArgumentTypeError: something of another type.
    """

    def __init__(
        self,
        model_fn: Callable[..., Any],
        model_dir: str | None = None,
        config: RunConfig | None = None,
        params: Any = None,
        warm_start_from: Any = None,
    ) -> None:
        with errors.located("Estimator"):
            if config is not None and not isinstance(config, RunConfig):
                raise errors.ArgumentTypeError(
                    errors.explain("`config` has another type", got=config, expected="a RunConfig")
                )
            checks.require_callable("model_fn", model_fn)
            self._require_model_fn(model_fn, params)
            self._config = _with_folder(config or RunConfig(), model_dir)
            self._model_dir: str = self._config.model_dir  # type: ignore[assignment]
            self._model_fn = model_fn
            self._params = copy.deepcopy(params if params is not None else {})
            self._warm_start_settings = warm_start.settings_of(warm_start_from, self._model_dir)

    @property
    def model_dir(self) -> str:
        """Folder of the checkpoints."""
        return self._model_dir

    @property
    def config(self) -> Any:
        """A copy of the RunConfig."""
        return copy.deepcopy(self._config)

    @property
    def params(self) -> Any:
        """A copy of the parameters."""
        return copy.deepcopy(self._params)

    @property
    def model_fn(self) -> Callable[..., Any]:
        """The function of features, labels, mode and config, with the parameters bound."""

        def model_fn(features: Any, labels: Any, mode: str, config: Any) -> Any:
            return self._call_model_fn(features, labels, mode, config)

        return model_fn

    def latest_checkpoint(self) -> str | None:
        """Returns the newest checkpoint of the folder, or None."""
        return tf.train.latest_checkpoint(self.model_dir)  # type: ignore[no-any-return]

    def get_variable_names(self) -> list[str]:
        """Returns the names of the variables in the newest checkpoint.

        Raises:
          CheckpointMissingError: there is none.
        """
        return [name for name, _ in tf.train.list_variables(self._trained())]

    def get_variable_value(self, name: str) -> np.ndarray:
        """Returns a variable's value in the newest checkpoint.

        Raises:
          CheckpointMissingError: there is none.
        """
        return tf.train.load_variable(self._trained(), name)  # type: ignore[no-any-return]

    def eval_dir(self, name: str | None = None) -> str:
        """Returns the folder of an evaluation's event files."""
        return os.path.join(self._model_dir, f"eval_{name}" if name else "eval")

    def train(
        self,
        input_fn: Callable[..., Any],
        hooks: Sequence[Any] | None = None,
        steps: int | None = None,
        max_steps: int | None = None,
        saving_listeners: Sequence[Any] | None = None,
    ) -> Any:
        """Trains from the newest checkpoint on, and returns the Estimator.

        Args:
          input_fn: returns a data set, or tensors, of features and labels; may take ``mode``, ``params``, ``config``.
          hooks: run with each step.
          steps: steps of this call; without a limit it trains until the input ends.
          max_steps: global step at which it stops; nothing is done when the checkpoint is there already.
          saving_listeners: ``tf.train.CheckpointSaverListener`` objects, called when a checkpoint is saved.

        Raises:
          ArgumentError: both limits, or one that is not positive; listeners where nothing is saved.
          NanLossDuringTrainingError: of TensorFlow; the loss is not a number.
        """
        with errors.located("Estimator.train"):
            if steps is not None and max_steps is not None:
                raise errors.ArgumentError("pass either `steps` or `max_steps`, not both.")
            checks.require_positive("steps", steps)
            checks.require_positive("max_steps", max_steps)
            given = list(checks.hooks_of("hooks", hooks))
            listeners = fitting.require_listeners(saving_listeners)
            if max_steps is not None and self._step_of_checkpoint() >= max_steps:
                tf.logging.info("training is skipped: the checkpoint has reached step %d", max_steps)
                return self
            if steps is not None or max_steps is not None:
                given.append(tf.train.StopAtStepHook(steps, max_steps))
            with termination.watched() as ended:
                loss = self._train_model(input_fn, [*given, ended], listeners)
            tf.logging.info("loss of the last step: %s", loss)
            return self

    def evaluate(
        self,
        input_fn: Callable[..., Any],
        steps: int | None = None,
        hooks: Sequence[Any] | None = None,
        checkpoint_path: str | None = None,
        name: str | None = None,
    ) -> dict[str, Any]:
        """Returns the metrics of a checkpoint, with "loss" (mean over batches) and "global_step".

        The moving averages of batch norms are read and, as every variable of the checkpoint, stay as they are.

        Args:
          input_fn: as of ``train``.
          steps: batches; None reads the input to its end.
          hooks: run with each batch.
          checkpoint_path: by default the newest; without any the initial values are evaluated.
          name: of the folder of its event files, ``eval_NAME``.

        Raises:
          ArgumentError: ``steps`` is not positive; a metric called "loss" or "global_step".
          CheckpointMissingError: there is none at ``checkpoint_path``.
        """
        with errors.located("Estimator.evaluate"):
            checks.require_positive("steps", steps)
            given = checks.hooks_of("hooks", hooks)
            checkpoint = self._checkpoint_for("evaluate", checkpoint_path)
            return self._evaluate_checkpoint(input_fn, steps, given, checkpoint, name)

    def predict(
        self,
        input_fn: Callable[..., Any],
        predict_keys: Any = None,
        hooks: Sequence[Any] | None = None,
        checkpoint_path: str | None = None,
        yield_single_examples: bool = True,
    ) -> Iterator[Any]:
        """Yields the predictions of each example, until the input ends.

        Args:
          input_fn: as of ``train``; labels are left alone.
          predict_keys: names of the predictions that are wanted; None for all.
          hooks: run with each batch.
          checkpoint_path: by default the newest; without any the initial values predict.
          yield_single_examples: False yields each batch as it is.

        Raises:
          ArgumentError: no such predictions; predictions without a common first axis.
          CheckpointMissingError: there is none at ``checkpoint_path``.
        """
        with errors.located("Estimator.predict"):
            given = checks.hooks_of("hooks", hooks)
            checkpoint = self._checkpoint_for("predict", checkpoint_path)
            with self._graph():
                graph = tf.get_default_graph()
                features, _, input_hooks = self._read(input_fn, ModeKeys.PREDICT)
                cautions.warn_of_endless("predict", given)
                spec = self._call_model_fn(features, None, ModeKeys.PREDICT, self.config)
                wanted = predicting.chosen(spec.predictions, predict_keys)
                self._begin_warm(checkpoint)
                session = tf.train.MonitoredSession(
                    tf.train.ChiefSessionCreator(
                        spec.scaffold,
                        self._config.master,
                        session_config_of(self._config),
                        checkpoint_filename_with_path=checkpoint,
                    ),
                    [*input_hooks, *given, *spec.prediction_hooks],
                )
            with session:
                while not session.should_stop():
                    with graph.as_default():  # not around a yield: the caller builds in a graph of its own
                        batch = session.run(wanted)
                    if yield_single_examples:
                        yield from predicting.examples(batch)
                    else:
                        yield batch

    def _train_model(self, input_fn: Any, hooks: list[Any], saving_listeners: Sequence[Any]) -> Any:
        with self._graph() as global_step:
            features, labels, input_hooks = self._read(input_fn, ModeKeys.TRAIN)
            spec = self._call_model_fn(features, labels, ModeKeys.TRAIN, self.config)
            if self._warm_start_settings is not None:
                warm_start.apply(self._warm_start_settings)
            return fitting.fit(
                spec, self._config, self._model_dir, [*input_hooks, *hooks], saving_listeners, global_step
            )

    def _evaluate_checkpoint(
        self,
        input_fn: Any,
        steps: int | None,
        hooks: Sequence[Any],
        checkpoint: str | None,
        name: str | None,
        values: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Evaluates a checkpoint, or the given values of variables, and writes the results to the event file."""
        with self._graph() as global_step:
            features, labels, input_hooks = self._read(input_fn, ModeKeys.EVAL)
            if steps is None:
                cautions.warn_of_endless("evaluate", hooks)
            batches = cautions.Batches()
            spec = self._call_model_fn(features, labels, ModeKeys.EVAL, self.config)
            update, results = evaluating.metrics_of(spec, global_step)
            self._begin_warm(checkpoint)
            results = evaluation.evaluate_once(
                checkpoint,
                master=self._config.evaluation_master,
                scaffold=evaluating.scaffold_of(spec, values),
                eval_ops=update,
                final_ops=results,
                hooks=[*input_hooks, *hooks, batches, evaluation.StopAfterNEvalsHook(steps), *spec.evaluation_hooks],
                config=session_config_of(self._config),
            )
            batches.require_some()
            evaluating.write(self.eval_dir(name), results, checkpoint)
        return dict(results)

    @contextlib.contextmanager
    def _graph(self) -> Iterator[Any]:
        """Makes a new graph the default one, with the seed, the devices and a global step, which it yields."""
        with tf.Graph().as_default() as graph, graph.device(self._config.device_fn):
            tf.set_random_seed(self._config.tf_random_seed)
            yield self._create_global_step(graph)

    def _create_global_step(self, graph: tf.Graph) -> Any:
        """Returns the global step of a graph, made if there is none; for classes derived from this one."""
        return tf.train.get_or_create_global_step(graph)

    def _read(self, input_fn: Any, mode: str) -> input_results.Input:
        """Calls an ``input_fn``, its ops on the processor."""
        checks.require_callable("input_fn", input_fn)
        with tf.device("/cpu:0"):
            return input_results.parse(self._call_input_fn(input_fn, mode))

    def _call_input_fn(self, input_fn: Any, mode: str) -> Any:
        offered = {"mode": mode, "params": self.params, "config": self.config, "input_context": None}
        return input_fn(**calling.taken(input_fn, offered))

    def _call_model_fn(self, features: Any, labels: Any, mode: str, config: Any) -> Any:
        offered = {"labels": labels, "mode": mode, "params": self._model_params(mode), "config": config}
        arguments = calling.taken(self._model_fn, offered)
        if labels is not None and "labels" not in arguments:
            raise errors.ArgumentError("input_fn returns labels, but model_fn does not take them. Add `labels` to it.")
        tf.logging.info("model_fn is called in mode %r", mode)
        spec = self._as_spec(self._model_fn(features=features, **arguments))
        if not isinstance(spec, EstimatorSpec):
            raise errors.ArgumentError(
                errors.explain("model_fn returned something else", got=spec, expected="an EstimatorSpec")
            )
        batch_norms.warn_of_graph(spec)
        return spec

    def _require_model_fn(self, model_fn: Any, params: Any) -> None:
        """Refuses a ``model_fn`` with other arguments; for classes derived from this one."""
        calling.require_model_fn(model_fn, params)

    def _model_params(self, mode: str) -> Any:
        """Returns what ``model_fn`` gets as ``params`` in a mode; for classes derived from this one."""
        del mode
        return self.params

    def _as_spec(self, result: Any) -> Any:
        """Returns an EstimatorSpec of what ``model_fn`` returned; for classes derived from this one."""
        return result

    def _begin_warm(self, checkpoint: str | None) -> None:
        """Before a first training, evaluation and prediction begin with the values of the warm start."""
        if checkpoint is None and self._warm_start_settings is not None:
            warm_start.apply(self._warm_start_settings)

    def _checkpoint_for(self, call: str, path: Any) -> str | None:
        """Returns the checkpoint that a call reads: the named one, or the newest; None, with a warning, for neither."""
        checkpoint = checkpoints.named(path) or self.latest_checkpoint()
        if checkpoint is None and self._warm_start_settings is None:
            cautions.warn_of_untrained(call, self._model_dir)
        return checkpoint

    def _trained(self) -> str:
        checkpoint = self.latest_checkpoint()
        if checkpoint is None:
            raise errors.CheckpointMissingError(
                errors.explain(f"there is no checkpoint in {self._model_dir}", fix="Call train first.")
            )
        return checkpoint

    def _step_of_checkpoint(self) -> int:
        checkpoint = self.latest_checkpoint()
        if checkpoint is None:
            return 0
        return int(tf.train.load_variable(checkpoint, tf.GraphKeys.GLOBAL_STEP))


def _with_folder(config: RunConfig, model_dir: Any) -> RunConfig:
    """Returns the settings with the folder of the model."""
    folder = os.fsdecode(model_dir) if model_dir is not None else None
    if folder is not None and config.model_dir is not None and folder != config.model_dir:
        raise errors.ArgumentError(
            errors.explain("`model_dir` and that of `config` differ", got=(folder, config.model_dir))
        )
    folder = folder if folder is not None else config.model_dir
    if folder is None:
        folder = tempfile.mkdtemp()
        tf.logging.warning("Estimator: no model_dir is given; %s is used", folder)
    return config.replace(model_dir=folder)


__all__ = ["Estimator"]
