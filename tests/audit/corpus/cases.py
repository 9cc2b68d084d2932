"""The corpus: for every E-rule graphs that have the bug and graphs that only look like it."""

from __future__ import annotations

import contextlib
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tests.audit.corpus import spellings
from tf1bn.audit import samples

UPDATE_OPS = "update_ops"


class Case(NamedTuple):
    """One graph of the corpus; `code` is what it is about, `has_bug` whether it has it."""

    code: str
    name: str
    has_bug: bool
    build: Any

    def __str__(self) -> str:
        return f"{self.code}-{'bug' if self.has_bug else 'ok'}-{self.name}"


CASES: list[Case] = []


def case(code, has_bug, **each):
    """Adds the decorated builder; with `each=name`, once per spelling or value."""

    def add(build):
        if not each:
            CASES.append(Case(code, build.__name__, has_bug, build))
        for key, values in each.items():
            for value in values:
                label = getattr(value, "__name__", str(value))
                CASES.append(Case(code, f"{build.__name__}-{label}", has_bug, lambda k=key, v=value: build(**{k: v})))
        return build

    return add


SPELLINGS = tuple(spellings.ALL.values())
SOME = (spellings.layers, spellings.divided, spellings.fused)


@contextlib.contextmanager
def net(depth=1, rank=4):
    """A program and its input."""
    with samples.program() as p:
        yield p, (p.images() if rank == 4 else p.rows())


def stack(p, y, norm, depth=2, scope="bn", **kw):
    """Convolutions (or products) with batch norms; returns the output and the norms."""
    norms = []
    for number in range(depth):
        y = p.conv(y, name=f"{scope}_layer{number}") if len(y.shape) == 4 else p.dense(y, 4, f"{scope}_layer{number}")
        norms.append(norm(p, y, f"{scope}{number}", **kw))
        y = tf.nn.relu(norms[-1].output)
    return y, norms


def done(p, y, updates=None, save=True, **told):
    p.train(p.loss(y), updates)
    if save:
        p.save()
    return p.sample(**told)


# ---- BN001 ----------------------------------------------------------------------------------------------------


@case("BN001", True, norm=SPELLINGS)
def collection_ignored(norm):
    with net() as (p, x):
        return done(p, stack(p, x, norm)[0], ())


@case("BN001", True, norm=(spellings.layers, spellings.tensorpack))
def rows_collection_ignored(norm):
    with net(rank=2) as (p, x):
        return done(p, stack(p, x, norm)[0], ())


@case("BN001", True)
def updates_read_by_summary_only():
    with net() as (p, x):
        y, norms = stack(p, x, spellings.layers)
        tf.summary.histogram("mean", norms[0].mean)
        return done(p, y, ())


@case("BN001", False, norm=SPELLINGS)
def collection_on_train_op(norm):
    with net() as (p, x):
        return done(p, stack(p, x, norm)[0])


@case("BN001", False, norm=SPELLINGS)
def updates_in_place(norm):
    with net() as (p, x):
        return done(p, stack(p, x, norm, to="inline")[0], ())


@case("BN001", False)
def inner_apply_in_train_collection_outer_group_is_run():
    with net() as (p, x):
        y, norms = stack(p, x, spellings.layers, to=None)
        inner = p.train(p.loss(y), ())
        tf.add_to_collection(tf.GraphKeys.TRAIN_OP, inner)
        tf.group(inner, *[u for n in norms for u in n.updates], name="step")
        p.save()
        return p.sample()


@case("BN001", False)
def evaluation_tower_updates_are_rightly_unreached():
    with net() as (p, x):
        y, norms = stack(p, x, spellings.layers, to=None)
        with tf.name_scope("evaluation"):
            stack(p, p.images("test"), spellings.layers, to="evaluation_updates")
        return done(p, y, [u for n in norms for u in n.updates])


@case("BN001", False)
def separate_step_is_named():
    with net() as (p, x):
        y, norms = stack(p, x, spellings.tensorpack)
        tf.group(*[u for n in norms for u in n.updates], name="update_step")
        return done(p, y, (), fetches=("update_step",))


@case("BN001", False)
def separate_step_is_guessed():
    with net() as (p, x):
        y, norms = stack(p, x, spellings.tensorpack)
        tf.group(*[u for n in norms for u in n.updates], name="update_step")
        return done(p, y, ())


