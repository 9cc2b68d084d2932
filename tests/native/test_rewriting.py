"""Graphs with native ops as stock graphs: one to one, differentiable, and readable by every tool."""

import itertools

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn import checkpoint, errors, export, native, population
from tf1bn.audit import audit
from tf1bn.graph import portable
from tf1bn.testing import graphs, reference
from tf1bn.testing.reference import Statistics

X = np.random.default_rng(0).normal(2, 3, (24, 4, 4, 6)).astype(np.float32)
FED = {"images:0": X, "switch:0": True}
EXTREMES = (graphs.Mode(True, True), graphs.Mode(False, False))


def network(switch, strategy="inline", **options):
    """A convolution, a batch norm with its ReLU, a dense layer; returns the training graph's parts by name."""
    images = tf.placeholder(tf.float32, [None, 4, 4, 6], "images")
    h = tf1bn.conv2d(
        images, 5, 3, activation=tf.nn.relu, scope="conv",
        normalizer=lambda h: tf1bn.batch_norm(h, switch, kernel="native", update_strategy=strategy, **options),
    )  # fmt: skip
    h = tf.reshape(h, [-1, 80])
    h = tf1bn.dense(h, 7, scope="dense", normalizer=lambda h: tf1bn.batch_norm(h, switch, kernel="native"))
    loss = tf.reduce_mean(tf.square(h - 1.0), name="loss")
    train_op = tf1bn.minimize(tf.train.GradientDescentOptimizer(0.01), loss)
    tf.identity(h, "outputs")
    return {"outputs": "outputs:0", "loss": "loss:0", "train": train_op.name}


def trained(meta, parts, switch, values=None):
    """Imports a graph, trains it for three steps; returns what it computed, and its variables."""
    with tf.Graph().as_default(), tf.Session() as session:
        tf.train.import_meta_graph(meta)
        session.run(tf.global_variables_initializer())
        if values is not None:
            for variable in tf.global_variables():
                variable.load(values[variable.op.name], session)
        first = {
            v.op.name: value for v, value in zip(tf.global_variables(), session.run(tf.global_variables()), strict=True)
        }
        on = {"images:0": X, **({"switch:0": True} if switch else {})}
        found = [session.run([parts["outputs"], parts["train"]], on)[0] for _ in range(3)]
        if switch:
            found.append(session.run(parts["outputs"], {"images:0": X, "switch:0": False}))
        found += session.run(tf.global_variables())
        named = tf.get_default_graph().get_tensor_by_name
        dx = tf.gradients(named(parts["loss"]), named("images:0"))[0]
        found.append(session.run(dx, on))
        return found, first


@pytest.mark.parametrize("mode", graphs.MODES, ids=str)
@pytest.mark.parametrize("fed", (False, True))
def test_a_rewritten_training_graph_takes_the_same_steps_and_has_its_gradient(native_library, mode, fed):
    with graphs.graph_mode(mode):
        parts = network(tf.placeholder(tf.bool, [], "switch") if fed else True)
        meta = tf.train.export_meta_graph()
        stock = native.to_stock(meta)
        assert native.is_native(meta) and not native.is_native(stock)
        assert not any(op.name.startswith("Tf1bn") for op in stock.meta_info_def.stripped_op_list.op)
        wanted, values = trained(meta, parts, fed)
        found, _ = trained(stock, parts, fed, values)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-5)


@pytest.fixture
def native_library(native):
    return None


