"""A worked strategy of somebody else's: the cumulative average, the plain mean of all batches so far."""

import dataclasses
import subprocess
import textwrap
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn import errors
from tf1bn.core import averages
from tf1bn.core.values import Averages, Moments
from tf1bn.strategies.base import OUTPUT, UpdatePlan
from tf1bn.strategies.catalog import STRATEGIES
from tf1bn.testing import contracts, graphs, reference


class CumulativeState(NamedTuple):
    """The averages, and the number of batches in them."""

    averages: Averages
    batches: Any


@dataclasses.dataclass(frozen=True)
class Cumulative:
    """average <- average + (batch - average) / n at batch n: the mean of all batches so far; decay has no part."""

    name: str = "cumulative"

    def create(self, request: tf1bn.Request) -> CumulativeState:
        return CumulativeState(request.averages(), request.variable("batches"))

    def read(self, state: CumulativeState) -> Moments:
        return averages.read(state.averages)

    def update(self, state: CumulativeState, batch: Moments, decay: Any) -> UpdatePlan:
        # What is read of a reference variable is its memory: only n, computed from it, outlives the assignment.
        n = state.batches.read_value() + 1.0
        moves = [
            averages.move(variable, value, (n - 1.0) / n)
            for variable, value in zip(state.averages, (batch.mean, batch.variance), strict=True)
        ]
        return UpdatePlan([*moves, state.batches.assign(n).op], OUTPUT)


@pytest.fixture
def registry():
    before = dict(STRATEGIES._rows)
    yield STRATEGIES
    STRATEGIES._rows.clear()
    STRATEGIES._rows.update(before)


@pytest.mark.parametrize("mode", [graphs.MODES[0], graphs.MODES[-1]], ids=str)
def test_it_keeps_the_contract(mode):
    contracts.check(Cumulative(), reference.cumulative_averages, modes=[mode])


def _train(strategy, batches):
    """Returns the averages after training on the batches."""
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 3])
        y = tf1bn.batch_norm(x, True, update_strategy=strategy, scope="bn")
        session.run(tf.global_variables_initializer())
        for batch in batches:
            session.run(y, {x: batch})
        return session.run([v for v in tf.global_variables() if "moving" in v.name])


def _batches():
    return np.random.default_rng(3).normal(1, 2, (4, 5, 3)).astype(np.float32)


def test_it_works_by_its_registered_name_and_as_an_object(registry):
    strategy = Cumulative()
    assert tf1bn.register_strategy("cumulative", strategy) is strategy
    assert "cumulative" in registry.names()
    expected = reference.cumulative_averages(_batches(), None, reference.Statistics(np.zeros(3), np.ones(3)))
    np.testing.assert_allclose(_train("cumulative", _batches()), expected, rtol=1e-5)
    np.testing.assert_allclose(_train(strategy, _batches()), expected, rtol=1e-5)


def test_a_name_that_is_taken_is_refused_unless_it_may_be_replaced(registry):
    with pytest.raises(errors.ArgumentError, match="register_strategy: update strategy 'inline' is already registered"):
        tf1bn.register_strategy("inline", Cumulative())
    assert tf1bn.register_strategy("inline", Cumulative(), replace=True) is registry.get("inline")


@pytest.mark.parametrize("name", ["", None, 3])
def test_a_name_must_be_a_non_empty_string(name, registry):
    with pytest.raises(errors.ArgumentTypeError, match="update strategy: the name must be a non-empty string"):
        tf1bn.register_strategy(name, Cumulative())


class _Faulty:
    name = ""
    create = None
    check = staticmethod(lambda: None)

    def read(self, state):
        return state

    def update(self, state):
        return state


def test_registering_checks_the_whole_protocol_and_names_each_fault(registry):
    with pytest.raises(errors.StrategyError) as caught:
        tf1bn.register_strategy("faulty", _Faulty())
    for fault in (
        "register_strategy: this is not an update strategy: `name` is not a non-empty string",
        "`create` is missing",
        "`update` does not take 3 arguments",
        "`check` does not take 1 argument",
        "expected name, create(request), read(state) and update(state, batch, decay)",
    ):
        assert fault in str(caught.value)
    with pytest.raises(
        errors.StrategyError, match=r"an update strategy is an object\..*Pass an instance: Cumulative\(\)"
    ):
        tf1bn.register_strategy("class", Cumulative)
    assert "faulty" not in registry.names() and "class" not in registry.names()


