"""One model, trained on one device with the whole batch, or on shards of it by each engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

import tf1bn
from tests import patience
from tests.layers import trial
from tf1bn import distribute

ROWS, FEATURES, DECAY = 16, 4, 0.9
OPTIMIZERS = {
    "sgd": lambda: tf.train.GradientDescentOptimizer(0.1),
    "momentum": lambda: tf.train.MomentumOptimizer(0.05, 0.9),
    "adam": lambda: tf.train.AdamOptimizer(0.01),
}

_rng = np.random.default_rng(3)
X = _rng.normal(_rng.normal(0, 2, FEATURES), _rng.uniform(0.5, 3, FEATURES), (ROWS, FEATURES))
T = _rng.normal(size=(ROWS, 1))
Values = dict[str, Any]
Norm = Callable[..., Any]


def shards(array: Any, sizes: Sequence[int]) -> list[Any]:
    """Returns the rows in consecutive parts of these sizes."""
    return np.split(array, np.cumsum(sizes)[:-1])


def weight(name: str, shape: tuple[int, ...]) -> Any:
    values = np.random.default_rng(len(name) + shape[0]).normal(size=shape) / np.sqrt(shape[0])
    return tf.get_variable(name, shape, tf.float64, initializer=tf.constant_initializer(values))


def model(x: Any, norm: Norm) -> Any:
    """Returns the output of two layers with a batch norm after each, of one input or of a list of shards."""
    w0, w1 = weight("w0", (FEATURES, 5)), weight("w1", (5, 3))
    first = _each(x, lambda part: tf.matmul(part, w0))
    second = _each(norm(first, scope="bn0"), lambda part: tf.matmul(tf.nn.softplus(part), w1))
    w2 = weight("w2", (3, 1))
    return _each(norm(second, scope="bn1"), lambda part: tf.matmul(tf.tanh(part), w2))


def loss_of(y: Any, t: Any) -> Any:
    """Returns a shard's part of the loss: a sum, divided by the size of the whole batch."""
    return tf.reduce_sum(tf.square(y - t)) / ROWS


def single(steps: int, switch: Any = True, **options: Any) -> Values:
    """Trains on one device, once with each optimizer, and returns all variables."""
    with tf.Graph().as_default():
        train = []
        for name, optimizer in OPTIMIZERS.items():
            with tf.variable_scope(name):
                y = model(tf.constant(X), lambda h, scope: tf1bn.batch_norm(h, switch, scope=scope, **_own(options)))
                train.append(optimizer().minimize(loss_of(y, T)))
        return _trained(train, steps)


def mirrored(steps: int, sizes: Sequence[int], flag: Any, reducer: Any, **options: Any) -> Values:
    """Trains under MirroredStrategy; ``flag`` is True or a function that makes the switch."""
    strategy = tf.distribute.MirroredStrategy([f"/cpu:{i}" for i in range(len(sizes))])
    switch = flag() if callable(flag) else flag
    parts, targets = shards(X, sizes), shards(T, sizes)

    def step() -> Any:
        i = int(tf.get_static_value(tf.distribute.get_replica_context().replica_id_in_sync_group))
        train = []
        for name, optimizer in OPTIMIZERS.items():
            with tf.variable_scope(name):
                y = model(tf.constant(parts[i]), _norm(switch, reducer, options))
                train.append(optimizer().minimize(loss_of(y, targets[i])))
        with tf.control_dependencies(train):
            return tf.constant(0)

    with strategy.scope():
        fetches = strategy.experimental_local_results(strategy.run(step))
        return _trained(list(fetches), steps, switch)


def towers(steps: int, sizes: Sequence[int], flag: Any, reducer: Any, **options: Any) -> Values:
    """Trains a loop of towers in one session: Adam on the summed loss, the others on the tower's own gradients."""
    switch = flag() if callable(flag) else flag
    train = []
    for name, make in OPTIMIZERS.items():
        optimizer, losses, gradients = make(), [], []
        for i, (x, t) in enumerate(zip(shards(X, sizes), shards(T, sizes), strict=True)):
            with tf.device(f"/cpu:{i}"), tf.variable_scope(name, reuse=tf.AUTO_REUSE):
                losses.append(loss_of(model(tf.constant(x), _norm(switch, reducer, options)), t))
                if name != "adam":
                    gradients.append(optimizer.compute_gradients(losses[-1], tf.trainable_variables(name)))
        with tf.variable_scope(name):  # slots are named after it
            if name == "adam":
                train.append(optimizer.minimize(tf.add_n(losses), var_list=tf.trainable_variables(name)))
            else:
                summed = [(tf.add_n([g for g, _ in pair]), pair[0][1]) for pair in zip(*gradients, strict=True)]
                train.append(optimizer.apply_gradients(summed))
        train += losses
    return _trained(train, steps, switch)


