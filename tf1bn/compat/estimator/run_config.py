"""``RunConfig``: where and how often an Estimator saves, and what it learns from ``TF_CONFIG``."""

from __future__ import annotations

import copy
import json
import os
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.estimator import checks

_UNSET: Any = object()
_SAVE_SECS = 600


class TaskType:
    """Names of the parts that a process can have in a cluster."""

    MASTER = "master"
    PS = "ps"
    WORKER = "worker"
    CHIEF = "chief"
    EVALUATOR = "evaluator"


class RunConfig:
    """Settings of an Estimator that do not belong to its model.

    ``TF_CONFIG`` in the environment may name the folder (``model_dir``) and a cluster of one process, its chief. A
    cluster of several processes is refused.

    Args:
      model_dir: folder of checkpoints and summaries; the Estimator's own argument must agree.
      tf_random_seed: seed of each graph.
      save_summary_steps: steps between summaries.
      save_checkpoints_steps, save_checkpoints_secs: steps or seconds between checkpoints, one of them; both None for
        no checkpoints; 600 seconds by default.
      session_config: a ``tf.ConfigProto``; by default one that places ops softly.
      keep_checkpoint_max: how many checkpoints are kept; 0 or None keeps all.
      keep_checkpoint_every_n_hours: hours after which one more is kept for good.
      log_step_count_steps: steps between log lines of loss and speed; None for none.
      device_fn: maps each op to its device.
      session_creation_timeout_secs: how long a session waits for variables that others initialise.
      checkpoint_save_graph_def: whether ``graph.pbtxt`` and ``.meta`` files are written.
      train_distribute, eval_distribute, experimental_distribute: refused unless None; see ``tf1bn.distribute``.
      protocol, experimental_max_worker_delay_secs: of clusters; refused unless None.

    Raises:
      ArgumentError: an impossible value, both kinds of checkpoint intervals, a cluster, a malformed ``TF_CONFIG``.
      ArgumentTypeError: a value of another type.
    """

    def __init__(
        self,
        model_dir: str | None = None,
        tf_random_seed: int | None = None,
        save_summary_steps: int | None = 100,
        save_checkpoints_steps: int | None = _UNSET,
        save_checkpoints_secs: float | None = _UNSET,
        session_config: Any = None,
        keep_checkpoint_max: int | None = 5,
        keep_checkpoint_every_n_hours: float = 10000,
        log_step_count_steps: int | None = 100,
        train_distribute: Any = None,
        device_fn: Any = None,
        protocol: str | None = None,
        eval_distribute: Any = None,
        experimental_distribute: Any = None,
        experimental_max_worker_delay_secs: float | None = None,
        session_creation_timeout_secs: float = 7200,
        checkpoint_save_graph_def: bool = True,
    ) -> None:
        with errors.located("RunConfig"):
            if save_checkpoints_steps is _UNSET and save_checkpoints_secs is _UNSET:
                save_checkpoints_steps, save_checkpoints_secs = None, _SAVE_SECS
            elif save_checkpoints_secs is _UNSET:
                save_checkpoints_secs = None
            elif save_checkpoints_steps is _UNSET:
                save_checkpoints_steps = None
            environment = _environment()
            self._set(
                model_dir=_one_folder(model_dir, environment.get("model_dir")),
                tf_random_seed=tf_random_seed,
                save_summary_steps=save_summary_steps,
                save_checkpoints_steps=save_checkpoints_steps,
                save_checkpoints_secs=save_checkpoints_secs,
                session_config=session_config,
                keep_checkpoint_max=keep_checkpoint_max,
                keep_checkpoint_every_n_hours=keep_checkpoint_every_n_hours,
                log_step_count_steps=log_step_count_steps,
                train_distribute=train_distribute,
                device_fn=device_fn,
                protocol=protocol,
                eval_distribute=eval_distribute,
                experimental_distribute=experimental_distribute,
                experimental_max_worker_delay_secs=experimental_max_worker_delay_secs,
                session_creation_timeout_secs=session_creation_timeout_secs,
                checkpoint_save_graph_def=checkpoint_save_graph_def,
            )
            self._read_cluster(environment)

    def _set(self, **values: Any) -> None:
        _check(values)
        for name, value in values.items():
            setattr(self, f"_{name}", value)
        self._replaceable = frozenset(values)

    def _read_cluster(self, environment: dict[str, Any]) -> None:
        """Takes what ``TF_CONFIG`` says of the only process."""
        cluster, task = environment.get("cluster") or {}, environment.get("task") or {}
        self._cluster_spec = tf.train.ClusterSpec(cluster)
        self._task_type = task.get("type", TaskType.CHIEF if TaskType.CHIEF in cluster else TaskType.WORKER)
        self._task_id = int(task.get("index", 0))
        self._master = environment.get("session_master") or ""
        self._evaluation_master = environment.get("eval_session_master") or ""
        self._service = environment.get("service")
        processes = sum(len(self._cluster_spec.job_tasks(job)) for job in self._cluster_spec.jobs)
        if processes > 1 or self._task_type == TaskType.EVALUATOR:
            raise errors.ArgumentError(
                errors.explain(
                    "TF_CONFIG names a cluster of several processes",
                    got={job: len(self._cluster_spec.job_tasks(job)) for job in self._cluster_spec.jobs},
                    expected="none, or one of a single chief",
                    fix="Unset TF_CONFIG to train in this process. tf1bn.distribute shares statistics between "
                    "processes of a program with its own loop.",
                )
            )
        if processes and self._task_type not in self._cluster_spec.jobs:
            raise errors.ArgumentError(
                errors.explain("TF_CONFIG names a task that its cluster has not", got=self._task_type)
            )

    def replace(self, **changes: Any) -> RunConfig:
        """Returns settings with some of them changed.

        Setting one of ``save_checkpoints_steps`` and ``save_checkpoints_secs`` unsets the other.

        Raises:
          ArgumentError: an unknown name, or an impossible value.
        """
        with errors.located("RunConfig.replace"):
            unknown = sorted(set(changes) - self._replaceable)
            if unknown:
                hint = errors.did_you_mean(unknown[0], self._replaceable).strip()
                raise errors.ArgumentError(errors.explain("this cannot be replaced", got=unknown, fix=hint))
            steps, secs = "save_checkpoints_steps", "save_checkpoints_secs"
            if steps in changes and secs not in changes:
                changes[secs] = None
            elif secs in changes and steps not in changes:
                changes[steps] = None
            result = copy.copy(self)
            for name in self._replaceable:
                value = getattr(self, f"_{name}")
                changes.setdefault(name, copy.deepcopy(value) if name == "session_config" else value)
            result._set(**changes)
            return result

    @property
    def cluster_spec(self) -> Any:
        """The cluster of ``TF_CONFIG``: empty, or of one process."""
        return self._cluster_spec

    @property
    def task_type(self) -> str:
        """The part of this process."""
        return self._task_type

    @property
    def task_id(self) -> int:
        """The number of this process among those of its type."""
        return self._task_id

    @property
    def global_id_in_cluster(self) -> int:
        """The number of this process in its cluster."""
        return 0

    @property
    def is_chief(self) -> bool:
        """Whether this process saves: True, because there is only one."""
        return True

    @property
    def num_ps_replicas(self) -> int:
        """The number of parameter servers."""
        return len(self._cluster_spec.job_tasks(TaskType.PS)) if TaskType.PS in self._cluster_spec.jobs else 0

    @property
    def num_worker_replicas(self) -> int:
        """The number of processes that train."""
        return 1

    master = property(lambda self: self._master, doc="Address of the session to train; empty for this process.")
    evaluation_master = property(lambda self: self._evaluation_master, doc="Address of the session to evaluate.")
    service = property(lambda self: self._service, doc="What `TF_CONFIG` has under that name.")
    model_dir = property(lambda self: self._model_dir, doc="Folder of checkpoints and summaries, or None.")
    tf_random_seed = property(lambda self: self._tf_random_seed, doc="Seed of each graph, or None.")
    save_summary_steps = property(lambda self: self._save_summary_steps, doc="Steps between summaries.")
    save_checkpoints_steps = property(lambda self: self._save_checkpoints_steps, doc="Steps between checkpoints.")
    save_checkpoints_secs = property(lambda self: self._save_checkpoints_secs, doc="Seconds between checkpoints.")
    session_config = property(lambda self: self._session_config, doc="The `tf.ConfigProto` of sessions, or None.")
    keep_checkpoint_max = property(lambda self: self._keep_checkpoint_max, doc="How many checkpoints are kept.")
    keep_checkpoint_every_n_hours = property(
        lambda self: self._keep_checkpoint_every_n_hours, doc="Hours after which one more is kept."
    )
    log_step_count_steps = property(lambda self: self._log_step_count_steps, doc="Steps between log lines.")
    device_fn = property(lambda self: self._device_fn, doc="Maps each op to its device, or None.")
    train_distribute = property(lambda self: self._train_distribute, doc="None: refused otherwise.")
    eval_distribute = property(lambda self: self._eval_distribute, doc="None: refused otherwise.")
    protocol = property(lambda self: self._protocol, doc="None: refused otherwise.")
    experimental_max_worker_delay_secs = property(
        lambda self: self._experimental_max_worker_delay_secs, doc="None: refused otherwise."
    )
    session_creation_timeout_secs = property(
        lambda self: self._session_creation_timeout_secs, doc="Seconds that a session waits for variables."
    )
    checkpoint_save_graph_def = property(
        lambda self: self._checkpoint_save_graph_def, doc="Whether graphs are written beside checkpoints."
    )


