"""What cannot be right on several members is refused, and the graph stays as it was."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tests.layers.refusals import refused
from tf1bn import distribute, errors
from tf1bn.distribute import Allreduce, Collectives, Grouped, Replicas, Statistics, base, catalog, session_config
from tf1bn.testing import graphs


@pytest.fixture(autouse=True)
def graph():
    with graphs.graph_mode() as fresh:
        yield fresh


def same(tensor, name):
    return tensor


LOCAL = Allreduce(same, 1)

VALUES = {
    "no member": (lambda: Collectives(0), "`size` must be an integer from 1 on. Got 0"),
    "group": (lambda: Collectives(2, group=0), "`group` must be an integer from 1 on"),
    "rank type": (lambda: Collectives(2, rank=True), "`rank` must be an integer from 0 on. Got True"),
    "rank": (lambda: Collectives(2, rank=2), "`rank` must be below `size`. Got 2; expected 0 to 1"),
    "timeout": (lambda: Collectives(2, timeout_seconds=0), "must be a positive number or None. Got 0"),
    "endless": (lambda: Collectives(2, timeout_seconds=float("inf")), "must be a positive number or None"),
    "no function": (lambda: Allreduce(3, 2), "`allreduce` must be a function. Got 3"),
    "size not called": (lambda: Allreduce(same, len), r"`size` and `rank` must be numbers .* size=hvd.size\(\)"),
    "gradient": (lambda: Allreduce(same, 2, gradient="none"), "`gradient` is unknown. Got 'none'; expected 'all_sum'"),
    "group size": (lambda: Grouped(Replicas(), 0), "`group_size` must be a positive integer. Got 0"),
    "normalize": (lambda: Statistics(LOCAL, normalize="all"), "`normalize` is unknown. Got 'all'; expected 'combined'"),
    "averages": (lambda: Statistics(LOCAL, averages="mean"), "`averages` is unknown. Got 'mean'"),
    "rounds": (lambda: Statistics(LOCAL, rounds=3), "`rounds` is unknown. Got 3; expected 1 or 2"),
    "rounds type": (lambda: Statistics(LOCAL, rounds=True), "`rounds` is unknown. Got True"),
    "writers": (lambda: Statistics(writers=0), "`writers` must be a positive integer. Got 0"),
    "no reducer": (lambda: Statistics(averages="combined"), "averages='combined' needs members that exchange"),
    "no index": (lambda: Statistics(averages="first"), 'averages="first" without a reducer needs `index`'),
    "two indices": (lambda: Statistics(LOCAL, index=1), "`index` is for no reducer: this one knows it. Got 1"),
    "own of one set": (lambda: Statistics(Collectives(2), averages="own"), "members of this reducer share one set"),
    "one writer": (lambda: Statistics(averages="first", index=0, writers=2), "where one member writes. Got 2"),
    "unknown name": (lambda: Statistics("replica"), "unknown reducer 'replica'. .* Did you mean 'replicas'"),
    "name with arguments": (lambda: Statistics("collectives"), r"needs arguments: .*tf1bn.distribute.Collectives"),
    "a class": (lambda: Statistics(Replicas), r"a reducer is an object. .* Pass an instance: Replicas\(...\)"),
    "no reducer at all": (
        lambda: Statistics(object()),
        "this is not a reducer: `size` is missing; .*`all_sum` is miss",
    ),
    "a row": (lambda: distribute.register_reducer("row", 3), "a row of the reducers is what makes one. Got 3"),
    "taken": (lambda: distribute.register_reducer("replicas", Replicas), "'replicas' is already registered"),
    "devices": (lambda: session_config(devices=0), "session_config: `devices` must be a positive integer. Got 0"),
    "seconds": (lambda: session_config(timeout_seconds=-1), "`timeout_seconds` must be a positive number. Got -1"),
    "config": (lambda: session_config(config={}), "`config` has the wrong type"),
    "leader": (lambda: session_config(group_leader="worker"), "`group_leader` must name a task. Got 'worker'"),
    "accumulated": (lambda: tf1bn.Accumulated(0), "`k` must be a positive integer or a scalar bool tensor. Got 0"),
}


@pytest.mark.parametrize("case", VALUES)
def test_a_value_is_refused(case):
    call, text = VALUES[case]
    with refused(errors.Tf1bnError, text):
        call()


def bn(statistics=None, **options):
    return lambda x: tf1bn.batch_norm(x, True, statistics=statistics, **options)


CALLS = {
    "no device": (bn(Collectives(2)), errors.PlacementError, "there is no device here, and Collectives tells members"),
    "ghost batches": (bn(LOCAL, virtual_batch_size=2), errors.ArgumentError, "nothing to combine over members"),
    "writers that assign": (
        bn(Statistics(writers=2), update_strategy="ema"),
        errors.ArgumentError,
        "strategy 'ema' assigns what it keeps, so of 2 writers without an order all but one get lost",
    ),
    "debias of writers": (
        bn(Statistics(writers=2), zero_debias=True),
        errors.ArgumentError,
        "`zero_debias` assigns what it keeps",
    ),
    "racing writers": (
        bn(Statistics(writers=4), decay=0.1),
        errors.ArgumentError,
        r"4 writers without an order move the averages by up to 1.75 .* negative. Got 0.1; expected a `decay`",
    ),
    "first and renorm": (
        bn(Statistics(Allreduce(same, 1, own_averages=False), averages="first"), renorm=True),
        errors.PlacementError,
        'averages="first" does not go with `renorm`',
    ),
    "accumulated and renorm": (
        bn(update_strategy=tf1bn.Accumulated(2), renorm=True),
        errors.ArgumentError,
        "`renorm` keeps variables beside the averages, which would move with every micro-batch",
    ),
    "accumulated and skip": (
        bn(update_strategy=tf1bn.Accumulated(2), numeric_guard="skip"),
        errors.ArgumentError,
        "does not go with strategy 'accumulated', which counts batches",
    ),
    "groups that do not fit": (
        bn(Grouped(Allreduce(same, 3), 2)),
        errors.ArgumentError,
        "`group_size` does not divide",
    ),
    "a rank that is a tensor": (
        lambda x: bn(Allreduce(same, 2, x, own_averages=False))(x),
        errors.ArgumentError,
        "share averages that the first one moves, but the number of this one is a tensor",
    ),
    "towers: no list": (
        lambda x: tf1bn.batch_norm_towers(x, True),
        errors.ArgumentTypeError,
        "is not a list of tensors",
    ),
    "towers: reducer": (
        lambda x: tf1bn.batch_norm_towers([x], True, statistics=LOCAL),
        errors.ArgumentError,
        "`statistics` does not go with towers",
    ),
    "towers: masks": (
        lambda x: tf1bn.batch_norm_towers([x, x], True, mask=[None]),
        errors.ArgumentError,
        "`mask` must have one entry for each tower. Expected a list of 2",
    ),
    "towers: misspelt": (
        lambda x: tf1bn.batch_norm_towers([x], True, epsilom=1.0),
        errors.ArgumentTypeError,
        "unknown argument `epsilom`. Did you mean 'epsilon'",
    ),
}


@pytest.mark.parametrize("case", CALLS)
def test_a_call_is_refused(case):
    call, error, text = CALLS[case]
    x = tf.placeholder(tf.float32, [None, 3])
    with refused(error, text):
        call(x)


def test_towers_of_different_channels_are_refused():
    xs = [tf.placeholder(tf.float32, [None, size]) for size in (3, 4)]
    with refused(errors.ArgumentError, r"the towers differ in dtype, rank or channels. Got \('float32', 2, \(4,\)\)"):
        tf1bn.batch_norm_towers(xs, True)


def test_towers_in_merged_updates_are_refused():
    x = tf.placeholder(tf.float32, [None, 3])
    with tf1bn.merged_updates(), refused(errors.PlacementError, "inside a merged_updates block"):
        tf1bn.batch_norm_towers([x], True)


def test_a_third_member_of_two_is_refused():
    x = tf.constant(np.ones((2, 3), np.float32))
    for i in range(3):
        with tf.device(f"/cpu:{i}"):
            if i < 2:
                tf1bn.batch_norm(x, True, scope="bn", reuse=tf.AUTO_REUSE, statistics=Collectives(2))
            else:
                with refused(errors.PlacementError, "group 7001 has 2 members already. Got '/device:CPU:2'"):
                    tf1bn.batch_norm(x, True, scope="bn", reuse=True, statistics=Collectives(2))


@pytest.mark.parametrize(("reducer", "construct"), [(LOCAL, "cond"), (LOCAL, "loop"), (Collectives(2), "loop")])
def test_an_exchange_in_a_branch_or_loop_is_refused_where_its_engine_cannot(reducer, construct):
    x = tf.constant(np.ones((2, 3), np.float32))
    texts = []

    def build(*unused):
        with pytest.raises(errors.PlacementError) as caught:
            tf1bn.batch_norm(x, True, scope="bn", statistics=reducer)
        texts.append(str(caught.value))
        return tf.constant(0)

    with tf.device("/cpu:0"):
        if construct == "cond":
            tf.cond(tf.placeholder(tf.bool, []), build, lambda: tf.constant(0))
        else:
            tf.while_loop(lambda i: i < 2, build, [tf.constant(0)])
    assert texts and all(f"members of reducer '{reducer.name}' cannot exchange inside a tf." in text for text in texts)


def test_accumulated_in_a_collection_is_refused_in_a_branch():
    x = tf.constant(np.ones((2, 3), np.float32))
    strategy = tf1bn.Accumulated(2, collection=tf.GraphKeys.UPDATE_OPS)

    def build():
        with pytest.raises(errors.PlacementError, match="cannot be registered in collection 'update_ops'"):
            tf1bn.batch_norm(x, True, update_strategy=strategy)
        return tf.constant(0)

    tf.cond(tf.placeholder(tf.bool, []), build, lambda: tf.constant(0))


def test_accumulated_takes_a_bool_tensor_only():
    with pytest.raises(errors.ArgumentTypeError, match="`k` must be a positive integer or a scalar bool tensor"):
        tf1bn.Accumulated(tf.constant(2))


def test_a_registered_reducer_is_found_by_its_name():
    try:
        distribute.register_reducer("mine", lambda: LOCAL)
        assert Statistics("mine").reducer is LOCAL
    finally:
        del catalog.REDUCERS._rows["mine"]
    assert catalog.REDUCERS.names() == ("allreduce", "collectives", "grouped", "replicas")


def test_every_built_in_reducer_fulfils_the_protocol():
    for reducer in (Replicas(), Collectives(1), LOCAL, Grouped(LOCAL, 1)):
        base.check_protocol(reducer)
        assert isinstance(reducer, distribute.Reducer) or reducer.name


def test_the_configuration_has_what_was_asked_for():
    leader = "/job:worker/replica:0/task:0"
    given = tf.ConfigProto(allow_soft_placement=True)
    made = session_config(devices=3, group_leader=leader, timeout_seconds=1.5, device_filters=["/job:ps"], config=given)
    assert made.allow_soft_placement and made.device_count["CPU"] == 3 and not given.device_count
    assert made.experimental.collective_group_leader == leader and made.operation_timeout_in_ms == 1500
    assert list(made.device_filters) == ["/job:ps"] and session_config() == tf.ConfigProto()
