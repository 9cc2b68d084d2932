"""Inference of the network of 19 convolutions: with each batch norm, folded into its kernels, and without."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn.benchmark import check, counting, environment, implementations, network, timing
from tf1bn.benchmark.implementations import Implementation
from tf1bn.benchmark.options import Options
from tf1bn.benchmark.results import Case
from tf1bn.benchmark.variants import BIASES, BIASES_AGAIN, FOLDED
from tf1bn.progress import Progress

ROUNDS = 15
TOLERANCE = 1e-3

# Below this many images a run takes so little that sessions of one graph differ.
SMALL_BATCH = 32


class Network(NamedTuple):
    """A graph that computes logits.

    Attributes:
      logits: the output.
      switch: the placeholder of the training switch, or None.
      layers: gamma, beta, moving mean and moving variance of each layer.
      images: variable for the input.
    """

    graph: Any
    logits: Any
    switch: Any
    layers: list[tuple[Any, ...]]
    images: Any


Values = list[tuple[Any, ...]]
"""Gamma, beta, mean and variance of each layer."""


def plan(options: Options) -> dict[str, Any]:
    """Returns the variants, the cases and what is absent."""
    found, absent = implementations.chosen(options.peers)
    names = [BIASES, BIASES_AGAIN, FOLDED, *_variants(options, found)]
    cases = [_name(batch, options) for batch in options.batches]
    return {"variants": names, "absent": absent, "cases": cases, "rounds": options.rounds or ROUNDS}


def run(options: Options) -> list[Case]:
    """Returns one case for each batch size."""
    found, absent = implementations.chosen(options.peers)
    absent |= {f"{peer.name}_placeholder": "takes a Python bool as switch" for peer in found if peer.static}
    rounds = options.rounds or ROUNDS
    with Progress(len(options.batches) * rounds, "inference", quiet=options.quiet) as bar:
        return [_case(batch, found, dict(absent), options, rounds, bar) for batch in options.batches]


def _name(batch: int, options: Options) -> str:
    return f"batch {batch}{environment.threads_text(options.intra_op_threads)}"


def _variants(options: Options, peers: Sequence[Implementation]) -> dict[str, tuple[Implementation, bool]]:
    """Returns the implementations, each with a switch that is static and one that is a placeholder."""
    return {
        f"{each.name}_{'placeholder' if switched else 'static'}": (each, switched)
        for switched in (False, True)
        for each in (implementations.DEFAULT, *implementations.of_kernels(options.kernels), *peers)
        if not (switched and each.static)
    }


def _case(
    batch: int,
    peers: Sequence[Implementation],
    absent: dict[str, str],
    options: Options,
    rounds: int,
    bar: Progress,
) -> Case:
    images = np.random.RandomState(options.seed).standard_normal((batch, 28, 28, 1)).astype(np.float32)
    case = Case(_name(batch, options), {"batch": batch, "threads": options.intra_op_threads}, {}, absent=absent)
    reference = _build(implementations.TEXTBOOK, False, batch)
    values = _values(reference, options.seed)
    wanted = {"logits": _logits(reference, _prepared(reference, images, values, options))}
    count = options.sessions if batch < SMALL_BATCH else 1
    opened: list[Any] = []
    calls: dict[str, list[timing.Call]] = {}

    def add(name: str, built: Network, prepare: Callable[[], Any]) -> None:
        opened.append(prepare())
        if name not in (BIASES, BIASES_AGAIN):
            errors = check.deviations({"logits": _logits(built, opened[-1])}, wanted)
            case.errors[name] = max(errors.values())
            if wrong := check.complaint(errors, TOLERANCE):
                case.absent[name] = wrong
                return
        opened.extend(prepare() for _ in range(count - 1))
        case.counts[name] = {"ops": counting.behind([built.logits.op])}
        calls[name] = [_call(session, built) for session in opened[-count:]]

    try:
        bare = _build(None, False, batch)
        for name in (BIASES, BIASES_AGAIN):
            add(name, bare, lambda: _prepared(bare, images, [], options))
        add(FOLDED, bare, lambda: _folded(bare, images, values, options))
        for name, (implementation, switched) in _variants(options, peers).items():
            built = _build(implementation, switched, batch)
            add(name, built, lambda built=built: _prepared(built, images, values, options))  # type: ignore[misc]
        case.take(timing.by_options(calls, rounds, options, bar.advance))
    finally:
        for session in opened:
            session.close()
    return case


def _build(implementation: Implementation | None, switched: bool, batch: int) -> Network:
    with tf.Graph().as_default() as graph:
        images = tf.get_variable("images", [batch, 28, 28, 1], tf.float32, tf.zeros_initializer(), trainable=False)
        switch = tf.placeholder(tf.bool, [], "is_training") if switched else None
        logits = network.logits_of(images.value(), False if switch is None else switch, implementation)
        layers: list[tuple[Any, ...]] = []
        if implementation is not None:
            affine, averages = implementations.affine(graph), implementations.averages(graph, implementation)
            layers = [(*one, *two) for one, two in zip(affine, averages, strict=True)]
        return Network(graph, logits, switch, layers, images)


def _values(built: Network, seed: int) -> Values:
    """Returns numbers such as training leaves them; a variance is at least a half, so that logits stay in range."""
    random = np.random.RandomState(seed + 1)
    found: Values = []
    for gamma, *_ in built.layers:
        size = gamma.shape.as_list()
        scale, variance = (random.uniform(*bounds, size) for bounds in ((0.5, 1.5), (0.5, 2.0)))
        found.append((scale, random.normal(0, 0.2, size), random.normal(0, 0.2, size), variance))
    return found


def _prepared(built: Network, images: Any, values: Values, options: Options) -> Any:
    """Returns a session in which all variables have their values."""
    layers = zip(built.layers, values, strict=True)
    pairs = [pair for layer, found in layers for pair in zip(layer, found, strict=True)]
    return environment.session(built.graph, options.intra_op_threads, [(built.images, images), *pairs])


def _folded(bare: Network, images: Any, values: Values, options: Options) -> Any:
    """Returns a session of the network with biases that computes what the normalised network does.

    kernel <- kernel * s; bias <- beta - mean * s, with s = gamma / sqrt(variance + epsilon).
    """
    session = _prepared(bare, images, [], options)
    with bare.graph.as_default():
        variables = {variable.op.name: variable for variable in tf.trainable_variables()}
    scopes = [name.rpartition("/")[0] for name in variables if name.endswith("/kernel") and "logits" not in name]
    for scope, (gamma, beta, mean, variance) in zip(scopes, values, strict=True):
        scale = gamma / np.sqrt(variance + implementations.EPSILON)
        kernel = variables[f"{scope}/kernel"]
        environment.set_value(session, kernel, session.run(kernel) * scale)
        environment.set_value(session, variables[f"{scope}/bias"], beta - mean * scale)
    return session


def _logits(built: Network, session: Any) -> Any:
    return session.run(built.logits, {} if built.switch is None else {built.switch: False})


def _call(session: Any, built: Network) -> timing.Call:
    return network.call(session, [built.logits.op], built.switch, False)