def tower_list(steps: int, sizes: Sequence[int], flag: Any, reducer: Any, **options: Any) -> Values:
    """Trains all towers layer by layer; there is no reducer."""
    switch = flag() if callable(flag) else flag
    train = []
    for name, optimizer in OPTIMIZERS.items():
        inputs = []
        for i, x in enumerate(shards(X, sizes)):
            with tf.device(f"/cpu:{i}"):
                inputs.append(tf.constant(x))
        with tf.variable_scope(name):
            ys = model(inputs, lambda hs, scope: tf1bn.batch_norm_towers(hs, switch, scope=scope, **_own(options)))
            loss = tf.add_n([loss_of(y, t) for y, t in zip(ys, shards(T, sizes), strict=True)])
            train.append(optimizer().minimize(loss, var_list=tf.trainable_variables(name)))
    return _trained(train, steps, switch)


def built(engine: str, sizes: Sequence[int], flag: Callable[[], Any], reducer: Any) -> None:
    """Builds the training of one engine, with plain gradient descent, and runs nothing."""
    switch, parts, targets = flag(), shards(X, sizes), shards(T, sizes)

    def loss(i: int) -> Any:
        return loss_of(model(tf.constant(parts[i]), _norm(switch, reducer, {})), targets[i])

    def step() -> Any:
        i = int(tf.get_static_value(tf.distribute.get_replica_context().replica_id_in_sync_group))
        train = OPTIMIZERS["sgd"]().minimize(loss(i))
        with tf.control_dependencies([train]):
            return tf.constant(0)

    if engine == "mirrored":
        strategy = tf.distribute.MirroredStrategy([f"/cpu:{i}" for i in range(len(sizes))])
        with strategy.scope():
            strategy.run(step)
        return
    losses = []
    for i in range(len(sizes)):
        with tf.device(f"/cpu:{i}"), tf.variable_scope("", reuse=tf.AUTO_REUSE):
            losses.append(loss(i))
    OPTIMIZERS["sgd"]().minimize(tf.add_n(losses))


ENGINES = {"mirrored": mirrored, "towers": towers, "list": tower_list}


def reducer_for(engine: str, members: int) -> Any:
    """Returns the reducer that fits an engine."""
    return distribute.Collectives(members) if engine == "towers" else distribute.Replicas()


def session(seconds: float = patience.SECONDS) -> tf.Session:
    """Returns a session with four devices.

    It has the time limit, and not each collective op: TensorFlow keeps a thread for each such op that ran until its
    time is over (findings/), and a process ends where it can start no more.
    """
    given = trial.session()._config
    return tf.Session(config=distribute.session_config(devices=4, timeout_seconds=seconds, config=given))


def _own(options: dict[str, Any]) -> dict[str, Any]:
    return {"decay": DECAY, **options}


def _norm(switch: Any, reducer: Any, options: dict[str, Any]) -> Norm:
    return lambda h, scope: tf1bn.batch_norm(h, switch, scope=scope, statistics=reducer, **_own(options))


def _each(x: Any, function: Callable[[Any], Any]) -> Any:
    if not isinstance(x, list):
        return function(x)
    found = []
    for part in x:
        with tf.device(part.device):
            found.append(function(part))
    return found


def _trained(fetches: Sequence[Any], steps: int, switch: Any = None) -> Values:
    """Runs the steps, then one in inference where there is a switch, which moves no average."""
    with session() as running:
        running.run(tf.global_variables_initializer())
        for _ in range(steps):
            running.run(fetches)
        # The powers of Adam's betas depend on the step alone, and are named after whatever scope made them.
        kept = [v for v in tf.global_variables() if "_power" not in v.name]
        found = {v.name.split(":")[0]: value for v, value in zip(kept, running.run(kept), strict=True)}
        if tf.is_tensor(switch):
            running.run(fetches, {switch: False})
            for variable in tf.global_variables():
                name = variable.name.split(":")[0]
                if "moving" in name:
                    np.testing.assert_array_equal(running.run(variable), found[name], err_msg=name)
        return found
