"""What reestimate reads, leaves alone and writes."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tests.population import networks
from tests.population.test_graphs import layers, moments_spelling, moved
from tf1bn import checkpoint, errors, population
from tf1bn.compat import contrib
from tf1bn.population.accuracy import Labelled
from tf1bn.testing.graphs import MODES, graph_mode

DATA = networks.batches()
WANTED = networks.expected(DATA)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Prefix of a checkpoint of a training graph with a step of Adam, its averages at 0 and 1."""
    prefix = str(tmp_path_factory.mktemp("trained") / "model-1")
    with graph_mode(), tf.Session() as session:
        y = layers(tf.placeholder(tf.float32, [None, 2, 2, 3], "x"), True, "collection")
        tf.argmax(tf.reduce_mean(y, [1, 2]), 1, name="classes")
        tf.train.AdamOptimizer(0.0).minimize(tf.reduce_sum(y), tf.train.get_or_create_global_step())
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, prefix)
    return prefix


def outputs(images, moments):
    """The inference network in NumPy."""
    value = images.astype(np.float64)
    for number, (mean, variance) in enumerate(moments):
        value = networks.affine_of(value @ networks.KERNELS[number], number, mean, variance)
        value = np.maximum(value, 0) if number == 0 else value
    return value


def read(prefix):
    reader = tf.train.load_checkpoint(prefix)
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def test_the_new_checkpoint_has_the_estimates_and_every_other_bit_of_the_old_one(trained, tmp_path):
    before = read(trained)
    done = population.reestimate(f"{trained}.meta", DATA, checkpoint=trained, output=tmp_path / "new")
    after = read(done.target)
    averages = {f"net/bn{n}/moving_{leaf}" for n in (0, 1) for leaf in ("mean", "variance")}
    assert set(done.values) == averages and done.verified == len(before) == len(after)
    for number, pair in enumerate(WANTED):
        for leaf, value in zip(("mean", "variance"), pair, strict=True):
            np.testing.assert_allclose(after[f"net/bn{number}/moving_{leaf}"], value, rtol=2e-5, atol=2e-5)
    for name in set(before) - averages:
        assert before[name].tobytes() == after[name].tobytes(), name
    for name, value in read(trained).items():
        assert before[name].tobytes() == value.tobytes(), name
    with graph_mode(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 2, 2, 3], "x")
        y = layers(x, False, "collection")
        tf.train.Saver().restore(session, done.target)
        got = session.run(y, {x: DATA[0]})
    np.testing.assert_allclose(got, outputs(DATA[0], WANTED), rtol=1e-4, atol=1e-4)


def test_averages_that_were_never_saved_are_added(trained, tmp_path):
    lost = "net/bn1/moving_variance"
    checkpoint.replace(trained, tmp_path / "lost", {}, drop=[lost])
    done = population.reestimate(f"{trained}.meta", DATA, checkpoint=str(tmp_path / "lost"), output=tmp_path / "new")
    np.testing.assert_allclose(read(done.target)[lost], WANTED[1][1], rtol=2e-5)
    assert done.sites[1].old_variance is None and (done.sites[0].old_variance == 1).all()


@pytest.mark.parametrize("mode", [MODES[0], MODES[-1]], ids=str)
def test_graph_and_session_stay_as_they_are_until_the_estimates_are_assigned(mode):
    with graph_mode(mode) as graph, tf.Session() as session:
        layers(tf.placeholder(tf.float32, [None, 2, 2, 3], "x"), tf.placeholder(tf.bool, [], "train"), "inline")
        session.run(tf.global_variables_initializer())
        graph.finalize()
        variables = graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)
        before, proto = session.run(variables), graph.as_graph_def()
        done = population.reestimate(graph, DATA, session=session)
        for old, new in zip(before, session.run(variables), strict=True):
            np.testing.assert_array_equal(old, new)
        done.assign(session)
        assert graph.as_graph_def() == proto
        values = dict(zip([item.op.name for item in variables], session.run(variables), strict=True))
        for name, value in done.values.items():
            np.testing.assert_array_equal(values[name], value.astype(np.float32))
        with tf.Graph().as_default() as other, tf.Session(graph=other) as empty:
            with pytest.raises(errors.PopulationError, match="session's graph has no such variable"):
                done.assign(empty)


def feeds(number):
    return {"x": DATA[number]} if number < len(DATA) else None


def stopping(number):
    if number == len(DATA):
        raise StopIteration
    return DATA[number]


FORMS = {
    "a list": lambda: DATA,
    "a generator": lambda: (batch for batch in DATA),
    "feed dictionaries": lambda: [{"x:0": batch} for batch in DATA],
    "a function": lambda: feeds,
    "a function that stops": lambda: stopping,
    "flat rows": lambda: [batch.reshape(len(batch), 2, 2, 3, 1) for batch in DATA],
}