_AT_LEAST_ONE = ("save_checkpoints_steps", "save_checkpoints_secs", "log_step_count_steps")
_REFUSED = {
    "train_distribute": "Estimators here train on one device; tf1bn.distribute shares statistics between replicas of "
    "a program with its own loop.",
    "eval_distribute": "Estimators here evaluate on one device.",
    "experimental_distribute": "Estimators here train and evaluate on one device.",
    "protocol": "It is of clusters, which are not served here.",
    "experimental_max_worker_delay_secs": "It is of clusters, which are not served here.",
}


def _check(values: dict[str, Any]) -> None:
    for name, why in _REFUSED.items():
        if values[name] is not None:
            raise errors.ArgumentError(errors.explain(f"`{name}` is not served", got=values[name], fix=why))
    if values["save_checkpoints_steps"] is not None and values["save_checkpoints_secs"] is not None:
        raise errors.ArgumentError("set either `save_checkpoints_steps` or `save_checkpoints_secs`, not both.")
    for name in _AT_LEAST_ONE:
        checks.require_positive(name, values[name])
    checks.require_positive("keep_checkpoint_every_n_hours", values["keep_checkpoint_every_n_hours"])
    checks.require_positive("session_creation_timeout_secs", values["session_creation_timeout_secs"])
    for name in ("save_summary_steps", "keep_checkpoint_max"):
        if values[name] is not None and values[name] < 0:
            raise errors.ArgumentError(errors.explain(f"`{name}` must not be negative", got=values[name]))
    if values["model_dir"] is not None and not values["model_dir"]:
        raise errors.ArgumentError("`model_dir` must not be empty. Leave it out for a new temporary folder.")
    if not isinstance(values["session_config"], tf.ConfigProto | None):
        raise errors.ArgumentTypeError(
            errors.explain("`session_config` must be a tf.ConfigProto", got=values["session_config"])
        )
    if not isinstance(values["tf_random_seed"], int | None):
        raise errors.ArgumentTypeError(
            errors.explain("`tf_random_seed` must be a whole number", got=values["tf_random_seed"])
        )
    if values["device_fn"] is not None:
        checks.require_callable("device_fn", values["device_fn"])


