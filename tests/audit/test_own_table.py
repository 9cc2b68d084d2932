"""The ten commonest mistakes made with our own layers, and the same programs made right.

Every strategy and drop-in, batch size known or not, every kind of switch, in every graph mode: the bug is found under
its own code, and nothing is found where it is not. Each graph is built once and audited for several programs: those
that differ in what they run.
"""

import dataclasses
import itertools

import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn import errors
from tf1bn.audit import audit, samples
from tf1bn.compat import slim
from tf1bn.compat import tf_layers as layers
from tf1bn.graph import loading
from tf1bn.testing import graphs

UPDATE_OPS = tf.GraphKeys.UPDATE_OPS


@dataclasses.dataclass(frozen=True)
class Maker:
    """One way to call a batch norm: `call(x, training, name)`; `waits`: its updates wait in UPDATE_OPS."""

    name: str
    call: object
    waits: bool

    def __str__(self):
        return self.name


def native(strategy):
    return lambda x, training, name: tf1bn.batch_norm(x, training, update_strategy=strategy, scope=name)


MAKERS = [
    *(Maker(strategy, native(strategy), strategy == "collection") for strategy in ("inline", "ema", "collection")),
    Maker("tf.layers", lambda x, t, name: layers.batch_normalization(x, training=t, name=name), True),
    Maker("slim", lambda x, t, name: slim.batch_norm(x, is_training=t, scope=name), True),
    Maker("slim in place", lambda x, t, name: slim.batch_norm(x, is_training=t, scope=name, updates_collections=None),
          False),
]  # fmt: skip
BATCHES = (8, None)
SWITCHES = (True, "placeholder", "default", "variable")
QUICK = (graphs.MODES[0], graphs.MODES[3])
RUNS = pytest.mark.parametrize(
    ("mode", "every"),
    [
        *(pytest.param(mode, False, id=str(mode)) for mode in QUICK),
        *(pytest.param(mode, True, id=f"{mode}, every one", marks=pytest.mark.exhaustive) for mode in graphs.MODES),
    ],
)
EACH = pytest.mark.parametrize("maker", MAKERS, ids=str)


def switch(kind):
    if kind == "placeholder":
        return tf.placeholder(tf.bool, [], "is_training")
    if kind == "default":
        return tf.placeholder_with_default(False, [], "is_training")
    if kind == "variable":
        return tf.get_variable("is_training", [], tf.bool, tf.zeros_initializer(), trainable=False)
    return kind


def rows(batch, name="x"):
    return tf.placeholder(tf.float32, [batch, 3], name)


def dense(x, name):
    with tf.variable_scope(name):
        return tf.matmul(x, tf.get_variable("kernel", [3, 3]))


def loss_of(y, name="loss"):
    return tf.reduce_mean(tf.square(y - 1.0), name=name)


def minimize(loss, name, var_list=None):
    return tf.train.GradientDescentOptimizer(0.1).minimize(loss, var_list=var_list, name=name)


def codes(source, least="warning", **told):
    return {item.code for item in audit(source, **told).failing(least)}


