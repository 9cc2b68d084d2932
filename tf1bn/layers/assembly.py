"""Putting one batch norm together: what it keeps is made once, what it computes at each call.

``batch_norm`` does both in one go. A layer object of another dialect makes its variables in its first call and
runs on the same ones in later calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from tf1bn.core import place, records, switch, variables
from tf1bn.core.ledger import Watched, ledger
from tf1bn.core.naming import OWN, Naming
from tf1bn.core.values import Moments
from tf1bn.layers import kept as kept_lib
from tf1bn.layers import merging, updates
from tf1bn.layers.call import Call, Inputs
from tf1bn.layers.options import Options, Switches, make_affine
from tf1bn.strategies import base


class Made(NamedTuple):
    """The variables of one layer; gamma and beta are None where they are switched off."""

    gamma: Any
    beta: Any
    kept: kept_lib.Kept


class Order(NamedTuple):
    """What the update of one call waits for, and the ``merged_updates`` block that it is part of."""

    earlier: Sequence[Any] = ()
    merger: merging.Merger | None = None


class Result(NamedTuple):
    """The output of one call (of several towers, a list), and the operations that stand for its update."""

    y: Any
    updates: Sequence[Any] = ()


def request(scope: str, inputs: Inputs, switches: Switches, options: Options, naming: Naming = OWN) -> base.Request:
    """Returns what the strategy is asked to keep for a call at the current place of the graph."""
    return base.Request(
        scope=scope,
        shape=inputs.axes.parameter_shape,
        dtype=variables.statistics_dtype(inputs.dtype),
        decay=options.decay,
        updates=_may_update(switches, options),
        place=place.here(),
        mean_initializer=options.mean_initializer,
        variance_initializer=options.variance_initializer,
        schedule=options.schedule.given,
        second="moving_variance" if options.renorm is None else "moving_stddev",
        naming=naming,
        conditional=_conditional(inputs, switches, options),
        bessel_correction=options.bessel_correction,
        first_replica=options.statistics is not None and options.statistics.averages == "first",
    )


def _may_update(switches: Switches, options: Options) -> bool:
    if place.recomputed():  # the first pass has the update
        return False
    if switch.known_false(switches.is_training) or not base.may_move(options.strategy):
        return False
    return options.statistics is None or options.statistics.moves()


def _conditional(inputs: Inputs, switches: Switches, options: Options) -> bool:
    """Whether a conditional of the layer stands around the update: not in training always, and of any batch."""
    certain = switch.known_true(switches.is_training) and options.numeric_guard is None
    return not (certain and inputs.axes.values_per_channel and not inputs.weighting)


def order(request: base.Request, switches: Switches, options: Options) -> Order:
    """Returns what the update must wait for; creates no op.

    Raises:
      PlacementError: an earlier update may run in the same step, and no order can be given.
      PlacementError, ArgumentError: the call cannot take part in the open ``merged_updates`` block.
    """
    if not request.updates:
        return Order()
    earlier = ledger().previous_updates(request.scope, request.place, unordered=_unordered(options))
    merger = merging.current()
    if merger is not None:
        merging.check(merger, request.scope, options, request.place, switches)
    return Order(earlier, merger)


def _unordered(options: Options) -> bool:
    """What ``Kept.unordered`` will say, before anything is made."""
    simple = options.renorm is None and not options.schedule.zero_debias
    return simple and base.needs_no_order(options.strategy)


def create(request: base.Request, options: Options) -> Made:
    """Makes or reuses the variables of one layer in the current variable scope, in the order of the naming."""
    naming = request.naming
    affine = {
        leaf: make_affine(leaf, getattr(options, leaf), request.shape, request.dtype, naming)
        for leaf in naming.affine_order
    }
    return Made(affine["gamma"], affine["beta"], kept_lib.create(request, options))


def run(
    made: Made, inputs: Inputs, request: base.Request, order: Order, switches: Switches, options: Options
) -> Result:
    """Builds one call: normalisation, update, records; returns the output and what stands for the update."""
    names = request.naming.ops.claim()
    with request.naming.ops.aside():
        alone = not order.earlier and order.merger is None
        call = Call.of(inputs, (made.gamma, made.beta), made.kept, switches, options, alone=alone)
        computed = call.normalize()
    return finish(call, request, order, computed, names)


def finish(
    call: Any,
    request: base.Request,
    order: Order,
    computed: tuple[Any, Moments | None],
    names: dict[str, list[str]] | None = None,
) -> Result:
    """Builds the update of a call where its plan says, and notes it; of several towers, the output is a list.

    Args:
      computed: what the call's ``normalize`` returned.
      names: of ops, as they were claimed for this call.
    """
    options = call.options
    y, batch = computed
    if place.recomputed():
        return Result(y)
    tensors = request.naming.ops.tensors
    # By shares nothing moves where nothing shall, so the update runs in any case.
    shared = batch is not None and batch.shares is not None
    guard = None if shared else options.numeric_guard
    update = updates.Update(call.kept, guard, request.scope, call.may_be_empty, names or {}, tensors)
    if request.place.top_level:
        watched = Watched(request.scope, call.kept.read, batch, options.decay, options.epsilon, request.updates)
        ledger().watched.append(watched)
    if order.merger is not None:
        record, before = _record(call, request, y), call.reads_before_moving(y)
        moves = call.moves() if not call.may_be_empty else switch.both(call.moves(), batch.count > 0)
        member = merging.Member(request.scope, call.kept, options, moves, batch, record, before)
        order.merger.members.append(member)
        return Result(update.named(y))
    after = [*order.earlier, *call.reads_before_moving(y)]
    done = update.build(True if shared else call.moves(), lambda: call.moments_to_keep(batch), after)
    y = update.attach(done, y)
    records.add({**_record(call, request, y), "placement": done.placement, "updates": [op.name for op in done.ops]})
    return Result(y, done.ops)


def _record(whole: Any, request: base.Request, y: Any) -> dict[str, Any]:
    """Returns what is noted of a call, or of the one call of several towers."""
    call = whole.first
    options = call.options
    return {
        **_formula(call, request),
        "calls": [] if place.in_function() else whole.spoken(y),
        "scope": request.scope,
        "strategy": options.strategy.name,
        "decay": options.decay if isinstance(options.decay, float) else None,
        "zero_debias": options.schedule.zero_debias,
        "num_updates": options.schedule.num_updates is not None,
        "epsilon": options.epsilon,
        "center": call.beta is not None,
        "scale": call.gamma is not None,
        "trainable": any(affine.trainable for affine in (options.gamma, options.beta) if affine is not None),
        "axis": list(call.axes.kept),
        "bessel_correction": options.bessel_correction,
        "numeric_guard": options.numeric_guard,
        "weighted": call.variant.weights is not None,
        "renorm": options.renorm is not None,
        "virtual_batch_size": options.group_size,
        "adjustment": options.adjustment is not None,
        "kernel": call.kernel.name,
        "precise": call.kernel.precise,
        "statistics": None if options.statistics is None else options.statistics.spoken,
        "inputs": call.x.name,
        "is_training": _spoken(call.switches.is_training),
        "use_batch_statistics": _spoken(call.switches.use_batch),
    }


def _formula(call: Call, request: base.Request) -> dict[str, Any]:
    """Returns what inference would compute with, by name: enough to put it in the place of what training computes."""
    alone = call.switches.is_training is False and call.switches.use_batch is False
    return {
        "shape": call.x.shape.as_list(),
        "parameter_shape": list(request.shape),
        "asked_kernel": call.options.kernel,
        "averages": [] if alone or place.in_function() else call.kept.spoken(),
        "gamma": None if call.gamma is None else call.gamma.name,
        "beta": None if call.beta is None else call.beta.name,
    }


def _spoken(value: switch.Switch) -> bool | str:
    return value if isinstance(value, bool) else value.name