@pytest.mark.parametrize("dtype", (tf.float64, tf.float16, tf.bfloat16))
def test_every_dtype_has_its_stock_ops(native_library, dtype):
    x = X[:, 0, 0].astype(dtype.as_numpy_dtype)
    with graphs.graph_mode():
        value, switch = tf.placeholder(dtype, [None, 6], "x"), tf.placeholder(tf.bool, [], "switch")
        options = {"numeric_guard": "skip", "bessel_correction": True, "decay": 0.5}
        y = tf1bn.batch_norm(value, switch, kernel="native", scope="bn", **options)
        dx = tf.gradients(tf.square(y), value)[0]
        names, meta = [y.name, dx.name], tf.train.export_meta_graph()
        results = []
        for graph in (meta, native.to_stock(meta)):
            with tf.Graph().as_default(), tf.Session() as session:
                tf.train.import_meta_graph(graph)
                session.run(tf.global_variables_initializer())
                found = session.run(names, {"x:0": x, "switch:0": True})
                session.run(names, {"x:0": x * np.nan, "switch:0": True})
                session.run(names, {"x:0": x[:0], "switch:0": True})
                found += session.run(names, {"x:0": x, "switch:0": False})
                results.append([*found, *session.run(tf.global_variables())])
    tolerance = {tf.float64: 1e-9, tf.float16: 4e-3, tf.bfloat16: 4e-2}[dtype]
    for one, other in zip(*results, strict=True):
        one, other = (np.asarray(t, np.float64) for t in (one, other))
        assert np.abs(one - other).max() <= tolerance * max(np.abs(other).max(), 1.0)


@pytest.mark.parametrize("mode", graphs.MODES, ids=str)
def test_ops_in_branches_loops_and_functions_are_rewritten(native_library, mode):
    with graphs.graph_mode(mode):
        x, p = tf.placeholder(tf.float32, [24, 6], "x"), tf.placeholder(tf.bool, [], "p")
        options = {"kernel": "native", "decay": 0.5}

        def layer(value, is_training, **more):
            return tf1bn.batch_norm(value, is_training, **options, **more)

        y = tf.cond(p, lambda: layer(x, True, scope="bn"), lambda: layer(x, False, scope="bn", reuse=tf.AUTO_REUSE))
        stepwise = {"update_strategy": tf1bn.Inline(sequential_loops=True), "scope": "loop", "reuse": tf.AUTO_REUSE}
        _, z = tf.while_loop(
            lambda i, _: i < 2,
            lambda i, h: (i + 1, layer(h, p, **stepwise)),
            [tf.constant(0), y],
            parallel_iterations=1,
        )
        dx = tf.gradients(tf.square(z) * x, x)[0]
        names, meta = [z.name, dx.name], tf.train.export_meta_graph()
        stock = native.to_stock(meta)
        assert native.is_native(meta) and not native.is_native(stock)
        results = []
        for graph in (meta, stock):
            with tf.Graph().as_default(), tf.Session() as session:
                tf.train.import_meta_graph(graph)
                session.run(tf.global_variables_initializer())
                found = [session.run(names, {"x:0": X[:, 0, 0], "p:0": on}) for on in (True, False)]
                results.append([*found[0], *found[1], *session.run(tf.global_variables())])
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


def test_a_graph_without_native_ops_is_returned_itself():
    graph_def = tf.GraphDef()
    graph_def.node.add(name="x", op="Placeholder")
    assert native.to_stock(graph_def) is graph_def
    with pytest.raises(
        errors.ArgumentTypeError, match=r"to_stock: this is no graph. Got 'str'; expected a GraphDef or"
    ):
        native.to_stock("model.meta")


def test_a_later_version_of_the_op_is_named_with_its_package():
    graph_def = tf.GraphDef()
    graph_def.node.add(name="bn/normalize", op="Tf1bnNormalizeV9")
    for read in (native.to_stock, audit):
        with pytest.raises(errors.GraphError, match=r"'bn/normalize' is a native op of another version.*tf1bn.native"):
            read(graph_def)