def _environment() -> dict[str, Any]:
    """Returns what ``TF_CONFIG`` says."""
    text = os.environ.get("TF_CONFIG") or "{}"
    try:
        found = json.loads(text)
    except ValueError as error:
        raise errors.ArgumentError(
            errors.explain(f"TF_CONFIG is not JSON: {error}", got=text, fix="Unset it to train in this process.")
        ) from None
    if not isinstance(found, dict):
        raise errors.ArgumentError(errors.explain("TF_CONFIG is not a JSON object", got=text))
    return found


def _one_folder(given: Any, of_environment: str | None) -> str | None:
    given = os.fspath(given) if given is not None else None
    if given is not None and of_environment and given != of_environment:
        raise errors.ArgumentError(
            errors.explain("`model_dir` and the folder of TF_CONFIG differ", got=(given, of_environment))
        )
    return given if given is not None else of_environment or None


def session_config_of(config: RunConfig) -> Any:
    """Returns the ``tf.ConfigProto`` of sessions: the program's, else one that places ops softly."""
    if config.session_config is not None:
        return config.session_config
    chosen = tf.ConfigProto(allow_soft_placement=True)
    chosen.graph_options.rewrite_options.meta_optimizer_iterations = 1  # one pass, as Estimators of old
    return chosen


__all__ = ["RunConfig", "TaskType"]
