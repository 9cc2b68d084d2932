"""More graphs as public programs of 2016 to 2019 build them, each sick one beside its healthy twin, with its verdict.

`wild(codes)` are the findings of at least a warning that are right; the docstring says whose way it is.
"""

import pytest
import tensorflow.compat.v1 as tf

from tf1bn.audit import audit, samples
from tf1bn.compat import slim
from tf1bn.testing import graphs

UPDATE_OPS = tf.GraphKeys.UPDATE_OPS
PROGRAMS = []


def wild(*codes, modes=graphs.MODES, **told):
    """Adds a builder, for some of the graph modes; what it returns, if anything, are fetches."""

    def add(build):
        kept = [mode for mode in modes if mode in (graphs.MODES[0], graphs.MODES[-1])] or modes[:1]
        PROGRAMS.extend(pytest.param(build, mode, set(codes), told, id=f"{build.__name__}-{mode}") for mode in kept)
        return build

    return add


def by_assign(x, scope="bn", training=True, decay=0.9, wait=True, shape=None):
    """A wrapper with `pop_mean` and `pop_var`, of the tutorials: returns the output and the updates."""
    shape = shape or [int(x.shape[-1])]
    axes = list(range(x.shape.rank - 1))
    with tf.variable_scope(scope, reuse=tf.AUTO_REUSE):
        make = lambda name, value, learn: tf.get_variable(  # noqa: E731
            name, shape, initializer=tf.constant_initializer(value), trainable=learn
        )
        scale, beta = make("scale", 1.0, True), make("beta", 0.0, True)
        pop_mean, pop_var = make("pop_mean", 0.0, False), make("pop_var", 1.0, False)
        if training is False:
            return tf.nn.batch_normalization(x, pop_mean, pop_var, beta, scale, 1e-3), []
        mean, variance = tf.nn.moments(x, axes, keepdims=len(shape) > 1)
        updates = [
            tf.assign(pop_mean, pop_mean * decay + mean * (1 - decay)),
            tf.assign(pop_var, pop_var * decay + variance * (1 - decay)),
        ]
        with tf.control_dependencies(updates if wait else []):
            return tf.nn.batch_normalization(x, mean, variance, beta, scale, 1e-3), updates


def two(p, norm, **given):
    """Two layers; returns the output and all updates."""
    y, first = norm(p.dense(p.rows()), "one", **given)
    y, second = norm(p.dense(tf.nn.relu(y), 4, "two"), "two", **given)
    return y, [*first, *second]


# ---- one wrapper for all layers -----------------------------------------------------------------------------------


@wild()
def wrapper_whose_output_waits(p):
    p.train(p.loss(two(p, by_assign)[0]))


@wild("BN001")
def wrapper_whose_control_block_is_empty(p):
    p.train(p.loss(two(p, by_assign, wait=False)[0]))


@wild("BN014", fetches="prediction")
def wrapper_whose_prediction_moves(p):
    y = two(p, by_assign)[0]
    tf.nn.softmax(y, name="prediction")
    p.train(p.loss(y))


@wild(fetches="served/prediction")
def wrapper_called_again_for_serving(p):
    p.train(p.loss(two(p, by_assign)[0]))
    with tf.name_scope("served"):
        tf.nn.softmax(two(p, by_assign, training=False)[0], name="prediction")


@wild()
def wrapper_with_axes_kept(p):
    """As Sonnet's `[1, 1, 1, C]`."""
    y, _ = by_assign(p.conv(p.images()), shape=[1, 1, 1, 4])
    p.train(p.loss(y))


