"""One update for several calls on the same variables."""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.core import moments as moments_lib
from tf1bn.core import place, records
from tf1bn.core.ledger import Writer, ledger
from tf1bn.core.values import Moments
from tf1bn.layers.kept import Kept, as_ops
from tf1bn.layers.options import Options
from tf1bn.strategies.base import NOWHERE, OUTPUT, pools


@dataclasses.dataclass
class Member:
    """One call that waits for the merged update."""

    scope: str
    kept: Kept
    options: Options
    moves: Any
    moments: Moments
    record: dict[str, Any]
    before: list[Any]


@dataclasses.dataclass
class Merger:
    """The calls of one ``merged_updates`` block."""

    place: place.Place
    graph: tf.Graph
    members: list[Member] = dataclasses.field(default_factory=list)


_open: contextvars.ContextVar[Merger | None] = contextvars.ContextVar("tf1bn_merger", default=None)


def current() -> Merger | None:
    """Returns the innermost open block, if there is one."""
    return _open.get()


@contextlib.contextmanager
def merged_updates(collection: str = tf.GraphKeys.UPDATE_OPS) -> Iterator[None]:
    """Merges what the calls in the block would move: each layer's averages move once, by the pooled moments.

    For calls on the same variables, such as the two branches of a siamese network, real and generated images of
    a GAN's discriminator, or the steps of an unrolled sequence. With n_i values, mean m_i and variance v_i in
    call i: n = sum(n_i), mean = sum(n_i m_i) / n, variance = sum(n_i (v_i + (m_i - mean)^2)) / n, which are the
    moments of all inputs together. Each call is still normalised by its own batch.

    Graph effects:
      Outputs do not depend on the merged update, whatever the strategy: its ops are in ``collection``, and
      ``tf1bn.minimize`` or ``tf1bn.with_updates`` runs them. A call whose switch is off in a run has no part in it.

    Args:
      collection: name of the graph collection in which the ops wait.

    Raises:
      PlacementError: the block is inside a conditional or loop, a call in it is, or blocks are nested.
      ArgumentError: calls that share variables differ in strategy, decay or Bessel's correction, or a call has a
        numeric guard or two separate switches.

    Example:
      >>> with tf1bn.merged_updates():
      ...     real = tf1bn.batch_norm(images, True, scope="bn")
      ...     fake = tf1bn.batch_norm(generated, True, scope="bn", reuse=True)
      >>> train_op = tf1bn.minimize(optimizer, loss)
    """
    with errors.located("merged_updates"):
        place.require_graph_mode()
        where = place.here()
        if not where.top_level or _open.get() is not None:
            inside = "another merged_updates block" if where.top_level else where.describe()
            raise errors.PlacementError(
                errors.explain(f"the block is inside {inside}", fix="Open one block at the top level of the graph.")
            )
        if not isinstance(collection, str) or collection in ("", OUTPUT, NOWHERE):
            raise errors.ArgumentTypeError(
                errors.explain("`collection` must be the name of a collection", got=collection)
            )
    merger = Merger(where, place.root_graph())
    token = _open.set(merger)
    try:
        yield
    finally:
        _open.reset(token)
    with errors.located("merged_updates"):
        _finish(merger, collection)


def check(merger: Merger, scope: str, options: Options, where: place.Place, switches: Any) -> None:
    """Refuses a call that cannot take part in the merged update, before it is built.

    Raises:
      PlacementError, ArgumentError: as ``merged_updates``.
    """
    if where.context != merger.place.context or place.root_graph() is not merger.graph:
        raise errors.PlacementError(
            errors.explain(f"the call is inside {where.describe()}, its merged_updates block is not")
        )
    if options.numeric_guard is not None or switches.use_batch is not None or options.group_size is not None:
        raise errors.ArgumentError(
            errors.explain(
                "`numeric_guard`, `use_batch_statistics` and `virtual_batch_size` do not go with merged_updates, which "
                "pools the moments of whole batches that were normalised by them"
            )
        )
    for member in merger.members:
        if member.scope == scope and _rule(member.options) != _rule(options):
            raise errors.ArgumentError(
                errors.explain(
                    "calls on the same variables in one merged_updates block differ in how averages move",
                    got=_spoken(options),
                    expected=_spoken(member.options),
                )
            )


