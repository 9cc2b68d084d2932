"""contrib.framework's small functions."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib import framework


def test_shapes_are_checked_when_they_are_known_and_in_each_run(plain_graph: tf.Graph, run: Any) -> None:
    x, size = tf.placeholder(tf.float32), tf.placeholder(tf.int32, [2])
    assert framework.with_shape([2, -1], x).shape.as_list() == [2, None]
    checked = framework.with_shape(size, x)
    assert run(checked, {x: np.ones([2, 3]), size: [2, 3]}).shape == (2, 3)
    with pytest.raises(tf.errors.InvalidArgumentError, match="Wrong shape"):
        run(checked, {x: np.ones([2, 3]), size: [3, 2]})
    same = framework.with_same_shape(tf.ones([2, 3]), x)
    with pytest.raises(tf.errors.InvalidArgumentError):
        run(same, {x: np.ones([2, 4])})
    predictions, labels = framework.remove_squeezable_dimensions(tf.ones([4, 1]), tf.ones([4]))
    assert predictions.shape.as_list() == labels.shape.as_list() == [4]


def test_known_conditions_build_one_branch(graph: tf.Graph, run: Any) -> None:
    fed, built = tf.placeholder(tf.bool, []), []

    def branch(value: float) -> Any:
        def make() -> Any:
            built.append(value)
            return tf.constant(value)

        return make

    assert run(framework.smart_cond(True, true_fn=branch(1.0), false_fn=branch(2.0))) == 1
    assert run(framework.smart_case([(tf.constant(False), branch(3.0)), (True, branch(4.0))])) == 4
    assert run(framework.smart_case({False: branch(5.0)}, default=branch(6.0))) == 6
    assert built == [1, 4, 6]
    either = framework.smart_cond(fed, branch(7.0), branch(8.0))
    case = framework.smart_case([(fed, branch(9.0))], default=branch(10.0))
    assert run([either, case], {fed: True}) == [7, 9] and run([either, case], {fed: False}) == [8, 10]
    assert framework.smart_constant_value(fed) is None and framework.smart_constant_value(0) is False


def test_names_sums_and_zeros(graph: tf.Graph, run: Any) -> None:
    assert framework.prepend_name_scope("loc:@x", "a/") == "loc:@a/x" and framework.prepend_name_scope("x", None) == "x"
    assert framework.strip_name_scope("^a/x", "a") == "^x" and framework.strip_name_scope("b/x", "a") == "b/x"
    with tf.name_scope("n"):
        assert framework.get_name_scope() == "n"
    holder = tf.placeholder(tf.float32)
    assert framework.get_placeholders(graph) == [holder]
    assert framework.get_graph_from_inputs([holder]) is graph
    assert run(framework.reduce_sum_n([tf.ones([2]), tf.ones([2, 3])])) == 8
    assert run(framework.assert_scalar_int(tf.constant(3))) == 3
    variable = tf.get_variable("v", [2], initializer=tf.ones_initializer())
    assert run(framework.zero_initializer(variable)).tolist() == [0, 0]


def test_python_functions_of_structures(plain_graph: tf.Graph, run: Any) -> None:
    def act(x: Any, scale: int, y: Any = None) -> Any:
        return {"sum": x + y, "pair": (x * scale, y)}

    types = {"sum": tf.float32, "pair": (tf.float32, tf.float32)}
    shapes = {"sum": [2], "pair": ([2], [2])}
    found = framework.py_func(act, (tf.ones([2]), 3), {"y": tf.constant([5.0, 6.0])}, types, shapes)
    assert found["pair"][0].shape.as_list() == [2]
    values = run(found)
    assert values["sum"].tolist() == [6, 7] and values["pair"][0].tolist() == [3, 3]
    seen = []
    run(framework.py_func(lambda x: seen.append(x.tolist()), (tf.ones([1]),)))
    assert seen == [[1]]


def test_what_is_deprecated_warns_once_or_each_time() -> None:
    once = framework.deprecated("2020-01-01", "Use g.")(lambda: 1)
    always = framework.deprecated_args(None, "Leave it out.", "old", ("kind", None), warn_once=False)(
        lambda x, old=None, kind=None: x
    )
    values = framework.deprecated_arg_values(None, "Use b.", mode="a")(lambda mode: mode)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert once() + once() == 2
        assert always(1, 2) == always(1, old=2) == always(1, kind=None) == 1
        assert values("b") == "b" and values(mode="a") == "a"
    texts = [str(one.message) for one in caught]
    assert len(texts) == 4 and "after 2020-01-01. Use g." in texts[0]
    assert [text.split(" of ")[0] for text in texts[1:]] == ["argument 'old'", "argument 'old'", "mode='a'"]


REFUSALS = {
    "scalar": (lambda: framework.assert_scalar_int(tf.constant(1.0)), "an integer scalar is needed"),
    "tensors": (lambda: framework.reduce_sum_n([]), "there is no tensor to check"),
    "shape": (lambda: framework.with_shape([2], tf.ones([3])), "has another shape"),
    "condition": (lambda: framework.smart_constant_value("yes"), "`pred` is no boolean: pass a tensor"),
    "graph": (
        lambda: framework.get_graph_from_inputs([tf.ones([1])], tf.Graph()),
        "it is not from the passed-in graph",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_does_not_fit_is_refused(plain_graph: tf.Graph, name: str) -> None:
    act, text = REFUSALS[name]
    with pytest.raises(errors.Tf1bnError, match=text):
        act()