@case("BN001", False)
def barrier_on_the_loss_value():
    with net() as (p, x):
        y, norms = stack(p, x, spellings.slim)
        with tf.control_dependencies([u for n in norms for u in n.updates]):
            barrier = tf.no_op("update_barrier")
        step = p.train(p.loss(y), ())
        with tf.control_dependencies([barrier, step]):
            tf.identity(p.loss(y, "total"), name="train_op")
        p.save()
        return p.sample()


# ---- BN002 ----------------------------------------------------------------------------------------------------


@case("BN002", True, norm=SOME)
def collection_read_too_early(norm):
    with net() as (p, x):
        y, _ = stack(p, x, norm, 1, "early")
        early = tf.get_collection(UPDATE_OPS)
        y, _ = stack(p, p.conv(y, name="more"), norm, 1, "late")
        return done(p, y, early)


@case("BN002", True)
def scope_filter_drops_the_head():
    with net() as (p, x):
        y, _ = stack(p, x, spellings.layers, 2, "trunk")
        y, _ = stack(p, y, spellings.layers, 1, "head")
        return done(p, y, tf.get_collection(UPDATE_OPS, "trunk"))


@case("BN002", False, norm=SOME)
def frozen_trunk_trained_head(norm):
    with net() as (p, x):
        y, _ = stack(p, x, norm, 2, "trunk", training=False, learn=False)
        y, _ = stack(p, y, norm, 1, "head")
        return done(p, y)


@case("BN002", False)
def second_use_skips_its_updates():
    with net() as (p, x):
        y, norms = stack(p, x, spellings.layers, 1, to=None)
        z, _ = stack(p, x * 2.0, spellings.layers, 1, to="skipped")
        return done(p, y + z, norms[0].updates)


# ---- BN003 / BN004 --------------------------------------------------------------------------------------------


@case("BN003", True, norm=SOME)
def wrapped_loss(norm):
    with net() as (p, x):
        y, norms = stack(p, x, norm)
        loss = p.loss(y)
        with tf.control_dependencies([u for n in norms for u in n.updates]):
            loss = tf.identity(loss, "total_loss")
        p.train(loss, ())
        p.save()
        return p.sample()


@case("BN003", False, norm=SOME)
def wrapped_loss_is_fetched(norm):
    with net() as (p, x):
        y, norms = stack(p, x, norm)
        loss = p.loss(y)
        with tf.control_dependencies([u for n in norms for u in n.updates]):
            loss = tf.identity(loss, "total_loss")
        p.train(loss, ())
        p.save()
        return p.sample(fetches=("total_loss",))


@case("BN004", True, norm=SOME)
def optimizer_object_in_the_block(norm):
    with net() as (p, x):
        y, norms = stack(p, x, norm)
        loss = p.loss(y)
        with tf.control_dependencies([u for n in norms for u in n.updates]):
            tf.constant(0.01, name="rate")
        p.train(loss, ())
        p.save()
        return p.sample()


@case("BN004", False, norm=SOME)
def rate_in_the_block_feeds_the_optimizer(norm):
    with net() as (p, x):
        y, norms = stack(p, x, norm)
        loss = p.loss(y)
        with tf.control_dependencies([u for n in norms for u in n.updates]):
            rate = tf.constant(0.01, name="rate") * 1.0
        tf.train.GradientDescentOptimizer(rate).minimize(loss)
        p.save()
        return p.sample()


# ---- BN005 / BN006 / BN008 -----------------------------------------------------------------------------------


@case("BN005", True, norm=SOME)
def keras_names_no_collection(norm):
    with net() as (p, x):
        return done(p, stack(p, x, norm, scope="batch_normalization_", to=None)[0], ())


@case("BN005", False, norm=SOME)
def keras_names_grouped(norm):
    with net() as (p, x):
        y, norms = stack(p, x, norm, scope="batch_normalization_", to=None)
        return done(p, y, [u for n in norms for u in n.updates])


@case("BN006", True, norm=SPELLINGS)
def flag_left_false(norm):
    with net() as (p, x):
        return done(p, stack(p, x, norm, training=False)[0])


