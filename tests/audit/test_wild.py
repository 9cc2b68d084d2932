"""Graphs as public programs build them, written by program, each with the verdict that was set down before it ran."""

import pytest
import tensorflow.compat.v1 as tf

from tf1bn.audit import audit, samples
from tf1bn.testing import graphs

UPDATE_OPS = tf.GraphKeys.UPDATE_OPS
WILD = []


def wild(*codes, **told):
    """Adds a builder; `codes` are the findings of at least a warning that are right."""

    def add(build):
        WILD.append(pytest.param(build, set(codes), told, id=build.__name__))
        return build

    return add


def ema_norm(p, x, scope, flag=None, decay=0.9):
    """A batch norm of 2016: `ema.apply`, and `tf.cond` where there is a flag. Returns the output and the update."""
    with tf.variable_scope(scope):
        beta = tf.get_variable("beta", [x.shape[-1]], initializer=tf.zeros_initializer())
        gamma = tf.get_variable("gamma", [x.shape[-1]], initializer=tf.ones_initializer())
        mean, variance = tf.nn.moments(x, list(range(x.shape.rank - 1)))
        ema = tf.train.ExponentialMovingAverage(decay)
        if flag is None:
            return tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-3), ema.apply([mean, variance])

        def train():
            with tf.control_dependencies([ema.apply([mean, variance])]):
                return tf.identity(mean), tf.identity(variance)

        chosen = tf.cond(flag, train, lambda: (ema.average(mean), ema.average(variance)))
        return tf.nn.batch_normalization(x, *chosen, beta, gamma, 1e-3), None


@wild()
def two_layers_of_2016_behind_a_flag(p):
    flag = tf.placeholder(tf.bool, [], "phase_train")
    y = ema_norm(p, p.dense(p.rows()), "one", flag)[0]
    p.train(p.loss(ema_norm(p, p.dense(y, 4, "two"), "two", flag)[0]), ())


@wild("BN001")
def ema_of_one_layer_that_nothing_gathers(p):
    p.train(p.loss(ema_norm(p, p.dense(p.rows()), "one")[0]), ())


@wild("BN001")
def emas_of_two_layers_that_nothing_gathers(p):
    y = ema_norm(p, p.dense(p.rows()), "one")[0]
    p.train(p.loss(ema_norm(p, p.dense(y, 4, "two"), "two")[0]), ())


@wild()
def emas_in_a_step_of_their_own(p):
    """As in lectures that run `sess.run(update_ema, ...)` after each training step."""
    y, first = ema_norm(p, p.dense(p.rows()), "one")
    y, second = ema_norm(p, p.dense(y, 4, "two"), "two")
    tf.group(tf.group(first, tf.no_op()), tf.group(tf.group(second)), name="update_ema")
    p.train(p.loss(y), ())


@wild()
def tensorpack_callback_runs_one_group(p):
    y = p.norm(p.norm(p.dense(p.rows()), "conv1/bn").output, "conv2/bn").output
    tf.group(*tf.get_collection(UPDATE_OPS), name="update_ops")
    p.train(p.loss(y), ())


def gathered_by_layer_then_by_network(p, norm):
    """A library gathers its updates by layer, then by network, in a collection of its own."""
    one, first = norm(p, p.dense(p.rows()), "one")
    two, second = norm(p, p.dense(one, 4, "two"), "two")
    tf.add_to_collection("bn_updates", tf.group(tf.group(tf.group(*first), tf.group(*second)), tf.no_op()))
    p.train(p.loss(two))


def collected_nowhere(p, x, scope):
    bn = p.norm(x, scope, collection=None)
    return bn.output, bn.updates


def ema_of_2016(p, x, scope):
    y, update = ema_norm(p, x, scope)
    return y, [update]


@wild("BN008")
def collection_of_ones_own_holds_a_group_of_groups(p):
    """And the program waits for UPDATE_OPS."""
    gathered_by_layer_then_by_network(p, collected_nowhere)


@wild(fetches="bn_updates")
def collection_of_groups_of_groups_that_another_call_runs(p):
    gathered_by_layer_then_by_network(p, collected_nowhere)


@wild("BN008")
def collection_of_ones_own_holds_groups_of_ema_applies(p):
    gathered_by_layer_then_by_network(p, ema_of_2016)


