"""Slots of optimizers and averages of weights belong to their variable, whatever scope the optimizer was built in."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import checkpoint
from tf1bn.checkpoint import comparison, dtypes, slots
from tf1bn.checkpoint.bundle import TensorInfo

ONES = np.ones(3, np.float32)


def infos(*names, **shapes):
    rows = {name: (3,) for name in names} | shapes
    return {name: TensorInfo(name, dtypes.of_name("float32"), shape) for name, shape in rows.items()}


OPTIMIZERS = {
    "adam": lambda: tf.train.AdamOptimizer(0.1),
    "momentum": lambda: tf.train.MomentumOptimizer(0.1, 0.9),
    "rmsprop": lambda: tf.train.RMSPropOptimizer(0.1, centered=True),
    "adagrad": lambda: tf.train.AdagradOptimizer(0.1),
    "adadelta": lambda: tf.train.AdadeltaOptimizer(0.1),
    "ftrl": lambda: tf.train.FtrlOptimizer(0.1),
    "own name": lambda: tf.train.AdamOptimizer(0.1, name="Special"),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(("scope", "reference"), [("m1", True), ("train/opt", False)])
def test_what_tensorflow_writes_moves_with_its_variable(optimizer, scope, reference, tmp_path):
    """The file is a Saver's; what belongs to what is asked of the optimizer itself."""
    with tf.Graph().as_default(), tf.Session() as session:
        tf.get_variable_scope().set_use_resource(not reference)
        with tf.variable_scope("m1"):
            names = ("gamma", "beta", "moving_mean", "moving_variance")
            with tf.variable_scope("batch_normalization"):
                made = {n: tf.get_variable(n, [3], trainable=n in ("gamma", "beta")) for n in names}
            made["kernel"] = tf.get_variable("dense/kernel", [3, 3])
        loss = tf.add_n([tf.reduce_sum(v * v) for v in made.values()])
        made_by = OPTIMIZERS[optimizer]()
        session.run(tf.global_variables_initializer())
        with tf.variable_scope(scope, use_resource=not reference):
            step = made_by.minimize(loss)
            average = tf.train.ExponentialMovingAverage(0.9)
            average.apply([made["gamma"]])
        session.run(tf.global_variables_initializer())
        session.run(step)
        averaged = average.average(made["gamma"]).op.name
        prefix = tf.train.Saver().save(session, str(tmp_path / "m"), write_meta_graph=False)
        truth = {
            made_by.get_slot(made[role], kind).op.name: made[role].op.name
            for role in ("gamma", "beta", "kernel")
            for kind in made_by.get_slot_names()
        }
    plan = checkpoint.plan_migration(prefix, "tf1bn")
    assert not plan.troubles
    targets = {step.source: step.target for step in plan.steps}
    assert targets["m1/batch_normalization/gamma"] == "m1/batch_norm/gamma"
    for name, owner in truth.items():
        assert targets[name] == name.replace(owner, targets[owner])
    assert targets[averaged] == averaged.replace("batch_normalization", "batch_norm")
    found = checkpoint.inspect(prefix)
    assert found.others["averages of weights"] == (averaged,)
    assert set(truth) <= set(found.others["optimizer slots"])
    assert found.others["other tensors"] == ("m1/dense/kernel",)


@pytest.mark.parametrize(
    ("name", "owner", "head", "tail"),
    [
        ("a/b/gamma/Adam_1", "a/b/gamma", "", "/Adam_1"),
        ("opt/a/b/gamma/Adam", "a/b/gamma", "opt/", "/Adam"),
        ("tower_0/train/a/b/gamma/LARSOptimizer", "a/b/gamma", "tower_0/train/", "/LARSOptimizer"),
        ("training/Adam/a/b/gamma/m", "a/b/gamma", "training/Adam/", "/m"),
        ("a/b/gamma/Adam/ExponentialMovingAverage", "a/b/gamma", "", "/Adam/ExponentialMovingAverage"),
        ("opt/a/b/gamma/Adam/ExponentialMovingAverage", "a/b/gamma", "opt/", "/Adam/ExponentialMovingAverage"),
    ],
)
def test_owner_scope_and_tail_are_told_apart(name, owner, head, tail):
    tensors = infos("a/b/gamma", "b/other", name, *([name.rpartition("/")[0]] if name.count("Adam/Exp") else []))
    assert slots.owners(tensors)[name] == slots.Slot(owner, head, tail)