def test_an_object_with_a_missing_function_is_refused_by_the_layer():
    with (
        tf.Graph().as_default(),
        pytest.raises(errors.StrategyError, match="batch_norm: this is not an update strategy"),
    ):
        tf1bn.batch_norm(tf.zeros([2, 3]), True, update_strategy=_Faulty())


class _ReturnsNothing(Cumulative):
    def update(self, state, batch, decay):
        return None


def test_an_update_that_returns_no_plan_is_refused():
    with (
        tf.Graph().as_default(),
        pytest.raises(errors.StrategyError, match="`update` of strategy 'cumulative' returned"),
    ):
        tf1bn.batch_norm(tf.zeros([2, 3]), True, update_strategy=_ReturnsNothing())


class _CollectsAnywhere(Cumulative):
    def update(self, state, batch, decay):
        return super().update(state, batch, decay)._replace(placement="mine")


def test_a_strategy_that_collects_inside_a_branch_without_checking_is_refused_all_the_same():
    with tf.Graph().as_default():
        x, p = tf.zeros([2, 3]), tf.placeholder(tf.bool, [])
        with pytest.raises(
            errors.PlacementError, match="strategy 'cumulative' wants collection 'mine' .* a tf.cond branch"
        ):
            tf.cond(p, lambda: tf1bn.batch_norm(x, True, update_strategy=_CollectsAnywhere()), lambda: x)
        assert tf.get_collection("mine") == []


def _package(folder: Path, value: str) -> Path:
    """Writes what an installed package with an entry point looks like."""
    info = folder / "stranger-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[tf1bn.strategies]\nstranger = {value}\n")
    (folder / "stranger.py").write_text(
        "import dataclasses\n"
        "from tf1bn.strategies.inline import Inline\n"
        "@dataclasses.dataclass(frozen=True)\n"
        "class Stranger(Inline):\n"
        "    name: str = 'stranger'\n"
        "STRATEGY = Stranger()\n"
    )
    return folder


@pytest.fixture
def python(warmed):
    """Runs code that sees the packages of a folder."""

    def run(folder: Path, code: str) -> subprocess.CompletedProcess:
        setup = f"import sys; sys.path.insert(0, {str(folder)!r})\n"
        return warmed.run(["-c", setup + textwrap.dedent(code)])

    return run


def test_an_entry_point_of_an_installed_package_is_found_by_its_name(tmp_path, python):
    done = python(
        _package(tmp_path, "stranger:STRATEGY"),
        """
        import tensorflow.compat.v1 as tf, tf1bn
        from tf1bn.strategies.catalog import STRATEGIES
        tf.disable_eager_execution()
        tf1bn.batch_norm(tf.zeros([2, 3]), True, update_strategy="stranger", scope="bn")
        print([v.name for v in tf.global_variables()], STRATEGIES.names())
        """,
    )
    assert done.returncode == 0, done.stderr
    assert "'bn/moving_mean:0'" in done.stdout
    assert "('collection', 'ema', 'frozen', 'inline', 'stranger')" in done.stdout


@pytest.mark.parametrize(
    ("value", "why"), [("stranger:Stranger", "Pass an instance"), ("nowhere:X", "No module named")]
)
def test_a_broken_entry_point_is_named_and_built_in_names_still_work(tmp_path, value, why, python):
    done = python(
        _package(tmp_path, value),
        """
        from tf1bn.strategies.catalog import STRATEGIES
        print(STRATEGIES.get("inline").name)
        for _ in range(2):
            try:
                STRATEGIES.get("stranger")
            except ValueError as error:
                print(type(error).__name__, error)
        """,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.strip().splitlines()
    assert lines[0] == "inline" and len(lines) == 3
    for line in lines[1:]:
        assert line.startswith("ArgumentError the installed update strategy 'stranger' cannot be used: ")
        assert why in line and "Repair or uninstall the package" in line