@case("BN006", True)
def flag_left_false_and_released():
    with net() as (p, x):
        y, _ = stack(p, x, spellings.layers, training=False)
        p.train(p.loss(y))
        p.save()
        return p.sample(checkpoint=p.values(moving_mean=0.0, moving_variance=1.0, gamma=1.0, beta=0.0))


@case("BN006", False, norm=SOME)
def frozen_with_affine(norm):
    with net() as (p, x):
        return done(p, stack(p, x, norm, training=False, learn=False)[0])


@case("BN006", False)
def frozen_statistics_from_a_checkpoint():
    with net() as (p, x):
        y, _ = stack(p, x, spellings.layers, training=False)
        p.train(p.loss(y))
        p.save()
        return p.sample(checkpoint=p.values())


@case("BN008", True, norm=SOME)
def private_collection(norm):
    with net() as (p, x):
        return done(p, stack(p, x, norm, to="bn_update_ops")[0])


@case("BN008", False, norm=SOME)
def private_collection_is_grouped(norm):
    with net() as (p, x):
        y, _ = stack(p, x, norm, to="bn_update_ops")
        return done(p, y, tf.get_collection("bn_update_ops"))


# ---- BN011 / BN012 / BN013: branches and loops ----------------------------------------------------------------


def _conditional(place, kind="ema"):
    """Batch norm with a switch; `place` says where the updates are built."""
    with net() as (p, x):
        flag = tf.placeholder(tf.bool, [], "phase_train")
        y = p.conv(x)
        bn = p.variables("bn", 4)
        mean, variance = tf.nn.moments(y, [0, 1, 2], name="moments")
        ema = tf.train.ExponentialMovingAverage(0.9)

        def move(suffix=""):
            if kind == "ema":
                return [ema.apply([mean, variance])]
            return [p.move(bn.mean, mean, suffix=suffix), p.move(bn.variance, variance, suffix=f"{suffix}_1")]

        outside = move() if place in ("outside", "train_op") else []
        inner = []

        def train():
            inner.extend(move("_in") if place in ("inside", "collected") else [])
            with tf.control_dependencies(outside if place == "outside" else inner):
                return tf.identity(mean), tf.identity(variance)

        def kept():
            return (
                (ema.average(mean), ema.average(variance))
                if kind == "ema"
                else (tf.identity(bn.mean), tf.identity(bn.variance))
            )

        y = p.apply(y, bn, *tf.cond(flag, train, kept))
        if place == "collected":
            for op in inner:
                tf.add_to_collection(UPDATE_OPS, op)
        waiting = inner if place == "collected" and not tf.control_flow_v2_enabled() else ()
        return done(p, y, outside if place == "train_op" else waiting)


@case("BN011", True, kind=("ema", "assign"))
def update_before_the_conditional(kind):
    return _conditional("outside", kind)


@case("BN011", True)
def update_before_the_conditional_rows():
    with net(rank=2) as (p, x):
        flag = tf.placeholder(tf.bool, [], "phase_train")
        bn = p.variables("bn", 4)
        mean, variance = tf.nn.moments(x, [0])
        grouped = tf.group(p.move(bn.mean, mean), p.move(bn.variance, variance, suffix="_1"))

        def train():
            with tf.control_dependencies([grouped]):
                return tf.identity(mean), tf.identity(variance)

        chosen = tf.cond(flag, train, lambda: (tf.identity(bn.mean), tf.identity(bn.variance)))
        return done(p, p.apply(x, bn, *chosen), ())


@case("BN011", False, kind=("ema", "assign"))
def update_in_the_branch(kind):
    return _conditional("inside", kind)


@case("BN011", False)
def switched_decay():
    with net() as (p, x):
        flag = tf.placeholder(tf.bool, [], "is_training")
        return done(p, p.norm(p.conv(x), training=flag).output)


@case("BN012", True, kind=("assign",))
def branch_op_collected(kind):
    return _conditional("collected", kind)


@case("BN012", True)
def branch_op_collected_rows():
    with net(rank=2) as (p, x):
        flag = tf.placeholder(tf.bool, [], "phase_train")
        bn, inner = p.variables("bn", 4), []

        def train():
            mean, variance = tf.nn.moments(x, [0])
            inner.extend([p.move(bn.mean, mean), p.move(bn.variance, variance, suffix="_1")])
            return p.apply(x, bn, mean, variance)

        y = tf.cond(flag, train, lambda: p.apply(x, bn, bn.mean, bn.variance))
        for op in inner:
            tf.add_to_collection(UPDATE_OPS, op)
        return done(p, y, () if tf.control_flow_v2_enabled() else inner)