def by_difference(x, scope, waits=True, op=tf.assign_add):
    """`pop += rate * (batch - pop)`, the arithmetic in full."""
    with tf.variable_scope(scope, reuse=tf.AUTO_REUSE):
        make = lambda name, value, learn: tf.get_variable(  # noqa: E731
            name, [int(x.shape[-1])], initializer=tf.constant_initializer(value), trainable=learn
        )
        gamma, beta, mean, var = (
            make("g", 1.0, True),
            make("b", 0.0, True),
            make("mu", 0.0, False),
            make("s2", 1.0, False),
        )
        batch = tf.reduce_mean(x, 0)
        spread = tf.reduce_mean(tf.square(x), 0) - tf.square(batch)
        moved = [op(mean, 0.1 * (batch - mean)), op(var, 0.1 * (spread - var))]
        with tf.control_dependencies(moved if waits else []):
            y = gamma * (tf.identity(x) - batch) * tf.rsqrt(spread + 1e-5) + beta
        return y, moved


@wild()
def names_that_say_nothing(p):
    p.train(p.loss(two(p, by_difference)[0]))


@wild("BN001")
def names_that_say_nothing_and_nothing_waits(p):
    p.train(p.loss(two(p, by_difference, waits=False)[0]))


def by_count(x, scope, waits=True):
    """A cumulative mean: `(n * pop + batch) / (n + 1)`."""
    with tf.variable_scope(scope, reuse=tf.AUTO_REUSE):
        make = lambda name, value: tf.get_variable(  # noqa: E731
            name, [4], initializer=tf.constant_initializer(value), trainable=False
        )
        seen = tf.get_variable("seen", [], initializer=tf.zeros_initializer(), trainable=False)
        pop_mean, pop_var = make("pop_mean", 0.0), make("pop_var", 1.0)
        mean, variance = tf.nn.moments(x, [0])
        moved = [tf.assign(v, (v * seen + m) / (seen + 1.0)) for v, m in ((pop_mean, mean), (pop_var, variance))]
        with tf.control_dependencies(moved):
            moved.append(tf.assign_add(seen, 1.0))
        gamma = tf.get_variable("gamma", [4], initializer=tf.ones_initializer())
        with tf.control_dependencies(moved if waits else []):
            return tf.nn.batch_normalization(x, mean, variance, None, gamma, 1e-3), moved


@wild()
def cumulative_means(p):
    p.train(p.loss(two(p, by_count)[0]))


@wild("BN004")
def cumulative_means_that_nothing_runs(p):
    """The counter waits for them, and nothing runs that."""
    p.train(p.loss(two(p, by_count, waits=False)[0]))


# ---- a switch in the program's own way ----------------------------------------------------------------------------


def choosing(p, x, scope, flag, choose, inside=True):
    bn = p.variables(scope, int(x.shape[-1]))
    mean, variance = tf.nn.moments(x, list(range(x.shape.rank - 1)))
    return p.apply(x, bn, *choose(p, bn, flag, mean, variance)), []


def by_cond(p, bn, flag, mean, variance):
    """As tflearn: the update and the choice in one conditional."""

    def train():
        with tf.control_dependencies([p.move(bn.mean, mean), p.move(bn.variance, variance, suffix="_1")]):
            return tf.identity(mean), tf.identity(variance)

    return tf.cond(flag, train, lambda: (tf.identity(bn.mean), tf.identity(bn.variance)))


def by_arithmetic(p, bn, flag, mean, variance):
    """`t * batch + (1 - t) * kept`, and a rate that is 0 outside of training."""
    t = tf.cast(flag, tf.float32)
    for variable, moment, suffix in ((bn.mean, mean, ""), (bn.variance, variance, "_1")):
        tf.add_to_collection(UPDATE_OPS, p.move(variable, moment, 1.0 - 0.1 * t, suffix))
    return t * mean + (1.0 - t) * bn.mean, t * variance + (1.0 - t) * bn.variance


def by_where(p, bn, flag, mean, variance):
    """`tf.where` of vectors, as `tf.select` did."""
    flags = tf.fill([4], flag)
    for variable, moment in ((bn.mean, mean), (bn.variance, variance)):
        tf.add_to_collection(UPDATE_OPS, tf.assign(variable, tf.where(flags, 0.9 * variable + 0.1 * moment, variable)))
    return tf.where(flags, mean, bn.mean), tf.where(flags, variance, bn.variance)


