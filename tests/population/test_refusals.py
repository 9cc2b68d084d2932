"""What cannot be estimated is refused with the reason, before anything is written."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tests.population import networks
from tests.population.test_graphs import fused_spelling, layers, moments_spelling
from tf1bn import errors, population
from tf1bn.population import report, storing
from tf1bn.population.accuracy import Labelled
from tf1bn.testing.graphs import graph_mode

DATA = networks.batches()
SHAPE = [None, 2, 2, 3]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Prefix of a checkpoint of an inference graph."""
    prefix = str(tmp_path_factory.mktemp("trained") / "model")
    with graph_mode(), tf.Session() as session:
        y = layers(tf.placeholder(tf.float32, SHAPE, "x"), False, "inline")
        tf.reduce_mean(y, [1, 2], name="scores")
        tf.reduce_sum(y, name="loss")
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, prefix)
    return prefix


def poisoned(value):
    batch = DATA[1].copy()
    batch[0, 0, 0, 0] = value
    return [DATA[0], batch, DATA[2]]


LABELLED = Labelled(DATA[0], np.zeros(len(DATA[0]), np.int64))
REFUSED = {
    "no data": ([], {}, errors.PopulationError, "there is no data. Expected at least one batch"),
    "no data of a function": (lambda number: None, {}, errors.PopulationError, "there is no data"),
    "too few batches": (DATA, {"batches": 4}, errors.PopulationError, "ended too early. Got '3 batches'; expected 4"),
    "NaN": (poisoned(np.nan), {}, errors.PopulationError, "batch 1 has values at the batch norm 'net/bn0' that"),
    "Inf": (poisoned(np.inf), {}, errors.PopulationError, "batch 1 has values .* Got '4 channels of 4'"),
    "an empty batch": ([DATA[0], DATA[1][:0]], {}, errors.PopulationError, "batch 1 is empty"),
    "a wrong shape": ([DATA[0][:, :1]], {}, errors.PopulationError, r"does not fit 'x:0'. Got \(6, 1, 2, 3\)"),
    "too many arrays": ([(DATA[0], DATA[0])], {}, errors.PopulationError, "another number of arrays .* Got 2"),
    "an unknown feed": (DATA, {"feed": "y"}, errors.UnknownNameError, "no tensor 'y:0' to feed"),
    "a feed that is none": (DATA, {"feed": 3}, errors.ArgumentTypeError, "this is no tensor. Got 3"),
    "data that is none": ("images", {}, errors.ArgumentTypeError, "`data` has the wrong type. Got 'str'"),
    "batches that is none": (DATA, {"batches": 0}, errors.ArgumentError, "`batches` must be a whole number"),
    "an unknown mode": (DATA, {"mode": "mean"}, errors.ArgumentError, "unknown `mode`"),
    "an unknown scope": (DATA, {"only": ["nett/*"]}, errors.PopulationError, "no batch norm has this scope. Got 'nett"),
    "every scope left out": (DATA, {"exclude": ["*"]}, errors.PopulationError, "keeps averages that could be"),
    "predictions alone": (DATA, {"predictions": "scores"}, errors.ArgumentError, "without `labelled`"),
    "labels of other inputs": (
        DATA, {"labelled": LABELLED._replace(labels=np.zeros(3))}, errors.PopulationError, "one label for each input",
    ),
    "labels missing": (
        DATA, {"labelled": LABELLED._replace(labels=np.zeros(0))}, errors.PopulationError, "one label for each input",
    ),
    "no predictions": (DATA, {"labelled": LABELLED}, errors.PopulationError, "no tensor looks like the predictions"),
    "unknown predictions": (
        DATA, {"labelled": LABELLED, "predictions": "score"}, errors.UnknownNameError, "no tensor 'score:0' to predict",
    ),
    "predictions of another shape": (
        DATA, {"labelled": LABELLED, "predictions": "loss"}, errors.PopulationError, "does not give a class for each",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case, trained, tmp_path):
    data, options, kind, text = REFUSED[case]
    with pytest.raises(kind, match=text) as caught:
        population.reestimate(f"{trained}.meta", data, checkpoint=trained, output=tmp_path / "new", **options)
    assert caught.value.where == "reestimate" and not list(tmp_path.iterdir())


def test_targets_and_sources_that_do_not_fit(trained, tmp_path):
    graph = f"{trained}.meta"
    with pytest.raises(errors.CheckpointExistsError, match="exists"):
        (tmp_path / "new.index").touch()
        population.reestimate(graph, DATA, checkpoint=trained, output=tmp_path / "new")
    with pytest.raises(errors.CheckpointPlanError, match="source and target are the same"):
        population.reestimate(graph, DATA, checkpoint=trained, output=trained)
    with pytest.raises(errors.ArgumentError, match="exactly one of `checkpoint` and `session`"):
        population.reestimate(graph, DATA)
    with pytest.raises(errors.ArgumentError, match="`output` needs the prefix"):
        population.reestimate(graph, DATA, checkpoint={"a": np.zeros(1)}, output=tmp_path / "other")
    with pytest.raises(errors.PopulationError, match="no value for 2 of the variables.*kernel0"):
        population.reestimate(graph, DATA, checkpoint={f"net/bn{n}/{leaf}": np.ones(4 + n) for n in (0, 1) for leaf in
                              ("gamma", "beta", "moving_mean", "moving_variance")})  # fmt: skip
    values = {name: np.zeros(1, np.float32) for name in ("net/kernel0", "net/kernel1")}
    with pytest.raises(errors.PopulationError, match=r"'net/.*' has another shape in the given values. Got \(1,\)"):
        population.reestimate(graph, DATA, checkpoint=values)
    with tf.Session(graph=tf.Graph()) as session, pytest.raises(errors.PopulationError, match="not one of this graph"):
        population.reestimate(graph, DATA, session=session)
    with pytest.raises(errors.PopulationError, match="without its collections"):
        population.reestimate(tf.GraphDef(), DATA, checkpoint=trained)


def test_a_damaged_result_is_noticed(trained, tmp_path, monkeypatch):
    real = storing.replacement.replace

    def damaging(source, target, values, **options):
        return real(source, target, {name: value + 1 for name, value in values.items()}, **options)

    monkeypatch.setattr(storing.replacement, "replace", damaging)
    with pytest.raises(errors.CheckpointError, match="not as it should be. Got .'net/bn0/moving_mean'"):
        population.reestimate(f"{trained}.meta", DATA, checkpoint=trained, output=tmp_path / "new")


def refuse(build, text, kind=errors.PopulationError, data=DATA, **options):
    with graph_mode() as graph, tf.Session() as session:
        build(tf.placeholder(tf.float32, SHAPE, "x"))
        session.run(tf.global_variables_initializer())
        with pytest.raises(kind, match=text):
            population.reestimate(graph, data, session=session, **options)


def without_averages(x):
    mean, variance = tf.nn.moments(x, [0, 1, 2])
    return tf.nn.batch_normalization(x, mean, variance, tf.get_variable("beta", [3]), None, 1e-3)


def in_a_loop(x):
    def body(i, y):
        variables = [tf.ones([3]), tf.zeros([3]), mean, variance]
        return i + 1, moments_spelling(y, variables, "inference", None)

    mean = tf.get_variable("moving_mean", initializer=np.zeros(3, np.float32), trainable=False)
    variance = tf.get_variable("moving_variance", initializer=np.ones(3, np.float32), trainable=False)
    return tf.while_loop(lambda i, _: i < 2, body, [0, x])


def feeding_itself(x):
    for _ in range(2):
        x = layers(tf.reshape(x, [-1, 2, 2, x.shape[-1]])[..., :3], True, "collection")
    return x


def partitioned(x):
    with tf.variable_scope("bn", partitioner=tf.fixed_size_partitioner(3)):
        mean = tf.get_variable("moving_mean", [3], initializer=tf.zeros_initializer())
        variance = tf.get_variable("moving_variance", [3], initializer=tf.ones_initializer())
    parts = [tf.convert_to_tensor(item) for item in (mean, variance)]
    return tf.nn.batch_normalization(x, *parts, None, None, 1e-3)


def test_graphs_that_cannot_be_estimated():
    refuse(tf.identity, "no batch norm is recognised")
    refuse(without_averages, "keeps averages that could be estimated. Got .*: it keeps no averages")
    refuse(
        lambda x: tf1bn.batch_norm(x, True, mask=tf.ones_like(x[..., 0], tf.bool)), "its moments are weighted or masked"
    )
    refuse(lambda x: layers(x, True, "inline", virtual_batch_size=1), "groups of a batch", mode="mean_of_batches")
    refuse(feeding_itself, "depend on their own outputs", sequential=True)
    refuse(partitioned, "is a part of a partitioned variable|keeps no averages")
    refuse(in_a_loop, "its input is computed in a loop|cannot be changed inside a branch")


def one_average(x):
    mean = tf.get_variable("bn/moving_mean", [1], initializer=tf.zeros_initializer(), trainable=False)
    variance = tf.get_variable("bn/moving_variance", [1], initializer=tf.ones_initializer(), trainable=False)
    return tf.nn.batch_normalization(x, mean, variance, None, None, 1e-3)


def switched_inside(x):
    """The switch of the batch norm is computed in the branch of another conditional."""
    outer, inner = (tf.placeholder(tf.bool, [], name) for name in ("outer", "inner"))
    variables = [
        tf.get_variable(name, initializer=np.full(3, value, np.float32), trainable=name == "gamma")
        for name, value in (("gamma", 1.0), ("beta", 0.0), ("moving_mean", 0.0), ("moving_variance", 1.0))
    ]

    def branch():
        return moments_spelling(x, variables, "switched", tf.logical_not(inner))

    return tf.cond(outer, branch, lambda: tf.identity(x))


def started_twice(_):
    rows = tf.data.Dataset.from_tensor_slices(np.stack([DATA[0], DATA[0]]))
    iterator = tf.data.Iterator.from_structure(tf.data.get_output_types(rows), tf.data.get_output_shapes(rows))
    for _ in range(2):
        iterator.make_initializer(rows)
    return layers(iterator.get_next(), True, "collection")


def ended(_):
    rows = tf.data.Dataset.from_tensor_slices(np.zeros([0, 4, 2, 2, 3], np.float32))
    return layers(tf.data.make_one_shot_iterator(rows).get_next(), True, "collection")


def test_inputs_that_are_not_understood():
    refuse(one_average, "its averages do not fit its input. Got 1; expected 3 channels", errors.ShapeError)
    refuse(switched_inside, "the switch of a batch norm is computed in a function")
    refuse(started_twice, "the graph's own input can be started in several ways", data=None)
    refuse(ended, "there is no data", data=None)
    refuse(lambda x: layers(x, True, "inline"), "batch 0 is empty at the batch norm", data=[{"x": DATA[0][:0]}])


def test_a_switch_that_does_not_switch_is_refused():
    def build(x):
        tf.placeholder_with_default(False, [], "nothing")
        switch = tf.placeholder_with_default(False, [], "train")
        return networks.network(x, lambda y, v, _: fused_spelling(y, v, "switched", switch))

    refuse(build, "no value of the switch makes all batch norms", switch="nothing")


def test_a_formula_that_is_another_one_is_refused():
    def build(x):
        def norm(y, variables, _):
            gamma, beta, mean, variance = variables
            return (y - mean) * tf.rsqrt(variance + 1e-3) * gamma * tf.constant(2.0) + beta

        return networks.network(x, norm)

    refuse(build, "does something else than the formula says. Got 'relative error")


def test_one_value_per_channel_is_no_batch():
    def build(x):
        return layers(tf.reshape(x, [-1, 3])[:1], True, "collection")

    refuse(build, "one value per channel", mode="mean_of_batches")


def test_several_possible_predictions_are_named(trained):
    def build(x):
        y = tf.reduce_mean(layers(x, False, "inline"), [1, 2])
        for name in ("one", "two"):
            tf.argmax(tf.identity(y * 2.0, name), 1)

    refuse(build, "several tensors may be the predictions", labelled=LABELLED)


def test_what_the_graph_cannot_run_is_said():
    def build(x):
        other = tf.placeholder(tf.float32, SHAPE, "other")
        layers(x + other, False, "inline")

    refuse(build, "must feed a value for placeholder tensor 'other'", errors.RunError, feed="x")


def test_a_report_of_numbers_that_are_not_finite_is_json():
    assert report._range(np.array([np.nan])) == [None, None]
