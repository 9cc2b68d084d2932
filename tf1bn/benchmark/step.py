"""The training step of one layer: output, gradients of input, gamma and beta, and the update of the averages.

Input and upstream gradient are variables, since constants would be folded into the graph. What is run are the ops that
compute the results, each fetched itself: of a group, TensorFlow leaves out ops whose results nothing reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn.benchmark import check, counting, environment, implementations, shapes, timing
from tf1bn.benchmark.implementations import Implementation
from tf1bn.benchmark.options import Options
from tf1bn.benchmark.results import Case
from tf1bn.benchmark.variants import IDENT
from tf1bn.core import native_kernel, onednn
from tf1bn.progress import Progress

ROUNDS = 15


class Problem(NamedTuple):
    """One input, and what a step on it must compute.

    Attributes:
      x, dy: input and upstream gradient.
      relu: whether the layer is followed by ReLU.
      wanted: results by the textbook's formula in float64, by name.
      wanted_unbiased: the moving variance, where it takes in the variance divided by n - 1.
    """

    x: Any
    dy: Any
    relu: bool
    wanted: dict[str, Any]
    wanted_unbiased: Any


class Step(NamedTuple):
    """A graph that takes one step.

    Attributes:
      results: tensors by name.
      averages: the moving mean and variance.
      ops: what a run fetches.
      held: variables for x and dy.
    """

    graph: Any
    results: dict[str, Any]
    averages: Sequence[Any]
    ops: list[Any]
    held: tuple[Any, Any]


def run(options: Options) -> list[Case]:
    """Returns a case for each shape, alone and followed by ReLU as asked for.

    Raises:
      UnknownNameError: a kernel of another name.
    """
    variants, absent = _variants(options)
    cases = [(shape, relu) for shape in options.shapes for relu in options.relu]
    rounds = options.rounds or ROUNDS
    with Progress(len(cases) * rounds, "step", quiet=options.quiet) as bar:
        done = []
        for shape, relu in cases:
            bar.show(name(shape, relu, options))
            done.append(_case(shape, relu, options, variants, absent, rounds, bar))
        return done


def plan(options: Options) -> dict[str, Any]:
    """Returns the variants, the cases and what is absent."""
    variants, absent = _variants(options)
    names = [IDENT, *(variant.name for variant in variants)]
    cases = [name(shape, relu, options) for shape in options.shapes for relu in options.relu]
    return {"variants": names, "absent": absent, "cases": cases, "rounds": options.rounds or ROUNDS}


def _variants(options: Options) -> tuple[list[Implementation], dict[str, str]]:
    found, absent = implementations.chosen(options.peers)
    by_kernel = implementations.of_kernels(options.kernels)
    return [*implementations.OWN, implementations.PRECISE, *by_kernel, *found], absent


def name(shape: shapes.Shape, relu: bool, options: Options) -> str:
    """Returns the name of a case."""
    mean = f" mean {options.mean:g}" if options.mean else ""
    return shapes.text(shape) + (" +relu" if relu else "") + mean + environment.threads_text(options.intra_op_threads)


def _case(
    shape: shapes.Shape,
    relu: bool,
    options: Options,
    variants: Sequence[Implementation],
    absent: dict[str, str],
    rounds: int,
    bar: Progress,
) -> Case:
    problem = make(shape, relu, options.mean, options.seed)
    facts = {
        **shapes.facts(shape), "relu": relu, "mean": options.mean, "threads": options.intra_op_threads,
        "onednn": onednn.enabled(),
    }  # fmt: skip
    case = Case(name(shape, relu, options), facts, {}, absent=dict(absent))
    steps = {IDENT: ident(problem)}
    for variant in variants:
        steps.update(_checked(variant, problem, case, options))
    sessions = options.sessions if facts["elements"] < shapes.SMALL else 1
    opened = [(key, _open(step, problem, options)) for key, step in steps.items() for _ in range(sessions)]
    try:
        calls: dict[str, list[timing.Call]] = {}
        for key, session in opened:
            calls.setdefault(key, []).append(session.make_callable(steps[key].ops))
        case.take(timing.by_options(calls, rounds, options, bar.advance))
    finally:
        for _, session in opened:
            session.close()
    return case


def _checked(variant: Implementation, problem: Problem, case: Case, options: Options) -> Iterator[tuple[str, Step]]:
    """Yields a variant's step if it is right; else writes into the case what is wrong."""
    try:
        step = build(variant, problem)
    except Exception as error:  # whatever a peer raises about an input that it does not take
        if variant in implementations.OWN:
            raise
        case.absent[variant.name] = f"does not take it: {type(error).__name__}: {str(error).splitlines()[0]}"
        return
    found = results(step, problem, options)
    errors = deviations(found, problem)
    case.errors[variant.name] = max(errors.values())
    case.counts[variant.name] = _counts(step)
    wrong = check.complaint(errors, check.tolerance(options.mean))
    if wrong:
        case.absent[variant.name] = wrong
    else:
        yield variant.name, step