def by_case(p, bn, flag, mean, variance):
    """`tf.case` with a default."""
    chosen = tf.case([(flag, lambda: (tf.identity(mean), tf.identity(variance)))],
                     default=lambda: (tf.identity(bn.mean), tf.identity(bn.variance)))  # fmt: skip
    moved = tf.cond(flag, lambda: tf.group(p.move(bn.mean, mean), p.move(bn.variance, variance)), tf.no_op)
    tf.add_to_collection(UPDATE_OPS, moved)
    return chosen


V1 = [mode for mode in graphs.MODES if not mode.control_flow_v2]
CHOICES = (by_cond, by_arithmetic, by_where, by_case)


def switched(choose, waits):
    def build(p):
        flag = tf.placeholder(tf.bool, [], "phase_train")
        y = choosing(p, p.dense(p.rows()), "one", flag, choose)[0]
        y = choosing(p, p.dense(y, 4, "two"), "two", flag, choose)[0]
        p.train(p.loss(y), None if waits else ())

    build.__name__ = f"switch_{choose.__name__}{'' if waits else '_and_nothing_waits'}"
    return build


for _choose in CHOICES:
    wild()(switched(_choose, True))
    if _choose is not by_cond:
        wild("BN001")(switched(_choose, False))


def built_before(p, condition):
    """The update is built before the conditional that waits for it, whose condition has a guard beside the flag."""
    x, flag = p.dense(tf.placeholder(tf.float32, [None, 4], "rows")), tf.placeholder(tf.bool, [], "phase_train")
    bn = p.variables("bn", 4)
    mean, variance = tf.nn.moments(x, [0])
    moved = tf.group(p.move(bn.mean, mean), p.move(bn.variance, variance, suffix="_1"))
    chosen = tf.cond(
        flag, lambda: (tf.identity(mean), tf.identity(variance)), lambda: (bn.mean + 0.0, bn.variance + 0.0)
    )

    def wait():
        with tf.control_dependencies([moved]):
            return tf.constant(0.0)

    waited = tf.cond(condition(flag, x), wait, lambda: tf.constant(0.0))
    p.train(p.loss(p.apply(x, bn, *chosen) + waited))


@wild("BN011")
def update_built_before_the_branch(p):
    built_before(p, lambda flag, x: flag)


@wild("BN011")
def update_built_before_a_branch_with_a_guard(p):
    built_before(p, lambda flag, x: tf.logical_and(flag, tf.size(x) > 0))


@wild("BN015", "BN017")
def two_inputs_behind_a_flag_that_is_turned_over(p):
    """The flag is no input that the two have in common."""
    serving, bn = tf.placeholder(tf.bool, [], "serving"), p.variables("bn", 4)
    flag, losses = tf.logical_not(serving), []
    for name in ("real", "fake"):
        x = p.dense(p.rows(name))
        moments = tf.nn.moments(x, [0])
        rate = tf.cond(flag, lambda: tf.constant(0.9), lambda: tf.constant(1.0))
        for variable, moment in zip((bn.mean, bn.variance), moments, strict=True):
            tf.add_to_collection(UPDATE_OPS, p.move(variable, moment, rate))
        chosen = tf.cond(flag, lambda m=moments: tuple(map(tf.identity, m)), lambda: (bn.mean + 0.0, bn.variance + 0.0))
        losses.append(p.loss(p.apply(x, bn, *chosen), f"loss_{name}"))
    p.train(tf.add_n(losses))


# ---- slim and its arg_scope ---------------------------------------------------------------------------------------


def slim_network(p, **given):
    given = {"is_training": True, **given}
    with (
        slim.arg_scope([slim.batch_norm], **given),
        slim.arg_scope([slim.fully_connected], normalizer_fn=slim.batch_norm),
    ):
        return slim.fully_connected(slim.fully_connected(p.rows(), 4), 4)


@wild()
def slim_scope_and_its_collection(p):
    p.train(p.loss(slim_network(p)))


