"""Every registered strategy keeps the contract in every graph mode, and the contract can fail."""

import functools

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests.strategies.broken import BROKEN
from tf1bn.strategies.accumulated import Accumulated
from tf1bn.strategies.catalog import STRATEGIES
from tf1bn.strategies.collection import Collection
from tf1bn.strategies.ema import Ema
from tf1bn.testing import contracts, graphs, reference

# The formula of each registered strategy; one without a formula here fails the test below.
FORMULAS = {
    "inline": reference.moving_averages,
    "collection": reference.moving_averages,
    "ema": reference.ema_averages,
    "frozen": reference.unmoved,
}
VARIANTS = {
    "collection of another name": (Collection("my_updates"), reference.moving_averages),
    "ema num_updates": (Ema(num_updates=3), functools.partial(reference.ema_averages, num_updates=3)),
    "ema zero_debias": (Ema(zero_debias=True), functools.partial(reference.ema_averages, zero_debias=True)),
    "ema both": (
        Ema(num_updates=3, zero_debias=True),
        functools.partial(reference.ema_averages, num_updates=3, zero_debias=True),
    ),
}


def pooled(batches, decay, initial):
    """The averages of pairs of batches, each pair taken as one; an odd last batch still waits."""
    pairs = [np.concatenate(batches[i : i + 2]) for i in range(0, len(batches) - 1, 2)]
    return reference.moving_averages(pairs, decay, initial)


VARIANTS |= {
    "accumulated 1": (Accumulated(1), reference.moving_averages),
    "accumulated 2": (Accumulated(2), pooled),
    "accumulated in a collection": (Accumulated(2, collection="update_ops"), pooled),
}
EXTREMES = (graphs.Mode(True, True), graphs.Mode(False, False))


@pytest.mark.parametrize("mode", graphs.MODES, ids=str)
@pytest.mark.parametrize("number", contracts.CLAUSES)
@pytest.mark.parametrize("name", STRATEGIES.names())
def test_registered_strategy_keeps_clause(name, number, mode):
    with graphs.graph_mode(mode):
        contracts.run_clause(number, STRATEGIES.get(name), FORMULAS[name], decay=0.8)


@pytest.mark.parametrize("mode", EXTREMES, ids=str)
@pytest.mark.parametrize("number", (1, 3, 7, 8))
@pytest.mark.parametrize("subject", VARIANTS)
def test_option_of_a_strategy_keeps_clause(subject, number, mode):
    strategy, formula = VARIANTS[subject]
    with graphs.graph_mode(mode):
        contracts.run_clause(number, strategy, formula, decay=0.8)


def test_every_registered_strategy_has_a_formula():
    assert set(FORMULAS) == set(STRATEGIES.names())


@pytest.mark.parametrize("number", contracts.CLAUSES)
def test_a_strategy_that_breaks_one_clause_fails_exactly_that_clause(number):
    failed = {}
    for clause in contracts.CLAUSES:
        with graphs.graph_mode():
            try:
                contracts.run_clause(clause, BROKEN[number], reference.moving_averages, decay=0.8)
            except AssertionError as error:
                failed[clause] = str(error)
    assert set(failed) == {number}, failed
    assert failed[number].startswith(f"clause {number}: ")


def test_check_names_the_clause_and_the_mode():
    with pytest.raises(AssertionError, match=r"clause 1: the averages after 1 updates: got .* \[resource-v2\]"):
        contracts.check(BROKEN[1], reference.moving_averages)


@pytest.mark.parametrize("mode", EXTREMES, ids=str)
def test_a_shared_object_keeps_the_contract_with_its_own_decay(mode):
    for clause in contracts.CLAUSES:
        shared = Ema(tf.train.ExponentialMovingAverage(0.7))
        with graphs.graph_mode(mode):
            contracts.run_clause(
                clause, shared, lambda batches, _, initial: reference.ema_averages(batches, 0.7, initial)
            )


@pytest.mark.parametrize("mode", graphs.MODES, ids=str)
def test_graph_mode_sets_the_mode_and_restores_it(mode):
    before = tf.resource_variables_enabled(), tf.control_flow_v2_enabled()
    with graphs.graph_mode(mode) as graph:
        assert tf.get_default_graph() is graph
        assert (tf.resource_variables_enabled(), tf.control_flow_v2_enabled()) == mode
        assert tf.get_variable("v", [])._in_graph_mode if mode.resource else tf.get_variable("v", []).op.type
    assert (tf.resource_variables_enabled(), tf.control_flow_v2_enabled()) == before