@case("BN012", True)
def branch_fused_op_collected():
    with net() as (p, x):
        flag = tf.placeholder(tf.bool, [], "phase_train")
        bn, inner, y = p.variables("bn", 4), [], p.conv(x)

        def train():
            out, mean, variance = tf.nn.fused_batch_norm(y, bn.gamma, bn.beta)
            inner.extend([p.move(bn.mean, mean), p.move(bn.variance, variance, suffix="_1")])
            return out

        y = tf.cond(flag, train, lambda: p.apply(y, bn, bn.mean, bn.variance, fused=True))
        for op in inner:
            tf.add_to_collection(UPDATE_OPS, op)
        return done(p, y, () if tf.control_flow_v2_enabled() else inner)


@case("BN012", False)
def output_of_the_conditional_collected():
    with net() as (p, x):
        flag = tf.placeholder(tf.bool, [], "is_training")
        bn = p.norm(p.conv(x), training=flag, collection=None)
        for v, m in ((bn.mean, bn.batch_mean), (bn.variance, bn.batch_variance)):
            moved = tf.cond(flag, lambda v=v, m=m: tf.identity(p.move(v, m)), lambda v=v: tf.identity(v))
            tf.add_to_collection(UPDATE_OPS, moved)
        return done(p, bn.output)


@case("BN012", False, kind=("ema", "assign"))
def branch_op_stays_in_the_branch(kind):
    return _conditional("inside", kind)


@case("BN012", False)
def unconditional_with_switched_decay():
    with net(rank=2) as (p, x):
        flag = tf.placeholder_with_default(False, [], "is_training")
        return done(p, p.norm(p.dense(x), training=flag).output)


def _loop(inside, how):
    with samples.program() as p:
        frames = tf.placeholder(tf.float32, [5, None, 4], "frames")
        bn = p.variables("bn", 4)

        def body(x):
            mean, variance = tf.nn.moments(x, [0])
            updates = [p.move(bn.mean, mean), p.move(bn.variance, variance, suffix="_1")]
            for update in () if inside else updates:
                tf.add_to_collection(UPDATE_OPS, update)
            with tf.control_dependencies(updates if inside else ()):
                return tf.identity(p.apply(x, bn, mean, variance))

        if how == "map":
            y = tf.map_fn(body, frames)
        elif how == "while":
            y = tf.while_loop(
                lambda i, a: i < 5, lambda i, a: (i + 1, a + body(frames[i])), [0, tf.zeros_like(frames[0])]
            )[1]
        else:
            y = tf.scan(lambda a, x: a + body(x), frames)
        return done(p, y, ())


@case("BN013", True, how=("map", "while", "scan"))
def loop_updates_collected(how):
    return _loop(False, how)


@case("BN013", False, how=("map", "while", "scan"))
def loop_updates_inside(how):
    return _loop(True, how)


# ---- BN015, error variant -------------------------------------------------------------------------------------


@case("BN015", True, count=(3, 5, 8))
def many_uses_overshoot(count):
    with net(rank=2) as (p, x):
        y = sum(spellings.layers(p, x * float(i + 1), decay=0.6).output for i in range(count))
        return done(p, y)


@case("BN015", False)
def uses_in_order():
    with net(rank=2) as (p, x):
        y, updates = 0.0, []
        for number in range(5):
            with tf.control_dependencies(updates):
                bn = spellings.layers(p, x * float(number + 1), decay=0.6, to=None)
            updates += bn.updates
            y += bn.output
        return done(p, y, updates)


@case("BN015", False)
def uses_averaged_first():
    with net(rank=2) as (p, x):
        bn = p.variables("bn", 4)
        pairs = [tf.nn.moments(x * float(i + 1), [0]) for i in range(5)]
        y = sum(p.apply(x * float(i + 1), bn, *pair) for i, pair in enumerate(pairs))
        means, variances = zip(*pairs, strict=True)
        updates = [p.move(bn.mean, tf.add_n(means) / 5.0), p.move(bn.variance, tf.add_n(variances) / 5.0, suffix="_1")]
        return done(p, y, updates)


