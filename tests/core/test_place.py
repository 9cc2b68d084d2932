"""Where in a graph a call stands."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn.core import place, switch, values
from tf1bn.testing import graphs


@pytest.fixture(params=graphs.MODES[::3], ids=str)
def graph(request):
    with graphs.graph_mode(request.param) as fresh:
        yield fresh


class _Places(dict):
    def at(self, name):
        """Notes the place under a name, from inside a branch or body."""
        self[name] = place.here()
        return tf.constant(0)


def test_branches_of_one_conditional_exclude_each_other(graph):
    p, q = tf.placeholder(tf.bool, []), tf.placeholder(tf.bool, [])
    at = _Places()
    at.at("top")
    tf.cond(p, lambda: at.at("yes"), lambda: tf.cond(q, lambda: at.at("no, yes"), lambda: at.at("no, no")))
    tf.cond(q, lambda: at.at("other"), lambda: at.at("other no"))
    for one, two in (("yes", "no, yes"), ("yes", "no, no"), ("no, yes", "no, no"), ("other", "other no")):
        assert at[one].excludes(at[two]) and at[two].excludes(at[one])
    for one, two in (("top", "yes"), ("yes", "yes"), ("yes", "other"), ("top", "top")):
        assert not at[one].excludes(at[two])
    assert at["top"].top_level and not at["yes"].top_level
    assert not any(where.repeats for where in at.values())
    assert at["no, yes"].describe() == "a tf.cond branch inside a tf.cond branch"
    assert at["top"].describe() == "the top level of the graph"
    assert len({where.context for where in at.values()}) == len(at)


def test_conditionals_in_name_scopes_and_with_misleading_names(graph):
    p = tf.placeholder(tf.bool, [])
    at = _Places()
    with tf.name_scope("is_true_1"):
        tf.cond(p, lambda: at.at("a"), lambda: at.at("b"), name="body_2")
    with tf.name_scope("is_true_1"):
        tf.cond(tf.logical_not(p), lambda: at.at("c"), lambda: at.at("d"), name="body_2")
    assert at["a"].excludes(at["b"])
    assert not at["a"].excludes(at["d"]) and not at["b"].excludes(at["c"])
    assert not at["a"].repeats


def test_loops_and_functions_may_run_several_times(graph):
    at = _Places()
    p = tf.placeholder(tf.bool, [])
    tf.while_loop(lambda i: i + at.at("condition") < 3, lambda i: i + 1 + at.at("body"), [0])
    tf.while_loop(lambda i: i < 3, lambda i: i + tf.cond(p, lambda: at.at("branch") + 1, lambda: 1), [0])
    tf.function(lambda: at.at("function"), autograph=False)()
    assert all(where.repeats and not where.top_level for where in at.values())
    assert at["body"].describe() == "a tf.while_loop body"
    assert at["branch"].describe() == "a tf.cond branch inside a tf.while_loop body"
    assert at["function"].describe() == "a tf.function"


def test_the_root_graph_is_that_of_the_variables(graph):
    found = []
    tf.cond(tf.placeholder(tf.bool, []), lambda: found.append(place.root_graph()) or 1, lambda: 2)
    tf.function(lambda: found.append(place.root_graph()) or 1, autograph=False)()
    assert found[0] is graph and len(found) == 2
    assert found[1] is graph


def test_a_captured_tensor_is_of_the_same_graph(graph):
    x = tf.placeholder(tf.float32, [])
    tf.cond(tf.placeholder(tf.bool, []), lambda: place.require_same_graph(x, "x") or 1, lambda: 2)
    place.require_same_graph("no tensor", "x")


def test_variables_are_told_from_tensors(graph):
    variable = tf.get_variable("v", [2])
    assert values.is_variable(variable)
    assert not values.is_variable(tf.identity(variable)) and not values.is_variable(3.0)
    split = tf.get_variable("w", [4], partitioner=tf.fixed_size_partitioner(2))
    assert not values.is_variable(split)


def test_the_and_of_two_switches_is_known_where_one_decides(graph):
    p = tf.placeholder(tf.bool, [])
    assert switch.both(True, p) is p and switch.both(p, True) is p
    assert switch.both(False, p) is False and switch.both(p, False) is False
    q = tf.placeholder(tf.bool, [])
    both = switch.both(p, q)
    with tf.Session() as session:
        table = [session.run(both, {p: a, q: b}) for a in (True, False) for b in (True, False)]
    assert table == [True, False, False, False]


@pytest.mark.parametrize(("value", "known"), [(True, True), (0, False), (np.bool_(False), False), (np.array(1), True)])
def test_a_known_switch_is_a_python_bool(value, known):
    switch.check(value, "s")
    assert switch.resolve(value) is known
    assert switch.known_false(value) is (not known)


def test_an_unknown_switch_is_not_known_false(graph):
    for value in (tf.placeholder(tf.bool, []), tf.get_variable("s", [], tf.bool, tf.zeros_initializer())):
        switch.check(value, "s")
        assert not switch.known_false(value)
    assert switch.known_false(tf.constant(False)) and switch.resolve(tf.constant(1)) is True


def test_the_device_of_the_next_op_is_known_without_making_it(graph):
    seen = []

    def look():
        seen.append((place.device_here(), tf.no_op().device))
        return tf.constant(0)

    look()
    with tf.device("/cpu:1"):
        look()
        tf.cond(tf.placeholder(tf.bool, []), look, lambda: tf.constant(0))
        with tf.device(lambda op: "/job:ps" if op.type == "VariableV2" else "/job:worker/task:2"):
            look()
    before = len(graph.get_operations())
    place.device_here()
    assert len(graph.get_operations()) == before
    assert all(known == made for known, made in seen), seen
    assert [known for known, _ in seen][1] == "/device:CPU:1" and "task:2" in seen[-1][0]


def test_no_device_leaves_the_current_one():
    with tf.Graph().as_default(), tf.device("/cpu:1"), place.on_device(""):
        assert place.device_here() == "/device:CPU:1"