@wild(fetches="bn_updates")
def collection_of_groups_of_ema_applies_that_another_call_runs(p):
    gathered_by_layer_then_by_network(p, ema_of_2016)


@wild()
def collection_of_groups_of_groups_that_the_train_op_waits_for(p):
    gathered_by_layer_then_by_network(p, ema_of_2016)
    tf.add_to_collection(
        tf.GraphKeys.TRAIN_OP, tf.group(p.graph.get_operation_by_name("train"), *tf.get_collection("bn_updates"))
    )


@wild("BN001")
def groups_of_groups_in_the_usual_collection(p):
    """What waits in UPDATE_OPS is no step of its own, however deep it is gathered."""
    y, updates = collected_nowhere(p, p.dense(p.rows()), "one")
    tf.add_to_collection(UPDATE_OPS, tf.group(tf.group(tf.group(*updates)), tf.no_op()))
    p.train(p.loss(y), ())


@wild()
def train_op_collection_holds_the_group(p):
    y = p.norm(p.dense(p.rows())).output
    p.train(p.loss(y), ())
    tf.add_to_collection(tf.GraphKeys.TRAIN_OP, tf.group(*tf.get_collection(UPDATE_OPS)))


@wild()
def create_train_op_of_slim(p):
    y = p.norm(p.dense(p.rows())).output
    with tf.control_dependencies(tf.get_collection(UPDATE_OPS)):
        barrier = tf.no_op("update_barrier")
    with tf.control_dependencies([barrier]):
        loss = tf.identity(p.loss(y))
    step = p.train(loss, ())
    with tf.control_dependencies([step, loss]):
        tf.identity(loss, "train_op")


@wild("BN016")
def adversarial_nets_behind_one_collection(p):
    with tf.variable_scope("generator"):
        fake = p.norm(p.dense(p.rows("noise")), "bn").output
    with tf.variable_scope("discriminator"):
        score = p.norm(p.dense(fake), "bn").output
    for name, sign in (("generator", -1.0), ("discriminator", 1.0)):
        p.train(p.loss(sign * score, name), None, tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, name), name)


@wild("BN010")
def translation_nets_that_always_normalise_by_the_batch(p):
    """As pix2pix does, with a batch of one image."""
    x = p.conv(p.images())
    mean, variance = tf.nn.moments(x, [0, 1, 2])
    scale = tf.get_variable("scale", [4], initializer=tf.ones_initializer())
    offset = tf.get_variable("offset", [4], initializer=tf.zeros_initializer())
    p.train(p.loss(tf.nn.batch_normalization(x, mean, variance, offset, scale, 1e-5)), ())


@wild("BN005")
def keras_layer_by_hand(p):
    """The ops that Keras makes in a graph: updates on the layer object alone."""
    y = p.norm(p.dense(p.rows()), "batch_normalization", collection=None).output
    tf.placeholder_with_default(False, [], "keras_learning_phase")
    p.train(p.loss(y), ())


@wild("BN006")
def estimator_that_forgets_the_mode(p):
    y = p.norm(p.dense(p.rows()), training=False).output
    p.train(p.loss(y), ())


@wild()
def trunk_frozen_head_trained(p):
    trunk = p.norm(p.dense(p.rows()), "trunk", training=False, learn=False).output
    p.train(p.loss(p.norm(p.dense(trunk, 4, "head"), "head").output))


@wild()
def averages_of_an_evaluation_tower(p):
    p.train(p.loss(p.norm(p.dense(p.rows())).output))
    with tf.name_scope("evaluation"):
        p.norm(p.dense(p.rows("test")), training=False)


@wild("BN018")
def two_towers_that_both_write(p):
    losses = []
    for number in range(2):
        with tf.name_scope(f"tower_{number}/"), tf.variable_scope(tf.get_variable_scope(), reuse=tf.AUTO_REUSE):
            bn = p.variables("bn", 4)
            x = p.dense(p.rows(f"rows_{number}"))
            mean, variance = tf.nn.moments(x, [0])
            for variable, moment, suffix in ((bn.mean, mean, ""), (bn.variance, variance, "_1")):
                tf.add_to_collection(UPDATE_OPS, p.move(variable, moment, suffix=suffix))
            losses.append(p.loss(p.apply(x, bn, mean, variance), f"loss_{number}"))
    p.train(tf.add_n(losses))