@case("BN015", False)
def opposite_branches():
    with net(rank=2) as (p, x):
        flag = tf.placeholder(tf.bool, [], "which")

        def use(factor):
            return lambda: spellings.layers(p, x * factor, to="inline", decay=0.4).output

        return done(p, tf.cond(flag, use(1.0), use(2.0)), ())


# ---- BN022, 024, 025, 026, 028, 029, 032: saving --------------------------------------------------------------


@case("BN022", True, norm=SOME)
def saver_of_trainable_variables(norm):
    with net() as (p, x):
        y, _ = stack(p, x, norm)
        p.train(p.loss(y))
        p.save(tf.trainable_variables())
        return p.sample()


@case("BN022", True)
def checkpoint_lacks_the_averages():
    with net() as (p, x):
        stack(p, x, spellings.layers, training=False)
        p.save()
        return p.sample(checkpoint={k: v for k, v in p.values().items() if "moving" not in k})


@case("BN022", False, norm=SOME)
def partial_saver_beside_a_full_one(norm):
    with net() as (p, x):
        y, _ = stack(p, x, norm)
        p.train(p.loss(y))
        p.save(tf.trainable_variables(), "partial")
        p.save()
        return p.sample()


def _stored(depth=2, **changed):
    with net() as (p, x):
        stack(p, x, spellings.layers, depth, training=False)
        p.save()
        return p.sample(checkpoint=p.values(**changed))


@case("BN024", True, gamma=(0.5, 1.5, 1.0))
def never_moved(gamma):
    return _stored(moving_mean=0.0, moving_variance=1.0, gamma=gamma)


@case("BN024", False)
def untrained_checkpoint():
    return _stored(moving_mean=0.0, moving_variance=1.0, gamma=1.0, beta=0.0)


@case("BN024", False)
def zero_means_but_real_variances():
    return _stored(moving_mean=0.0)


@case("BN024", False)
def unit_variances_but_real_means():
    return _stored(moving_variance=1.0)


@case("BN025", True, value=(float("nan"), float("inf"), -1.0))
def damaged_variance(value):
    return _stored(moving_variance=value)


@case("BN025", False, value=(1e-6, 1e6, 0.0))
def odd_but_possible_variance(value):
    return _stored(moving_variance=value)


def _shadowed(stored, ends=("gamma", "beta")):
    with net() as (p, x):
        stack(p, x, spellings.layers, training=False)
        values = p.values()
        mapped = [v for v in tf.global_variables() if v.op.name.endswith(ends)]
        plain = {v.op.name: v for v in tf.global_variables() if v not in mapped}
        suffix = "/ExponentialMovingAverage"
        p.save({**plain, **{v.op.name + suffix: v for v in mapped}})
        if stored:
            values.update({v.op.name + suffix: values[v.op.name] for v in mapped})
        return p.sample(checkpoint=values)


@case("BN026", True, ends=(("gamma", "beta"), ("kernel",), ("gamma", "beta", "kernel")))
def shadows_that_never_were(ends):
    return _shadowed(False, ends)


@case("BN026", False, ends=(("gamma", "beta"), ("kernel",), ("gamma", "beta", "kernel")))
def shadows_that_are_stored(ends):
    return _shadowed(True, ends)


def _copy(norm, scope, share_weights=True):
    with net() as (p, x):
        y = norm(p, p.conv(x, name="conv"), "bn").output
        p.train(p.loss(y))
        with tf.name_scope("evaluation"):
            norm(p, p.conv(p.images("test"), name="conv" if share_weights else "other"), scope, training=False)
        p.save()
        return p.sample()


@case("BN028", True, norm=SOME)
def evaluation_copy_with_a_number(norm):
    return _copy(norm, "bn_1")


@case("BN028", False, norm=SOME)
def evaluation_copy_shares(norm):
    return _copy(norm, "bn")


@case("BN028", False)
def another_network_with_a_number():
    return _copy(spellings.layers, "bn_1", share_weights=False)


