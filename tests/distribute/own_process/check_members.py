"""Members that exchange: what they compute from it, and what happens where one is missing."""

import contextlib

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tests.distribute import engines
from tf1bn import distribute, errors
from tf1bn.audit import audit
from tf1bn.distribute import Collectives, Grouped, Replicas, Statistics
from tf1bn.testing import graphs, reference

SIZES = (5, 1, 2)
EXTREMES = (graphs.Mode(True, True), graphs.Mode(False, False))
DECAY = 0.9
_rng = np.random.default_rng(11)
X, DY = _rng.normal(2, 3, (8, 3)), _rng.normal(size=(8, 3))
GAMMA = np.array([0.5, 1.5, -1.0])


def collectives(members=3, **options):
    return Collectives(members, **options)


def towers(statistics, x=X, sizes=SIZES, switch=True, dtype=tf.float64, **options):
    """Returns outputs and gradients of one layer, built tower after tower; the gradients in one call."""
    xs, ys = [], []
    for i, part in enumerate(engines.shards(x, sizes)):
        with tf.device(f"/cpu:{i}"):
            own = {
                name: engines.shards(value, sizes)[i]
                for name, value in options.items()
                if name in ("mask", "batch_weights")
            }
            xs.append(tf.constant(part, dtype))
            given = {"decay": DECAY, "gamma_initializer": tf.constant_initializer(GAMMA), **options, **own}
            ys.append(tf1bn.batch_norm(xs[-1], switch, scope="bn", reuse=tf.AUTO_REUSE, statistics=statistics, **given))
    parts = engines.shards(DY, sizes)
    gamma = tf.trainable_variables()[0]
    loss = tf.add_n([tf.reduce_sum(y * tf.cast(part, dtype)) for y, part in zip(ys, parts, strict=True)])
    return xs, ys, tf.gradients(loss, [*xs, gamma])


def run(fetches, feed=None, times=1):
    with engines.session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(times):
            found = session.run(fetches, feed)
        return found, {v.op.name: session.run(v) for v in tf.global_variables()}


def moved(batch, times=1):
    """The averages after some updates by the same moments."""
    left = DECAY**times
    return (1 - left) * batch[0], left + (1 - left) * batch[1]


def assert_moved(variables, batch, times=1, rtol=1e-7):
    for leaf, value in zip(("mean", "variance"), moved(batch, times), strict=True):
        np.testing.assert_allclose(variables[f"bn/moving_{leaf}"], value, rtol)


KINDS = {
    "ordinary": {},
    "one round": {"rounds": 1},
    "weights": {"batch_weights": np.array([1.0, 0, 2, 1, 0.5, 3, 0, 1])},
    "mask in one round": {"rounds": 1, "mask": np.array([True, False, True, True, False, True, False, True])},
    "a tower without weight": {"batch_weights": np.array([1.0, 0, 2, 1, 0.5, 0, 1, 1])},
    "bessel": {"bessel_correction": True},
}


