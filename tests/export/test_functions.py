"""Frozen graphs whose variables are used in functions: bodies of loops and branches of control flow v2."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests.export import programs
from tf1bn import errors, export
from tf1bn.testing.graphs import Mode, graph_mode

X = np.arange(6, dtype=np.float32).reshape(2, 3)


def repeated(x, step, times=3):
    return tf.while_loop(lambda i, y: i < times, lambda i, y: (i + 1, step(i, y)), [0, x])[1]


def read(x, w):
    return repeated(x, lambda i, y: y * 2.0 + w[0]) + w[1]


def gathered(x, w):
    return repeated(x, lambda i, y: y + tf.gather(w, [i % 2, 1])[0])


def nested(x, w):
    switch = tf.placeholder_with_default(True, [], "switch")

    def step(i, y):
        return tf.cond(i > 0, lambda: y + w[0], lambda: y * w[1])

    return tf.cond(switch, lambda: repeated(x, step), lambda: x)


def one_of_several(x, w):
    which = tf.placeholder_with_default(1, [], "which")
    return tf.switch_case(which, [lambda: x, lambda: x * w[0] + w[1], lambda: x * w[1]])


def called(x, w):
    @tf.function
    def scaled(y):
        return y * w[0]

    return repeated(x, lambda i, y: scaled(scaled(y)), 2)


EXPECTED = {
    read: lambda w: X * 8 + w[0] * 7 + w[1],
    gathered: lambda w: X + w[0] * 2 + w[1],
    nested: lambda w: X * w[1] + w[0] * 2,
    one_of_several: lambda w: X * w[0] + w[1],
    called: lambda w: X * w[0] ** 4,
}


@pytest.fixture(params=[Mode(True, True), Mode(False, True)], ids=str)
def graph(request):
    with graph_mode(request.param) as graph:
        yield graph


def built(program):
    x = tf.placeholder(tf.float32, [None, 3], "x")
    w = tf.get_variable("w", [2, 3])
    tf.identity(program(x, w), "y")


def stored(prefix):
    return tf.train.load_checkpoint(prefix).get_tensor("w")


@pytest.mark.parametrize("program", EXPECTED, ids=lambda program: program.__name__)
def test_a_frozen_graph_has_the_values_in_its_functions(program, graph, tmp_path, run_frozen):
    built(program)
    prefix = programs.save(tmp_path)
    done = export.export(graph, prefix, "y", tmp_path / "f.pb", to="frozen", inputs="x")
    expected = EXPECTED[program](stored(prefix))
    np.testing.assert_allclose(run_frozen(done.path, "y:0", {"x:0": X}), expected, rtol=1e-5)
    served = export.export(graph, prefix, "y", tmp_path / "served", inputs="x")
    assert served.variables == 1


def test_a_function_that_needs_a_handle_is_refused_with_a_way_out_that_works(tmp_path):
    def sized(x, w):
        return repeated(x, lambda i, y: y + tf.cast(tf.raw_ops.VariableShape(input=w.handle)[1], tf.float32))

    with graph_mode(Mode(True, True)) as graph:
        built(sized)
        prefix = programs.save(tmp_path)
        with pytest.raises(
            errors.ExportError, match="'w' cannot be a constant: '.*' does more with .* than to read it"
        ):
            export.export(graph, prefix, "y", tmp_path / "f.pb", to="frozen")
        export.export(graph, prefix, "y", tmp_path / "served")
    with tf.Graph().as_default(), tf.Session() as session:
        tf.saved_model.load(session, ["serve"], str(tmp_path / "served"))
        np.testing.assert_allclose(session.run("y:0", {"x:0": X}), X + 3 * 3)
