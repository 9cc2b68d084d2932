"""Training by the strategies of tf.distribute: replicas in one process, or one in each process of a cluster."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import distribute
from tf1bn.datasets import Split
from tf1bn.distribute import waiting
from tf1bn.examples import peers
from tf1bn.examples.distribution import Distribution
from tf1bn.examples.training_graph import OneDevice, Recipe, TrainingGraph, TrainingRun


class Mirrored(OneDevice):
    """Replicas of MirroredStrategy on the CPU devices of one session.

    The first session of a process decides how many CPU devices it has.
    """

    def __init__(self, distribution: Distribution) -> None:
        self._distribution, self._members = distribution, distribution.members
        self._statistics = distribute.Statistics("replicas", normalize=distribution.statistics)
        self.config = distribute.session_config(devices=distribution.devices)

    def _make_strategy(self) -> Any:
        return tf.distribute.MirroredStrategy([f"/cpu:{index}" for index in range(self._distribution.devices)])

    def around(self) -> Any:
        """Returns the scope of the strategy. Made outside of a graph, it would prepare for eager execution."""
        self._strategy = self._make_strategy()
        return self._strategy.scope()

    def train(self, recipe: Recipe) -> tuple[tf.Tensor, tf.Operation]:
        """Returns the loss of a step, and the op that trains: the optimizer adds the replicas' gradients up."""

        def replica() -> tf.Tensor:
            index = int(tf.get_static_value(tf.distribute.get_replica_context().replica_id_in_sync_group))
            loss = recipe.loss_of_shard(index, self._members, self._statistics)
            optimizer = recipe.optimizer()
            train_op = optimizer.apply_gradients(optimizer.compute_gradients(loss), global_step=recipe.global_step)
            with tf.control_dependencies([recipe.updating(train_op, loss)]):
                return self._reported(loss)

        reports = self._strategy.experimental_local_results(self._strategy.run(replica))
        return self._loss(reports), tf.group(*reports)

    def _reported(self, loss: tf.Tensor) -> tf.Tensor:
        """Returns what a replica tells about its step."""
        return tf.identity(loss)

    def _loss(self, reports: Any) -> tf.Tensor:
        return tf.add_n(list(reports))


class MultiWorker(Mirrored):
    """One replica of MultiWorkerMirroredStrategy in each worker of a cluster.

    Every worker holds all variables. They read and save the averages together, since each has a copy and the mean of
    the copies is what counts; so all of them save, and only the chief's files are kept.
    """

    saves_together = True

    def __init__(self, distribution: Distribution) -> None:
        assert distribution.task is not None, "a worker is a task"
        self._task, self._timeout_seconds = distribution.task, distribution.timeout_seconds
        super().__init__(distribution)
        self.writes = self._task.is_chief

    def _make_strategy(self) -> Any:
        resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
            tf.train.ClusterSpec(self._task.cluster.jobs),
            task_type=self._task.job,
            task_id=self._task.index,
            rpc_layer="grpc",
        )
        return tf.distribute.experimental.MultiWorkerMirroredStrategy(cluster_resolver=resolver)

    def meet(self) -> None:
        """Starts the server and waits for those of the others."""
        config = distribute.session_config(timeout_seconds=self._timeout_seconds)
        self.config = self._strategy.update_config_proto(config)
        self._server = peers.start_server(self._task, self.config)
        self.target = self._server.target
        waiting.wait_for_hosts(self._task.peers, timeout_seconds=self._timeout_seconds)

    def begin(self, session: Any, built: TrainingGraph, restore: Any) -> TrainingRun:
        """Initialises the variables, with the chief's values, or restores the same checkpoint in each worker."""
        with peers.meeting("the start"):
            session.run(built.initialize)
            if restore is not None:
                restore(session)
            return _WorkerRun(built, session, self._wish, self._wishes)

    def _reported(self, loss: tf.Tensor) -> tf.Tensor:
        """Returns the sum of all workers' losses, and keeps that of their wishes to end."""
        self._wish = tf.placeholder_with_default(0.0, [], "wish_to_end")
        total, self._wishes = distribute.Replicas().all_sum([loss, self._wish])
        return total

    def _loss(self, reports: Any) -> tf.Tensor:
        return reports[0]


class _WorkerRun(peers.PeerRun):
    """Steps that all workers take together, the last one, too: the wish of one to end is summed up with each step."""

    def __init__(self, built: TrainingGraph, session: Any, wish: tf.Tensor, wishes: tf.Tensor) -> None:
        super().__init__(built, session)
        self._wish = self._wishes = 0.0
        self._step = session.make_callable(
            [built.loss, wishes, built.train_op], feed_list=[built.images, built.labels, wish]
        )

    def step(self, batch: Split) -> float:
        """Trains on one batch and returns its loss."""
        with peers.meeting("a step"):
            loss, self._wishes, _ = self._step(batch.images, batch.labels, self._wish)
        return float(loss)

    def ends(self, wish: bool) -> bool:
        """Whether some worker wished to end before the last step."""
        self._wish = float(wish)
        return self._wishes > 0