@pytest.mark.parametrize("form", FORMS)
def test_data_in_every_form(form, trained):
    sequential = form in ("a generator", "a function")
    done = population.reestimate(f"{trained}.meta", FORMS[form](), checkpoint=trained, sequential=sequential)
    networks.check(done, networks.expected(DATA, sequential=sequential))


def test_a_limit_takes_the_first_batches_and_progress_counts_them(trained):
    seen, values = [], read(trained)
    done = population.reestimate(
        f"{trained}.meta",
        DATA,
        checkpoint=values,
        batches=2,
        sequential=True,
        progress=lambda *s: seen.append(s),
    )
    networks.check(done, networks.expected(DATA[:2], sequential=True))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize("initializable", [True, False])
def test_the_graphs_own_input_runs_to_its_end(initializable):
    def rows():
        return tf.data.Dataset.from_tensor_slices(np.stack([batch[:3] for batch in DATA])).map(lambda x: x * 1.0)

    with graph_mode() as graph, tf.Session() as session:
        made = tf.data.make_initializable_iterator if initializable else tf.data.make_one_shot_iterator
        x = made(rows()).get_next()
        layers(tf.ensure_shape(x, [None, 2, 2, 3]), True, "collection")
        session.run(tf.global_variables_initializer())
        for sequential in (False, True):
            done = population.reestimate(graph, session=session, sequential=sequential)
            networks.check(done, networks.expected([batch[:3] for batch in DATA], sequential=sequential))
        with pytest.raises(errors.PopulationError, match="ended too early. Got '3 batches'; expected 4"):
            population.reestimate(graph, session=session, batches=4)


def test_queues_are_started_and_stopped():
    data = np.ones([4, 2, 2, 3], np.float32) * np.arange(4, dtype=np.float32).reshape(4, 1, 1, 1)
    with graph_mode() as graph, tf.Session() as session:
        one = tf.train.slice_input_producer([tf.constant(data)], num_epochs=1, shuffle=False)[0]
        layers(tf.train.batch([one], 2), True, "collection")
        session.run(tf.global_variables_initializer())
        done = population.reestimate(graph, session=session)
        networks.check(done, networks.expected([data[:2], data[2:]]))


def test_what_else_the_network_needs_is_a_constant():
    with graph_mode() as graph, tf.Session() as session:
        x, keep = tf.placeholder(tf.float32, [None, 2, 2, 3], "x"), tf.placeholder(tf.float32, [], "keep_prob")
        layers(tf.nn.dropout(x, keep), True, "collection")
        session.run(tf.global_variables_initializer())
        done = population.reestimate(graph, DATA, session=session, constants={keep: 1.0})
        networks.check(done, WANTED)
        with pytest.raises(errors.PopulationError, match=r"tensor that takes the data is not clear. Got \['x', 'keep"):
            population.reestimate(graph, DATA, session=session)


def test_random_dropout_does_not_look_like_averages_at_work():
    with graph_mode() as graph, tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 2, 2, 3], "x")
        layers(tf.nn.dropout(x, 0.5), tf.placeholder(tf.bool, [], "train"), "inline")
        session.run(tf.global_variables_initializer())
        assert len(population.reestimate(graph, DATA, session=session).sites) == 2


def test_some_batch_norms_can_be_left_out(trained):
    done = population.reestimate(f"{trained}.meta", DATA, checkpoint=trained, only=["net/*"], exclude=["net/bn0"])
    networks.check(done, WANTED[1:])
    assert done.skipped == (("net/bn0", "it was left out on purpose"),)


def test_accuracy_before_and_after_is_that_of_the_inference_network(trained):
    images = np.concatenate(DATA)
    right, wrong = (outputs(images, moments).mean((1, 2)).argmax(1) for moments in (WANTED, [(0.0, 1.0)] * 2))
    labels = np.where(np.arange(len(images)) % 3 > 0, right, wrong)
    done = population.reestimate(f"{trained}.meta", DATA, checkpoint=trained, labelled=Labelled(images, labels, 7))
    assert done.accuracy_before == np.mean(wrong == labels) != np.mean(right == labels) == done.accuracy_after


def test_debiasing_is_settled():
    with graph_mode() as graph, tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 2, 2, 3], "x")
        contrib.layers.batch_norm(x, zero_debias_moving_mean=True, is_training=True)
        tf1bn.batch_norm(x, True, zero_debias=True, scope="own")
        session.run(tf.global_variables_initializer())
        done = population.reestimate(graph, DATA, session=session)
    rows = np.concatenate(DATA).reshape(-1, 3).astype(np.float64)
    mean = done.values["BatchNorm/moving_mean"]
    np.testing.assert_allclose(mean, rows.mean(0), rtol=1e-5)
    np.testing.assert_array_equal(done.values["BatchNorm/BatchNorm/moving_mean/biased"], mean)
    assert done.values["BatchNorm/BatchNorm/moving_mean/local_step"] == 1e6
    assert done.values["own/debias_weight"] == 1