@pytest.mark.parametrize("mode", (graphs.Mode(True, True), graphs.Mode(False, False)), ids=str)
def test_the_auditor_reads_native_graphs_and_finds_nothing(native_library, mode, tmp_path):
    cases = [("inline", "true"), ("inline", "fed"), ("collection", "variable"), ("ema", "fed"), ("frozen", "true")]
    for strategy, kind in cases:
        with graphs.graph_mode(mode) as graph:
            switch = True
            if kind == "fed":
                switch = tf.placeholder_with_default(False, [], "switch")
            elif kind == "variable":
                switch = tf.get_variable("mode", [], tf.bool, tf.zeros_initializer(), trainable=False)
            network(switch, strategy)
            tf.train.Saver()
            tf.train.export_meta_graph(str(tmp_path / "model.meta"))
            for report in (audit(graph), audit(tmp_path / "model.meta")):
                assert report.findings == (), (strategy, kind, report.findings)
                assert len(report.sites) == 2


def test_the_auditor_sees_forgotten_updates_of_native_layers(native_library):
    with graphs.graph_mode() as graph:
        x = tf.placeholder(tf.float32, [None, 12])
        y = tf1bn.batch_norm(x, True, kernel="native", update_strategy="collection")
        tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(tf.square(y)))
        assert {finding.code for finding in audit(graph).findings} == {"BN001"}


def saved(folder, fed):
    """Trains the network for three steps and saves it; returns the prefix and its outputs in inference."""
    with graphs.graph_mode(), tf.Session() as session:
        parts = network(tf.placeholder(tf.bool, [], "switch") if fed else True)
        session.run(tf.global_variables_initializer())
        on = {"images:0": X, **({"switch:0": True} if fed else {})}
        for _ in range(3):
            session.run(parts["train"], on)
        prefix = tf.train.Saver().save(session, str(folder / "model"))
        values = {
            v.op.name: value for v, value in zip(tf.global_variables(), session.run(tf.global_variables()), strict=True)
        }
    return prefix, values


def inferred(values):
    """The network's outputs in inference, in float64."""
    kernel = values["conv/kernel"].astype(np.float64)
    padded = np.pad(X.astype(np.float64), ((0, 0), (1, 1), (1, 1), (0, 0)))
    h = sum(padded[:, i : i + 4, j : j + 4] @ kernel[i, j] for i, j in itertools.product(range(3), repeat=2))
    h = np.maximum(normalized(h, values, "conv"), 0).reshape(24, 80)
    return normalized(h @ values["dense/kernel"].astype(np.float64), values, "dense")


