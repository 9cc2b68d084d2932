"""The commonest mistakes made with every way to call a drop-in: layer objects, other layers' normalizers, and the
variants that keep other variables. The table of rules by strategy, batch and switch is in test_own_table.
"""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests.audit.test_own_table import codes, dense, loss_of, minimize, rows, switch
from tf1bn.audit import audit
from tf1bn.compat import contrib, slim
from tf1bn.compat import tf_layers as layers
from tf1bn.testing import graphs

UPDATE_OPS = tf.GraphKeys.UPDATE_OPS
CALLS = {
    "tf.layers object": lambda x, t, n: layers.BatchNormalization(name=n)(x, training=t),
    "tf.layers of images": lambda x, t, n: flat(layers.batch_normalization(images(x), training=t, name=n)),
    "tf.layers renorm": lambda x, t, n: layers.batch_normalization(x, training=t, name=n, renorm=True),
    "tf.layers virtual": lambda x, t, n: layers.batch_normalization(x, training=t, name=n, virtual_batch_size=2),
    "slim of images": lambda x, t, n: flat(slim.batch_norm(images(x), is_training=t, scope=n)),
    "slim zero-debias": lambda x, t, n: slim.batch_norm(x, is_training=t, scope=n, zero_debias_moving_mean=True),
    "slim renorm": lambda x, t, n: slim.batch_norm(x, is_training=t, scope=n, renorm=True),
    "slim weights": lambda x, t, n: slim.batch_norm(
        x, is_training=t, scope=n, batch_weights=tf.ones([tf.shape(x)[0], 1])
    ),
    "slim normalizer": lambda x, t, n: slim.fully_connected(
        x, 3, normalizer_fn=slim.batch_norm, normalizer_params={"is_training": t}, scope=n
    ),
    "slim of contrib": lambda x, t, n: contrib.layers.batch_norm(x, is_training=t, scope=n),
}
QUICK = [(graphs.MODES[0], 8, True), (graphs.MODES[0], None, "default"), (graphs.MODES[3], None, "placeholder")]
EACH = pytest.mark.parametrize("name", CALLS)
KINDS = pytest.mark.parametrize(
    ("mode", "batch", "kind"),
    [
        *(pytest.param(*row, id=f"{row[0]}-{row[1]}-{row[2]}") for row in QUICK[:2]),
        pytest.param(*QUICK[2], id="reference-v1-None-placeholder", marks=pytest.mark.exhaustive),
    ],
)


def images(x):
    return tf.reshape(x, [-1, 1, 1, 3])


def flat(y):
    return tf.reshape(y, [-1, 3])


def network(name, flag, x):
    y = CALLS[name](dense(x, "dense_one"), flag, "one")
    early = tf.get_collection(UPDATE_OPS)
    return CALLS[name](dense(y, "dense_two"), flag, "two"), early


@KINDS
@EACH
def test_one_network_and_what_is_run_of_it(name, mode, batch, kind):
    with graphs.graph_mode(mode) as graph:
        y, early = network(name, switch(kind), rows(batch))
        loss, updates = loss_of(y), tf.get_collection(UPDATE_OPS)
        bare = minimize(loss, "bare")
        for step, waiting in (("right", updates), ("half", early)):
            tf.group(bare, *waiting, name=step)
        tf.train.Saver(tf.trainable_variables(), name="half_saver")
    assert codes(graph, train_op="right") == {"BN022"}
    assert codes(graph, train_op="half") == {"BN002", "BN022"}
    report = audit(graph, train_op="bare", ignore="BN022")
    assert {item.code for item in report.failing("warning")} == {"BN001"}
    assert {item.severity for item in report.failing("warning")} == {"error"}
    for item in report.failing("warning"):
        assert f"a call of {name.split()[0]}" in item.message and "--tf1bn_update_strategy=inline" in item.fix
    moved = {variable.rsplit("/", 1)[-1] for site in report.sites for variable in site.variables}
    assert {"moving_mean", "moving_variance"} <= moved or {"moving_mean", "moving_stddev"} <= moved