def combinations(mode, maker, every, switches=SWITCHES):
    """Batch sizes and switches: every one, or two that differ from maker to maker and from mode to mode."""
    found = list(itertools.product(BATCHES, switches))
    start = MAKERS.index(maker) + len(MAKERS) * (mode == QUICK[1])
    return found if every else [found[start % len(found)], found[(start + len(found) // 2 + 1) % len(found)]]


@RUNS
@EACH
def test_what_is_run(mode, every, maker):
    """BN001, BN002, BN003, BN005, BN011, BN012, BN014: one network, six programs that train and evaluate it."""
    for batch, kind in combinations(mode, maker, every):
        with graphs.graph_mode(mode) as graph:
            flag = switch(kind)
            y = maker.call(dense(rows(batch), "one"), flag, "bn1")
            early = tf.get_collection(UPDATE_OPS)
            y = maker.call(dense(y, "two"), flag, "bn2")
            tf.reduce_max(y, 1, name="prediction")
            updates, loss = tf.get_collection(UPDATE_OPS), loss_of(y)
            bare = minimize(loss, "bare")
            for name, waiting in (("right", updates), ("half", early)):
                with tf.control_dependencies(waiting):
                    tf.group(bare, name=name)
        where = f"{batch}, {kind}"
        assert codes(graph, train_op="right") == set(), where
        assert codes(graph, train_op="bare", fetches=UPDATE_OPS if maker.waits else ()) == set(), where
        assert codes(graph, train_op="bare") == ({"BN001"} if maker.waits else set()), where
        assert codes(graph, train_op="half") == ({"BN002"} if maker.waits else set()), where
        moves = not maker.waits and kind is True
        assert codes(graph, train_op="right", fetches="prediction") == ({"BN014"} if moves else set()), where
        with graph.as_default():
            tf.group(tf.group(updates[:1]), tf.group(tf.group(updates[1:])), name="own_step")
        separate = {(item.code, item.severity, item.confidence) for item in audit(graph, train_op="bare").findings}
        assert separate == ({("BN001", "info", "low")} if maker.waits else set()), where


@RUNS
@EACH
def test_nothing_runs_the_updates(mode, every, maker):
    """BN001 and BN003 at error level, for one layer and with the text of its own call."""
    for batch, kind in combinations(mode, maker, every):
        with graphs.graph_mode(mode) as graph:
            y = maker.call(rows(batch), switch(kind), "bn")
            minimize(loss_of(y), "bare")
        report = audit(graph)
        expected = {("BN001", "error", "high")} if maker.waits else set()
        assert {(item.code, item.severity, item.confidence) for item in report.findings} == expected, (batch, kind)
        for item in report.findings:
            call = {"collection": "tf1bn.batch_norm"}.get(maker.name, maker.name)
            assert f"a call of {call}" in item.message and 'update_strategy="inline"' in item.fix
            assert f"--fetch={UPDATE_OPS}" in item.fix
        with graph.as_default():
            second = loss_of(y, "second")
            with tf.control_dependencies(tf.get_collection(UPDATE_OPS)):
                wrapped = tf.identity(second)
            minimize(wrapped, "wrapped")
        assert codes(graph, train_op="wrapped") == ({"BN003"} if maker.waits else set()), (batch, kind)


@RUNS
@EACH
def test_each_network_moves_its_own(mode, every, maker):
    """BN016: two optimizers behind the whole collection, or each behind its own."""
    for batch, kind in combinations(mode, maker, every):
        with graphs.graph_mode(mode) as graph:
            flag = switch(kind)
            with tf.variable_scope("generator"):
                fake = maker.call(dense(rows(batch, "noise"), "dense"), flag, "bn")
            with tf.variable_scope("discriminator"):
                score = maker.call(dense(fake, "dense"), flag, "bn")
            for name, sign in (("generator", -1.0), ("discriminator", 1.0)):
                weights = tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, name)
                inner = minimize(loss_of(sign * score, f"{name}_loss"), f"{name}_inner", weights)
                tf.group(inner, *tf.get_collection(UPDATE_OPS), name=f"{name}_all")
                tf.group(inner, *tf.get_collection(UPDATE_OPS, f"{name}/"), name=f"{name}_own")
        if maker.waits:
            assert codes(graph, train_op=("generator_own", "discriminator_own")) == set(), (batch, kind)
        # In place, a step through the other network moves it as well: that is what in place means.
        assert codes(graph, train_op=("generator_all", "discriminator_all")) == {"BN016"}, (batch, kind)


@RUNS
@EACH
def test_what_is_saved(mode, every, maker):
    """BN022: a Saver over the trainable variables."""
    for batch, kind in combinations(mode, maker, every):
        for bad in (True, False):
            with graphs.graph_mode(mode) as graph:
                y = maker.call(rows(batch), switch(kind), "bn")
                tf.group(minimize(loss_of(y), "inner"), *tf.get_collection(UPDATE_OPS))
                tf.train.Saver(tf.trainable_variables() if bad else None)
            assert codes(graph) == ({"BN022"} if bad else set()), (batch, kind)


@RUNS
@pytest.mark.parametrize("maker", MAKERS[3:], ids=str)
def test_flag_that_was_never_given(mode, every, maker):
    """BN006 where no layer trains, BN045 where others do, whether or not their updates run; a native flag is stated."""
    batch = BATCHES[every]
    with graphs.graph_mode(mode) as graph:
        y = maker.call(dense(rows(batch), "one"), False, "never")
        minimize(loss_of(y), "step")
    found = [item for item in audit(graph).findings if item.code == "BN006"]
    assert codes(graph) == {"BN006"} and f"a call of {maker.name.split()[0]}" in found[0].message
    for gated in (True, False):
        with graphs.graph_mode(mode) as graph:
            y = maker.call(dense(rows(batch), "one"), False, "never")
            y = tf1bn.batch_norm(y, True, update_strategy="collection", scope="trained")
            tf.group(minimize(loss_of(y), "step"), *(tf.get_collection(UPDATE_OPS) if gated else ()))
        assert codes(graph) == ({"BN045"} if gated else {"BN001", "BN045"})


def saved(graph, path, inputs, outputs):
    """Writes a SavedModel without values: the auditor reads the graph alone."""
    with graph.as_default():
        meta = tf.train.export_meta_graph()
    signature = meta.signature_def["serving_default"]
    for names, infos in ((inputs, signature.inputs), (outputs, signature.outputs)):
        for name in names:
            infos[name].name = f"{name}:0"
    proto = loading.proto_class("SavedModel")()
    proto.meta_graphs.add().CopyFrom(meta)
    path.mkdir(exist_ok=True)
    (path / "saved_model.pb").write_bytes(proto.SerializeToString())
    return path


@RUNS
@EACH
@pytest.mark.parametrize("trains", [True, False], ids=["with its train op", "forward pass"])
def test_served(mode, every, maker, trains, tmp_path):
    """BN034: a SavedModel of the training graph; the averages move with each request where they move in place."""
    for batch, kind in combinations(mode, maker, every, (True, False, "placeholder", "default")):
        with graphs.graph_mode(mode) as graph:
            y = maker.call(rows(batch), switch(kind), "bn")
            tf.identity(y, name="y")
            if trains:
                tf.group(minimize(loss_of(y), "inner"), *tf.get_collection(UPDATE_OPS))
        report = audit(saved(graph, tmp_path / f"{batch}{kind}", ["x"], ["y"]), select="BN034")
        assert {item.code for item in report.findings} == ({"BN034"} if kind is True else set()), (batch, kind)
        for item in report.findings:
            assert ("each request moves" in item.message) == (not maker.waits), (batch, kind)


@RUNS
@EACH
def test_frozen(mode, every, maker):
    """BN035: frozen in training mode; a switch that is still there is information, and its default decides."""
    for batch, kind in combinations(mode, maker, every, (True, False, "placeholder", "default", "default on")):
        with graphs.graph_mode(mode) as graph:
            flag = tf.placeholder_with_default(True, [], "is_training") if kind == "default on" else switch(kind)
            tf.identity(maker.call(rows(batch), flag, "bn"), name="y")
            values = {v.op.name: samples.np.full(v.shape.as_list(), 0.5, "float32") for v in tf.global_variables()}
            frozen = samples.freeze(graph.as_graph_def(add_shapes=True), values, "y")
        found = {(item.severity) for item in audit(frozen, select="BN035").findings}
        expected = {
            True: {"error"},
            False: set(),
            "placeholder": {"info"},
            "default": {"info"},
            "default on": {"error"},
        }
        assert found == expected[kind], (batch, kind)


def in_branches(maker, x, flag):
    """A wrapper of the time: one call in each branch."""

    def branch(training):
        with tf.variable_scope("net", reuse=tf.AUTO_REUSE):
            return maker.call(x, training, "bn")

    return tf.cond(flag, lambda: branch(True), lambda: branch(False))


def before_the_branches(maker, x, flag):
    """Both calls made first, and a conditional that chooses between them: what trains runs in every mode."""
    with tf.variable_scope("net", reuse=tf.AUTO_REUSE):
        trained, served = maker.call(x, True, "bn"), maker.call(x, False, "bn")

    def train():
        with tf.control_dependencies(tf.get_collection(UPDATE_OPS)):
            return tf.nn.relu(trained)

    return tf.cond(flag, train, lambda: tf.nn.relu(served))


@RUNS
@EACH
@pytest.mark.filterwarnings("ignore:a batch norm inside a tf.cond branch")
def test_program_that_chooses_between_two_calls(mode, every, maker):
    """BN011 where the calls are outside of the branches; our layers refuse a collection inside, or move in place."""
    sizes = BATCHES if every else [BATCHES[mode == QUICK[1]]]
    for batch, build in itertools.product(sizes, (in_branches, before_the_branches)):
        with graphs.graph_mode(mode) as graph:
            flag, x = switch("placeholder"), dense(rows(batch), "one")
            if maker.name == "collection" and build is in_branches:
                with pytest.raises(errors.PlacementError, match="inside a tf.cond branch"):
                    build(maker, x, flag)
                continue
            minimize(loss_of(build(maker, x, flag)), "bare")
        expected = {"BN011"} if build is before_the_branches else set()
        assert codes(graph, select=("BN007", "BN011", "BN012"), train_op="bare") == expected, (batch, build)


@RUNS
@EACH
def test_averages_that_a_program_moves_by_hand_in_a_branch(mode, every, maker):
    """BN012: the op inside of the branch is in UPDATE_OPS; not where the branch's output waits for it."""
    for batch, bad in itertools.product(BATCHES if every else BATCHES[:1], (True, False)):
        with graphs.graph_mode(mode) as graph:
            flag, x = switch("placeholder"), dense(rows(batch), "one")
            y = maker.call(x, False, "bn")
            mean, variance = (tf.global_variables(f"bn/moving_{leaf}")[0] for leaf in ("mean", "variance"))
            moments, moved = tf.nn.moments(x, [0]), []

            def train(mean=mean, variance=variance, moments=moments, moved=moved):
                for variable, moment in zip((mean, variance), moments, strict=True):
                    moved.append(tf.assign_sub(variable, (variable - moment) * 0.1))
                with tf.control_dependencies(moved):
                    return tf.constant(True)

            chosen = tf.cond(flag, train, lambda: tf.constant(False))
            for op in moved if bad else [chosen]:
                tf.add_to_collection(UPDATE_OPS, op)
            inner = minimize(loss_of(y), "inner")
            tf.group(inner, chosen, name="step")
        found = codes(graph, select=("BN001", "BN011", "BN012"), train_op="step")
        assert found == ({"BN012"} if bad else set()), batch


@pytest.mark.parametrize("mode", [mode for mode in graphs.MODES if mode.resource], ids=str)
@pytest.mark.parametrize("maker", [maker for maker in MAKERS if maker.waits], ids=str)
def test_recomputed_block_is_silent(mode, maker):
    """Not BN020: the copy that `tf.recompute_grad` builds of our own layers has no updates."""
    for batch in BATCHES:
        with graphs.graph_mode(mode) as graph:
            kernel = tf.get_variable("kernel", [3, 3])

            def block(v, kernel=kernel):
                with tf.variable_scope("block", reuse=tf.AUTO_REUSE):
                    return maker.call(tf.matmul(v, kernel), True, "bn")

            y = tf.recompute_grad(block)(rows(batch))
            (gradient,) = tf.gradients(loss_of(y), [kernel])
            with tf.control_dependencies(tf.get_collection(UPDATE_OPS)):
                tf.train.GradientDescentOptimizer(0.1).apply_gradients([(gradient, kernel)])
        assert codes(graph, select="BN020") == set(), batch
