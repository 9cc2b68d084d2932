"""Training by workers whose variables stand on parameter servers, each at its own pace or all in step."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import distribute
from tf1bn.datasets import Split
from tf1bn.distribute import done, waiting
from tf1bn.examples import peers
from tf1bn.examples.distribution import COMBINED, Distribution
from tf1bn.examples.training_graph import OneDevice, Recipe, TrainingGraph, TrainingRun

_NEVER = tf.int64.max


class ParameterServer(OneDevice):
    """One worker of a cluster with parameter servers.

    Asynchronous: each worker trains on batches of its own part of the images, and all move the same averages, each by
    decay^(1/workers). Synchronous: each takes its shard of the same batch, and a step is one of all.
    """

    def __init__(self, distribution: Distribution) -> None:
        assert distribution.task is not None, "a worker is a task"
        self._task, self._timeout_seconds = distribution.task, distribution.timeout_seconds
        self._workers, self._synchronous = distribution.members, distribution.synchronous
        self._combined = distribution.statistics == COMBINED
        self._statistics = self._statistics_of_step()
        self.writes = self._task.is_chief
        cluster = self._task.cluster
        self.config = distribute.session_config(
            # Without the filters a missing worker would hold up the sessions of all.
            device_filters=["/job:ps", self._task.device],
            group_leader=cluster.chief_device.replace("/task", "/replica:0/task") if self._combined else None,
            timeout_seconds=distribution.timeout_seconds,
        )

    def _statistics_of_step(self) -> Any:
        if not self._combined:
            return distribute.Statistics(writers=self._workers)
        return distribute.Statistics(distribute.Collectives(self._workers, rank=self._task.rank))

    def around(self) -> Any:
        """Returns the placement: variables on the ps in turn, the rest here."""
        cluster = self._task.cluster
        chooser = tf.train.replica_device_setter(
            ps_tasks=len(cluster.ps), worker_device=self._task.device, cluster=tf.train.ClusterSpec(cluster.jobs)
        )
        return tf.device(lambda op: self._task.device if op.name.startswith(_LOCAL_STEP) else chooser(op))

    def train(self, recipe: Recipe) -> tuple[tf.Tensor, tf.Operation]:
        """Returns the loss of a step, and the op that trains."""
        optimizer = recipe.optimizer()
        if not self._synchronous:
            loss = recipe.loss_of_shard(0, 1, self._statistics)
            return loss, recipe.updating(optimizer.minimize(loss, global_step=recipe.global_step), loss)
        loss = recipe.loss_of_shard(self._task.rank, self._workers, self._statistics)
        # The optimizer takes the mean of the workers' gradients; the gradient of the batch is their sum.
        with _without_warnings():
            self._optimizer = tf.train.SyncReplicasOptimizer(optimizer, self._workers, self._workers)
            gradients = self._optimizer.compute_gradients(loss * self._workers)
            train_op = self._optimizer.apply_gradients(gradients, global_step=recipe.global_step)
        self._optimizer.ready_for_local_init_op.mark_used()  # is for the sessions of TensorFlow's own supervisors
        return self._loss_of_batch(loss, recipe.updating(train_op, loss))

    def _loss_of_batch(self, loss: tf.Tensor, train_op: tf.Operation) -> tuple[tf.Tensor, tf.Operation]:
        """Returns the loss of all shards; where nothing is exchanged, the estimate that this one gives.

        Trick: workers that exchange share the number of the step, and when the first of them ends it, TensorFlow
        discards what stands on the ps under that number, also what another still waits for. So the exchange of the
        losses is the last thing in a step: none ends before the ps has served all.
        """
        if not self._combined:
            return loss * self._workers, train_op
        with tf.control_dependencies([train_op]):
            (total,) = self._statistics.reducer.all_sum([tf.identity(loss)])
        return total, total.op

    def finish(self, recipe: Recipe) -> None:
        """Adds the report of variables that are not initialised, and the step at which all workers end."""
        self._initialize = tf.global_variables_initializer()
        # In no collection: it is of this start of the cluster and has no place in a checkpoint.
        self._last = tf.get_variable("tf1bn_last_step", initializer=tf.constant(_NEVER, tf.int64), collections=[])
        soon = tf.minimum(self._last, tf.cast(recipe.global_step, tf.int64) + 1)
        self._end_soon = tf.assign(self._last, soon)
        self._position = [recipe.global_step, self._last]
        self._uninitialized = tf.report_uninitialized_variables([*tf.global_variables(), self._last])
        self._tokens = self._optimizer.get_init_tokens_op(num_tokens=0) if self._synchronous else None

    def meet(self) -> None:
        """Starts the server and waits for those of the ps; where workers meet, for theirs, too."""
        self._server = peers.start_server(self._task, self.config)
        self.target = self._server.target
        others = self._task.peers if self._combined else self._task.cluster.ps
        waiting.wait_for_hosts(others, timeout_seconds=self._timeout_seconds)

    def begin(self, session: Any, built: TrainingGraph, restore: Callable[[Any], None] | None) -> TrainingRun:
        """Initialises or restores the variables as the chief, unless they are there; as another worker waits for it.

        A chief that comes back finds the variables as the others have trained them, and goes on with these.
        """
        with peers.meeting("the start"):
            if self._task.is_chief and len(session.run(self._uninitialized)):
                session.run(self._last.initializer)
                if restore is None:
                    session.run(self._initialize)
                else:
                    restore(session)
            waiting.wait_for_variables(
                self.target, self._uninitialized, config=self.config, timeout_seconds=self._timeout_seconds
            )
            if self._synchronous:
                self._start_steps(session)
        return _WorkerRun(built, session, self._synchronous, self._position, self._end_soon)

    def _start_steps(self, session: Any) -> None:
        """Lets this worker take part; the chief applies the gradients once those of all are there.

        There are no tokens to begin with: so no worker runs ahead, and each step has one gradient of each worker.
        """
        self._coordinator = tf.train.Coordinator()
        if not self._task.is_chief:
            session.run(self._optimizer.local_step_init_op)
            return
        session.run([self._optimizer.chief_init_op, self._tokens])
        self._optimizer.get_chief_queue_runner().create_threads(session, self._coordinator, daemon=True, start=True)

    def end(self) -> None:
        """Stops the threads."""
        if self._synchronous:
            self._coordinator.request_stop()

    def leave(self) -> None:
        """Tells every ps that this worker is done."""
        done.announce_done(self.target, self._task, timeout_seconds=self._timeout_seconds)

    def portion(self, split: Split) -> Split:
        """Returns the part of the images that this worker trains on; in step, all draw the same batches from all."""
        if self._synchronous:
            return split
        mine = slice(self._task.rank, None, self._workers)
        return Split(split.images[mine], split.labels[mine])


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """SyncReplicasOptimizer is deprecated, and is what programs with parameter servers have."""
    level = tf.logging.get_verbosity()
    tf.logging.set_verbosity(tf.logging.ERROR)
    try:
        yield
    finally:
        tf.logging.set_verbosity(level)


_LOCAL_STEP = "sync_rep_local_step"
"""A variable of SyncReplicasOptimizer that each worker must have for itself: on a ps, all would share one."""


class _WorkerRun(peers.PeerRun):
    """Steps of one worker. Workers in step also end after the same step, which a variable tells them."""

    def __init__(self, built: TrainingGraph, session: Any, synchronous: bool, position: Any, end_soon: Any) -> None:
        super().__init__(built, session)
        self._synchronous, self._position, self._end_soon = synchronous, position, end_soon
        self._told = False

    def after(self, step: int) -> int:
        """Returns the number of steps that all workers have trained."""
        return self.steps

    def ends(self, wish: bool) -> bool:
        """Whether this worker ends here: where workers are in step, after one more step of all."""
        if not self._synchronous:
            return wish
        with peers.meeting("a step"):
            if wish and not self._told:
                self.session.run(self._end_soon)
                self._told = True
            step, last = self.session.run(self._position)
        return bool(step >= last)
