"""Every kind of batch norm, exported from a graph that was built for training: what a graph of inference computes."""

import collections
import itertools

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tests.export import kinds as all_kinds
from tests.export import programs
from tf1bn import errors, export
from tf1bn.core import averages, records
from tf1bn.core.values import Moments
from tf1bn.strategies.base import NOWHERE, UpdatePlan
from tf1bn.testing.graphs import MODES, graph_mode

KINDS = {**all_kinds.OWN, **all_kinds.DROP_INS}
KERNELS = [name for name, kind in KINDS.items() if "kernel" in name or kind.shape == (28, 28, 64) or name == "first"]
CLOSE = {"float16": 4e-3, "bfloat16": 2e-2, "float32": 2e-5, "float64": 1e-9}
SWITCHES = {"constant": lambda: True, "placeholder": lambda: tf.placeholder(tf.bool, [], "is_training")}


def exported_and_expected(kinds, mode, strategy, switch, folder, run_frozen):
    """Exports the training graph; builds the one of inference; returns outputs and counts of ops of both."""
    with graph_mode(mode):
        outputs = all_kinds.network(kinds, SWITCHES[switch](), strategy)
        prefix = programs.save(folder)
    with graph_mode(mode) as graph, tf.Session() as session:
        all_kinds.network(kinds, False, strategy)
        tf.train.Saver().restore(session, prefix)
        expected = session.run(outputs, all_kinds.feed(kinds))
        ops = count(export.inference_graph(graph, outputs).graph_def)
    done = export.export(f"{prefix}.meta", prefix, outputs, folder / "f.pb", to="frozen")
    found = run_frozen_all(done.path, outputs, all_kinds.feed(kinds))
    return found, expected, count(done.graph.graph_def), ops


def count(graph_def):
    return collections.Counter(node.op for node in graph_def.node)


def run_frozen_all(path, outputs, feed):
    with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
        with open(path, "rb") as file:
            tf.import_graph_def(tf.GraphDef.FromString(file.read()), name="")
        return session.run(outputs, feed)


def check(names, mode, strategy, switch, folder, run_frozen):
    kinds = {name: KINDS[name] for name in names if strategy in (KINDS[name].of or (strategy,))}
    found, expected, ops, static = exported_and_expected(kinds, mode, strategy, switch, folder, run_frozen)
    assert ops == static and not {"EnsureShape", "If", "StatelessIf", "Switch", "Merge"} & set(ops)
    for name, value in expected.items():
        close, value = CLOSE[value.dtype.name], value.astype(np.float64)
        scale = max(1.0, np.abs(value).max())
        np.testing.assert_allclose(found[name].astype(np.float64), value, rtol=0, atol=close * scale, err_msg=name)


@pytest.mark.parametrize("part", range(4))
def test_a_graph_built_for_training_alone_gives_what_one_of_inference_gives(part, tmp_path, run_frozen):
    strategy = ("inline", "collection", "ema", "inline")[part]
    names = list(KINDS)[part::4] if part != 3 else [*list(KINDS)[3::4], *(n for n, k in KINDS.items() if k.of)]
    check(names, MODES[part], strategy, "constant", tmp_path, run_frozen)


def test_every_kernel_leaves_the_ops_of_inference_behind_a_switch(tmp_path, run_frozen):
    check(KERNELS, MODES[0], "inline", "placeholder", tmp_path, run_frozen)


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "mode, strategy, switch",
    list(itertools.product(MODES, ("inline", "collection", "ema"), SWITCHES)),
    ids=lambda value: str(value),
)
def test_every_kind_in_every_mode_by_every_strategy(mode, strategy, switch, tmp_path, run_frozen):
    check(list(KINDS), mode, strategy, switch, tmp_path, run_frozen)


