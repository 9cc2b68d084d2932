"""One rank of Horovod: trains its shard of the rows of ``engines`` and writes all variables to FOLDER/RANK.npz.

horovodrun -np 2 python -m tests.neighbours.rank FOLDER resource|reference
"""

import functools
import sys

import horovod.tensorflow as hvd
import numpy as np
import tensorflow.compat.v1 as tf

import tf1bn
from tests.distribute import engines
from tf1bn import distribute

SIZES = (12, 4)
STEPS = 5
KINDS = ("plain", "own_gradient", "one_round", "switch")


def norm(kind, switch):
    """Returns the batch norm whose moments are those of all ranks."""
    gradient = "own" if kind == "own_gradient" else "all_sum"
    allreduce = functools.partial(hvd.allreduce, op=hvd.Sum)
    reducer = distribute.Allreduce(allreduce, hvd.size(), rank=hvd.rank(), gradient=gradient)
    statistics = distribute.Statistics(reducer, rounds=1 if kind == "one_round" else 2)
    given = {"decay": engines.DECAY, "statistics": statistics}
    return lambda h, scope: tf1bn.batch_norm(h, switch if kind == "switch" else True, scope=scope, **given)


def build(kind, switch):
    """Builds one network in a scope of its own; its gradients are the sums over the ranks."""
    x, t = (engines.shards(rows, SIZES)[hvd.rank()] for rows in (engines.X, engines.T))
    with tf.variable_scope(kind):
        y = engines.model(tf.constant(x), norm(kind, switch))
        optimizer = hvd.DistributedOptimizer(engines.OPTIMIZERS["momentum"](), op=hvd.Sum)
        return optimizer.minimize(engines.loss_of(y, t), var_list=tf.trainable_variables(kind)), y


def train(folder):
    """Trains all kinds side by side, from the start of rank 0."""
    switch = tf.placeholder_with_default(True, [])
    steps, outputs = zip(*[build(kind, switch) for kind in KINDS], strict=True)
    averages = [v for v in tf.global_variables() if "moving" in v.op.name]
    spoilt = [tf.assign(v, v + hvd.rank()) for v in averages]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(spoilt)  # now only rank 0 has the averages as initialised: the broadcast must carry them, too
        session.run(hvd.broadcast_global_variables(0))
        for _ in range(STEPS):
            session.run(steps)
        values = session.run({v.op.name: v for v in tf.global_variables()})
        session.run(outputs[KINDS.index("switch")], {switch: False})
        after = session.run({v.op.name: v for v in averages})
    assert all(np.array_equal(after[name], values[name]) for name in after), "inference moved the averages"
    np.savez(f"{folder}/{hvd.rank()}.npz", **{name.replace("/", "|"): value for name, value in values.items()})


def main():
    folder, mode = sys.argv[1:]
    if mode == "resource":
        tf.disable_eager_execution()
    else:
        tf.disable_v2_behavior()
    hvd.init()
    train(folder)


if __name__ == "__main__":
    main()