def _rule(options: Options) -> tuple[Any, ...]:
    """Returns what must be the same in all calls; tensors are the same only if they are one object."""
    renorm = options.renorm
    return (
        _identity(options.strategy),
        _identity(options.decay),
        options.bessel_correction,
        options.schedule.zero_debias,
        _identity(options.schedule.num_updates),
        None if renorm is None else (_identity(renorm.decay), options.epsilon),
    )


def _identity(value: Any) -> Any:
    """Returns a number as it is, a strategy by its fields, anything else by identity."""
    if value is None or isinstance(value, (int, float, str)):
        return value
    if dataclasses.is_dataclass(value):
        fields = dataclasses.fields(value)
        return type(value).__qualname__, *(_identity(getattr(value, field.name)) for field in fields)
    return id(value)


def _spoken(options: Options) -> str:
    schedule = "".join(f", {name}" for name in options.schedule.given)
    bessel = ", bessel_correction" if options.bessel_correction else ""
    return f"{options.strategy.name}, decay {options.decay}{schedule}{bessel}{', renorm' if options.renorm else ''}"


def _finish(merger: Merger, collection: str) -> None:
    scopes: dict[str, list[Member]] = {}
    for member in merger.members:
        scopes.setdefault(member.scope, []).append(member)
    for scope, members in scopes.items():
        with tf.name_scope(f"{scope}/merged_update"):
            unordered = members[0].kept.unordered
            ops = _update(members, ledger().previous_updates(scope, merger.place, unordered=unordered))
        for op in ops:
            tf.add_to_collection(collection, op)
        ledger().writers.setdefault(scope, []).append(Writer(ops, merger.place, unordered))
        names = [op.name for op in ops]
        for member in members:
            records.add({**member.record, "placement": collection, "updates": names, "merged": len(members)})


def _update(members: list[Member], earlier: list[Any]) -> list[Any]:
    pooled, any_moves = _pool(members)
    first = members[0]
    if first.options.bessel_correction and not pools(first.options.strategy):
        pooled = moments_lib.unbiased(pooled)

    def write() -> list[Any]:
        return as_ops(first.kept.update(pooled).ops)

    before = [op for member in members for op in member.before]
    with tf.control_dependencies(as_ops([*earlier, *before])):
        return write() if any_moves is True else [_gated(any_moves, write)]


def _gated(switch: Any, write: Callable[[], list[Any]]) -> Any:
    def moved() -> Any:
        with tf.control_dependencies(write()):
            return tf.constant(True)

    return tf.cond(switch, moved, lambda: tf.constant(False))


def _pool(members: list[Member]) -> tuple[Moments, Any]:
    """Returns the moments of all inputs together, and whether any call moves the averages."""
    dtype = members[0].moments.mean.dtype
    counts = [tf.cast(m.moments.count, dtype) * tf.cast(m.moves, dtype) for m in members]
    total = tf.add_n(counts)
    shares = [tf.math.divide_no_nan(n, total) for n in counts]
    # A call whose switch is off, or whose batch is empty, has share 0, and its moments may be anything.
    mean = tf.add_n([_weighted(share, m.moments.mean) for share, m in zip(shares, members, strict=True)])
    spread = [m.moments.variance + tf.square(m.moments.mean - mean) for m in members]
    variance = tf.add_n([_weighted(share, value) for share, value in zip(shares, spread, strict=True)])
    certain = any(m.moves is True for m in members)
    return Moments(mean, variance, total), True if certain else total > 0


def _weighted(share: Any, value: Any) -> Any:
    return tf.where_v2(share > 0, share * value, tf.zeros_like(value))
