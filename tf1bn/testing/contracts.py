"""The contract of an update strategy, as functions that fail where a strategy breaks it.

    from tf1bn.testing import contracts, reference

    contracts.check(MyStrategy(), reference.moving_averages)

The one thing that a strategy must bring is its *formula*: a function ``(batches, decay, initial) -> (mean,
variance)`` in NumPy that returns the averages after a list of batches, each ``[n, C]``. Those of
``tf1bn.testing.reference`` serve as they are: ``moving_averages``, ``ema_averages`` (with
``functools.partial``), ``cumulative_averages``, ``unmoved``.

A clause builds its graphs itself, small and in float64, in the mode that is set; :func:`check` goes through
all modes. Where a strategy refuses a place with a ``PlacementError``, a clause asks for no more than that.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.core import place
from tf1bn.core.values import Moments
from tf1bn.layers.batch_norm import batch_norm
from tf1bn.layers.train_op import with_updates
from tf1bn.strategies import base
from tf1bn.terms import DEFAULT_DECAY, DEFAULT_EPSILON
from tf1bn.testing import graphs, reference

Formula = Callable[[Sequence[Any], float, reference.Statistics], Any]

ROWS, CHANNELS = 6, 3
INITIAL = reference.Statistics(np.array([0.5, -1.0, 0.0]), np.array([2.0, 1.0, 0.25]))
TOLERANCE = 1e-6
SWITCHES = ("static", "placeholder", "cond")
"""A Python bool; one call with a placeholder; the program's own tf.cond around a call per branch."""

_BATCH_MOMENT_OPS = ("Mean", "Sum", "BiasAddGrad", "Var", "SquaredDifference", "Square")


def check(
    strategy: Any, formula: Formula, *, modes: Sequence[graphs.Mode] = graphs.MODES, decay: float = DEFAULT_DECAY
) -> None:
    """Holds a strategy to all eight clauses in every mode.

    Args:
      strategy: a strategy object.
      formula: what its averages are after some batches.
      modes: graph modes to check.
      decay: the layer's decay; a strategy with a decay of its own wants the default.

    Raises:
      AssertionError: a clause does not hold; the text names it, and the mode.
    """
    base.check_protocol(strategy)
    for mode in modes:
        with graphs.graph_mode(mode):
            for number in CLAUSES:
                try:
                    run_clause(number, strategy, formula, decay=decay)
                except AssertionError as error:
                    raise AssertionError(f"{error} [{mode}]") from None


def run_clause(number: int, strategy: Any, formula: Formula, *, decay: float = DEFAULT_DECAY) -> None:
    """Checks one clause in the mode that is set; only the first needs the formula."""
    clause = CLAUSES[number]
    with _blame(number):
        if clause is clause_1:
            clause_1(strategy, formula, decay=decay)
        else:
            clause(strategy, decay=decay)


def clause_1(strategy: Any, formula: Formula, *, decay: float = DEFAULT_DECAY) -> None:
    """Averages read their initial values before any update, and the formula after 1 and after 5.

    The strategy is driven by hand here, without a layer: the ops of its plan run once per batch.
    """
    batches = _batches(5)
    found = _driven(strategy, batches, decay)
    for count in (0, 1, 5):
        _close(found[count], formula(batches[:count], decay, INITIAL), f"the averages after {count} updates")


def clause_2(strategy: Any, *, decay: float = DEFAULT_DECAY) -> None:
    """With the switch off nothing moves, not even for NaN, and no batch moments are computed."""
    x = _batches(1)[0]
    for kind in SWITCHES:
        with _site(strategy, kind, decay, training=False) as site:
            before = site.variables()
            y, executed = site.traced(x)
            start = site.averages()
            site.run(np.full_like(x, np.nan))
            _identical(before, site.variables(), f"a run with the switch off ({kind})")
            _close(y, reference.normalize(x, start, epsilon=DEFAULT_EPSILON), f"the output in inference ({kind})")
            wasted = sorted(executed.intersection(_BATCH_MOMENT_OPS))
            _require(not wasted, f"a run with the switch off ({kind}) computes batch moments: {', '.join(wasted)}")


def clause_3(strategy: Any, *, decay: float = DEFAULT_DECAY) -> None:
    """With the switch on, one run moves each average once: as far as one run of the strategy's own plan."""
    batches = _batches(2)
    driven = _driven(strategy, batches, decay)
    for kind in SWITCHES:
        with _site(strategy, kind, decay) as site:
            for count, x in enumerate(batches, 1):
                y = site.run(x)
                _close(y, reference.batch_norm(x, epsilon=DEFAULT_EPSILON), f"the output in training ({kind})")
                _close(site.averages(), driven[count], f"the averages after {count} runs in training ({kind})")


