"""One call of batch norm whose batch is split over members: what it exchanges, and where in the graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.core import kernels, switch, synchronised
from tf1bn.core import moments as moments_lib
from tf1bn.core.axes import Axes
from tf1bn.core.place import Place
from tf1bn.core.values import Moments
from tf1bn.distribute import base
from tf1bn.layers.options import Switches

if TYPE_CHECKING:
    from tf1bn.distribute.statistics import Statistics


def check(statistics: Statistics | None, where: Place, switches: Switches, *, renormalizes: bool) -> None:
    """Refuses a place of the graph where members cannot exchange; creates no op.

    Raises:
      PlacementError: the call is in a loop, in a branch where its engine cannot exchange, or where the reducer says
        so; or members would read averages while the first one moves them.
    """
    use_batch = switches.is_training if switches.use_batch is None else switches.use_batch
    if statistics is None or (switch.known_false(switches.is_training) and switch.known_false(use_batch)):
        return
    if statistics.exchanges and (where.repeats or (where.frames and not statistics.in_branch)):
        raise errors.PlacementError(
            errors.explain(
                f"members of reducer {statistics.reducer.name!r} cannot exchange inside {where.describe()}",
                fix="Call the layer outside, with the predicate as `is_training`.",
            )
        )
    statistics.check()
    shared = statistics.reducer is not None and base.shares_one_set(statistics.reducer)
    apart = switches.use_batch is not None or renormalizes
    if shared and apart and statistics.averages == "first" and not switch.known_false(switches.is_training):
        raise errors.PlacementError(
            errors.explain(
                'averages="first" does not go with `renorm` or `use_batch_statistics`: the other members read what the '
                "first one moves, and nothing orders that",
                fix='Use averages="combined".',
            )
        )


def centre(statistics: Statistics | None, read: Callable[[], Any] | None) -> Callable[..., Any] | None:
    """Returns what centres an input by the moments of all members; None where each member's own ones do.

    Trick: the member that moves shared variables does so after it has the sums of all. So what another member reads
    of them, it reads before it gives its own sums.

    Args:
      read: reads what the member needs of the variables that move, if anything.
    """
    if statistics is None or statistics.normalize == "own":
        return None
    reducer = statistics.reducer

    def of_all(x: Any, axes: Axes, weights: Any) -> moments_lib.Centred:
        with tf.control_dependencies([] if read is None else list(read())):
            shard = synchronised.Shard(x, axes, weights)
            if statistics.rounds == 2:
                return synchronised.two_rounds([shard], reducer.all_sum)[0]
            return synchronised.one_round(shard, lambda tensors: base.gather(reducer, tensors))

    return of_all


def normalize(call: Any) -> tuple[tf.Tensor, Moments | None]:
    """Returns the output, and the moments that the averages take in where this run may move them.

    What members exchange for the averages stands with the output, not with the update: every member takes part,
    and only one may have an update.
    """
    switches = call.switches
    if switches.one:
        return _selected(call, switches.use_batch, lambda: _by_batch(call, keep=switches.is_training is not False))
    y, _ = _selected(call, switches.use_batch, lambda: _by_batch(call, keep=False))
    with tf.control_dependencies([y]):  # which may have read the averages
        keep = _moments_alone(call)
    return (y, None) if keep is None else (_behind(keep, y), keep)


def _selected(call: Any, use_batch: Any, by_batch: Callable[[], Any]) -> tuple[tf.Tensor, Moments | None]:
    """Returns output and moments by the switch; where an engine cannot exchange in a branch, both are computed."""

    def by_averages() -> tuple[Any, Moments]:
        return call.by_averages(kept), kept._replace(count=tf.zeros([], kept.mean.dtype))

    if use_batch is True:
        return by_batch()
    kept = call.read_outside()
    if use_batch is False:
        return call.by_averages(kept), None
    made = None if call.options.statistics.in_branch else _flat(by_batch())
    y, *moments = tf.cond(use_batch, lambda: made or _flat(by_batch()), lambda: _flat(by_averages()))
    y.set_shape(call.x.shape)
    return y, Moments(*moments)


def _by_batch(call: Any, *, keep: bool) -> tuple[tf.Tensor, Moments]:
    y, batch = call.by_batch()
    if not keep:
        return y, batch
    kept = _to_keep(call, batch)
    return (y, kept) if kept is batch else (_behind(kept, y), kept)


def _moments_alone(call: Any) -> Moments | None:
    """Returns the moments for averages that move where the output does not need the batch's."""
    training, statistics = call.switches.is_training, call.options.statistics
    if training is False:
        return None

    def made() -> list[Any]:
        return list(_to_keep(call, kernels.moments(call.x, call.axes, call.variant)))

    if training is True or not statistics.in_branch:
        return Moments(*made())
    kept = call.kept.read()
    nothing = [kept.mean, kept.variance, tf.zeros([], kept.mean.dtype)]
    return Moments(*tf.cond(training, lambda: _typed(made()), lambda: nothing))


def _to_keep(call: Any, batch: Moments) -> Moments:
    """Returns what the averages take in, from the moments that normalise."""
    statistics = call.options.statistics
    if not statistics.exchanges:
        return batch
    whole = base.whole(statistics.reducer)
    own = statistics.normalize == "own"
    if statistics.averages == "combined":
        if not own and whole is statistics.reducer:
            return batch
        return synchronised.pooled(_own_count(call), batch, whole.all_sum)
    if statistics.averages == "first" and not call.writes:
        return batch
    alone = batch if own else kernels.moments(call.x, call.axes, call.variant._replace(centre=None))
    if statistics.averages == "replica_mean":
        return synchronised.averaged(alone.count, alone, whole.all_sum)
    return alone


def _own_count(call: Any) -> Any:
    """Returns the number of values, or their total weight, that this member holds."""
    x = kernels.widen(call.x)
    if call.variant.weights is None:
        return moments_lib.count(x, call.axes, x.dtype)
    return tf.reshape(moments_lib.shares(x, call.axes.reduced, tf.cast(call.variant.weights, x.dtype))[1], [])


def _behind(moments: Moments, y: tf.Tensor) -> tf.Tensor:
    with tf.control_dependencies([value for value in moments if tf.is_tensor(value)]):
        return tf.identity(y)


def _flat(found: tuple[tf.Tensor, Moments]) -> list[Any]:
    y, moments = found
    return [y, *_typed(moments)]


def _typed(moments: Any) -> list[Any]:
    mean, variance, count = moments
    return [mean, variance, tf.cast(count, mean.dtype)]