def normalized(h, values, scope):
    gamma, beta, mean, variance = (
        values[f"{scope}/batch_norm/{leaf}"].astype(np.float64)
        for leaf in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    return reference.normalize(h, Statistics(mean, variance)) * gamma + beta


def frozen_outputs(path):
    graph_def = tf.GraphDef()
    graph_def.ParseFromString(path.read_bytes())
    assert not native.is_native(graph_def)
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(graph_def, name="")
        return session.run("outputs:0", {"images:0": X})


@pytest.mark.parametrize("fed", (False, True))
def test_export_makes_a_stock_graph_of_a_native_one(native_library, fed, tmp_path):
    prefix, values = saved(tmp_path, fed)
    target = tmp_path / "frozen.pb"
    export.export(f"{prefix}.meta", prefix, {"outputs": "outputs"}, target, to="frozen")
    np.testing.assert_allclose(frozen_outputs(target), inferred(values), rtol=1e-4, atol=1e-4)


def test_fold_reads_a_native_graph(native_library, tmp_path):
    prefix, values = saved(tmp_path, True)
    done = export.export(f"{prefix}.meta", prefix, {"outputs": "outputs"}, tmp_path / "served", to="meta")
    folded = checkpoint.fold(f"{done.path}.meta", done.path, str(tmp_path / "folded"), outputs=["outputs"])
    assert len(folded.sites) == 2
    with tf.Graph().as_default(), tf.Session() as session:
        tf.train.import_meta_graph(str(tmp_path / "folded.meta")).restore(session, str(tmp_path / "folded"))
        assert not any(op.type.startswith(("Tf1bn", "FusedBatchNorm")) for op in session.graph.get_operations())
        found = session.run("outputs:0", {"images:0": X})
    np.testing.assert_allclose(found, inferred(values), rtol=1e-4, atol=1e-4)


def test_population_statistics_of_a_native_graph(native_library, tmp_path):
    prefix, values = saved(tmp_path, True)
    done = population.reestimate(
        f"{prefix}.meta", [{"images:0": X}], checkpoint=prefix, output=str(tmp_path / "new"), only=["conv/batch_norm"]
    )
    kernel = values["conv/kernel"].astype(np.float64)
    padded = np.pad(X.astype(np.float64), ((0, 0), (1, 1), (1, 1), (0, 0)))
    h = sum(padded[:, i : i + 4, j : j + 4] @ kernel[i, j] for i, j in itertools.product(range(3), repeat=2))
    found = {leaf: done.values[f"conv/batch_norm/moving_{leaf}"] for leaf in ("mean", "variance")}
    np.testing.assert_allclose(found["mean"], h.mean((0, 1, 2)), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found["variance"], h.var((0, 1, 2)), rtol=1e-4)


@pytest.mark.parametrize("mode", EXTREMES, ids=str)
def test_a_graph_that_was_imported_below_a_scope_and_saved_again_is_rewritten(native_library, mode):
    """With what stands around it: a second copy, and names that the rewriting would have taken."""
    with graphs.graph_mode(mode):
        parts = network(tf.placeholder(tf.bool, [], "switch"))
        meta = tf.train.export_meta_graph()
    with graphs.graph_mode(mode):
        for scope in ("left", "right"):
            tf.train.import_meta_graph(meta, import_scope=scope)
            tf.no_op(f"{scope}/conv/batch_norm/normalize/stock/sub")
        again = tf.train.export_meta_graph()
        stock = native.to_stock(again)
        assert native.is_native(again) and not native.is_native(stock)
        results = []
        for graph in (again, stock):
            with tf.Graph().as_default(), tf.Session() as session:
                tf.train.import_meta_graph(graph)
                session.run(tf.global_variables_initializer())
                for variable in tf.global_variables():  # random kernels, which differ by the seeds of a graph
                    rows = np.random.default_rng(variable.shape.num_elements()).normal(size=variable.shape)
                    variable.load(
                        rows.astype(np.float32) if "kernel" in variable.name else session.run(variable), session
                    )
                on = {f"{scope}/{name}": value for scope in ("left", "right") for name, value in FED.items()}
                session.run([f"left/{parts['train']}", f"right/{parts['train']}"], on)
                loss = session.run(f"left/{parts['loss']}", on)  # moves averages, which therefore are read after it
                results.append([loss, *session.run(tf.global_variables())])
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-5)


def test_a_saved_model_of_a_training_graph_serves_without_the_library(native_library, tmp_path):
    source, target = tmp_path / "model", tmp_path / "stock"
    with graphs.graph_mode(), tf.Session() as session:
        parts = network(tf.placeholder(tf.bool, [], "switch"))
        session.run(tf.global_variables_initializer())
        session.run(parts["train"], FED)
        named = session.graph.get_tensor_by_name
        wanted = [session.run(parts["outputs"], {**FED, "switch:0": on}) for on in (True, False)]
        inputs = {"images": named("images:0"), "switch": named("switch:0")}
        tf.saved_model.simple_save(session, str(source), inputs, {"outputs": named(parts["outputs"])})
    done = portable.rewrite(source, target)
    assert len(done.names) == 4  # two layers, and their gradients
    with tf.Graph().as_default(), tf.Session() as session:
        meta = tf.saved_model.loader.load(session, ["serve"], str(target))
        assert not native.is_native(meta) and not native.is_native(session.graph.as_graph_def())
        found = [session.run(parts["outputs"], {**FED, "switch:0": on}) for on in (False, True)]
    for one, other in zip(found, wanted[::-1], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
