"""SHAP explains a network with our layer: what it gives each input adds up to what the network gives."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

shap = pytest.importorskip("shap", reason="run by `make test-neighbours`, where SHAP is installed")

import tf1bn  # noqa: E402
from tf1bn import export  # noqa: E402
from tf1bn.testing.graphs import MODES, graph_mode  # noqa: E402

IMAGES = np.random.default_rng(0).normal(1, 2, (30, 6, 6, 3)).astype(np.float32)
BACKGROUND, ASKED = IMAGES[:20], IMAGES[20:25]


@pytest.mark.filterwarnings("ignore:Your TensorFlow version is newer")
@pytest.mark.parametrize("kernel", ["plain", "wide", "fused", "fused_small"])
def test_what_inputs_add_is_the_difference_of_the_outputs(kernel):
    with graph_mode(MODES[0]), tf.Session() as session:
        x, y = _network(session, False, kernel)
        _adds_up(session, x, y)


@pytest.mark.filterwarnings("ignore:Your TensorFlow version is newer")
@pytest.mark.parametrize("mode", MODES, ids=str)
def test_a_network_with_a_switch_is_explained_as_it_is_exported(mode, tmp_path):
    path = str(tmp_path / "frozen.pb")
    with graph_mode(mode) as graph, tf.Session() as session:
        x, y = _network(session, tf.placeholder_with_default(False, []))
        wanted = session.run(y, {x: ASKED})
        export.export(graph, session, "y", path, to="frozen")
        # In a Switch it splits averages like rows of inputs; of an If it finds no gradient, or one of no output. The
        # ops that it added by then are in the graph, which may not run any more.
        with pytest.raises((ValueError, TypeError, tf.errors.InvalidArgumentError)):
            _adds_up(session, x, y)
    with tf.Graph().as_default(), tf.Session() as session:
        with open(path, "rb") as file:
            x, y = tf.import_graph_def(tf.GraphDef.FromString(file.read()), return_elements=["x:0", "y:0"], name="")
        np.testing.assert_allclose(session.run(y, {x: ASKED}), wanted, 1e-5, 1e-6)
        _adds_up(session, x, y)


def _adds_up(session, x, y):
    explained = shap.DeepExplainer((x, y), BACKGROUND, session=session).shap_values(ASKED)
    wanted = session.run(y, {x: ASKED}) - session.run(y, {x: BACKGROUND}).mean(0)
    np.testing.assert_allclose(np.sum(explained, (1, 2, 3)), wanted, 1e-4, 1e-5)


def _network(session, training, kernel=None):
    tf.set_random_seed(0)
    x = tf.placeholder(tf.float32, [None, 6, 6, 3], "x")
    h = tf.nn.conv2d(x, tf.get_variable("kernel", [3, 3, 3, 5]), [1, 1, 1, 1], "SAME")
    h = tf.nn.relu(tf1bn.batch_norm(h, training, scope="bn", kernel=kernel))
    y = tf.identity(tf.reduce_mean(h, [1, 2]) @ tf.get_variable("out", [5, 2]), "y")
    session.run(tf.global_variables_initializer())
    random = np.random.default_rng(1)
    for variable in tf.global_variables("bn/"):
        variable.load(random.uniform(0.5, 1.5, 5).astype(np.float32), session)
    return x, y
