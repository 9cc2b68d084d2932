"""Building deep graphs of nothing but batch norms, and the first run of one."""

from __future__ import annotations

import gc
import random
from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.benchmark import counting, environment, implementations, timing
from tf1bn.benchmark.cores import Watch
from tf1bn.benchmark.implementations import Implementation
from tf1bn.benchmark.options import Options
from tf1bn.benchmark.results import Case
from tf1bn.benchmark.timing import Took
from tf1bn.progress import Progress

SHAPE = (8, 4, 4, 16)

# Deeper graphs take minutes: they are not run, and of tf1bn's variants the default one is built.
MANY = 200


def plan(options: Options) -> dict[str, Any]:
    """Returns the variants, the cases and what is absent."""
    found, absent = implementations.chosen(options.peers)
    names = [variant.name for variant in _all(options, found)]
    cases = [f"{_name(what, layers, options)}, {_rounds(layers, options)} rounds" for what, layers in _cases(options)]
    return {"variants": names, "absent": absent, "cases": cases}


def run(options: Options) -> list[Case]:
    """Returns for each depth a case of the time per layer to build it, and one of its first run."""
    found, absent = implementations.chosen(options.peers)
    for variant in _all(options, found):  # imports that come with a first use are not part of a layer's time
        _built(variant, 2)
    planned = [(what, layers, _variants(layers, options, found)) for what, layers in _cases(options)]
    total = sum(len(variants) * _rounds(layers, options) for _, layers, variants in planned)
    with Progress(total, "graph_build", quiet=options.quiet) as bar:
        return [_case(what, layers, variants, dict(absent), options, bar) for what, layers, variants in planned]


def _all(options: Options, peers: Sequence[Implementation]) -> list[Implementation]:
    return [*implementations.OWN, *implementations.of_kernels(options.kernels), *peers]


def _variants(layers: int, options: Options, peers: Sequence[Implementation]) -> list[Implementation]:
    few = [implementations.DEFAULT, *implementations.of_kernels(options.kernels), *peers]
    return _all(options, peers) if layers <= MANY else few


def _cases(options: Options) -> list[tuple[str, int]]:
    first = [("first run", layers) for layers in options.layers if layers <= MANY]
    return [("build", layers) for layers in options.layers] + first


def _name(what: str, layers: int, options: Options) -> str:
    mode = " (tensor equality)" if options.tensor_equality else ""
    return f"{layers} layers, {'per layer' if what == 'build' else 'first run'}{mode}"


def _rounds(layers: int, options: Options) -> int:
    return options.rounds or max(1, min(5, 400 // layers))


def _case(
    what: str, layers: int, variants: Sequence[Implementation], absent: dict[str, str], options: Options, bar: Progress
) -> Case:
    case = Case(
        _name(what, layers, options),
        {"what": what, "layers": layers},
        {each.name: [[]] for each in variants},
        absent=absent,
        process_times={each.name: [[]] for each in variants},
    )
    order, visits, watch = random.Random(options.seed), list(variants), Watch()
    for _ in range(_rounds(layers, options)):
        order.shuffle(visits)
        for variant in visits:
            bar.show(f"{case.name} {variant.name}")
            with watch.during():
                _visit(what, layers, variant, case, options)
            bar.advance()
            options.turn()
    case.busy.update(watch.found())
    return case


def _visit(what: str, layers: int, variant: Implementation, case: Case, options: Options) -> None:
    if what == "build":
        took = _built(variant, layers)
    else:
        took, ops = _first_run(variant, layers, options)
        case.counts[variant.name] = {"ops": ops}
    case.times[variant.name][0].append(took.wall)
    case.process_times[variant.name][0].append(took.process)


def _built(variant: Implementation, layers: int) -> Took:
    """Returns the microseconds that each of the layers takes to build, with its update."""
    gc.collect()
    with tf.Graph().as_default(), variant.around(True):
        began = timing.clocks()
        _chain(variant, layers)
        return timing.since(began, layers)


def _chain(variant: Implementation, layers: int) -> tuple[Any, Any]:
    x = y = tf.get_variable("input", SHAPE, tf.float32, tf.ones_initializer(), trainable=False).value()
    for _ in range(layers):
        y = variant.normalize(y, True)
    return x, y


def _first_run(variant: Implementation, layers: int, options: Options) -> tuple[Took, float]:
    """Returns the microseconds of the first step, gradients and updates included, and the ops of one layer in it."""
    with tf.Graph().as_default() as graph, variant.around(True):
        x, y = _chain(variant, layers)
        gradients = tf.gradients(y, [x, *tf.trainable_variables()])
        ops = [y.op, *(gradient.op for gradient in gradients), *implementations.updates(graph)]
        with environment.session(graph, options.intra_op_threads) as session:
            step = session.make_callable(ops)
            began = timing.clocks()
            step()
            took = timing.since(began)
    return took, counting.behind(ops) / layers