@wild("BN001")
def slim_scope_and_no_collection(p):
    p.train(p.loss(slim_network(p)), ())


@wild("BN008")
def slim_scope_with_a_collection_of_its_own(p):
    p.train(p.loss(slim_network(p, updates_collections="bn_ops")))


@wild()
def slim_scope_with_a_collection_of_its_own_that_is_read(p):
    y = slim_network(p, updates_collections="bn_ops")
    p.train(p.loss(y), tf.get_collection("bn_ops"))


@wild("BN002")
def slim_scope_of_which_one_layer_has_another_collection(p):
    with slim.arg_scope([slim.batch_norm], is_training=True):
        y = slim.batch_norm(p.dense(p.rows()), scope="one")
        y = slim.batch_norm(p.dense(y, 4, "two"), scope="two")
    p.train(p.loss(y), [op for op in tf.get_collection(UPDATE_OPS) if op.name.startswith("one")])


@wild("BN006")
def slim_scope_of_an_evaluation_that_trains(p):
    p.train(p.loss(slim_network(p, is_training=False)))


@wild()
def slim_in_place_in_a_loop(p):
    """`updates_collections=None` in a `tf.while_loop`."""
    x = p.rows(batch=8)

    def body(i, y):
        return i + 1, slim.batch_norm(y, is_training=True, updates_collections=None, scope="bn", reuse=tf.AUTO_REUSE)

    y = tf.while_loop(lambda i, _: i < 3, body, (0, p.dense(x)), parallel_iterations=1)[1]
    p.train(p.loss(y), ())


# ---- several networks ---------------------------------------------------------------------------------------------


def adversaries(p, generator, discriminator):
    """Two nets that take turns; each step waits for what a filter of UPDATE_OPS finds."""
    with tf.variable_scope("generator"):
        fake = p.norm(p.dense(p.rows("z")), "bn").output
    with tf.variable_scope("discriminator"):
        score = p.norm(p.dense(fake), "bn").output
    for name, sign, scope in (("generator", -1.0, generator), ("discriminator", 1.0, discriminator)):
        weights = tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, name)
        p.train(p.loss(sign * score, f"{name}_loss"), tf.get_collection(UPDATE_OPS, scope), weights, name)


@wild()
def adversaries_with_a_filter_each(p):
    adversaries(p, "generator", "discriminator")


@wild("BN002")
def adversaries_of_which_one_filter_finds_nothing(p):
    """The scope is called otherwise than the filter thinks."""
    adversaries(p, "generator", "d_net")


@wild("BN001")
def adversaries_whose_filters_find_nothing(p):
    adversaries(p, "g_net", "d_net")


@wild()
def student_and_teacher(p):
    x = p.rows()
    with tf.variable_scope("teacher"):
        target = p.norm(p.dense(x), "bn", training=False, learn=False).output
    with tf.variable_scope("student"):
        y = p.norm(p.dense(x), "bn").output
    p.train(p.loss(y - tf.stop_gradient(target)), None, tf.trainable_variables("student"))


def towers(p, which, count=3):
    """CIFAR-10 on several devices: shared weights, the averages of all gradients, updates of some towers."""
    losses = []
    for number in range(count):
        with tf.name_scope(f"tower_{number}/"), tf.variable_scope("net", reuse=tf.AUTO_REUSE):
            bn = p.variables("bn", 4)
            x = p.dense(p.rows(f"rows_{number}"))
            mean, variance = tf.nn.moments(x, [0])
            for variable, moment, suffix in ((bn.mean, mean, ""), (bn.variance, variance, "_1")):
                with tf.name_scope(f"tower_{number}/bn/"):
                    tf.add_to_collection(UPDATE_OPS, p.move(variable, moment, suffix=suffix))
            losses.append(p.loss(p.apply(x, bn, mean, variance), f"loss_{number}"))
    p.train(tf.add_n(losses), tf.get_collection(UPDATE_OPS, which) if which is not None else ())


@wild()
def towers_of_which_the_first_moves(p):
    towers(p, "tower_0")


