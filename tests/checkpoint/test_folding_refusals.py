"""Batch norms that cannot be folded: the reason in words, and what happens to files then."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests.checkpoint import folding_samples as samples
from tf1bn import checkpoint, errors
from tf1bn.audit.samples import Program
from tf1bn.graph.folding import planning, rewrite
from tf1bn.graph.model import GraphModel
from tf1bn.testing.graphs import MODES, graph_mode


def images():
    return tf.placeholder(tf.float32, [None, 8, 8, 4], "images")


def conv(x, name="conv", padding="SAME"):
    with tf.variable_scope(name):
        return tf.nn.conv2d(x, samples.kernel(3, 3, int(x.shape[-1]), 6), [1] * 4, padding)


def several_consumers():
    y = conv(images())
    return samples.fused(y), tf.reduce_sum(y)


def nonlinearity_between():
    return samples.fused(tf.nn.relu(conv(images())))


def concatenated():
    x = images()
    return samples.fused(tf.concat([conv(x, "left"), conv(x, "right")], 3))


def residual():
    x = images()
    return samples.spelled(conv(x, "left") + conv(x, "right"))


def padding_ahead():
    return conv(samples.fused(images()))


def nonlinearity_ahead():
    return conv(tf.nn.relu(samples.fused(images())))


def used_twice_ahead():
    y = samples.fused(images())
    return conv(y, "left", "VALID"), conv(y, "right", "VALID")


def transposed_ahead():
    y = samples.fused(images())
    return tf.nn.conv2d_transpose(y, samples.kernel(3, 3, 5, 4), [4, 16, 16, 5], [1, 2, 2, 1], "SAME")


def nothing_around():
    return samples.fused(images())


def batch_statistics():
    y = conv(images())
    mean, variance = tf.nn.moments(y, [0, 1, 2])
    return tf.nn.batch_normalization(y, mean, variance, None, None, 1e-3)


def switched():
    return Program(tf.get_default_graph()).norm(conv(images()), training=tf.placeholder(tf.bool, [], "on")).output


def inside_a_branch():
    y = conv(images())
    samples.parameters(6)
    return tf.cond(tf.placeholder(tf.bool, []), lambda: samples.fused(y), lambda: y)


def shared_kernel():
    x = images()
    with tf.variable_scope("shared", reuse=tf.AUTO_REUSE):
        left, right = conv(x), conv(x + 1.0)
    return samples.fused(left, scope="left"), tf.nn.relu(right)


def decayed_kernel():
    y = samples.fused(conv(images()))
    return y, tf.nn.l2_loss(tf.global_variables()[0])


def computed_kernel():
    kernel = samples.kernel(3, 3, 4, 6)
    return samples.fused(tf.nn.conv2d(images(), tf.nn.l2_normalize(kernel), [1] * 4, "SAME"))


def partitioned_kernel():
    with tf.variable_scope("", partitioner=tf.fixed_size_partitioner(2, axis=3)):
        kernel = tf.convert_to_tensor(samples.kernel(3, 3, 4, 6))
    return samples.fused(tf.nn.conv2d(images(), kernel, [1] * 4, "SAME"))


def fed_kernel():
    return samples.fused(tf.nn.conv2d(images(), tf.placeholder(tf.float32, [3, 3, 4, 6], "fed"), [1] * 4, "SAME"))


def kernel_of_each_row():
    x = tf.reshape(images(), [2, 32, 16])
    return samples.spelled(tf.matmul(x, samples.kernel(2, 16, 5)))


def wrong_axis():
    y = tf.nn.conv2d(images(), samples.kernel(1, 1, 4, 8), [1] * 4, "SAME")
    return samples.fused(y, first=True)


def reshaped_away():
    return samples.spelled(tf.reshape(conv(images()), [-1, 8 * 8 * 6]))


def transposed_between():
    return samples.fused(tf.transpose(conv(images()), [0, 3, 1, 2]), first=True)


def moved_averages():
    program, y = Program(tf.get_default_graph()), images()
    bn = program.norm(conv(y), training=False)
    program.move(bn.mean, tf.reduce_mean(conv(y, "other"), [0, 1, 2]))
    return bn.output


def trained_kernel():
    y = samples.fused(conv(images()))
    return tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_sum(y))


def other_outputs():
    y = conv(images())
    gamma, beta, mean, variance = samples.parameters(6)
    y, mean, _ = tf.nn.fused_batch_norm(y, gamma, beta, mean, variance, 1e-3, is_training=False)
    return y, tf.reduce_sum(mean)


def divisor():
    return samples.spelled(1.0 / conv(images()))


def position_dependent():
    return samples.spelled(conv(images()) * tf.get_variable("mask", [8, 8, 1]))


def half_precision():
    y = tf.nn.conv2d(
        tf.cast(images(), tf.bfloat16), tf.get_variable("kernel", [3, 3, 4, 6], tf.bfloat16), [1] * 4, "SAME"
    )
    gamma, beta, mean, variance = samples.parameters(6)
    return tf.nn.fused_batch_norm(y, gamma, beta, mean, variance, 1e-3, is_training=False)[0]


def cast_between():
    return samples.fused(tf.cast(tf.cast(conv(images()), tf.float64), tf.float32))


def collected():
    y = conv(images())
    tf.add_to_collection("activations", y)
    return samples.fused(y)


# Per program: words of the reason of its first batch norm.
REFUSED = {
    several_consumers: "'conv/Conv2D' has other users than the batch norm",
    nonlinearity_between: "the nonlinearity Relu 'Relu' stands between it and the layer before it",
    concatenated: "its input comes from ConcatV2, not from a convolution or a matrix product",
    residual: "its input comes from Add",
    padding_ahead: "the layer 'conv/Conv2D' after it pads with zeros",
    nonlinearity_ahead: "the Relu 'Relu' stands between it and a layer after it",
    used_twice_ahead: "has other users than the batch norm (left/Conv2D, right/Conv2D)",
    transposed_ahead: "does not use every weight at its border",
    nothing_around: "its input comes from Placeholder",
    batch_statistics: "it normalises with the statistics of the batch",
    switched: "a conditional chooses its statistics",
    inside_a_branch: "it runs inside a conditional, a loop or a function",
    shared_kernel: "its kernel 'shared/conv/kernel' is also used by the layer 'shared/conv_1/Conv2D'",
    decayed_kernel: "its kernel 'conv/kernel' is also used by 'L2Loss'",
    computed_kernel: "its kernel is computed by the Mul 'l2_normalize'",
    partitioned_kernel: "its kernel is a partitioned variable",
    fed_kernel: "its kernel is computed by the Placeholder 'fed'",
    kernel_of_each_row: "is another one for each row",
    wrong_axis: "normalises another axis than the channels of the layer",
    reshaped_away: "the Reshape 'Reshape' changes the channel axis",
    transposed_between: "its input comes from Transpose",
    moved_averages: "'bn/moving_mean' is still moved by 'AssignMovingAvg",
    trained_kernel: "its kernel 'conv/kernel' is also used by",
    other_outputs: "the other outputs of 'FusedBatchNormV3' are used",
    divisor: "divides by it",
    position_dependent: "does not lie along the channels of the layer",
    half_precision: "its kernel 'kernel' is bfloat16",
    cast_between: "its input comes from Cast",
    collected: "the value of 'conv/Conv2D' is needed: the collection 'activations' holds it",
}


@pytest.mark.parametrize("mode", [MODES[0], MODES[3]], ids=str)
@pytest.mark.parametrize("build", REFUSED, ids=lambda build: build.__name__)
def test_each_obstacle_is_named(build, mode):
    with graph_mode(mode) as graph:
        build()
        verdict = planning.plan(GraphModel(graph))[0]
    assert verdict.layer is None
    assert REFUSED[build] in verdict.reason


def stored(graph, **changed):
    """Returns values of one for all variables; `changed` replaces those of a leaf."""
    found = {}
    for variable in graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES):
        leaf = variable.op.name.rsplit("/", 1)[-1]
        value = np.ones(variable.shape.as_list(), np.float32)
        value[..., -1] = changed.get(leaf, 1.0)
        found[variable.op.name] = value
    return found


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"moving_variance": -0.5}, "its variance is negative in 1 of 6 channels"),
        ({"moving_variance": np.nan}, "its variance is not finite"),
        ({"moving_mean": np.nan}, "the factors or summands of 'FusedBatchNormV3' are not finite"),
        ({"gamma": np.inf}, "the factors or summands of 'FusedBatchNormV3' are not finite"),
        ({"kernel": np.nan}, "the kernel 'conv/kernel' is not finite"),
        ({"kernel": 1e30, "gamma": 1e30}, "the folded kernel does not fit into float32"),
    ],
)
def test_values_that_cannot_be_folded_are_named(changed, words):
    with graph_mode() as graph:
        samples.fused(conv(images()))
        verdict = planning.plan(GraphModel(graph), stored(graph, **changed))[0]
    assert words in verdict.reason


def test_missing_values_are_named():
    with graph_mode() as graph:
        samples.fused(conv(images()))
        values = stored(graph)
    model = GraphModel(graph)
    without = {name: value for name, value in values.items() if "kernel" not in name}
    assert "the value of its kernel 'conv/kernel' is not known" in planning.plan(model, without)[0].reason
    without = {name: value for name, value in values.items() if "gamma" not in name}
    assert "the parameters of 'FusedBatchNormV3' are not known" in planning.plan(model, without)[0].reason


def test_output_that_is_asked_for_keeps_its_value():
    with graph_mode() as graph:
        samples.fused(conv(images()))
        verdict = planning.plan(GraphModel(graph), outputs=["conv/Conv2D:0"])[0]
    assert "the value of 'conv/Conv2D' is needed: it is asked for" in verdict.reason


@pytest.fixture(scope="module")
def half(tmp_path_factory):
    """A checkpoint of a graph with one batch norm that can be folded and one that cannot."""
    with graph_mode():
        y = tf.nn.relu(samples.fused(conv(images(), "first"), scope="first/bn"))
        tf.identity(samples.fused(tf.nn.relu(conv(y, "second")), scope="second/bn"), "output")
        return samples.saved(tmp_path_factory.mktemp("half"))


def test_refused_batch_norm_stays_as_it_is(half, tmp_path):
    done = checkpoint.fold(f"{half}.meta", half, tmp_path / "new")
    assert [(site.scope, site.folded, site.side) for site in done.sites] == [
        ("first/bn", True, "before"),
        ("second/bn", False, ""),
    ]
    assert "REFUSED second/bn: the nonlinearity Relu" in done.text() and "1 of 2 batch norms folded" in done.text()
    assert [site.scope for site in GraphModel(f"{tmp_path}/new.meta").sites] == ["second/bn"]
    assert sorted(name for name, _ in tf.train.list_variables(str(tmp_path / "new"))) == sorted(
        ["first/kernel", "first/bias", "second/kernel"]
        + [f"second/bn/{leaf}" for leaf in ("gamma", "beta", "moving_mean", "moving_variance")]
    )


def test_strict_writes_nothing_when_one_is_refused(half, tmp_path):
    with pytest.raises(errors.RepairError, match="1 of 2 batch norms cannot be folded.*Leave out `strict`"):
        checkpoint.fold(f"{half}.meta", half, tmp_path / "new", strict=True)
    assert list(tmp_path.iterdir()) == []


def test_a_training_graph_is_sent_to_the_export(tmp_path):
    with tf.Graph().as_default(), tf.Session() as session:
        switched()
        session.run(tf.global_variables_initializer())
        prefix = tf.train.Saver().save(session, str(tmp_path / "trained"))
    with pytest.raises(errors.RepairError, match="1 of 1 batch norms cannot be folded.*make one first.*--to=meta"):
        checkpoint.fold(f"{prefix}.meta", prefix, tmp_path / "new")


def test_dry_run_proves_and_writes_nothing(half, tmp_path):
    done = checkpoint.fold(f"{half}.meta", half, tmp_path / "new", dry_run=True)
    assert done.target == "" and done.sites[0].error < 1e-6
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["new.meta", "new.index"])
def test_target_that_exists_is_refused(half, tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(errors.CheckpointExistsError, match="the target exists"):
        checkpoint.fold(f"{half}.meta", half, tmp_path / "new")
    assert (tmp_path / name).read_text() == "mine"


def test_graph_without_batch_norm_is_refused(tmp_path):
    with graph_mode():
        conv(images())
        prefix = samples.saved(tmp_path)
    with pytest.raises(errors.RepairError, match="no batch norm was found in the graph"):
        checkpoint.fold(f"{prefix}.meta", prefix, tmp_path / "new")


def test_graph_with_variables_needs_a_checkpoint(half, tmp_path):
    with pytest.raises(errors.RepairError, match="the graph has variables and no checkpoint was given"):
        checkpoint.fold(f"{half}.meta", None, tmp_path / "new.pb")


def test_saver_of_batch_norms_alone_is_refused():
    with graph_mode() as graph:
        samples.fused(conv(images()))
        tf.train.Saver([variable for variable in tf.global_variables() if "bn/" in variable.op.name])
        meta = tf.train.export_meta_graph(graph=graph)
    with pytest.raises(errors.RepairError, match="saves nothing but tensors of folded batch norms"):
        rewrite.fold_graph(GraphModel(meta), stored(graph))


def test_a_folded_graph_that_no_file_holds_is_refused_before_it_is_run(tmp_path, monkeypatch):
    class TooLarge:
        def SerializeToString(self):
            raise ValueError("Message tensorflow.MetaGraphDef exceeds maximum protobuf size of 2GB: 2200000000")

    with graph_mode():
        samples.fused(conv(images()))
        prefix = samples.saved(tmp_path)
    folded = rewrite.fold_graph
    monkeypatch.setattr(
        "tf1bn.checkpoint.folding.fold_graph", lambda *a, **b: folded(*a, **b)._replace(meta_graph=TooLarge())
    )
    monkeypatch.setattr("tf1bn.checkpoint.folding.prove_folding", lambda *a, **b: pytest.fail("it was run"))
    with pytest.raises(errors.GraphError, match="does not fit into one message.*maximum protobuf size"):
        checkpoint.fold(f"{prefix}.meta", prefix, str(tmp_path / "folded"))
    assert not list(tmp_path.glob("folded*"))
