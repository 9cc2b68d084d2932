"""What folding does to the rest of a graph: names, collections, Savers, records, frozen graphs; and its proof."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tests.checkpoint import folding_samples as samples
from tf1bn import checkpoint, errors
from tf1bn.audit.samples import freeze
from tf1bn.checkpoint import fold_proof
from tf1bn.examples import models
from tf1bn.graph import running
from tf1bn.graph.folding import rewrite
from tf1bn.graph.model import GraphModel
from tf1bn.testing.graphs import MODES, graph_mode

IMAGES = np.random.RandomState(1).normal(size=(4, 8, 8, 4)).astype(np.float32)


def network(scope="net"):
    """A convolution and a dense layer, each with batch norm; returns the name of the output."""
    x = tf.placeholder(tf.float32, [None, 8, 8, 4], "images")
    with tf.variable_scope(scope):
        with tf.variable_scope("conv"):
            y = samples.fused(tf.nn.conv2d(x, samples.kernel(3, 3, 4, 6, name="weights"), [1] * 4, "SAME"))
        y = tf.reshape(tf.nn.relu(y), [-1, 384])
        with tf.variable_scope("dense"):
            return samples.spelled(tf.matmul(y, samples.kernel(384, 5)) + samples.bias(5)).name


def float64_network(values):
    """The same in NumPy, from the parameters of a checkpoint."""

    def norm(y, scope):
        gamma, beta, mean, variance = (
            values[f"{scope}/bn/{leaf}"].astype(np.float64)
            for leaf in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        return (y - mean) / np.sqrt(variance + np.float64(np.float32(samples.EPSILON))) * gamma + beta

    padded = np.pad(IMAGES.astype(np.float64), [(0, 0), (1, 1), (1, 1), (0, 0)])
    weights = values["net/conv/weights"].astype(np.float64)
    y = sum(padded[:, i : i + 8, j : j + 8] @ weights[i, j] for i in range(3) for j in range(3))
    y = np.maximum(norm(y, "net/conv"), 0).reshape(4, -1)
    return norm(y @ values["net/dense/kernel"].astype(np.float64) + values["net/dense/bias"], "net/dense")


@pytest.fixture(params=[MODES[0], MODES[3]], ids=str)
def saved(request, tmp_path):
    """A saved network: its prefix and the name of its output."""
    with graph_mode(request.param):
        output = network()
        return samples.saved(tmp_path), output


def values_of(prefix):
    return {name: tf.train.load_variable(prefix, name) for name, _ in tf.train.list_variables(prefix)}


def test_folded_network_gives_what_float64_arithmetic_gives(saved, tmp_path):
    prefix, output = saved
    done = checkpoint.fold(f"{prefix}.meta", prefix, tmp_path / "new")
    expected = float64_network(values_of(prefix))
    with tf.Graph().as_default(), tf.Session() as session:
        tf.train.import_meta_graph(f"{done.target}.meta").restore(session, done.target)
        got = session.run(output, {"images:0": IMAGES})
    np.testing.assert_allclose(got, expected, rtol=0, atol=2e-6 * np.abs(expected).max())


def test_variables_are_named_as_those_of_a_network_without_batch_norm(saved, tmp_path):
    prefix, _ = saved
    done = checkpoint.fold(f"{prefix}.meta", prefix, tmp_path / "new")
    assert sorted(values_of(done.target)) == [
        "net/conv/biases",
        "net/conv/weights",
        "net/dense/bias",
        "net/dense/kernel",
    ]
    assert done.added == ("net/conv/biases",)
    assert done.replaced == ("net/conv/weights", "net/dense/bias", "net/dense/kernel")
    assert len(done.dropped) == 8
    with tf.Graph().as_default():
        tf.train.import_meta_graph(f"{done.target}.meta")
        names = [variable.op.name for variable in tf.global_variables()]
        assert sorted(names) == sorted(values_of(done.target))
        assert sorted(variable.op.name for variable in tf.trainable_variables()) == sorted(names)


def test_folded_checkpoint_restores_into_the_network_built_without_batch_norm(tmp_path):
    images = np.random.RandomState(2).rand(2, 8, 8, 1).astype(np.float32)
    results = []
    for options in (models.ModelOptions(), models.ModelOptions(batch_norm=False)):
        with graph_mode(), tf.Session() as session:
            x = tf.placeholder(tf.float32, [None, 8, 8, 1], "images")
            logits = models.mlp(x, False, options).logits
            if options.batch_norm:
                prefix = samples.saved(tmp_path)
                done = checkpoint.fold(f"{prefix}.meta", prefix, tmp_path / "new", outputs=[logits.name])
                tf.train.Saver().restore(session, prefix)
            else:
                tf.train.Saver().restore(session, done.target)
            results.append(session.run(logits, {x: images}))
    np.testing.assert_allclose(results[1], results[0], rtol=0, atol=1e-5 * np.abs(results[0]).max())


def test_records_and_collections_forget_folded_batch_norms(tmp_path):
    with graph_mode():
        x = tf.placeholder(tf.float32, [None, 8, 8, 4], "images")
        y = tf1bn.batch_norm(tf.nn.conv2d(x, samples.kernel(3, 3, 4, 6), [1] * 4, "SAME"), False, scope="bn")
        tf.add_to_collection("outputs", y)
        prefix = samples.saved(tmp_path)
    done = checkpoint.fold(f"{prefix}.meta", prefix, tmp_path / "new")
    assert "tf1bn_records" in GraphModel(f"{prefix}.meta").source.meta_graph.collection_def
    assert "tf1bn_records" not in done.meta_graph.collection_def
    assert list(done.meta_graph.collection_def["outputs"].node_list.value) == [y.name]


def test_every_saver_of_the_graph_saves_and_restores_the_new_bias(tmp_path):
    with graph_mode(MODES[0]):
        output = network()
        tf.train.Saver(name="second", sharded=True)
        tf.train.Saver(name="third", write_version=tf.train.SaverDef.V1)
        prefix = samples.saved(tmp_path)
    done = checkpoint.fold(f"{prefix}.meta", prefix, tmp_path / "new")
    model = GraphModel(done.meta_graph)
    assert len(model.saves) == 3
    for op in (*model.saves, *model.restores):
        assert not any("bn/" in name for name in op.names)
    assert sum("net/conv/biases" in op.names for op in model.saves) == 3
    with tf.Graph().as_default(), tf.Session() as session:
        tf.train.import_meta_graph(done.meta_graph)
        for name in ("second", "third"):
            session.run(f"{name}/restore_all", {f"{name}/Const:0": done.target})
            assert np.isfinite(session.run(output, {"images:0": IMAGES})).all()
        session.run("third/control_dependency", {"third/Const:0": str(tmp_path / "first_format")})
        assert "net/conv/biases" in tf.train.load_checkpoint(str(tmp_path / "first_format")).get_variable_to_shape_map()


def test_keys_of_the_saver_are_followed(tmp_path):
    with graph_mode():
        output = network()
        own = tf.train.Saver({f"model/{variable.op.name}": variable for variable in tf.global_variables()})
        with tf.Session() as session:
            samples.randomised(session)
            prefix = own.save(session, str(tmp_path / "model"))
            before = session.run(output, {"images:0": IMAGES})
    done = checkpoint.fold(f"{prefix}.meta", prefix, tmp_path / "new")
    assert done.added == ("model/net/conv/biases",)
    with tf.Graph().as_default(), tf.Session() as session:
        tf.train.import_meta_graph(f"{done.target}.meta").restore(session, done.target)
        after = session.run(output, {"images:0": IMAGES})
    np.testing.assert_allclose(after, before, rtol=0, atol=1e-5 * np.abs(before).max())


def test_slots_of_dropped_tensors_are_dropped_and_all_else_keeps_its_value(saved, tmp_path):
    prefix, _ = saved
    extra = {"net/conv/bn/gamma/Adam": np.ones(6, np.float32), "net/conv/bn_other": np.ones(2), "step": np.array(3)}
    checkpoint.replace(prefix, tmp_path / "more", {}, new=extra)
    done = checkpoint.fold(f"{prefix}.meta", tmp_path / "more", tmp_path / "new")
    left = values_of(done.target)
    assert "net/conv/bn/gamma/Adam" in done.dropped and "net/conv/bn/gamma/Adam" not in left
    assert left["step"] == 3 and list(left["net/conv/bn_other"]) == [1, 1]


def test_name_of_the_new_bias_is_free_in_graph_and_checkpoint(saved, tmp_path):
    prefix, _ = saved
    checkpoint.replace(prefix, tmp_path / "more", {}, new={"net/conv/biases": np.ones(3, np.float32)})
    done = checkpoint.fold(f"{prefix}.meta", tmp_path / "more", tmp_path / "new")
    assert done.added == ("net/conv/biases_1",)


def test_gamma_that_another_batch_norm_uses_stays(tmp_path):
    with graph_mode():
        x = tf.placeholder(tf.float32, [None, 8, 8, 4], "images")
        y = tf.nn.relu(samples.fused(tf.nn.conv2d(x, samples.kernel(1, 1, 4, 4), [1] * 4, "SAME")))
        tf.identity(samples.fused(y), "output")
        prefix = samples.saved(tmp_path)
    done = checkpoint.fold(f"{prefix}.meta", prefix, tmp_path / "new")
    assert done.dropped == () and len(done.refused) == 1
    assert len(values_of(done.target)) == 6


@pytest.mark.parametrize("mode", [MODES[0], MODES[3]], ids=str)
def test_frozen_graph_is_folded_into_its_constants(mode, tmp_path):
    with graph_mode(mode) as graph:
        output = network()
        with tf.Session() as session:
            samples.randomised(session)
            values = {variable.op.name: session.run(variable) for variable in tf.global_variables()}
            before = session.run(output, {"images:0": IMAGES})
        frozen = freeze(graph.as_graph_def(), values, output.split(":")[0])
    path = tmp_path / "frozen.pb"
    path.write_bytes(frozen.SerializeToString())
    done = checkpoint.fold(path, None, tmp_path / "new.pb", outputs=[output])
    folded = tf.GraphDef.FromString((tmp_path / "new.pb").read_bytes())
    assert GraphModel(folded).sites == [] and len(folded.node) < len(frozen.node)
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(folded, name="")
        after = session.run(output, {"images:0": IMAGES})
    np.testing.assert_allclose(after, before, rtol=0, atol=1e-5 * np.abs(before).max())
    assert done.target == str(tmp_path / "new.pb") and done.added == ()


def test_control_dependencies_of_removed_ops_move_to_what_takes_their_place(tmp_path):
    with graph_mode():
        x = tf.placeholder(tf.float32, [None, 8, 8, 4], "images")
        guard = tf.no_op("guard")
        y = tf.nn.conv2d(x, samples.kernel(3, 3, 4, 6), [1] * 4, "SAME")
        with tf.control_dependencies([guard]):
            y = samples.spelled(y)
        with tf.control_dependencies([y.op.inputs[0].op]):
            tf.identity(x, "waits")
        prefix = samples.saved(tmp_path)
    done = checkpoint.fold(f"{prefix}.meta", prefix, tmp_path / "new")
    nodes = {node.name: node for node in done.meta_graph.graph_def.node}
    assert "^guard" in nodes[y.op.name].input and nodes[y.op.name].op == "BiasAdd"
    assert list(nodes["waits"].input) == ["images", f"^{y.op.name}"]


def test_initializer_sets_the_new_bias(saved, tmp_path):
    prefix, output = saved
    done = checkpoint.fold(f"{prefix}.meta", prefix, tmp_path / "new")
    with tf.Graph().as_default(), tf.Session() as session:
        tf.train.import_meta_graph(done.meta_graph)
        session.run(next(op for op in session.graph.get_operations() if op.name.endswith("init")))
        session.run(output, {"images:0": IMAGES})


def folded_pair(saved):
    """Returns what the proof takes."""
    prefix, output = saved
    model = GraphModel(f"{prefix}.meta")
    meta = model.source.meta_graph
    values = running.initial(meta, prefix)
    folded = rewrite.fold_graph(model, values)
    after = {**values, **folded.values, **folded.new}
    return model, meta, values, folded, after, output


@pytest.mark.parametrize("name", ["net/conv/weights", "net/conv/biases", "net/dense/bias"])
def test_proof_refuses_numbers_that_are_off_by_more_than_rounding(saved, name):
    model, meta, values, folded, after, output = folded_pair(saved)
    after[name] = after[name] * np.float32(1.001)
    with pytest.raises(errors.RepairError, match="the folded layer .* times as far from the float64 result"):
        fold_proof.prove_folding(model, meta, values, folded, after, outputs=[output])


def test_proof_refuses_an_output_that_changes_elsewhere(saved):
    model, meta, values, folded, after, _ = folded_pair(saved)
    node = next(node for node in folded.meta_graph.graph_def.node if node.op == "Relu")
    node.op = "Relu6"
    with pytest.raises(errors.RepairError, match="changes although every folded layer gives the same"):
        fold_proof.prove_folding(model, meta, values, folded, after, outputs=[f"{node.name}:0"])


def test_nothing_is_written_when_the_proof_fails(saved, tmp_path, monkeypatch):
    prefix, _ = saved
    monkeypatch.setattr(fold_proof, "_share", lambda roundings, unit: unit / 1000)
    (tmp_path / "out").mkdir()
    with pytest.raises(errors.RepairError, match="Nothing was written"):
        checkpoint.fold(f"{prefix}.meta", prefix, tmp_path / "out" / "new")
    assert list((tmp_path / "out").iterdir()) == []


def test_float64_network_is_folded_in_float64(tmp_path):
    with graph_mode():
        x = tf.placeholder(tf.float64, [None, 8], "rows")
        make = tf.get_variable
        y = tf.matmul(x, make("kernel", [8, 5], tf.float64))
        with tf.variable_scope("bn"):
            mean, beta = make("moving_mean", [5], tf.float64), make("beta", [5], tf.float64)
            variance = make("moving_variance", [5], tf.float64, tf.ones_initializer())
        tf.nn.batch_normalization(y, mean, variance, beta, None, 1e-3)
        prefix = samples.saved(tmp_path)
    done = checkpoint.fold(f"{prefix}.meta", prefix, tmp_path / "new")
    assert values_of(done.target)["bias"].dtype == np.float64
    assert done.difference < 1e-14
