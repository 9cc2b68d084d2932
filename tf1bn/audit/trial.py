"""The numeric check of a repair: both graphs are imported and run once on the same numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.audit.attaching import Update
from tf1bn.graph import formula, running, stand_ins, switches
from tf1bn.graph.model import GraphModel
from tf1bn.graph.nodes import Tensor
from tf1bn.graph.site import Site
from tf1bn.graph.switches import Gate

_CLOSE = 1e-4

Values = Mapping[str, np.ndarray]
Told = Mapping[Tensor, bool]
"""Conditions with the values that a run is to have them at."""


def training(
    old: Any, new: Any, model: GraphModel, updates: Sequence[Update], checkpoint: Any, feed: Mapping[str, Any]
) -> list[str]:
    """Runs training steps of both graphs, in the branches that updates are in and beside each; returns what was seen.

    Each run takes as long as the graph is large, and branches can be as many as layers: those that do not exclude each
    other are taken together, and left by halves, so that for any two there is a run beside the one and in the other.

    Raises:
      RunError: a graph cannot be run.
      RepairError: an average does not move, or moves where its branch is not taken, or another variable moves
        differently.
    """
    values = running.initial(old, checkpoint)
    averages = {update.variable for update in updates}
    _require_known(averages, values)
    others = 0
    for gates, places in _rounds([update.gates for update in updates]):
        group = [updates[place] for place in places]
        told = _told(model, updates, gates)
        before, after = (_step(model, meta, values, feed, told) for meta in (old, new))
        _compare(values, before, after, group, averages)
        others = len(set(before) - averages)
        for left in _halves(list(dict.fromkeys(update.gates for update in group if update.gates))):
            beside = _step(model, new, values, feed, _told(model, updates, gates, left))
            moving = {update.variable for update in updates if update.gates not in left}
            _stand_still(values, beside, {update.variable for update in group if update.gates in left} - moving)
    return _seen(updates, others)


def _rounds(every: Sequence[frozenset[Gate]]) -> list[tuple[frozenset[Gate], list[int]]]:
    """Puts sets of conditions together that can all hold in one run; returns their union and their places."""
    rounds: list[tuple[dict[Tensor, Any], list[int]]] = []
    for place, gates in enumerate(every):
        fitting = (one for one in rounds if all(one[0].get(tensor, branch) == branch for tensor, branch in gates))
        home = next(fitting, None)
        if home is None:
            home = ({}, [])
            rounds.append(home)
        home[0].update(gates)
        home[1].append(place)
    return [(frozenset(known.items()), places) for known, places in rounds]


def _halves(every: Sequence[frozenset[Gate]]) -> Iterator[set[frozenset[Gate]]]:
    """Yields parts of several, by the digits of their numbers: of any two, each is in a part without the other."""
    for digit in range(max(1, (len(every) - 1).bit_length())):
        for side in (0, 1):
            part = {gates for place, gates in enumerate(every) if place >> digit & 1 == side}
            if part:
                yield part


def _require_known(averages: set[str], values: Values) -> None:
    """Checks that every average is a global variable, which has a value that can be set and is saved.

    Raises:
      RepairError: one is not.
    """
    lost = sorted(averages - set(values))
    if lost:
        raise errors.RepairError(
            errors.explain(
                f"the average {lost[0]!r} is not among the global variables of the graph",
                fix="Make it with collections=[tf.GraphKeys.GLOBAL_VARIABLES]: a Saver does not save it, either.",
            )
        )


def _compare(values: Values, before: Values, after: Values, group: Sequence[Update], averages: set[str]) -> None:
    still = [u.variable for u in group if np.array_equal(after[u.variable], values[u.variable])]
    if still:
        raise errors.RepairError(
            errors.explain("the check failed: an average does not move after the repair", got=still)
        )
    for name in sorted(set(before) - averages):
        if not np.allclose(before[name], after[name], rtol=_CLOSE, atol=_CLOSE, equal_nan=True):
            raise errors.RepairError(
                errors.explain(
                    f"the check failed: {name!r} moves differently after the repair", fix="Repair the program."
                )
            )


def _stand_still(values: Values, beside: Values, own: set[str]) -> None:
    moved = sorted(name for name in own if not np.array_equal(beside[name], values[name]))
    if moved:
        raise errors.RepairError(
            errors.explain("the check failed: an average moves where its branch is not taken", got=moved)
        )


def _seen(updates: Sequence[Update], others: int) -> list[str]:
    found = [
        f"one training step moves {len(updates)} averages that stood still before"
        if all(update.still for update in updates)
        else f"one training step moves {len(updates)} averages",
        f"all {others} other variables move as before",
    ]
    if any(update.gates for update in updates):
        found.append("a step that does not take the branch of an update moves none of its averages")
    return found


def _told(
    model: GraphModel, updates: Sequence[Update], gates: frozenset[Gate], left: Iterable[frozenset[Gate]] = ()
) -> dict[Tensor, bool]:
    """The values of the conditions of one run: those to run under; and of switches that choose what is written.

    Args:
      model: the graph.
      updates: all that were repaired.
      gates: the conditions that hold.
      left: the conditions of updates that must not run: the outermost of each does not hold.
    """
    moved = {update.variable for update in updates}
    told = {
        site.predicate: True if site.by_batch is None else site.by_batch
        for site in model.sites
        if site.predicate is not None and any(variable.name in moved for variable in site.statistics)
    }
    told |= {tensor: bool(branch) for tensor, branch in gates}
    for each in left:
        outer, branch = min(each, key=lambda gate: (len(model.flow.contexts[gate[0][0]]), gate[0]))
        told[outer] = not branch
    return {tensor: value for tensor, value in told.items() if model.nodes[tensor[0]].call < 0}


def inference(
    old: Any, new: Any, model: GraphModel, sites: Sequence[Site], checkpoint: Any, feed: Mapping[str, Any]
) -> list[str]:
    """Runs both graphs; each repaired site must give the textbook formula of its averages.

    Raises:
      RunError: a graph cannot be run.
      RepairError: a site's output is not that of the formula.
    """
    values = formula.shaken(running.initial(old, checkpoint), sites)
    moved = 0
    for gates, places in _rounds([stand_ins.gates(model, site.normalizers[0].node.id) for site in sites]):
        group = [sites[place] for place in places]
        told = {tensor: bool(branch) for tensor, branch in gates}
        fed, changed = (_outputs(model, meta, group, values, feed, told) for meta in (new, old))
        for site, (x, y) in zip(group, fed, strict=True):
            expected = formula.normalized(site, x, values)
            if not np.allclose(y, expected, rtol=1e-3, atol=1e-3):
                worst = float(np.max(np.abs(y - expected)))
                raise errors.RepairError(
                    errors.explain(f"the check failed: {site.scope!r} differs from the formula by {worst:.3g}")
                )
        moved += sum(not np.allclose(a[1], b[1], rtol=1e-3, atol=1e-3) for a, b in zip(fed, changed, strict=True))
    return [
        f"{len(sites)} batch norms give (x - mean) / sqrt(variance + epsilon) of their averages",
        f"{moved} of them gave something else before",
    ]


def _name(model: GraphModel, tensor: Tensor) -> str:
    return f"{model.nodes[tensor[0]].name}:{tensor[1]}"


def _step(model: GraphModel, meta: Any, values: Values, feed: Mapping[str, Any], told: Told) -> dict[str, np.ndarray]:
    """The values of all variables after one training step."""
    root = model.nodes[model.train_ops[0].roots[0]].name
    with running.opened(meta, _with_flags(model, values, told)) as session:
        running.run(session, session.graph.get_operation_by_name(root), feed, _forced(model, told))
        variables = session.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)
        return {variable.op.name: value for variable, value in zip(variables, session.run(variables), strict=True)}


def _outputs(
    model: GraphModel, meta: Any, sites: Sequence[Site], values: Values, feed: Mapping[str, Any], told: Told
) -> list[Any]:
    """What each site normalises, and what it gives."""
    names = [[_name(model, tensor) for tensor in (s.normalizers[0].x, s.normalizers[0].output)] for s in sites]
    with running.opened(meta, _with_flags(model, values, told)) as session:
        return running.run(session, names, feed, _forced(model, told))


def _with_flags(model: GraphModel, values: Values, told: Told) -> Values:
    """Values with the flags that are variables set."""
    flags = {model.nodes[tensor[0]].name: value for tensor, value in told.items()}
    return {name: np.asarray(flags[name], value.dtype) if name in flags else value for name, value in values.items()}


def _forced(model: GraphModel, told: Told) -> dict[str, bool]:
    """Conditions by name with their values, to be fed wherever they come from; constants stay as they are."""
    return {
        _name(model, tensor): value
        for tensor, value in told.items()
        if tensor[0] not in model.variables.by_node and model.switches.kind(tensor) != switches.CONSTANT
    }
