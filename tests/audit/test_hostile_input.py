"""Damaged and hostile graphs end in a named error or a report, never in a hang or another exception."""

import random

import pytest
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.audit import audit, samples
from tf1bn.graph.nodes import MAX_DEPTH


def graph_def(*rows):
    proto = tf.GraphDef()
    for name, op, *inputs in rows:
        node = proto.node.add()
        node.name, node.op = name, op
        node.input.extend(inputs)
    return proto


def function(proto, name, body=(), ret="", inputs=1):
    item = proto.library.function.add()
    item.signature.name = name
    for number in range(inputs):
        item.signature.input_arg.add().name = f"in{number}"
    item.signature.output_arg.add().name = "out"
    for node_name, op, *sources in body:
        node = item.node_def.add()
        node.name, node.op = node_name, op
        node.input.extend(sources)
    item.ret["out"] = ret or "in0"
    return item


def call(proto, name, callee, *inputs):
    node = proto.node.add()
    node.name, node.op = name, "PartitionedCall"
    node.input.extend(inputs)
    node.attr["f"].func.name = callee


def test_dangling_input_is_named():
    with pytest.raises(errors.GraphError, match="'ghost' of node 'a' names no node"):
        audit(graph_def(("a", "Identity", "ghost")))


def test_dangling_control_input_is_named():
    with pytest.raises(errors.GraphError, match="'ghost' of node 'a' names no node"):
        audit(graph_def(("a", "NoOp", "^ghost")))


def test_cycle_through_control_edges_is_named():
    with pytest.raises(errors.GraphError, match="wait for each other in a circle"):
        audit(graph_def(("a", "NoOp", "^b"), ("b", "NoOp", "^c"), ("c", "NoOp", "^a")))


def test_node_that_waits_for_itself_is_named():
    with pytest.raises(errors.GraphError, match="circle"):
        audit(graph_def(("a", "Identity", "a")))


def test_loop_is_no_cycle():
    proto = graph_def(("x", "Const"), ("e", "Enter", "x"), ("m", "Merge", "e", "n"), ("n", "NextIteration", "m"))
    assert audit(proto).findings == ()


def test_two_nodes_of_one_name_are_named():
    with pytest.raises(errors.GraphError, match="two nodes are named 'a'"):
        audit(graph_def(("a", "NoOp"), ("a", "NoOp")))


def test_node_without_op_is_named():
    with pytest.raises(errors.GraphError, match="no name or no op type"):
        audit(graph_def(("a", "")))


def test_missing_function_is_named():
    proto = graph_def(("x", "Const"))
    call(proto, "c", "nowhere", "x")
    with pytest.raises(errors.GraphError, match="calls a function that the graph does not define. Got 'nowhere'"):
        audit(proto)


def test_function_that_calls_itself_is_named():
    proto = graph_def(("x", "Const"))
    call(proto, "c", "f", "x")
    item = function(proto, "f", [("inner", "PartitionedCall", "in0")], "inner:output:0")
    item.node_def[0].attr["f"].func.name = "f"
    with pytest.raises(errors.GraphError, match=f"more than {MAX_DEPTH} deep"):
        audit(proto)


def test_functions_that_double_without_end_are_too_large():
    proto = graph_def(("x", "Const"))
    call(proto, "c", "f0", "x")
    for level in range(40):
        item = function(
            proto, f"f{level}", [("a", "PartitionedCall", "in0"), ("b", "PartitionedCall", "in0")], "a:output:0"
        )
        for node in item.node_def:
            node.attr["f"].func.name = f"f{level + 1}"
    function(proto, "f40")
    with pytest.raises(errors.GraphError, match=r"too large|deep"):
        audit(proto)


def test_function_without_its_output_is_named():
    proto = graph_def(("x", "Const"))
    call(proto, "c", "f", "x")
    function(proto, "f", ret="ghost:y:0")
    with pytest.raises(errors.GraphError, match="names no node"):
        audit(proto)


@pytest.mark.parametrize(
    "op",
    [
        "FusedBatchNormV3",
        "Rsqrt",
        "AssignSub",
        "Switch",
        "Merge",
        "If",
        "While",
        "SaveV2",
        "RestoreV2",
        "ApplyAdam",
        "Mean",
        "ReadVariableOp",
        "Enter",
        "Pow",
        "Select",
    ],
)
@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_ops_with_too_few_inputs_and_no_attributes_do_not_crash(op, count):
    proto = graph_def(("v", "VariableV2"), ("n", op, *["v"] * count), ("e", "Add", "n", "v"), ("r", "Rsqrt", "e"))
    try:
        assert "BN000" not in {item.code for item in audit(proto).findings}
    except errors.GraphError as error:
        assert "has too few inputs" in str(error)


def meta_of(graph):
    with graph.as_default():
        return tf.train.export_meta_graph(graph=graph)


def sound_meta():
    with samples.program() as p:
        flag = tf.placeholder_with_default(True, [], "flag")
        y = p.norm(p.conv(p.images()), training=flag).output
        p.train(p.loss(y))
        p.save()
    return meta_of(p.graph).SerializeToString()


def outcome(path):
    try:
        return audit(str(path))
    except errors.Tf1bnError as error:
        return error


def test_truncated_files_end_in_a_named_error_or_a_report(tmp_path, flavour):
    data = sound_meta()
    path = tmp_path / "cut.meta"
    kinds = set()
    for size in range(0, len(data), max(1, len(data) // 60)):
        path.write_bytes(data[:size])
        kinds.add(type(outcome(path)).__name__)
    assert kinds <= {"GraphError", "Report"} and "GraphError" in kinds


@pytest.mark.parametrize("ending", ["meta", "pb", "pbtxt"])
def test_flipped_bytes_end_in_a_named_error_or_a_report(tmp_path, ending):
    data, generator = sound_meta(), random.Random(7)
    path = tmp_path / f"flipped.{ending}"
    for _ in range(60):
        damaged = bytearray(data)
        for _ in range(generator.randint(1, 30)):
            damaged[generator.randrange(len(damaged))] = generator.randrange(256)
        path.write_bytes(bytes(damaged))
        result = outcome(path)
        assert isinstance(result, errors.GraphError) or "BN000" not in {item.code for item in result.findings}


def test_rewired_graphs_end_in_a_named_error_or_a_report():
    meta, generator = tf.MetaGraphDef.FromString(sound_meta()), random.Random(3)
    names = [node.name for node in meta.graph_def.node]
    for _ in range(80):
        copy = tf.MetaGraphDef()
        copy.CopyFrom(meta)
        for _ in range(generator.randint(1, 8)):
            node = generator.choice(copy.graph_def.node)
            if node.input:
                node.input[generator.randrange(len(node.input))] = generator.choice(["", "^", ":3"]).join(
                    ["", generator.choice(names)]
                )
            else:
                node.attr.clear()
        try:
            report = audit(copy)
        except errors.GraphError:
            continue
        assert "BN000" not in {item.code for item in report.findings}


def test_a_hundred_thousand_nodes():
    proto = graph_def(("a0", "Placeholder"), *((f"a{i}", "Relu", f"a{i - 1}") for i in range(1, 100_000)))
    assert audit(proto).findings == ()


def test_constant_that_claims_to_be_huge():
    proto = graph_def(("c", "Const"), ("v", "VariableV2"), ("a", "Add", "v", "c"), ("r", "Rsqrt", "a"))
    value = proto.node[0].attr["value"].tensor
    value.dtype = 1
    for _ in range(4):
        value.tensor_shape.dim.add().size = 2**40
    assert audit(proto).findings == ()