@wild()
def towers_of_which_the_last_moves(p):
    towers(p, "tower_2")


@wild("BN001")
def towers_of_which_none_moves(p):
    towers(p, None)


# ---- what is done with the gradients, and with the averages --------------------------------------------------------


def accumulated(p, waits_each_time):
    """Gradients of several batches are added up; one step applies them."""
    y = p.norm(p.dense(p.rows())).output
    variables = tf.trainable_variables()
    sums = [tf.get_variable(f"sum_{i}", v.shape, initializer=tf.zeros_initializer(), trainable=False)
            for i, v in enumerate(variables)]  # fmt: skip
    gradients = tf.gradients(p.loss(y), variables)
    with tf.control_dependencies(tf.get_collection(UPDATE_OPS) if waits_each_time else []):
        tf.group(*[tf.assign_add(s, g) for s, g in zip(sums, gradients, strict=True)], name="accumulate")
    tf.train.GradientDescentOptimizer(0.1).apply_gradients(zip(sums, variables, strict=True), name="apply")


@wild()
def accumulated_gradients(p):
    accumulated(p, True)


@wild("BN001")
def accumulated_gradients_without_averages(p):
    accumulated(p, False)


@wild()
def gradients_are_clipped_under_the_block(p):
    y = p.norm(p.dense(p.rows())).output
    optimizer = tf.train.AdamOptimizer()
    with tf.control_dependencies(tf.get_collection(UPDATE_OPS)):
        pairs = optimizer.compute_gradients(p.loss(y))
        clipped, _ = tf.clip_by_global_norm([g for g, _ in pairs], 5.0)
    optimizer.apply_gradients(zip(clipped, [v for _, v in pairs], strict=True), tf.train.get_or_create_global_step())


@wild()
def descent_by_hand(p):
    y = p.norm(p.dense(p.rows())).output
    variables = tf.trainable_variables()
    with tf.control_dependencies(tf.get_collection(UPDATE_OPS)):
        steps = [tf.assign_sub(v, 0.1 * g) for v, g in zip(variables, tf.gradients(p.loss(y), variables), strict=True)]
    tf.group(*steps, name="step")


@wild("BN001")
def descent_by_hand_without_averages(p):
    y = p.norm(p.dense(p.rows())).output
    variables = tf.trainable_variables()
    steps = [tf.assign_sub(v, 0.1 * g) for v, g in zip(variables, tf.gradients(p.loss(y), variables), strict=True)]
    tf.group(*steps, name="step")


@wild()
def extra_train_ops_of_a_class(p):
    """`self._extra_train_ops`, grouped with the application, as the first residual networks did."""
    extra, y = [], p.images()
    for number in range(2):
        bn = p.norm(p.conv(y, name=f"unit_{number}"), f"unit_{number}/bn", collection=None)
        extra += bn.updates
        y = tf.nn.relu(bn.output)
        tf.summary.histogram(bn.mean.op.name, bn.mean)
    tf.group(p.train(p.loss(y), ()), *extra, name="train_op")


@wild("BN001")
def extra_train_ops_that_are_forgotten(p):
    y = p.images()
    for number in range(2):
        y = tf.nn.relu(p.norm(p.conv(y, name=f"unit_{number}"), f"unit_{number}/bn", collection=None).output)
    p.train(p.loss(y), ())


def grouped_by_layer(p, gathered):
    """Each layer returns a group of its own."""
    y, groups = p.rows(), []
    for number in range(2):
        bn = p.norm(p.dense(y, 4, f"layer_{number}"), f"layer_{number}/bn", collection=None)
        groups.append(tf.group(*bn.updates))
        y = tf.nn.relu(bn.output)
    if gathered:
        tf.group(*groups, name="update_averages")
    p.train(p.loss(y), ())


@wild("BN001")
def groups_of_layers_that_nothing_gathers(p):
    grouped_by_layer(p, False)


@wild()
def groups_of_layers_in_a_step_of_their_own(p):
    grouped_by_layer(p, True)


