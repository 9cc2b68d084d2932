"""Settings of a TPUEstimator. Those that are about the hardware are kept and do nothing on a processor."""

from __future__ import annotations

from typing import Any, NamedTuple

from tf1bn import errors
from tf1bn.compat.estimator.run_config import RunConfig as _RunConfig


class InputPipelineConfig:
    """How the hosts of TPUs read their input."""

    PER_SHARD_V1 = 1
    PER_HOST_V1 = 2
    PER_HOST_V2 = 3
    BROADCAST = 4
    SLICED = 5


class _Fields(NamedTuple):
    iterations_per_loop: Any
    num_shards: Any
    num_cores_per_replica: Any
    per_host_input_for_training: Any
    tpu_job_name: Any
    initial_infeed_sleep_secs: Any
    input_partition_dims: Any
    eval_training_input_configuration: Any
    experimental_host_call_every_n_steps: Any
    experimental_allow_per_host_v2_parallel_get_next: Any
    experimental_feed_hook: Any


class TPUConfig(_Fields):
    """What is special to TPUs: kept for the program to read; on a processor nothing depends on it.

    Raises:
      ArgumentError: a number that is not positive.
    """

    __slots__ = ()

    def __new__(
        cls,
        iterations_per_loop: int = 2,
        num_shards: int | None = None,
        num_cores_per_replica: int | None = None,
        per_host_input_for_training: Any = True,
        tpu_job_name: str | None = None,
        initial_infeed_sleep_secs: int | None = None,
        input_partition_dims: Any = None,
        eval_training_input_configuration: int = InputPipelineConfig.PER_HOST_V1,
        experimental_host_call_every_n_steps: int = 1,
        experimental_allow_per_host_v2_parallel_get_next: bool = False,
        experimental_feed_hook: Any = None,
    ) -> TPUConfig:
        for name, value in (("iterations_per_loop", iterations_per_loop), ("num_shards", num_shards)):
            if value is not None and value < 1:
                raise errors.ArgumentError(errors.explain(f"`{name}` must be at least 1", got=value), where="TPUConfig")
        if per_host_input_for_training is True:
            per_host_input_for_training = InputPipelineConfig.PER_HOST_V1
        elif per_host_input_for_training is False:
            per_host_input_for_training = InputPipelineConfig.PER_SHARD_V1
        return super().__new__(
            cls,
            iterations_per_loop,
            num_shards,
            num_cores_per_replica,
            per_host_input_for_training,
            tpu_job_name,
            initial_infeed_sleep_secs,
            input_partition_dims,
            eval_training_input_configuration,
            experimental_host_call_every_n_steps,
            experimental_allow_per_host_v2_parallel_get_next,
            experimental_feed_hook,
        )


class RunConfig(_RunConfig):
    """The RunConfig of a TPUEstimator.

    Args:
      tpu_config: a TPUConfig.
      evaluation_master, master: addresses of sessions; empty or None for this process.
      cluster: refused unless None: there is no TPU here.
      kwargs: as of ``tf.estimator.RunConfig``.

    Raises:
      ArgumentError: a cluster; else as there.
    """

    def __init__(
        self,
        tpu_config: TPUConfig | None = None,
        evaluation_master: str | None = None,
        master: str | None = None,
        cluster: Any = None,
        **kwargs: Any,
    ) -> None:
        if cluster is not None:
            raise errors.ArgumentError(
                errors.explain("`cluster` is of TPUs, which are not served here", got=cluster, fix="Pass None."),
                where="tpu.RunConfig",
            )
        super().__init__(**kwargs)
        self._tpu_config = tpu_config or TPUConfig()
        self._cluster = None
        if master is not None:
            self._master = master
        if evaluation_master is not None or master is not None:
            self._evaluation_master = evaluation_master if evaluation_master is not None else self._master

    tpu_config = property(lambda self: self._tpu_config, doc="The TPUConfig.")
    cluster = property(lambda self: self._cluster, doc="None: there is no TPU here.")

    def replace(self, **changes: Any) -> RunConfig:
        """Returns settings with some of them changed; ``tpu_config`` may be among them."""
        tpu_config = changes.pop("tpu_config", self._tpu_config)
        result = super().replace(**changes)
        result._tpu_config = tpu_config  # type: ignore[attr-defined]
        return result  # type: ignore[return-value]


__all__ = ["InputPipelineConfig", "RunConfig", "TPUConfig"]