def _numbered(here, there, shapes_differ=False):
    with net() as (p, x):
        y = x
        for number in range(here):
            scope = f"batch_normalization_{number}" if number else "batch_normalization"
            y = spellings.layers(
                p, p.conv(y, 4 + 2 * shapes_differ * number, f"conv{number}"), scope, training=False
            ).output
        p.save()
        values = p.values()
        for number in range(here, there):
            for leaf in ("gamma", "beta", "moving_mean", "moving_variance"):
                values[f"batch_normalization_{number}/{leaf}"] = np.full(
                    4 + 2 * shapes_differ * number, 0.5, np.float32
                )
        return p.sample(checkpoint=values)


@case("BN029", True, there=(3, 5, 9))
def more_numbers_in_the_checkpoint(there):
    return _numbered(2, there)


@case("BN029", False, here=(1, 2, 3))
def as_many_numbers(here):
    return _numbered(here, here)


@case("BN029", False)
def other_shapes_tell_them_apart():
    return _numbered(2, 4, shapes_differ=True)


def _warm(which, norm):
    with net() as (p, x):
        y, _ = stack(p, x, norm)
        for variable in which():
            value = tf.raw_ops.RestoreV2(
                prefix="old", tensor_names=[variable.op.name], shape_and_slices=[""], dtypes=[variable.dtype.base_dtype]
            )[0]
            tf.assign(variable, tf.reshape(value, variable.shape), name=f"warm/{variable.op.name.replace('/', '_')}")
        return done(p, y)


@case("BN032", True, norm=SOME)
def warm_start_of_trainable(norm):
    return _warm(tf.trainable_variables, norm)


@case("BN032", False, norm=SOME)
def warm_start_of_everything(norm):
    return _warm(tf.global_variables, norm)


# ---- BN034, 035, 036: serving ---------------------------------------------------------------------------------


@case("BN034", True, norm=SPELLINGS)
def served_in_training_mode(norm):
    with net() as (p, x):
        stack(p, x, norm)
        p.save()
        return p.sample()


@case("BN034", False, norm=SPELLINGS)
def served_in_inference_mode(norm):
    with net() as (p, x):
        stack(p, x, norm, training=False)
        p.save()
        return p.sample()


@case("BN034", False)
def batch_statistics_on_purpose():
    with net() as (p, x):
        y = p.conv(x)
        mean, variance = tf.nn.moments(y, [0, 1, 2])
        tf.nn.batch_normalization(y, mean, variance, tf.get_variable("beta", [4]), None, 1e-5)
        p.save()
        return p.sample()


@case("BN034", False)
def layer_norm_by_the_fused_kernel():
    with net(rank=2) as (p, x):
        wide = tf.reshape(x, [1, -1, 4, 1])
        rows = tf.shape(x)[0]
        y = tf.raw_ops.FusedBatchNormV3(
            x=wide,
            scale=tf.ones([rows]),
            offset=tf.zeros([rows]),
            mean=[],
            variance=[],
            epsilon=1e-3,
            data_format="NCHW",
            is_training=True,
        ).y
        gamma = tf.get_variable("ln/gamma", [4])
        tf.reshape(y, tf.shape(x)) * gamma
        return p.sample()


@case("BN035", True, norm=SOME)
def frozen_from_training(norm):
    return samples.frozen(lambda p: stack(p, p.images(), norm, to=None)[0])


@case("BN035", False, norm=SOME)
def frozen_from_inference(norm):
    return samples.frozen(lambda p: stack(p, p.images(), norm, training=False)[0])


def _left(op, target):
    frozen = samples.frozen(lambda p: stack(p, p.images(), spellings.layers, 1, training=False)[0])
    node = frozen.graph.node.add()
    node.name, node.op = "left", op
    node.input.extend([target, "flag" if op == "RefSwitch" else "bn0/moving_variance"])
    flag = frozen.graph.node.add()
    flag.name, flag.op = "flag", "Placeholder"
    return frozen


@case("BN036", True, op=("RefSwitch", "AssignSub", "Assign"))
def update_left_in(op):
    return _left(op, "bn0/moving_mean")


@case("BN036", False, norm=SOME)
def frozen_clean(norm):
    return samples.frozen(lambda p: stack(p, p.images(), norm, training=False)[0])


# ---- BN040, 041, 043, 046, 052 --------------------------------------------------------------------------------


@case("BN040", True, norm=(spellings.layers, spellings.divided, spellings.tensorpack))
def one_row(norm):
    with samples.program() as p:
        return done(p, stack(p, p.rows(batch=1), norm)[0])


