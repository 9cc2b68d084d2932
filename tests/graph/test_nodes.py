"""The flat graph: control inputs that nodes have in common are written once, and nothing waits for more or less."""

import pytest
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.graph.flow import Flow
from tf1bn.graph.nodes import flatten

UPDATES = [f"u{number}" for number in range(20)]


def graph(**waits):
    """A GraphDef of updates and of ops that wait for some."""
    proto = tf.GraphDef()
    for name in UPDATES:
        proto.node.add(name=name, op="NoOp")
    for name, controls in waits.items():
        proto.node.add(name=name, op="NoOp", input=[f"^{item}" for item in controls])
    return proto


def needed(flow, name):
    """What an op runs, without what the flat graph puts in between."""
    marks = flow.reach([flow.by_name[name]])
    return {node.name for node in flow.nodes if marks[node.id] and node.proto is not None} - {name}


def test_lists_in_common_keep_what_each_node_waits_for():
    waits = {
        "one": UPDATES,
        "two": UPDATES,
        "three": UPDATES[:10],
        "four": UPDATES[:10],
        "more": ["one", *UPDATES, "two"],  # a group of its own, made where everything waits
        "part": UPDATES[:12],
        "less": UPDATES[:9],
        "apart": UPDATES[5:19],
        "few": UPDATES[:2],
    }
    flow = Flow(flatten(graph(**waits)))
    assert {name: needed(flow, name) for name in waits} == {name: set(controls) for name, controls in waits.items()}
    edges = {name: len(flow.nodes[flow.by_name[name]].controls) for name in waits}
    assert edges == {"one": 1, "two": 1, "three": 1, "four": 1, "more": 3, "part": 3, "less": 9, "apart": 14, "few": 2}


@pytest.mark.parametrize("users", [1, 2])
def test_missing_one_of_many_control_inputs_is_named(users):
    waits = {f"user{number}": [*UPDATES, "nowhere"] for number in range(users)}
    with pytest.raises(errors.GraphError, match="'nowhere' of node 'user0' names no node"):
        flatten(graph(**waits))


def test_nodes_of_some_ops_come_in_graph_order():
    proto = tf.GraphDef()
    for number, op in enumerate(["Relu", "Const", "Const", "Relu", "Identity"]):
        proto.node.add(name=f"n{number}", op=op, input=[] if op == "Const" else ["n1"])
    flow = Flow(flatten(proto))
    assert [node.name for node in flow.of_ops(("Relu", "Identity").__contains__)] == ["n0", "n3", "n4"]
    assert flow.of_ops("MatMul".__eq__) == []