@KINDS
@EACH
def test_an_evaluation_beside_it_and_a_whole_saver_are_sound(name, mode, batch, kind):
    with graphs.graph_mode(mode) as graph:
        x, flag = rows(batch), switch(kind)
        with tf.variable_scope("net", reuse=tf.AUTO_REUSE):
            y, _ = network(name, flag, x)
        tf.group(minimize(loss_of(y), "inner"), *tf.get_collection(UPDATE_OPS), name="train")
        if "object" not in name:
            with tf.variable_scope("net", reuse=True), tf.name_scope("evaluation"):
                network(name, False, rows(batch, "test"))
        tf.train.Saver()
    assert codes(graph, train_op="train") == set()


@KINDS
@EACH
def test_two_networks_behind_one_collection(name, mode, batch, kind):
    with graphs.graph_mode(mode) as graph:
        flag, y = switch(kind), rows(batch)
        for net in ("first", "second"):
            with tf.variable_scope(net):
                y = CALLS[name](dense(y, "dense"), flag, "bn")
        for net in ("first", "second"):
            inner = minimize(loss_of(y), f"{net}_inner", tf.get_collection("trainable_variables", f"{net}/"))
            tf.group(inner, *tf.get_collection(UPDATE_OPS), name=f"{net}_all")
            tf.group(inner, *tf.get_collection(UPDATE_OPS, f"{net}/"), name=f"{net}_own")
    assert codes(graph, train_op=("first_own", "second_own")) == set()
    assert codes(graph, train_op=("first_all", "second_all")) == {"BN016"}


@EACH
@pytest.mark.parametrize("mode", [graphs.MODES[0], graphs.MODES[3]], ids=str)
def test_flag_that_was_never_given(name, mode):
    with graphs.graph_mode(mode) as graph:
        y, _ = network(name, False, rows(8))
        minimize(loss_of(y), "train")
    assert codes(graph) == {"BN006"}


@EACH
@pytest.mark.parametrize("mode", [graphs.MODES[0], graphs.MODES[3]], ids=str)
def test_one_set_of_averages_for_two_inputs(name, mode):
    """A siamese network: two updates in one step, from two inputs."""
    if "object" in name:
        pytest.skip("each object has variables of its own")
    with graphs.graph_mode(mode) as graph, tf.variable_scope("net", reuse=tf.AUTO_REUSE):
        one, two = (CALLS[name](dense(rows(8, x), "dense"), True, "bn") for x in "ab")
        tf.group(minimize(loss_of(one - two), "inner"), *tf.get_collection(UPDATE_OPS), name="train")
    assert codes(graph, train_op="net/train") == {"BN017"}


@pytest.mark.parametrize("mode", graphs.MODES, ids=str)
def test_many_uses_in_one_step_are_information_because_none_is_lost(mode):
    """With arithmetic of several ops the variance would become negative: 8 x (1 - 0.6) is above 1."""
    x = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    with graphs.graph_mode(mode) as graph:
        rows_, loss = rows(8), 0.0
        with tf.variable_scope("net", reuse=tf.AUTO_REUSE):
            for _ in range(8):
                loss += loss_of(layers.batch_normalization(rows_, momentum=0.6, training=True, name="bn", fused=False))
        step = tf.group(minimize(loss, "inner"), *tf.get_collection(UPDATE_OPS))
        (variance,) = tf.global_variables("net/bn/moving_variance")
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            session.run(step, {rows_: x})
            kept = session.run(variance)
    np.testing.assert_allclose(kept, 0.6**8 + x.var(0, dtype=np.float64) * (1 - 0.6**8), rtol=1e-5)
    found = audit(graph, train_op=step).findings
    assert {(item.code, item.severity) for item in found} == {("BN015", "info")}
    assert "runs 8 updates of 'net/bn/moving_mean' in no order" in found[0].message