@case("BN040", True)
def one_pixel():
    with samples.program() as p:
        return done(p, stack(p, p.images(size=1, batch=1), spellings.fused)[0])


@case("BN040", False, norm=SOME)
def one_image_of_many_pixels(norm):
    with samples.program() as p:
        return done(p, stack(p, p.images(size=16, batch=1), norm)[0])


@case("BN040", False)
def one_row_at_inference():
    with samples.program() as p:
        stack(p, p.rows(batch=1), spellings.layers, training=False)
        p.save()
        return p.sample()


def _format(data, norm, fused):
    with samples.program() as p:
        y = p.conv(p.images(layout=data), layout=data)
        return done(p, p.norm(y, layout=norm, fused=fused).output)


@case("BN041", True, fused=(True, False))
def channels_first_axis_last(fused):
    return _format("NCHW", "NHWC", fused)


@case("BN041", True)
def pooled_channels_first_axis_last():
    with samples.program() as p:
        y = tf.nn.max_pool2d(p.images(layout="NCHW"), 2, 2, "SAME", data_format="NCHW")
        return done(p, p.norm(tf.nn.relu(y), layout="NHWC", fused=False).output)


@case("BN041", False, fused=(True, False))
def channels_first_in_both(fused):
    return _format("NCHW", "NCHW", fused)


@case("BN041", False)
def per_position_statistics():
    with samples.program() as p:
        y = p.conv(p.images())
        bn = p.variables("bn", 4, shape=[8, 8, 4])
        mean, variance = tf.nn.moments(y, [0])
        updates = [p.move(bn.mean, mean), p.move(bn.variance, variance, suffix="_1")]
        return done(p, p.apply(y, bn, mean, variance), updates)


@case("BN043", True, norm=(spellings.layers, spellings.divided, spellings.fused))
def half_averages(norm):
    with net() as (p, x):
        return done(p, stack(p, x, norm, dtype=tf.float16, training=True)[0])


@case("BN043", False)
def half_weights():
    with net() as (p, x):
        tf.get_variable("half", [3], tf.float16, trainable=False)
        return done(p, stack(p, x, spellings.layers)[0])


@case("BN043", False, dtype=(tf.float32, tf.float64))
def wide_averages(dtype):
    with net() as (p, x):
        return done(p, stack(p, x, spellings.divided, dtype=dtype)[0])


def _moments(spoil):
    with net(rank=2) as (p, x):
        y = p.dense(x)
        bn = p.variables("bn", 4)
        mean, variance = tf.nn.moments(y, [0])
        updates = [
            p.move(bn.mean, tf.stop_gradient(mean)),
            p.move(bn.variance, tf.stop_gradient(variance), suffix="_1"),
        ]
        if spoil == "both":
            mean, variance = tf.stop_gradient(mean), tf.stop_gradient(variance)
        elif spoil == "variance":
            variance = tf.stop_gradient(variance)
        return done(p, p.apply(y, bn, mean, variance), updates)


@case("BN046", True, spoil=("both", "variance"))
def stopped_moments(spoil):
    return _moments(spoil)


@case("BN046", True)
def penalty_on_fused_statistics():
    with net() as (p, x):
        bn = spellings.fused(p, p.conv(x))
        loss = p.loss(bn.output) + tf.reduce_sum(tf.square(bn.batch_mean))
        p.train(loss)
        p.save()
        return p.sample()


@case("BN046", False)
def stopped_only_for_the_averages():
    return _moments("")


@case("BN046", False)
def summary_of_fused_statistics():
    with net() as (p, x):
        bn = spellings.fused(p, p.conv(x))
        tf.summary.histogram("batch_mean", bn.batch_mean)
        return done(p, bn.output)


@case("BN046", False)
def frozen_statistics_need_no_gradient():
    with net() as (p, x):
        return done(p, stack(p, x, spellings.fused, training=False, learn=False)[0])


@case("BN052", True, decay=(0.1, 0.01, 0.001))
def momentum_taken_for_decay(decay):
    with net() as (p, x):
        return done(p, stack(p, x, spellings.layers, decay=decay)[0])


@case("BN052", False, decay=(0.5, 0.9, 0.9997))
def decay_as_it_should_be(decay):
    with net() as (p, x):
        return done(p, stack(p, x, spellings.layers, decay=decay)[0])