def test_batch_statistics_in_inference_read_averages_too(tmp_path, run_frozen):
    x = np.random.RandomState(0).normal(size=(4, 3)).astype(np.float32)

    def build(use_batch):
        given = tf.placeholder(tf.float32, [None, 3], "x")
        tf1bn.batch_norm(
            given, False, use_batch_statistics=use_batch, adjustment=all_kinds.adjusted if use_batch else None
        )

    with graph_mode() as graph:
        build(True)
        name = records.read(graph)[0]["calls"][0][1]
        prefix = programs.save(tmp_path)
        done = export.export(graph, prefix, {"y": name}, tmp_path / "f.pb", to="frozen")
    assert done.graph.rewritten == ("batch_norm",)
    with graph_mode(), tf.Session() as session:
        given = tf.placeholder(tf.float32, [None, 3], "x")
        y = tf1bn.batch_norm(given, False)
        tf.train.Saver().restore(session, prefix)
        expected = session.run(y, {given: x})
    np.testing.assert_allclose(run_frozen(done.path, done.graph.outputs["y"], {"x:0": x}), expected, rtol=0, atol=1e-5)


class Halved:
    """A strategy of one's own, that reads something else than a variable."""

    name = "halved"

    def create(self, request):
        return request.averages()

    def read(self, state):
        kept = averages.read(state)
        return Moments(kept.mean * 0.5, kept.variance * 2.0)

    def update(self, state, batch, decay):
        return UpdatePlan((), NOWHERE)


def layer(x, is_training, **options):
    tf.nn.relu(tf1bn.batch_norm(x, is_training, adjustment=all_kinds.adjusted, **options), "y")


def expected_of(prefix, build):
    with graph_mode(), tf.Session() as session:
        build(False)
        tf.train.Saver().restore(session, prefix)
        return session.run("y:0", {"x:0": ROWS})


ROWS = np.random.RandomState(0).normal(size=(4, 3)).astype(np.float32) * 3


@pytest.mark.parametrize("scopes", [("model",), ("one", "two/three")], ids=["imported", "imported twice"])
@pytest.mark.parametrize("options", [{}, {"update_strategy": Halved()}], ids=["inline", "own strategy"])
def test_a_graph_that_was_imported_below_a_scope(options, scopes, tmp_path, run_frozen):
    def build(is_training):
        layer(tf.placeholder(tf.float32, [None, 3], "x"), is_training, **options)

    with graph_mode():
        build(True)
        prefix = programs.save(tmp_path)
    values = {}
    with graph_mode() as graph:
        for scope in scopes:
            tf.train.import_meta_graph(f"{prefix}.meta", import_scope=scope)
        stored = tf.train.load_checkpoint(prefix)
        for scope, key in itertools.product(scopes, stored.get_variable_to_shape_map()):
            values[f"{scope}/{key}"] = stored.get_tensor(key)
        outputs, inputs = ({s.rpartition("/")[2]: f"{s}/{leaf}" for s in scopes} for leaf in ("y", "x"))
        done = export.export(graph, values, outputs, tmp_path / "f.pb", to="frozen", inputs=inputs)
    assert len(done.graph.rewritten) == len(scopes)
    feed = {f"{scope}/x:0": ROWS for scope in scopes}
    for scope in scopes:
        found = run_frozen(done.path, f"{scope}/y:0", feed)
        np.testing.assert_allclose(found, expected_of(prefix, build), rtol=0, atol=1e-5)


def in_a_loop(x, is_training):
    strategy = tf1bn.Inline(sequential_loops=True)

    def body(i, y):
        with tf.variable_scope("net", reuse=tf.AUTO_REUSE):
            return i + 1, tf1bn.batch_norm(y, is_training, scope="bn", update_strategy=strategy)

    return tf.while_loop(lambda i, y: i < 2, body, [0, x], parallel_iterations=1)[1]