def clause_4(strategy: Any, *, decay: float = DEFAULT_DECAY) -> None:
    """No gradient flows into the averages; the input, gamma and beta get those of the paper."""
    x, dy = _batches(2)
    for kind in SWITCHES:
        with _site(strategy, kind, decay, start=False) as site:
            kept = site.kept()
            trained = [v.op.name for v in kept if any(v is t for t in tf.trainable_variables())]
            _require(not trained, f"the strategy's variables are trainable: {', '.join(trained)}")
            # Built before the first run: a conditional grows further outputs when gradients are asked of it.
            loss = tf.reduce_sum(site.y * dy)
            gradients = tf.gradients(loss, [site.x, *(site.leaf(leaf) for leaf in ("gamma", "beta"))])
            site.start()
            found = site.session.run(gradients, {site.x: x, site.switch: True})
            exact = reference.batch_gradients(x, np.ones(CHANNELS), dy, epsilon=DEFAULT_EPSILON)
            for name, value, expected in zip(("x", "gamma", "beta"), found, exact, strict=True):
                _close(value, expected, f"the gradient of {name} ({kind})")
            if kind == "static" and kept:
                leaks = tf.gradients(loss, kept)
                reached = [v.op.name for v, leak in zip(kept, leaks, strict=True) if leak is not None]
                _require(not reached, f"a gradient of a training output reaches {', '.join(reached)}")


def clause_5(strategy: Any, *, decay: float = DEFAULT_DECAY) -> None:
    """Calling again under reuse creates no variable; the n-th unnamed call shares with the n-th."""
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float64, [None, CHANNELS])

        def network() -> None:
            for training in (True, False):
                batch_norm(x, training, update_strategy=strategy, decay=decay)

        with tf.variable_scope("net"):
            network()
        made = [v.name for v in _all_variables()]
        with tf.variable_scope("net", reuse=True):
            try:
                network()
            except errors.ReuseError as error:
                raise AssertionError(f"calling again under reuse fails: {error}") from None
        again = [v.name for v in _all_variables()]
        _require(again == made, f"calling again under reuse creates {sorted(set(again) - set(made))}")
        scopes = {name.split("/")[1] for name in made}
        _require(
            scopes == {"batch_norm", "batch_norm_1"}, f"two unnamed calls keep their variables in {sorted(scopes)}"
        )


def clause_6(strategy: Any, *, decay: float = DEFAULT_DECAY) -> None:
    """Averages are at least float32, whatever the input."""
    for dtype in (tf.float16, tf.bfloat16, tf.float32, tf.float64):
        with tf.Graph().as_default():
            x = tf.placeholder(dtype, [None, CHANNELS])
            y = batch_norm(x, True, update_strategy=strategy, decay=decay)
            _require(y.dtype == dtype, f"the output for {dtype.name} is {y.dtype.name}")
            for variable in _all_variables():
                kept = variable.dtype.base_dtype
                narrow = kept.is_floating and kept.size < max(4, dtype.size)
                _require(not narrow, f"{variable.op.name} is {kept.name} for {dtype.name} inputs")


def clause_7(strategy: Any, *, decay: float = DEFAULT_DECAY) -> None:
    """A training graph saves, a separate inference graph restores with a plain Saver, outputs are the same."""
    batches = _batches(4)
    probe = batches.pop()
    for kind in SWITCHES:
        with tempfile.TemporaryDirectory() as folder:
            prefix = str(Path(folder, "model"))
            with _site(strategy, kind, decay) as site:
                for x in batches:
                    site.run(x)
                expected = reference.normalize(probe, site.averages(), epsilon=DEFAULT_EPSILON)
                tf.train.Saver().save(site.session, prefix, write_meta_graph=False)
            with _site(strategy, "static", decay, training=False, restore=prefix) as site:
                _close(site.run(probe), expected, f"the output of the restored inference graph ({kind})")


