"""The check of a repair finds updates that run where their branch is not taken, whichever of several it is."""

import pytest
import tensorflow.compat.v1 as tf

from tests.audit.test_fix_branches import MODES, lost, network, train_op
from tf1bn import errors
from tf1bn.audit import attaching, samples, trial
from tf1bn.graph import rewriting
from tf1bn.graph.model import GraphModel
from tf1bn.testing import graphs

NAMES = ("one", "two", "three")


def three_branches(mode):
    """Three batch norms, each in a conditional of its own, whose updates nothing waits for."""
    with graphs.graph_mode(mode) as graph:
        p = samples.Program(graph)
        branches = [network(p, lost, tf.placeholder(tf.bool, [], f"if_{name}"), names=name) for name in NAMES]
        train_op(p, tf.add_n(branches))
        return graph, tf.train.export_meta_graph()


def repaired(graph, meta):
    """The repaired graph, and what was attached; the model that knows it."""
    new = tf.MetaGraphDef()
    new.CopyFrom(meta)
    model = GraphModel(graph)
    return new, model, attaching.attach(model, new)[1]


def moved_too(meta, mode, name, switch=None):
    """The graph with a train op that moves an average once more: in every run, or in those that take a branch."""
    with graphs.graph_mode(mode) as graph:
        tf.train.import_meta_graph(meta)
        mean = next(v for v in tf.global_variables() if v.op.name == f"{name}/moving_mean")
        taken = graph.get_tensor_by_name(f"if_{switch}:0") if switch else tf.constant(True)
        more = tf.assign_add(mean, tf.ones_like(mean) * tf.cast(taken, tf.float32)).op
        broken = tf.train.export_meta_graph()
    train = next(node for node in broken.graph_def.node if node.name == "train")
    rewriting.add_controls(train, [more.name])
    return broken


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_an_average_that_moves_beside_its_branch_fails_the_check(mode):
    """Also where it moves with one other branch alone, whichever two they are."""
    graph, meta = three_branches(mode)
    new, model, updates = repaired(graph, meta)
    assert len(updates) == 6
    trial.training(meta, new, model, updates, None, {})
    for name in NAMES:
        text = rf"(?s)moves where its branch is not taken.*\['{name}/moving_mean'\]"
        for switch in (None, *(other for other in NAMES if other != name)):
            with pytest.raises(errors.RepairError, match=text):
                trial.training(meta, moved_too(new, mode, name, switch), model, updates, None, {})