def in_a_branch(x, is_training):
    switch = tf.placeholder_with_default(True, [], "switch")
    return tf.cond(switch, lambda: tf1bn.batch_norm(x, is_training, scope="bn"), lambda: x)


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("place", [in_a_loop, in_a_branch], ids=lambda place: place.__name__)
def test_a_layer_in_a_loop_or_branch_is_refused_with_a_way_out_that_works(place, mode, tmp_path, run_frozen):
    def build(is_training):
        tf.identity(place(tf.placeholder(tf.float32, [None, 3], "x"), is_training), "y")

    with graph_mode(mode):
        build(True)
        prefix = programs.save(tmp_path)
    if place is in_a_loop or mode.control_flow_v2:
        with pytest.raises(errors.ExportError, match="Build the network with is_training=False, and export that"):
            export.export(f"{prefix}.meta", prefix, "y", tmp_path / "f.pb", to="frozen", inputs="x")
    with graph_mode(mode) as graph:
        build(False)
        done = export.export(graph, prefix, "y", tmp_path / "f.pb", to="frozen", inputs="x")
        served = export.export(graph, prefix, "y", tmp_path / "served", inputs="x")
    expected = expected_of(prefix, build)
    np.testing.assert_allclose(run_frozen(done.path, "y:0", {"x:0": ROWS}), expected, rtol=0, atol=1e-5)
    with graph_mode(), tf.Session() as session:
        tf.saved_model.load(session, ["serve"], served.path)
        np.testing.assert_allclose(session.run("y:0", {"x:0": ROWS}), expected, rtol=0, atol=1e-5)


def test_what_is_fed_in_the_place_of_an_input_is_what_is_normalised(tmp_path, run_frozen):
    with graph_mode() as graph:
        x = tf.placeholder(tf.float32, [None, 3], "before")
        layer(tf.square(x, "x"), True)
        prefix = programs.save(tmp_path)
        done = export.export(graph, prefix, "y", tmp_path / "f.pb", to="frozen", inputs="x")

    def build(is_training):
        layer(tf.placeholder(tf.float32, [None, 3], "x"), is_training)

    found = run_frozen(done.path, "y:0", {done.graph.inputs["x"]: ROWS})
    np.testing.assert_allclose(found, expected_of(prefix, build), rtol=0, atol=1e-5)


def test_a_negated_switch_is_turned_the_other_way_also_where_only_the_record_tells(tmp_path):
    with graph_mode() as graph:
        x = tf.placeholder(tf.float32, [None, 3], "x")
        is_test = tf.placeholder(tf.bool, [], "is_test")
        steps = tf1bn.PerStep(step=tf.constant(1), steps=3)
        y = tf1bn.batch_norm(x, tf.logical_not(is_test), update_strategy=steps)
        tf.cond(is_test, lambda: y * 1.0, lambda: y * 100.0, name="y")
        done = export.inference_graph(graph, {"y": tf.cond(is_test, lambda: y * 1.0, lambda: y * 100.0).name})
    assert done.switches == {"is_test": True}


def test_tflite_of_both_switches_has_the_ops_of_inference(tmp_path):
    shapes = {"fused_wide": (4, 4, 3), "wide": (4, 4, 8), "fused": (4, 4, 8), "plain": (4, 4, 8)}

    def build(is_training):
        for name, shape in shapes.items():
            x = tf.placeholder(tf.float32, [1, *shape[:2], 2], f"{name}_x")
            y = tf.nn.conv2d(x, tf.get_variable(f"{name}_kernel", [3, 3, 2, shape[2]]), [1] * 4, "SAME")
            tf.nn.relu(tf1bn.batch_norm(y, is_training, kernel=name, scope=name), f"{name}_y")

    ops = []
    for number, switch in enumerate((*SWITCHES.values(), lambda: False)):
        with graph_mode() as graph:
            build(switch())
            prefix = programs.save(tmp_path, f"model{number}")
            outputs = [f"{name}_y" for name in shapes]
            done = export.export(graph, prefix, outputs, tmp_path / f"{number}.tflite", to="tflite")
        ops.append(lite_ops(done.path))
    assert ops[0] == ops[1] == ops[2] == {"CONV_2D": 4}


def lite_ops(path):
    interpreter = tf.lite.Interpreter(model_path=path)
    return collections.Counter(
        item["op_name"] for item in interpreter._get_ops_details() if item["op_name"] != "DELEGATE"
    )