@pytest.mark.parametrize("mode", EXTREMES, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_outputs_gradients_and_averages_are_those_of_the_whole_batch(kind, mode):
    options = dict(KINDS[kind])
    rounds = options.pop("rounds", 2)
    weights = options.get("batch_weights", options.get("mask"))
    variant = reference.Variant(
        weights=None if weights is None else weights[:, None].astype(float),
        bessel=options.get("bessel_correction", False),
    )
    with graphs.graph_mode(mode):
        _, ys, gradients = towers(Statistics(collectives(), rounds=rounds), **options)
        (outputs, slopes), variables = run([ys, gradients])
    y, moments = reference.train(X, GAMMA, 0.0, variant)
    exact = reference.train_gradients(X, GAMMA, DY, variant)
    np.testing.assert_allclose(np.concatenate(outputs), y, 1e-9, 1e-12)
    np.testing.assert_allclose(np.concatenate(slopes[:-1]), exact.x, 1e-8, 1e-11)
    np.testing.assert_allclose(slopes[-1], exact.gamma, 1e-9)
    assert_moved(variables, moments)


def test_renorm_refers_the_moments_of_all_members():
    with graphs.graph_mode():
        _, ys, gradients = towers(collectives(), renorm=True, renorm_clipping={"rmax": 1.25, "dmax": 0.5})
        (outputs, slopes), _ = run([ys, gradients])
    start = np.zeros(3), np.ones(3)
    variant = reference.Variant(
        correction=lambda group, batch: reference.renorm_correction(batch, start, rmax=1.25, dmax=0.5)
    )
    np.testing.assert_allclose(np.concatenate(outputs), reference.train(X, GAMMA, 0.0, variant).y, 1e-9)
    np.testing.assert_allclose(
        np.concatenate(slopes[:-1]), reference.train_gradients(X, GAMMA, DY, variant).x, 1e-8, 1e-11
    )


@pytest.mark.parametrize("rounds", [1, 2])
@pytest.mark.parametrize("ratio", [0, 700])
def test_in_float32_the_gradient_is_as_good_as_that_of_one_device(rounds, ratio):
    x = (_rng.normal(size=X.shape) + ratio).astype(np.float32)
    exact = reference.train_gradients(x, GAMMA, DY)
    scale = np.abs(exact.x).max()
    with graphs.graph_mode():
        _, _, gradients = towers(Statistics(collectives(), rounds=rounds), x=x, dtype=tf.float32)
        slopes, _ = run(gradients)
    assert np.abs(np.concatenate(slopes[:-1]) - exact.x).max() < 3e-6 * scale
    np.testing.assert_allclose(slopes[-1], exact.gamma, 1e-5, 1e-5)


def test_the_gradient_of_a_gradient_is_that_of_the_whole_batch():
    found = {}
    for name, sizes in (("whole", (8,)), ("shards", SIZES)):
        with graphs.graph_mode():
            xs, _, gradients = towers(collectives(len(sizes)), sizes=sizes)
            penalty = tf.add_n([tf.reduce_sum(tf.square(g)) for g in gradients[:-1]])
            found[name] = np.concatenate(run(tf.gradients(penalty, xs))[0])
    np.testing.assert_allclose(found["shards"], found["whole"], 1e-7, 1e-10)


def own_moments(sizes=SIZES):
    return [reference.moments(part) for part in engines.shards(X, sizes)]


POLICIES = {
    "combined": lambda: reference.moments(X),
    "replica_mean": lambda: np.mean(own_moments(), 0),
    "first": lambda: own_moments()[0],
}


@pytest.mark.parametrize("normalize", ["combined", "own"])
@pytest.mark.parametrize("averages", POLICIES)
@pytest.mark.parametrize("placeholder", [False, True])
def test_towers_write_the_averages_once_by_the_chosen_moments(averages, normalize, placeholder):
    with graphs.graph_mode():
        switch = tf.placeholder_with_default(True, []) if placeholder else True
        _, ys, _ = towers(Statistics(collectives(), normalize=normalize, averages=averages), switch=switch)
        outputs, variables = run(ys, times=3)
    assert_moved(variables, POLICIES[averages](), times=3)
    alone = [reference.batch_norm(part, GAMMA) for part in engines.shards(X, SIZES)]
    together = reference.batch_norm(X, GAMMA)
    np.testing.assert_allclose(
        np.concatenate(outputs), np.concatenate(alone) if normalize == "own" else together, 1e-9, 1e-12
    )


def replicas(statistics, switch=lambda: True, sizes=SIZES, **options):
    """Returns the outputs of one layer under MirroredStrategy, and the strategy."""
    strategy = tf.distribute.MirroredStrategy([f"/cpu:{i}" for i in range(len(sizes))])
    flag = switch()

    def step():
        i = int(tf.get_static_value(tf.distribute.get_replica_context().replica_id_in_sync_group))
        x = tf.constant(engines.shards(X, sizes)[i])
        y = tf1bn.batch_norm(x, flag, scope="bn", decay=DECAY, statistics=statistics, **options)
        return tf1bn.with_updates(y)

    with strategy.scope():
        return strategy.experimental_local_results(strategy.run(step)), strategy


def run_replicas(fetches, strategy, times=3):
    with strategy.scope(), engines.session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(times):
            found = session.run(list(fetches))
        return found, {v.name.split(":")[0]: session.run(v) for v in tf.global_variables()}


@pytest.mark.parametrize("averages", [*POLICIES, "own"])
def test_replicas_keep_copies_whose_saved_value_is_that_of_the_chosen_moments(averages):
    with graphs.graph_mode():
        fetches, strategy = replicas(Statistics(Replicas(), normalize="own", averages=averages))
        _, variables = run_replicas(fetches, strategy)
    assert_moved(variables, POLICIES["replica_mean" if averages == "own" else averages](), times=3)


@pytest.mark.parametrize("strategy", ["inline", "collection", "ema", "frozen"])
@pytest.mark.parametrize("engine", ["replicas", "collectives"])
@pytest.mark.parametrize("mode", EXTREMES, ids=str)
def test_every_strategy_moves_once_per_step_by_the_combined_moments(strategy, engine, mode):
    with graphs.graph_mode(mode):
        if engine == "replicas":
            _, variables = run_replicas(*replicas(Replicas(), update_strategy=strategy))
        else:
            _, ys, _ = towers(collectives(), update_strategy=strategy)
            _, variables = run(tf1bn.with_updates(tf.group(*ys)), times=3)
    assert_moved(
        variables, (np.zeros(3), np.ones(3)) if strategy == "frozen" else reference.moments(X), times=3, rtol=1e-6
    )


@pytest.mark.parametrize("engine", ["replicas", "collectives", "list"])
@pytest.mark.parametrize("bessel", [False, True])
def test_accumulation_moves_once_per_real_step_by_all_values_of_all_members(engine, bessel):
    strategy, options = tf1bn.Accumulated(2), {"bessel_correction": bessel}
    with graphs.graph_mode():
        if engine == "replicas":
            _, variables = run_replicas(*replicas(Replicas(), update_strategy=strategy, **options), times=5)
        elif engine == "collectives":
            _, variables = run(towers(collectives(), update_strategy=strategy, **options)[1], times=5)
        else:
            xs = [tf.constant(part) for part in engines.shards(X, SIZES)]
            _, variables = run(
                tf1bn.batch_norm_towers(xs, True, scope="bn", decay=DECAY, update_strategy=strategy, **options), times=5
            )
    mean, variance = reference.moments(X)
    assert_moved(variables, (mean, variance * (16 / 15 if bessel else 1)), times=2)
    assert variables["bn/accumulated_batches"] == 1 and variables["bn/accumulated_count"] == len(X)


def test_groups_normalise_by_their_own_moments_and_average_all():
    with graphs.graph_mode():
        fetches, strategy = replicas(Grouped(Replicas(), 2), sizes=(3, 1, 2, 2))
        outputs, variables = run_replicas(fetches, strategy)
    for found, part in zip((outputs[:2], outputs[2:]), (X[:4], X[4:]), strict=True):
        np.testing.assert_allclose(np.concatenate(found), reference.batch_norm(part), 1e-9, 1e-12)
    assert_moved(variables, reference.moments(X), times=3)


def test_a_checkpoint_of_replicas_has_plain_names_and_serves_on_one_device(tmp_path):
    prefix = str(tmp_path / "model")
    with graphs.graph_mode():
        fetches, strategy = replicas(Replicas())
        with strategy.scope(), engines.session() as session:
            saver = tf.train.Saver()
            session.run(tf.global_variables_initializer())
            session.run(list(fetches))
            saver.save(session, prefix, write_meta_graph=False)
    names = {name for name, _ in tf.train.list_variables(prefix)}
    assert names == {"bn/gamma", "bn/beta", "bn/moving_mean", "bn/moving_variance"}
    with graphs.graph_mode():
        y = tf1bn.batch_norm(tf.constant(X), False, scope="bn", statistics=Replicas())
        with engines.session() as session:
            tf.train.Saver().restore(session, prefix)
            found = session.run(y)
    expected = reference.normalize(X, reference.Statistics(*moved(reference.moments(X))))
    np.testing.assert_allclose(found, expected, 1e-7)


@pytest.mark.parametrize("mode", EXTREMES, ids=str)
def test_a_missing_tower_is_a_deadline_and_one_tower_evaluates_alone(mode):
    with graphs.graph_mode(mode):
        switch = tf.placeholder_with_default(True, [])
        _, ys, _ = towers(collectives(), switch=switch)
        initialize = tf.global_variables_initializer()
        with engines.session(seconds=1.0) as session:
            for _ in range(100):  # a busy machine may take longer for this, too
                with contextlib.suppress(tf.errors.DeadlineExceededError):
                    session.run(initialize)
                    break
            with pytest.raises(tf.errors.DeadlineExceededError):
                session.run(ys[:2])
        with engines.session() as session:  # a new one goes on
            session.run(initialize)
            session.run(ys)
            alone = session.run(ys[1], {switch: False})
    averages = reference.Statistics(*moved(reference.moments(X)))
    np.testing.assert_allclose(alone, reference.normalize(X[5:6], averages, GAMMA), 1e-7)


def test_the_op_may_have_a_limit_of_its_own():
    with graphs.graph_mode():
        _, ys, _ = towers(collectives(timeout_seconds=1.0))
        with engines.session() as session:
            session.run(tf.global_variables_initializer())
            with pytest.raises(tf.errors.DeadlineExceededError):
                session.run(ys[:2])


def test_a_batch_that_is_empty_everywhere_moves_nothing():
    with graphs.graph_mode():
        inputs = []
        for i in range(2):
            with tf.device(f"/cpu:{i}"):
                x = tf.placeholder(tf.float64, [None, 3])
                y = tf1bn.batch_norm(x, True, scope="bn", reuse=tf.AUTO_REUSE, statistics=collectives(2))
                inputs.append((x, y))
        towers_of_list = tf1bn.batch_norm_towers([x for x, _ in inputs], True, scope="list")
        empty = {x: np.zeros((0, 3)) for x, _ in inputs}
        _, variables = run([[y for _, y in inputs], towers_of_list], empty)
    for scope in ("bn", "list"):
        assert not variables[f"{scope}/moving_mean"].any() and (variables[f"{scope}/moving_variance"] == 1).all()


def test_merged_updates_pool_the_calls_of_all_towers():
    with graphs.graph_mode():
        ys = []
        with tf1bn.merged_updates():
            for i, part in enumerate(engines.shards(X, (5, 3))):
                with tf.device(f"/cpu:{i}"):
                    for scale in (1.0, 3.0):
                        x = tf.constant(scale * part)
                        ys.append(
                            tf1bn.batch_norm(
                                x, True, scope="bn", reuse=tf.AUTO_REUSE, decay=DECAY, statistics=collectives(2)
                            )
                        )
        _, variables = run(tf1bn.with_updates(tf.group(*ys)))
    assert_moved(variables, reference.moments(np.concatenate([X, 3 * X])))


def rank_of(rank, names):
    """Returns the allreduce function of one of two ranks, which here stand in one graph."""

    def meet(value, key):
        with tf.device(f"/cpu:{rank}"):
            return tf.raw_ops.CollectiveReduceV2(
                input=value,
                group_size=2,
                group_key=99,
                instance_key=key,
                ordering_token=[],
                merge_op="Add",
                final_op="Id",
            )

    def allreduce(tensor, name):
        key = names.setdefault(name, {"key": len(names) + 1, "ranks": []})
        key["ranks"].append(rank)
        summed = tf.custom_gradient(lambda value: (meet(value, key["key"]), lambda dy: meet(dy, key["key"] + 1000)))
        return summed(tensor)

    return allreduce


@pytest.mark.parametrize("gradient", ["all_sum", "own"])
def test_any_allreduce_serves(gradient):
    names, xs, ys = {}, [], []
    parts, slopes = engines.shards(X, (5, 3)), engines.shards(DY, (5, 3))
    with graphs.graph_mode():
        for rank, part in enumerate(parts):
            with tf.device(f"/cpu:{rank}"), tf.variable_scope(f"rank{rank}"):
                xs.append(tf.constant(part))
                reducer = distribute.Allreduce(rank_of(rank, names), 2, rank, gradient=gradient)
                ys.append(tf1bn.batch_norm(xs[-1], True, scope="bn", statistics=reducer, decay=DECAY))
        gradients = [tf.gradients(tf.reduce_sum(y * dy), x)[0] for x, y, dy in zip(xs, ys, slopes, strict=True)]
        (outputs, found), variables = run([ys, gradients])
    np.testing.assert_allclose(np.concatenate(outputs), reference.batch_norm(X), 1e-9, 1e-12)
    np.testing.assert_allclose(np.concatenate(found), reference.batch_gradients(X, 1.0, DY).x, 1e-8, 1e-11)
    for rank in (0, 1):
        own = {name.removeprefix(f"rank{rank}/"): value for name, value in variables.items() if f"rank{rank}" in name}
        assert_moved(own, reference.moments(X))
    assert all(sorted(entry["ranks"]) == [0, 1] for entry in names.values())  # each name once at each rank


def test_an_ema_in_a_conditional_is_refused_under_a_strategy():
    with graphs.graph_mode(), pytest.raises(errors.PlacementError, match="waits for all replicas"):
        replicas(Replicas(), lambda: tf.placeholder_with_default(True, []), update_strategy="ema")


def test_the_scope_of_a_strategy_is_no_replica():
    with graphs.graph_mode(), tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"]).scope():
        with pytest.raises(errors.PlacementError, match="there is no replica here"):
            tf1bn.batch_norm(tf.constant(X), True, statistics=Replicas())


AUDITED = {
    "combined": lambda reducer: reducer,
    "one round": lambda reducer: Statistics(reducer, rounds=1),
    "own, combined": lambda reducer: Statistics(reducer, normalize="own"),
    "own, mean": lambda reducer: Statistics(reducer, normalize="own", averages="replica_mean"),
    "own, first": lambda reducer: Statistics(reducer, normalize="own", averages="first"),
    "grouped": lambda reducer: Grouped(reducer, 2),
}


@pytest.mark.parametrize("kind", AUDITED)
@pytest.mark.parametrize("engine", ["mirrored", "towers"])
def test_the_auditor_finds_nothing_in_graphs_that_are_right(engine, kind, tmp_path):
    number = list(AUDITED).index(kind)
    statistics = AUDITED[kind](engines.reducer_for(engine, 2))
    with graphs.graph_mode(EXTREMES[number % 2]) as graph:
        switch = (lambda: True) if number % 3 == 0 else lambda: tf.placeholder_with_default(True, [])
        engines.built(engine, (9, 7), switch, statistics)
        before = len(graph.get_operations())
        findings = [*audit(graph).findings]
        assert len(graph.get_operations()) == before
        tf.train.export_meta_graph(str(tmp_path / "model.meta"))
    findings += audit(tmp_path / "model.meta").findings
    assert findings == []


@pytest.mark.parametrize("mode", EXTREMES, ids=str)
def test_a_sum_over_replicas_is_restored_beside_averages_of_them(mode, tmp_path):
    """TensorFlow restores an equal share of a sum into each copy, and a mean as it is into each."""
    parts = engines.shards(X, (5, 3))

    def built():
        strategy = tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])

        def step():
            part = parts[int(tf.get_static_value(tf.distribute.get_replica_context().replica_id_in_sync_group))]
            rows = tf.get_variable(
                "rows", [], tf.float64, tf.zeros_initializer(), trainable=False,
                synchronization=tf.VariableSynchronization.ON_READ, aggregation=tf.VariableAggregation.SUM,
            )  # fmt: skip
            y = tf1bn.batch_norm(tf.constant(part), True, scope="bn", decay=DECAY)
            with tf.control_dependencies([y, rows.assign_add(float(len(part)))]):
                return tf.constant(0)

        with strategy.scope():
            fetches = strategy.experimental_local_results(strategy.run(step))
            kept = {v.name.split(":")[0]: v for v in tf.global_variables()}
        copies = {leaf: strategy.experimental_local_results(kept[leaf]) for leaf in ("rows", "bn/moving_mean")}
        return list(fetches), kept, copies

    def values(session, found):
        return [session.run(found[leaf]) for leaf in ("rows", "bn/moving_mean", "bn/moving_variance")]

    def after(times, part):
        return moved(reference.moments(part), times)

    with graphs.graph_mode(mode), engines.session() as session:
        fetches, kept, _ = built()
        session.run(tf.global_variables_initializer())
        for _ in range(2):
            session.run(fetches)
        saved = values(session, kept)
        prefix = tf.train.Saver().save(session, str(tmp_path / "model"))
    means = [np.mean([after(2, part)[i] for part in parts], 0) for i in (0, 1)]
    for value, wanted in zip(saved, [16.0, *means], strict=True):
        np.testing.assert_allclose(value, wanted, 1e-9)
    with graphs.graph_mode(mode), engines.session() as session:
        fetches, kept, copies = built()
        tf.train.Saver().restore(session, prefix)
        for value, wanted in zip(values(session, kept), saved, strict=True):
            np.testing.assert_allclose(value, wanted, 1e-12)
        np.testing.assert_allclose(session.run(list(copies["rows"])), [8.0, 8.0])
        np.testing.assert_allclose(session.run(list(copies["bn/moving_mean"])), [saved[1]] * 2, 1e-12)
        session.run(fetches)
        steps = [DECAY * saved[1] + (1 - DECAY) * reference.moments(part)[0] for part in parts]
        np.testing.assert_allclose(values(session, kept)[1], np.mean(steps, 0), 1e-9)
        np.testing.assert_allclose(session.run(kept["rows"]), 24.0)
