"""``tf.contrib.learn.RunConfig``."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat.estimator.run_config import RunConfig as _RunConfig


class RunConfig(_RunConfig):
    """Settings of an Estimator, with those of its sessions as single arguments.

    Args:
      master, evaluation_master: addresses of sessions; empty for this process.
      num_cores: threads of a session; 0 lets TensorFlow choose.
      log_device_placement: whether the devices of ops are logged.
      gpu_memory_fraction: share of a GPU's memory that may be taken.
      session_config: in the place of the three before.
      others: as of ``tf.estimator.RunConfig``.
    """

    def __init__(
        self,
        master: str | None = None,
        num_cores: int = 0,
        log_device_placement: bool = False,
        gpu_memory_fraction: float = 1,
        tf_random_seed: int | None = None,
        save_summary_steps: int | None = 100,
        save_checkpoints_secs: float | None = 600,
        save_checkpoints_steps: int | None = None,
        keep_checkpoint_max: int | None = 5,
        keep_checkpoint_every_n_hours: float = 10000,
        log_step_count_steps: int | None = 100,
        protocol: str | None = None,
        evaluation_master: str = "",
        model_dir: str | None = None,
        session_config: Any = None,
    ) -> None:
        if session_config is None:
            session_config = tf.ConfigProto(
                log_device_placement=log_device_placement,
                inter_op_parallelism_threads=num_cores,
                intra_op_parallelism_threads=num_cores,
                allow_soft_placement=True,
                gpu_options=tf.GPUOptions(per_process_gpu_memory_fraction=gpu_memory_fraction),
            )
        super().__init__(
            model_dir=model_dir,
            tf_random_seed=tf_random_seed,
            save_summary_steps=save_summary_steps,
            save_checkpoints_steps=save_checkpoints_steps,
            # The default gives way to steps that the program asks for.
            save_checkpoints_secs=None if save_checkpoints_steps is not None else save_checkpoints_secs,
            session_config=session_config,
            keep_checkpoint_max=keep_checkpoint_max,
            keep_checkpoint_every_n_hours=keep_checkpoint_every_n_hours,
            log_step_count_steps=log_step_count_steps,
            protocol=protocol,
        )
        self._master = master or self._master
        self._evaluation_master = evaluation_master or self._evaluation_master

    @property
    def tf_config(self) -> Any:
        """The ``tf.ConfigProto`` of sessions, by its older name."""
        return self.session_config


__all__ = ["RunConfig"]