@wild()
def updates_guarded_against_an_empty_batch(p):
    """The guard is no switch: nothing is wrong with it, and it excuses nothing (next)."""
    guarded(p)


@wild("BN014", fetches="prediction")
def a_guard_excuses_no_prediction_that_moves_averages(p):
    tf.identity(guarded(p), "prediction")


@wild("BN014", fetches="prediction")
def neither_does_a_counter(p):
    step = tf.train.get_or_create_global_step()
    tf.identity(guarded(p, lambda x: tf.equal(step % 10, 0)), "prediction")
    tf.assign_add(step, 1)


@wild(fetches="prediction")
def a_flag_of_the_caller_does(p):
    flag = tf.placeholder(tf.bool, [], "training")
    tf.identity(guarded(p, lambda x: tf.logical_and(flag, tf.size(x) > 0)), "prediction")


def guarded(p, condition=lambda x: tf.size(x) > 0):
    """Updates in place behind a condition; by default that there is a batch."""
    x = p.dense(tf.placeholder(tf.float32, [None, 4], "rows"))
    bn = p.variables("bn", 4)
    mean, variance = tf.nn.moments(x, [0])

    def move():
        with tf.control_dependencies([p.move(bn.mean, mean), p.move(bn.variance, variance, suffix="_1")]):
            return tf.constant(True)

    moved = tf.cond(condition(x), move, lambda: tf.constant(False))
    with tf.control_dependencies([moved]):
        y = tf.identity(p.apply(x, bn, mean, variance))
    p.train(p.loss(y), ())
    return y


@pytest.mark.parametrize("mode", [graphs.MODES[0], graphs.MODES[-1]], ids=str)
@pytest.mark.parametrize(("build", "codes", "told"), WILD)
def test_verdict(build, codes, told, mode):
    with graphs.graph_mode(mode) as graph:
        build(samples.Program(graph))
        tf.train.Saver()
    report = audit(graph, **told)
    assert {item.code for item in report.failing("warning")} == codes, [item.message for item in report.findings]


@pytest.mark.parametrize("norm", [collected_nowhere, ema_of_2016])
def test_private_collection_of_groups_is_a_warning_that_says_how_to_settle_it(norm):
    """Updates one by one in a collection that nothing reads are an error; one step that gathers them may be run."""
    with graphs.graph_mode(graphs.MODES[0]) as graph:
        gathered_by_layer_then_by_network(samples.Program(graph), norm)
    found = audit(graph).findings
    assert len(found) == 4 and {(item.code, item.severity, item.confidence) for item in found} == {
        ("BN008", "warning", "medium")
    }
    assert all("'bn_updates', where 'group_deps_3' gathers it" in item.message for item in found)
    assert all("tf.get_collection('bn_updates')" in item.fix and "--fetch=bn_updates." in item.fix for item in found)


@pytest.mark.parametrize("late", [True, False])
@pytest.mark.parametrize("mode", [mode for mode in graphs.MODES if mode.resource], ids=str)
def test_copy_that_recompute_grad_builds_moves_the_averages_again(mode, late):
    with graphs.graph_mode(mode) as graph:
        p = samples.Program(graph)
        kernel, bn = tf.get_variable("kernel", [4, 4]), p.variables("bn", 4)
        y = tf.recompute_grad(lambda v: _block(p, tf.matmul(v, kernel), bn))(p.rows(batch=8))
        early = tf.get_collection(UPDATE_OPS)
        (gradient,) = tf.gradients(p.loss(y), [kernel])
        with tf.control_dependencies(tf.get_collection(UPDATE_OPS) if late else early):
            tf.train.GradientDescentOptimizer(0.1).apply_gradients([(gradient, kernel)])
    assert {item.code for item in audit(graph, select="BN020").findings} == ({"BN020"} if late else set())


def _block(p, x, bn):
    mean, variance = tf.nn.moments(x, [0])
    for variable, moment in ((bn.mean, mean), (bn.variance, variance)):
        tf.add_to_collection(UPDATE_OPS, p.move(variable, moment))
    return p.apply(x, bn, mean, variance)
