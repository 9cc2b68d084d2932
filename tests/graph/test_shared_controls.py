"""Long lists of control inputs are found by their bytes: what each node waits for is what its texts say."""

import random

import pytest
import tensorflow.compat.v1 as tf

from tf1bn.graph.flow import Flow
from tf1bn.graph.nodes import flatten

# Lengths on both sides of one and two bytes of a length; the last hold the bytes that begin an input of their own.
NAMES = [
    *(f"u{number}" for number in range(10)),
    *(f"scope/{'x' * size}/u" for size in (100, 118, 119, 120, 121, 200, 400)),
    *("odd\x1a\x03^u1", "odd\x1a\x03^u", "\x1a\x04^odd"),
]


def graph(waits):
    """A GraphDef of ops, and of others with data inputs and control inputs, in the order that is given."""
    proto = tf.GraphDef()
    for name in NAMES:
        proto.node.add(name=name, op="NoOp")
    for name in ("a", "b"):
        proto.node.add(name=name, op="Const")
    for name, (data, controls) in waits.items():
        proto.node.add(name=name, op="IdentityN", device="/cpu:0", input=[*data, *(f"^{item}" for item in controls)])
    return proto


def read(proto, name):
    """The data inputs of a node and all that it waits for, NoOps of the flat graph looked through."""
    flow = Flow(flatten(proto))
    node = flow.nodes[flow.by_name[name]]
    todo, waited = list(node.controls), []
    while todo:
        item = flow.nodes[todo.pop()]
        if item.proto is None:
            todo += item.controls
        else:
            waited.append(item.name)
    return [(flow.nodes[number].name, output) for number, output in node.inputs], sorted(waited)


@pytest.mark.parametrize("seed", range(8))
def test_every_node_waits_for_what_its_texts_say(seed):
    rng = random.Random(seed)
    lists = [rng.sample(NAMES, rng.randint(8, len(NAMES))) for _ in range(4)]
    waits = {}
    for number in range(40):
        chosen = list(rng.choice(lists))
        more = rng.sample(["a", "b", *waits], rng.randint(0, min(3, len(waits) + 2)))
        for item in more:
            chosen.insert(rng.choice([0, len(chosen), rng.randint(0, len(chosen))]), item)
        waits[f"n{number}"] = (rng.choice([[], ["a"], ["a", "b:1", "a"]]), chosen)
    proto = graph(waits)
    for name, (data, controls) in waits.items():
        expected = [(text.split(":")[0], int(text.partition(":")[2] or 0)) for text in data]
        assert read(proto, name) == (expected, sorted(controls)), name


def test_node_with_more_than_a_known_list_shares_it():
    waits = {"one": ([], NAMES), "two": (["a"], NAMES), "more": (["b"], ["one", *NAMES, "two"])}
    flow = Flow(flatten(graph(waits)))
    counts = {name: len(flow.nodes[flow.by_name[name]].controls) for name in waits}
    assert counts == {"one": 1, "two": 1, "more": 3}


def test_many_lists_that_no_other_node_has():
    waits = {f"n{number}": ([], NAMES[number % 7 : 9 + number % 11]) for number in range(60)}
    proto = graph(waits)
    for name, (_, controls) in waits.items():
        assert read(proto, name)[1] == sorted(controls)


def test_name_that_holds_the_bytes_of_a_known_list_is_not_taken_for_it():
    known = [f"u{number}" for number in range(8)]
    odd = "odd" + "".join(f"\x1a\x03^{name}" for name in known)
    waits = {odd: ([], []), "one": ([], known), "two": ([], [odd, *NAMES[9:17]])}
    proto = graph(waits)
    assert read(proto, "one")[1] == known
    assert read(proto, "two")[1] == sorted([odd, *NAMES[9:17]])