def clause_8(strategy: Any, *, decay: float = DEFAULT_DECAY) -> None:
    """Two updates of the same averages in one step are refused, ordered, or right in any order."""
    batches = _batches(2)
    driven = _driven(strategy, batches, decay)
    orders = [driven[2]]
    if base.needs_no_order(strategy):
        orders.append(_driven(strategy, batches[::-1], decay)[2])
    with tf.Graph().as_default():
        inputs = [tf.placeholder(tf.float64, [None, CHANNELS]) for _ in batches]
        outputs = [batch_norm(x, True, scope="site", reuse=tf.AUTO_REUSE, **_options(strategy, decay)) for x in inputs]
        step = with_updates(tf.group(*outputs))
        _run_twice(strategy, decay, step, dict(zip(inputs, batches, strict=True)), orders)
    with tf.Graph().as_default():
        inputs = [tf.placeholder(tf.float64, [None, CHANNELS]) for _ in batches]
        one, two = (tf.placeholder_with_default(True, []) for _ in "ab")
        moved = _refusable(lambda: _in_cond(strategy, decay, inputs[0], one))
        again = _refusable(lambda: _in_cond(strategy, decay, inputs[1], two))
        moves = not np.array_equal(driven[0].mean, driven[1].mean)
        if moves and moved is not None and again is not None:
            _require(len(orders) == 2, "updates in two conditionals of one step are neither refused nor ordered")
            _run_twice(strategy, decay, tf.group(moved, again), dict(zip(inputs, batches, strict=True)), orders)


def _run_twice(strategy: Any, decay: float, step: Any, feed: dict[Any, Any], orders: list[Any]) -> None:
    """Runs both updates in one step, several times; each average must be that of one of the orders."""
    probes, initialize = _read_probe(strategy, decay), _initializers()
    for _ in range(3):
        with tf.Session() as session:
            session.run(initialize)
            session.run(step, feed)
            found = _solved(*session.run(list(probes)))
        for mine, *wanted in zip(found, *orders, strict=True):
            near = min(wanted, key=lambda one: np.abs(mine - one).max())
            _close(mine, near, "the averages after two updates in one step")


CLAUSES: dict[int, Callable[..., None]] = {
    1: clause_1,
    2: clause_2,
    3: clause_3,
    4: clause_4,
    5: clause_5,
    6: clause_6,
    7: clause_7,
    8: clause_8,
}


class _Site(NamedTuple):
    """One batch norm in a graph of its own, with a session."""

    session: tf.Session
    x: Any
    switch: Any
    y: Any
    fetch: Any
    probes: tuple[Any, Any]
    training: bool

    def start(self) -> None:
        self.session.run(_initializers())

    def run(self, x: Any) -> Any:
        return self.session.run(self.fetch, self._feed(x))

    def traced(self, x: Any) -> tuple[Any, set[str]]:
        """Runs once, and returns the types of the ops that ran, too."""
        options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
        trace = tf.RunMetadata()
        y = self.session.run(self.fetch, self._feed(x), options=options, run_metadata=trace)
        labels = (node.timeline_label for device in trace.step_stats.dev_stats for node in device.node_stats)
        return y, {label.split(" = ")[1].split("(")[0] for label in labels if " = " in label}

    def _feed(self, x: Any) -> dict[Any, Any]:
        return {self.x: x, self.switch: self.training}

    def averages(self) -> reference.Statistics:
        """Returns what inference normalises with, as its outputs tell."""
        return _solved(*self.session.run(list(self.probes)))

    def variables(self) -> dict[str, Any]:
        return self.session.run({v.name: v for v in _all_variables()})

    def leaf(self, name: str) -> Any:
        return next(v for v in tf.global_variables() if v.op.name == f"site/{name}")

    def kept(self) -> list[Any]:
        return [v for v in _all_variables() if v.op.name not in ("site/gamma", "site/beta")]


@contextlib.contextmanager
def _site(
    strategy: Any, kind: str, decay: float, *, training: bool = True, start: bool = True, restore: str | None = None
) -> Iterator[_Site]:
    """Builds a site whose switch is of that kind; "static" where the strategy refuses the kind."""
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float64, [ROWS if kind == "static" else None, CHANNELS], name="x")
        switch = tf.placeholder_with_default(training, [], name="switch")
        options = _options(strategy, decay)
        if kind == "cond":
            y = _refusable(lambda: _in_cond(strategy, decay, x, switch))
            kind = "static" if y is None else kind
        if kind == "static":
            y = batch_norm(x, training, scope="site", reuse=tf.AUTO_REUSE, **options)
        elif kind == "placeholder":
            y = batch_norm(x, switch, scope="site", **options)
        probes = _read_probe(strategy, decay)
        fetch = with_updates(y)
        site = _Site(session, x, switch, y, fetch, probes, training)
        if restore is not None:
            tf.train.Saver().restore(session, restore)
        elif start:
            site.start()
        yield site


