"""Training the network of 19 convolutions with each batch norm, and without."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn.benchmark import check, counting, environment, implementations, memory, timing
from tf1bn.benchmark.implementations import Implementation
from tf1bn.benchmark.options import Options
from tf1bn.benchmark.results import Case
from tf1bn.benchmark.variants import AGAIN, BIASES, NATIVE_AGAIN, OURS, OURS_COLLECTION
from tf1bn.examples import models
from tf1bn.progress import Progress

ROUNDS, BATCH, LEARNING_RATE = 21, 64, 1e-3

# Rounding grows through twenty layers that divide by deviations.
TOLERANCE = 2e-3

_FROZEN = f"{OURS}_frozen"
_PLACEHOLDER = f"{OURS}_placeholder"


class Trained(NamedTuple):
    """A graph that trains the network.

    Attributes:
      ops: what a run fetches.
      switch: the placeholder of the training switch, or None.
      loss: of the batch.
      norm: of all gradients together.
      averages: moving mean and variance of each layer.
      held: variables for images and labels.
      seconds: that building took.
    """

    graph: Any
    ops: list[Any]
    switch: Any
    loss: Any
    norm: Any
    averages: list[tuple[Any, Any]]
    held: tuple[Any, Any]
    seconds: float


def plan(options: Options) -> dict[str, Any]:
    """Returns the variants and what is absent."""
    found, absent = implementations.chosen(options.peers)
    return {"variants": list(_variants(options, found)), "absent": absent, "rounds": options.rounds or ROUNDS}


def run(options: Options) -> list[Case]:
    """Returns one case, whose threads are those of the process."""
    found, absent = implementations.chosen(options.peers)
    rounds = options.rounds or ROUNDS
    facts = {"batch": BATCH, "threads": options.intra_op_threads}
    case = Case(f"batch {BATCH}{environment.threads_text(options.intra_op_threads)}", facts, {}, absent=absent)
    data = _data(options.seed)
    wanted = _first_step(_build(implementations.TEXTBOOK, False, data), data, options)
    calls: dict[str, list[timing.Call]] = {}
    sessions: list[Any] = []
    variants = _variants(options, found)
    with Progress(len(variants) + rounds, "network", quiet=options.quiet) as bar:
        try:
            for name, (implementation, switched) in variants.items():
                bar.show(name)
                built = _build(implementation, switched, data)
                if _is_right(name, built, data, wanted, case, options):
                    own = [_open(built, data, options) for _ in range(options.sessions)]
                    sessions += own
                    calls[name] = [call(session, built.ops, built.switch, True) for session in own]
                    case.counts[name] = _counts(built, own[0], calls[name][0])
                bar.advance()
            case.take(timing.by_options(calls, rounds, options, bar.advance))
        finally:
            for session in sessions:
                session.close()
    return [case]


def _variants(options: Options, peers: Sequence[Implementation]) -> dict[str, tuple[Implementation | None, bool]]:
    """Returns what is timed: an implementation or None, and whether the training switch is a placeholder."""
    default, collection, again = implementations.OWN
    ours = implementations.ours
    by_kernel = implementations.of_kernels(options.kernels)
    return {
        BIASES: (None, False),
        OURS: (default, False),
        AGAIN: (again, False),
        OURS_COLLECTION: (collection, False),
        f"{OURS}_ema": (ours("ema", update_strategy="ema"), False),
        _FROZEN: (ours("frozen", update_strategy="frozen"), False),
        _PLACEHOLDER: (default, True),
        **{each.name: (each, False) for each in by_kernel},
        **{f"{each.name}_placeholder": (each, True) for each in by_kernel if each.name != NATIVE_AGAIN},
        **{peer.name: (peer, False) for peer in peers},
    }


def _data(seed: int) -> tuple[Any, Any]:
    random = np.random.RandomState(seed)
    images = random.standard_normal((BATCH, 28, 28, 1)).astype(np.float32)
    return images, random.randint(0, models.CLASSES, BATCH).astype(np.int64)


def _build(implementation: Implementation | None, switched: bool, data: tuple[Any, Any]) -> Trained:
    began = time.perf_counter()
    model = models.MODELS["cnn"]
    with tf.Graph().as_default() as graph:
        images, labels = (
            tf.get_variable(name, value.shape, value.dtype, tf.zeros_initializer(), trainable=False)
            for name, value in zip(("images", "labels"), data, strict=True)
        )
        switch = tf.placeholder(tf.bool, [], "is_training") if switched else None
        logits = logits_of(images.value(), True if switch is None else switch, implementation)
        loss = model.loss(logits, labels.value())
        optimizer = model.optimizer(LEARNING_RATE)
        pairs = optimizer.compute_gradients(loss)
        train = optimizer.apply_gradients(pairs)
        norm = tf.global_norm([gradient for gradient, _ in pairs])
        averages = [] if implementation is None else implementations.averages(graph, implementation)
        ops = [train, loss.op, *implementations.updates(graph)]
        return Trained(graph, ops, switch, loss, norm, averages, (images, labels), time.perf_counter() - began)


def logits_of(images: Any, is_training: Any, implementation: Implementation | None) -> Any:
    """Returns what the network computes with an implementation, or with biases."""
    if implementation is None:
        return models.cnn(images, is_training, models.ModelOptions(batch_norm=False)).logits
    with implementation.around(is_training):
        return models.cnn(images, is_training, models.ModelOptions(normalizer=implementation.normalize)).logits


def _is_right(
    name: str, built: Trained, data: tuple[Any, Any], wanted: check.Values, case: Case, options: Options
) -> bool:
    """Whether a variant's first step is the textbook's; else writes into the case what is wrong."""
    if name == BIASES:
        return True
    if name == _FROZEN:
        wanted = {**wanted, "moving_mean": np.zeros_like(wanted["moving_mean"])}
    errors = check.deviations(_first_step(built, data, options), wanted)
    case.errors[name] = max(errors.values())
    wrong = check.complaint(errors, TOLERANCE)
    if wrong:
        case.absent[name] = wrong
    return not wrong


def _first_step(built: Trained, data: tuple[Any, Any], options: Options) -> check.Values:
    """Returns loss and size of the gradient in the first step, and all moving means after it."""
    with _open(built, data, options) as session:
        feed = {} if built.switch is None else {built.switch: True}
        loss, norm, _ = session.run((built.loss, built.norm, built.ops), feed)
        means = session.run([mean for mean, _ in built.averages])
        return {"loss": loss, "gradient": norm, "moving_mean": np.concatenate(means)}


def _open(built: Trained, data: tuple[Any, Any], options: Options) -> Any:
    return environment.session(built.graph, options.intra_op_threads, zip(built.held, data, strict=True))


def call(session: Any, ops: list[Any], switch: Any, value: bool) -> timing.Call:
    """Returns a function that runs ops; a placeholder switch is fed."""
    if switch is None:
        return session.make_callable(ops)
    run, fed = session.make_callable(ops, feed_list=[switch]), np.array(value)
    return lambda: run(fed)


def _counts(built: Trained, session: Any, run: timing.Call) -> dict[str, float]:
    began = time.perf_counter()
    run()
    first = time.perf_counter() - began
    feed = {} if built.switch is None else {built.switch: True}
    return {
        "ops": counting.behind(built.ops),
        "build, s": built.seconds,
        "first run, s": first,
        memory.PEAK: memory.peak(session, built.ops, feed) / 1e6,
    }
