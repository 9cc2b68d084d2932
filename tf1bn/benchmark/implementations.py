"""Ways to normalise a batch, under one signature: tf1bn's, the formula of every tutorial, and those of peers."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.benchmark import peers
from tf1bn.benchmark.variants import AGAIN, NATIVE, NATIVE_AGAIN, OURS, OURS_COLLECTION, OURS_PRECISE
from tf1bn.core import kernels
from tf1bn.layers.batch_norm import batch_norm

DECAY, EPSILON = 0.99, 1e-3


@dataclasses.dataclass(frozen=True)
class Implementation:
    """One way.

    Attributes:
      name: what results call it.
      normalize: input and training switch (a bool or a tensor) to output; makes ``gamma``, ``beta`` and averages.
      averages: last parts of the names of its averages.
      around: training switch to the context in which a graph is built.
      static: whether the switch must be a Python bool.
    """

    name: str
    normalize: Callable[[Any, Any], Any]
    averages: tuple[str, str] = ("moving_mean", "moving_variance")
    around: Callable[[Any], AbstractContextManager[Any]] = contextlib.nullcontext
    static: bool = False


def textbook(x: Any, is_training: Any) -> Any:
    """Normalises by hand: tf.nn.moments, an assignment to each average, tf.nn.batch_normalization.

    A switch that is a tensor chooses the side with tf.cond.
    """
    with tf.variable_scope(None, "textbook"):
        shape, dtype = x.shape.as_list()[-1:], x.dtype
        gamma = tf.get_variable("gamma", shape, dtype, tf.ones_initializer())
        beta = tf.get_variable("beta", shape, dtype, tf.zeros_initializer())
        mean = tf.get_variable("moving_mean", shape, dtype, tf.zeros_initializer(), trainable=False)
        variance = tf.get_variable("moving_variance", shape, dtype, tf.ones_initializer(), trainable=False)

    def train() -> Any:
        found = tf.nn.moments(x, list(range(x.shape.rank - 1)))
        moved = [
            tf.assign(average, average * DECAY + batch * (1 - DECAY))
            for average, batch in zip((mean, variance), found, strict=True)
        ]
        with tf.control_dependencies([tensor.op for tensor in moved]):
            return tf.nn.batch_normalization(x, *found, beta, gamma, EPSILON)

    def infer() -> Any:
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, EPSILON)

    if isinstance(is_training, bool):
        return train() if is_training else infer()
    return tf.cond(is_training, train, infer)


def ours(name: str, **arguments: Any) -> Implementation:
    """Returns tf1bn's layer with arguments."""

    def normalize(x: Any, is_training: Any) -> Any:
        return batch_norm(x, is_training, decay=DECAY, epsilon=EPSILON, **arguments)

    return Implementation(name, normalize)


def of_kernel(name: str) -> Implementation:
    """Returns tf1bn's layer with a kernel that is named and not chosen.

    Raises:
      UnknownNameError: there is no kernel of that name.
    """
    if name not in kernels.NAMES:
        raise errors.UnknownNameError(
            errors.explain(
                f"unknown kernel {name!r}",
                expected=f"one of {', '.join(sorted(kernels.NAMES))}",
                fix=errors.did_you_mean(name, kernels.NAMES).strip(),
            )
        )
    return ours(f"{OURS}:{name}", kernel=name)


TEXTBOOK = Implementation("textbook", textbook)
DEFAULT = ours(OURS)
OWN = (DEFAULT, ours(OURS_COLLECTION, update_strategy="collection"), ours(AGAIN))
PRECISE = ours(OURS_PRECISE, precise=True)


def of_kernels(names: Sequence[str]) -> list[Implementation]:
    """Returns tf1bn's layer with each kernel of these names; the native one twice, since goals ask for its noise.

    Raises:
      UnknownNameError: there is no kernel of that name.
    """
    found = [of_kernel(name) for name in names]
    again = [dataclasses.replace(each, name=NATIVE_AGAIN) for each in found if each.name == NATIVE]
    return found + again


def chosen(names: tuple[str, ...]) -> tuple[list[Implementation], dict[str, str]]:
    """Returns the peers of these names that can run here, and why the others cannot.

    Args:
      names: of ``variants.PEERS``.
    """
    found, absent = [], {}
    for name in names:
        missing = peers.missing(name)
        if name == TEXTBOOK.name:
            found.append(TEXTBOOK)
        elif missing:
            absent[name] = missing
        else:
            found.append(
                Implementation(
                    name,
                    peers.normalizer(name, DECAY, EPSILON),
                    peers.averages(name),
                    functools.partial(peers.around, name),
                    static=name == "tensorpack",
                )
            )
    return found, absent


def affine(graph: Any) -> list[tuple[Any, Any]]:
    """Returns gamma and beta of each layer of a graph, in the order in which the layers were made."""
    with graph.as_default():
        return _columns(tf.trainable_variables(), ("gamma", "beta"))


def averages(graph: Any, implementation: Implementation) -> list[tuple[Any, Any]]:
    """Returns mean and variance of each layer of a graph, in the order in which the layers were made."""
    with graph.as_default():
        kept = [variable for variable in tf.global_variables() if variable not in tf.trainable_variables()]
    return _columns(kept, implementation.averages)


def updates(graph: Any) -> list[Any]:
    """Returns the ops that wait in UPDATE_OPS."""
    entries = graph.get_collection(tf.GraphKeys.UPDATE_OPS)
    return [entry if isinstance(entry, tf.Operation) else entry.op for entry in entries]


def _columns(variables: Sequence[Any], leaves: tuple[str, str]) -> list[tuple[Any, Any]]:
    columns = [[variable for variable in variables if variable.op.name.endswith(f"/{leaf}")] for leaf in leaves]
    return list(zip(*columns, strict=True))