def _counts(step: Step) -> dict[str, float]:
    """Returns the ops of the step, and those of output and gradients alone: without updates that wait elsewhere."""
    held = [variable.op for variable in step.held]
    results = [tensor.op for tensor in step.results.values()]
    return {"ops": counting.behind(step.ops, but=held), "ops, no updates": counting.behind(results, but=held)}


def make(shape: shapes.Shape, relu: bool, mean: float, seed: int) -> Problem:
    """Returns random values and what a step on them must compute.

    Where ReLU's input is so close to zero that rounding decides its sign, the upstream gradient is zero.
    """
    random = np.random.RandomState(seed)
    x = (random.standard_normal(shape) + mean).astype(np.float32)
    dy = random.standard_normal(shape).astype(np.float32)
    exact = Problem(x.astype(np.float64), dy.astype(np.float64), False, {}, None)
    if relu:
        y = results(build(implementations.TEXTBOOK, exact), exact, Options())["y"]
        dy[np.abs(y) < 10 * check.tolerance(mean)] = 0
        exact = exact._replace(dy=dy.astype(np.float64), relu=True)
    wanted = results(build(implementations.TEXTBOOK, exact), exact, Options())
    n = x.size // shape[-1]
    kept = wanted["moving_variance"]
    start = implementations.DECAY
    return Problem(x, dy, relu, wanted, start + (kept - start) * n / max(n - 1, 1))


def deviations(found: check.Values, problem: Problem) -> dict[str, float]:
    """Returns the error of each result; of the moving variance, to the nearer of its two conventions."""
    either = check.deviations(found, {"moving_variance": problem.wanted_unbiased})
    errors = check.deviations(found, problem.wanted)
    return {**errors, "moving_variance": min(errors["moving_variance"], either["moving_variance"])}


def build(variant: Implementation, problem: Problem) -> Step:
    """Returns the graph in which a variant takes a step."""
    with tf.Graph().as_default() as graph, variant.around(True):
        x, dy = held = _hold(problem)
        x, dy = x.value(), dy.value()
        y = variant.normalize(x, True)
        y = native_kernel.relu(y) if problem.relu else y  # tf.nn.relu, which the native op takes in as in tf1bn.conv2d
        [(gamma, beta)] = implementations.affine(graph)
        gradients = tf.gradients(y, [x, gamma, beta], dy)
        results = dict(zip(("y", "dx", "dgamma", "dbeta"), [y, *gradients], strict=True))
        [averages] = implementations.averages(graph, variant)
        ops = [*(tensor.op for tensor in results.values()), *implementations.updates(graph)]
        return Step(graph, results, averages, ops, held)


def ident(problem: Problem) -> Step:
    """Returns the graph of two one-pass elementwise ops, x * c and dy * c: half the memory traffic of a step."""
    with tf.Graph().as_default() as graph:
        x, dy = held = _hold(problem)
        factor = tf.get_variable("factor", [], tf.float32, tf.constant_initializer(0.5), trainable=False).value()
        results = {"y": x.value() * factor, "dx": dy.value() * factor}
        return Step(graph, results, (), [tensor.op for tensor in results.values()], held)


def _hold(problem: Problem) -> tuple[Any, Any]:
    return tuple(
        tf.get_variable(name, value.shape, value.dtype, tf.zeros_initializer(), trainable=False)
        for name, value in (("input", problem.x), ("upstream", problem.dy))
    )


def results(step: Step, problem: Problem, options: Options) -> dict[str, Any]:
    """Returns what the first step computes, and the averages after it."""
    with _open(step, problem, options) as session:
        found, _ = session.run((step.results, step.ops))
        mean, variance = session.run(step.averages)
        return {**found, "moving_mean": mean, "moving_variance": variance}


def _open(step: Step, problem: Problem, options: Options) -> Any:
    values = zip(step.held, (problem.x, problem.dy), strict=True)
    return environment.session(step.graph, options.intra_op_threads, values)