def _in_cond(strategy: Any, decay: float, x: Any, switch: Any) -> Any:
    options = {"scope": "site", "reuse": tf.AUTO_REUSE, **_options(strategy, decay)}
    return tf.cond(switch, lambda: batch_norm(x, True, **options), lambda: batch_norm(x, False, **options))


def _refusable(build: Callable[[], Any]) -> Any:
    try:
        return build()
    except errors.PlacementError:
        return None


def _options(strategy: Any, decay: float) -> dict[str, Any]:
    return {
        "update_strategy": strategy,
        "decay": decay,
        "moving_mean_initializer": tf.constant_initializer(INITIAL.mean),
        "moving_variance_initializer": tf.constant_initializer(INITIAL.variance),
    }


def _read_probe(strategy: Any, decay: float) -> tuple[Any, Any]:
    """Returns what inference makes of 0 and of 1, from which the averages follow."""
    options = {"scope": "site", "reuse": True, **_options(strategy, decay)}
    zeros, ones = tf.zeros([1, CHANNELS], tf.float64), tf.ones([1, CHANNELS], tf.float64)
    return batch_norm(zeros, False, **options)[0], batch_norm(ones, False, **options)[0]


def _solved(of_zero: Any, of_one: Any) -> reference.Statistics:
    """With gamma 1 and beta 0: of_one - of_zero = 1 / sqrt(variance + epsilon), of_zero = -mean * that."""
    slope = of_one - of_zero
    return reference.Statistics(-of_zero / slope, 1 / np.square(slope) - DEFAULT_EPSILON)


def _driven(strategy: Any, batches: Sequence[Any], decay: float) -> list[reference.Statistics]:
    """Returns the averages before and after each batch, from the strategy alone."""
    with tf.Graph().as_default(), tf.Session() as session:
        mean, variance, count = (tf.placeholder(tf.float64, shape) for shape in ([CHANNELS], [CHANNELS], []))
        with tf.variable_scope("site") as scope:
            state = strategy.create(
                base.Request(
                    scope=scope.name,
                    shape=(CHANNELS,),
                    dtype=tf.float64,
                    decay=decay,
                    updates=True,
                    place=place.here(),
                    mean_initializer=tf.constant_initializer(INITIAL.mean),
                    variance_initializer=tf.constant_initializer(INITIAL.variance),
                )
            )
            read = list(strategy.read(state)[:2])
            plan = strategy.update(state, Moments(mean, variance, count), decay)
        step = tf.group(*(getattr(op, "op", op) for op in plan.ops))
        session.run(_initializers())
        found = [reference.Statistics(*session.run(read))]
        for x in batches:
            session.run(step, {**dict(zip((mean, variance), reference.moments(x), strict=True)), count: len(x)})
            found.append(reference.Statistics(*session.run(read)))
        return found


def _batches(count: int) -> list[Any]:
    rng = np.random.default_rng(7)
    return [
        rng.normal(rng.normal(0, 2, CHANNELS), rng.uniform(0.5, 3, CHANNELS), (ROWS, CHANNELS)) for _ in range(count)
    ]


def _initializers() -> tf.Operation:
    return tf.group(tf.global_variables_initializer(), tf.local_variables_initializer())


def _all_variables() -> list[Any]:
    return [*tf.global_variables(), *tf.local_variables()]


@contextlib.contextmanager
def _blame(number: int) -> Iterator[None]:
    try:
        yield
    except AssertionError as error:
        raise AssertionError(f"clause {number}: {error}") from None
    except (errors.Tf1bnError, tf.errors.OpError, ValueError) as error:
        raise AssertionError(f"clause {number}: {type(error).__name__}: {error}") from error


def _require(condition: bool, text: str) -> None:
    if not condition:
        raise AssertionError(text)


def _close(found: Any, expected: Any, what: str) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    if found.shape != expected.shape or not np.allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE):
        raise AssertionError(f"{what}: got {found.tolist()}, expected {expected.tolist()}")


def _identical(before: dict[str, Any], after: dict[str, Any], what: str) -> None:
    changed = sorted(name for name in before if before[name].tobytes() != after[name].tobytes())
    _require(not changed, f"{what} changes {', '.join(changed)}")