def by_debiased(x, scope, waits=True, decay=0.9):
    """`assign_moving_average` of 1.x with its helpers, named below the scope once more."""
    bn = samples.Program(tf.get_default_graph()).variables(scope, int(x.shape[-1]))
    moments, moved = tf.nn.moments(x, [0]), []
    for average, moment in zip((bn.mean, bn.variance), moments, strict=True):
        with tf.variable_scope(f"{scope}/{average.op.name}"):
            make = lambda name, shape: tf.get_variable(  # noqa: E731
                name, shape, initializer=tf.zeros_initializer(), trainable=False
            )
            biased, step = make("biased", average.shape), make("local_step", [])
        with tf.control_dependencies(
            [tf.assign_sub(biased, (biased - moment) * (1 - decay)), tf.assign_add(step, 1.0)]
        ):
            unbiased = average - tf.identity(biased) / (1.0 - tf.pow(decay, tf.identity(step)))
        moved.append(tf.assign_sub(average, unbiased))
    with tf.control_dependencies(moved if waits else []):
        return tf.nn.batch_normalization(x, *moments, bn.beta, bn.gamma, 1e-3), moved


@wild()
def debiased_averages(p):
    p.train(p.loss(two(p, by_debiased)[0]))


@wild("BN001")
def debiased_averages_that_nothing_runs(p):
    p.train(p.loss(two(p, by_debiased, waits=False)[0]))


def ladder(p, gathered):
    """The batch's moments are kept in variables, of which `ema.apply` takes averages (Rasmus et al.)."""
    ema, assigns, y = tf.train.ExponentialMovingAverage(0.99), [], p.rows()
    for number in range(2):
        x = p.dense(y, 4, f"layer_{number}")
        with tf.variable_scope(f"layer_{number}"):
            running_mean = tf.get_variable("running_mean", [4], initializer=tf.zeros_initializer(), trainable=False)
            running_var = tf.get_variable("running_var", [4], initializer=tf.ones_initializer(), trainable=False)
            mean, variance = tf.nn.moments(x, [0])
            put = [tf.assign(running_mean, mean), tf.assign(running_var, variance)]
            with tf.control_dependencies(put):
                assigns.append(ema.apply([running_mean, running_var]))
            gamma = tf.get_variable("gamma", [4], initializer=tf.ones_initializer())
            y = gamma * (x - mean) / tf.sqrt(variance + 1e-10)
    step = p.train(p.loss(y), ())
    if gathered:
        with tf.control_dependencies([step]):
            tf.group(*assigns, name="train_step")


@wild()
def ladder_network(p):
    ladder(p, True)


@wild("BN004")
def ladder_network_that_forgets(p):
    """What waits for the moments are the averages of them, which nothing runs."""
    ladder(p, False)


@wild()
def averages_of_weights_beside(p):
    step = p.train(p.loss(p.norm(p.dense(p.rows())).output))
    with tf.control_dependencies([step]):
        tf.group(tf.train.ExponentialMovingAverage(0.999).apply(tf.trainable_variables()), name="with_averages")


@wild("BN027")
def averages_of_averages(p):
    """Inception's `variables_to_average = trainable + moving_average_variables`."""
    bn = p.norm(p.dense(p.rows()))
    step = p.train(p.loss(bn.output))
    with tf.control_dependencies([step]):
        tf.group(tf.train.ExponentialMovingAverage(0.999).apply([*tf.trainable_variables(), bn.mean, bn.variance]),
                 name="with_averages")  # fmt: skip


# ---- fine-tuning ---------------------------------------------------------------------------------------------------


@wild()
def trunk_with_frozen_averages_and_no_other(p):
    """Restored, gamma and beta fixed, a new layer on top."""
    y = p.norm(p.dense(p.rows()), "trunk/bn", training=False).output
    p.train(p.loss(p.dense(y, 4, "head")), None, tf.trainable_variables("head"))