def test_the_scope_that_other_slots_have_decides_where_two_names_fit():
    names = ("a/b/gamma", "b/gamma", "c", "a/b/gamma/Adam")
    assert slots.owners(infos(*names))["a/b/gamma/Adam"].owner == "a/b/gamma"
    scoped = slots.owners(infos(*names, "a/c/Adam", "a/a/b/gamma/Adam"))  # the optimizer was built in scope `a`
    assert scoped["a/b/gamma/Adam"] == slots.Slot("b/gamma", "a/", "/Adam")
    assert scoped["a/a/b/gamma/Adam"].owner == "a/b/gamma"


def test_a_layer_that_is_called_as_a_variable_is_no_slot():
    found = slots.owners(infos("net/w/bias", w=(3, 4)))
    assert found == {}


@pytest.mark.parametrize(
    ("name", "slot", "average"),
    [
        ("x/Adam_1", True, False),
        ("x/AdagradDA", True, False),
        ("m1/beta1_power", True, False),
        ("beta2_power_1", True, False),
        ("x/adam_v", True, False),
        ("x/MomentumW", True, False),
        ("x/lambda", False, False),
        ("momentum_encoder/kernel", False, False),
        ("x/ExponentialMovingAverage_1", False, True),
        ("x/moving_average", False, True),
        ("x/schema", False, False),
    ],
)
def test_words_of_slots_and_averages(name, slot, average):
    assert (slots.is_slot(name), slots.is_average(name)) == (slot, average)


def test_keys_with_colon_zero_keep_or_lose_it_together(write):
    leaves = ("gamma", "beta", "mean/EMA", "variance/EMA")
    tensors = {f"conv0/bn/{leaf}:0": ONES for leaf in leaves} | {"conv0/bn/gamma/Momentum:0": ONES}
    prefix = write(tensors)
    away = {step.source: step.target for step in checkpoint.plan_migration(prefix, "tf1bn").steps}
    assert away["conv0/bn/gamma/Momentum:0"] == away["conv0/bn/gamma:0"] + "/Momentum" == "conv0/bn/gamma/Momentum"
    stay = {step.source: step.target for step in checkpoint.plan_migration(prefix, "tensorpack").steps}
    assert stay["conv0/bn/gamma/Momentum:0"] == "conv0/bn/gamma/Momentum:0"


def test_compare_says_whose_a_slot_is(write):
    one = {"m1/bn/gamma": ONES, "m1/m1/bn/gamma/Adam": ONES}
    found = comparison.compare(write(one), write({"m1/bn/gamma": ONES}, "b"))
    assert found.owners == {"m1/m1/bn/gamma/Adam": "m1/bn/gamma"}
    assert "m1/m1/bn/gamma/Adam (belongs to m1/bn/gamma)" in comparison.as_text(found)
    assert comparison.as_json(found)["owners"] == found.owners


@pytest.mark.parametrize(("ours", "theirs"), [("m1", ""), ("", "m1"), ("m1", "train")])
def test_a_target_graph_may_build_its_optimizer_in_another_scope(write, ours, theirs):
    def made(scope, layer):
        leaves = [f"m1/{layer}/{leaf}" for leaf in ("gamma", "beta", "moving_mean", "moving_variance")]
        head = scope + "/" if scope else ""
        return dict.fromkeys([*leaves, "m1/w", f"{head}{leaves[0]}/Adam", f"{head}m1/w/Adam"], ONES)

    prefix, target = write(made(ours, "bn")), write(made(theirs, "bn"), "target")
    plan = checkpoint.plan_migration(prefix, graph=target)
    assert not plan.troubles
    targets = {step.source: step.target for step in plan.steps}
    for name in ("m1/bn/gamma", "m1/w"):
        old, new = (f"{head}/{name}/Adam".lstrip("/") for head in (ours, theirs))
        assert targets[old] == new
