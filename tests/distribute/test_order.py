"""Variables that one tower moves are read by the others before: the graph itself orders it."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn.distribute import Collectives
from tf1bn.testing import graphs


def needs(op):
    """All ops that must have run before ``op``."""
    found, waiting = set(), [op]
    while waiting:
        for before in [*(t.op for t in waiting[-1].inputs), *waiting.pop().control_inputs]:
            if before not in found:
                found.add(before)
                waiting.append(before)
    return found


@pytest.mark.parametrize(
    ("variable", "options"), [("renorm_mean", {"renorm": True}), ("moving_mean", {"use_batch_statistics": False})]
)
def test_a_tower_reads_what_another_one_moves_before_it_gives_its_sums(variable, options):
    with graphs.graph_mode() as graph:
        for i in range(2):
            with tf.device(f"/cpu:{i}"), tf.name_scope(f"tower_{i}"):
                x = tf.constant(np.ones((4, 3), np.float32))
                tf1bn.batch_norm(x, True, scope="bn", reuse=tf.AUTO_REUSE, statistics=Collectives(2), **options)
        ops = graph.get_operations()
        sums = [op for op in ops if op.type == "CollectiveReduceV2" and op.name.startswith("tower_1")]
        reads = [op for op in ops if op.type == "ReadVariableOp" and op.name.startswith("tower_1")]
        reads = {op for op in reads if op.inputs[0].op.name == f"bn/{variable}"}
        moves = [op for op in ops if op.type == "ResourceApplyMomentum" and op.inputs[0].op.name == f"bn/{variable}"]
        assert sums and reads and all(reads <= needs(op) for op in sums)
        assert len(moves) == 1 and moves[0].name.startswith("tower_0")