@wild("BN045")
def trunk_whose_gamma_learns_beside_a_head_that_trains(p):
    y = p.norm(p.dense(p.rows()), "trunk/bn", training=False).output
    p.train(p.loss(p.norm(p.dense(y, 4, "head"), "head/bn").output))


@wild("BN001")
def collection_is_read_before_the_network(p):
    waiting = tf.get_collection(UPDATE_OPS)
    y = p.norm(p.norm(p.dense(p.rows()), "one").output, "two").output
    p.train(p.loss(y), waiting)


# ---- kinds of batch norms ------------------------------------------------------------------------------------------


def by_class(p, waits):
    """gamma and beta of each class, looked up (Dumoulin et al.)."""
    x, labels = p.conv(p.images()), tf.placeholder(tf.int32, [None], "labels")
    gammas, betas = (
        tf.get_variable(f"bn/{n}", [10, 4], initializer=tf.constant_initializer(v))
        for n, v in (("gamma", 1.0), ("beta", 0.0))
    )
    kept = [tf.get_variable(f"bn/moving_{n}", [4], initializer=tf.constant_initializer(v), trainable=False)
            for n, v in (("mean", 0.0), ("variance", 1.0))]  # fmt: skip
    moments = tf.nn.moments(x, [0, 1, 2])
    moved = [p.move(v, m, suffix=s) for v, m, s in zip(kept, moments, ("", "_1"), strict=True)]
    scale, shift = (tf.gather(v, labels)[:, None, None, :] for v in (gammas, betas))
    p.train(p.loss(tf.nn.batch_normalization(x, *moments, shift, scale, 1e-3)), moved if waits else ())


@wild()
def class_conditional(p):
    by_class(p, True)


@wild("BN001")
def class_conditional_that_forgets(p):
    by_class(p, False)


@wild()
def mean_only(p):
    """Weight normalization with mean-only batch normalization: no variance, so no site."""
    x = p.dense(p.rows())
    average = tf.get_variable("avg_mean", [4], initializer=tf.zeros_initializer(), trainable=False)
    mean = tf.reduce_mean(x, 0)
    with tf.control_dependencies([tf.assign_sub(average, 0.1 * (average - mean))]):
        y = x - mean + tf.get_variable("b", [4])
    p.train(p.loss(y))


@wild()
def fused_kernel_in_each_branch(p):
    """`fused_batch_norm` by hand, with an assignment of its own."""
    x, flag = p.conv(p.images()), tf.placeholder(tf.bool, [], "is_training")
    bn = p.variables("bn", 4)

    def train():
        y, mean, variance = tf.nn.fused_batch_norm(x, bn.gamma, bn.beta, epsilon=1e-3)
        with tf.control_dependencies([p.move(bn.mean, mean, 0.9), p.move(bn.variance, variance, 0.9, "_1")]):
            return tf.identity(y)

    def serve():
        return tf.nn.fused_batch_norm(x, bn.gamma, bn.beta, bn.mean, bn.variance, 1e-3, is_training=False)[0]

    p.train(p.loss(tf.cond(flag, train, serve)))


@wild()
def volumes(p):
    x = tf.placeholder(tf.float32, [None, 3, 3, 3, 2], "volumes")
    p.train(p.loss(by_assign(x)[0]))


@wild()
def steps_of_a_recurrent_network_with_averages_of_their_own(p):
    """Cooijmans et al.: one set of averages per time step, unrolled."""
    y = p.rows()
    for step in range(3):
        with tf.variable_scope("cell", reuse=tf.AUTO_REUSE):
            y = tf.tanh(by_assign(p.dense(y, 4, "hidden"), f"step_{step}")[0])
    p.train(p.loss(y))


@pytest.mark.parametrize(("build", "mode", "codes", "told"), PROGRAMS)
@pytest.mark.filterwarnings("ignore")
def test_verdict(build, mode, codes, told):
    with graphs.graph_mode(mode) as graph:
        build(samples.Program(graph))
        tf.train.Saver()
    report = audit(graph, **told)
    assert {item.code for item in report.failing("warning")} == codes, [item.message for item in report.findings]