def test_batch_renormalization_is_estimated_level_by_level_only():
    with graph_mode() as graph, tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 2, 2, 3], "x")
        layers(x, tf.placeholder(tf.bool, [], "train"), "inline", renorm=True)
        session.run(tf.global_variables_initializer())
        done = population.reestimate(graph, DATA, session=session, sequential=True)
        wanted = networks.expected(DATA, sequential=True)
        networks.check(done, wanted)
        deviation = np.sqrt(wanted[1][1] + 1e-3)
        for leaf, value in (("moving_stddev", deviation), ("renorm_stddev", deviation), ("renorm_mean", wanted[1][0])):
            np.testing.assert_allclose(done.values[f"net/bn1/{leaf}"], value, rtol=2e-5, atol=2e-5)
        with pytest.raises(errors.PopulationError, match="'net/bn0' cannot be estimated: it is a batch renormaliz"):
            population.reestimate(graph, DATA, session=session)


def test_half_precision_is_averaged_in_float32():
    with graph_mode() as graph, tf.Session() as session:
        x = tf.placeholder(tf.float16, [None, 3], "x")
        tf1bn.batch_norm(x, False, scope="bn")
        session.run(tf.global_variables_initializer())
        rows = (np.random.default_rng(0).normal(size=(900, 3)) * 3 + 30).astype(np.float16)
        done = population.reestimate(graph, np.split(rows, 3), session=session)
        networks.check(done, [(rows.astype(np.float64).mean(0), rows.astype(np.float64).var(0))])


def test_a_tensorpack_and_a_shadow_by_hand_are_written_both():
    with graph_mode() as graph, tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 2, 2, 3], "x")
        with tf.variable_scope("bn"):
            beta = tf.get_variable("beta", [3], initializer=tf.zeros_initializer())
            mean = tf.get_variable("mean/EMA", [3], initializer=tf.zeros_initializer(), trainable=False)
            variance = tf.get_variable("variance/EMA", [3], initializer=tf.ones_initializer(), trainable=False)
        batch = tf.nn.moments(x, [0, 1, 2])
        for pair in zip((mean, variance), batch, strict=True):
            tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, moved(*pair))
        tf.nn.batch_normalization(x, *batch, beta, None, 1e-5)
        tf.train.ExponentialMovingAverage(0.9).apply([mean])
        session.run(tf.global_variables_initializer())
        done = population.reestimate(graph, DATA, session=session)
    rows = np.concatenate(DATA).reshape(-1, 3).astype(np.float64)
    networks.check(done, [(rows.mean(0), rows.var(0))])
    assert set(done.values) == {"bn/mean/EMA", "bn/variance/EMA", "bn/mean/EMA/ExponentialMovingAverage"}


def test_the_input_is_brought_out_of_the_branches():
    """The whole network is built in each branch, on the same variables."""
    for mode in MODES:
        with graph_mode(mode) as graph, tf.Session() as session:
            x, train = tf.placeholder(tf.float32, [None, 2, 2, 3], "x"), tf.placeholder(tf.bool, [], "train")
            layers(x, True, "frozen")
            tf.cond(train, lambda x=x: layers(x, True, "frozen"), lambda x=x: layers(x, False, "frozen"))
            session.run(tf.global_variables_initializer())
            done = population.reestimate(graph, DATA, session=session, switch=train)
            for site, (mean, variance) in zip(done.sites, WANTED, strict=True):
                np.testing.assert_allclose(site.mean, mean, rtol=2e-5, atol=2e-5)
                np.testing.assert_allclose(site.variance, variance, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("sequential", [False, True])
def test_partitioned_weights_are_put_together(sequential, tmp_path):
    with graph_mode() as graph, tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 2, 2, 3], "x")

        def norm(y, variables, number):
            if number == 0:
                table = tf.get_variable(
                    "table", [4, 4], initializer=tf.ones_initializer(), partitioner=tf.fixed_size_partitioner(2)
                )
                y = tf.tensordot(y, tf.convert_to_tensor(table) * np.eye(4, dtype=np.float32), 1)
            return moments_spelling(y, variables, "inference", None)

        networks.network(x, norm)
        session.run(tf.global_variables_initializer())
        prefix = tf.train.Saver().save(session, str(tmp_path / "model"))
    done = population.reestimate(f"{prefix}.meta", DATA, checkpoint=prefix, sequential=sequential)
    networks.check(done, networks.expected(DATA, sequential=sequential))
    del graph
