"""The numeric check of a repair: both graphs are imported and run once on the same numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.graph import formula, running
from tf1bn.graph.model import GraphModel
from tf1bn.graph.nodes import Tensor
from tf1bn.graph.sites import Site

_CLOSE = 1e-4


def training(
    old: Any, new: Any, model: GraphModel, averages: Sequence[str], checkpoint: Any, feed: Mapping[str, Any]
) -> list[str]:
    """Runs one training step of both graphs; returns what was seen.

    Raises:
      RunError: a graph cannot be run.
      RepairError: an average does not move, or another variable moves differently.
    """
    root = model.train_ops[0].name
    values = running.initial(old, checkpoint)
    before, after = (_step(meta, root, values, feed) for meta in (old, new))
    still = [name for name in averages if np.array_equal(after[name], values[name])]
    if still:
        raise errors.RepairError(
            errors.explain("the check failed: an average does not move after the repair", got=still)
        )
    for name in sorted(set(before) - set(averages)):
        if not np.allclose(before[name], after[name], rtol=_CLOSE, atol=_CLOSE, equal_nan=True):
            raise errors.RepairError(
                errors.explain(
                    f"the check failed: {name!r} moves differently after the repair", fix="Repair the program."
                )
            )
    return [
        f"one training step moves {len(averages)} averages that stood still before",
        f"all {len(before) - len(averages)} other variables move as before",
    ]


def inference(
    old: Any, new: Any, model: GraphModel, sites: Sequence[Site], checkpoint: Any, feed: Mapping[str, Any]
) -> list[str]:
    """Runs both graphs; each repaired site must give the textbook formula of its averages.

    Raises:
      RunError: a graph cannot be run.
      RepairError: a site's output is not that of the formula.
    """
    values = formula.shaken(running.initial(old, checkpoint), sites)
    names = [tuple(_name(model, tensor) for tensor in (s.normalizers[0].x, s.normalizers[0].output)) for s in sites]
    fed = _outputs(new, names, values, feed)
    for site, (x, y) in zip(sites, fed, strict=True):
        expected = formula.normalized(site, x, values)
        if not np.allclose(y, expected, rtol=1e-3, atol=1e-3):
            worst = float(np.max(np.abs(y - expected)))
            raise errors.RepairError(
                errors.explain(f"the check failed: {site.scope!r} differs from the formula by {worst:.3g}")
            )
    changed = _outputs(old, names, values, feed)
    moved = sum(not np.allclose(a[1], b[1], rtol=1e-3, atol=1e-3) for a, b in zip(fed, changed, strict=True))
    return [
        f"{len(sites)} batch norms give (x - mean) / sqrt(variance + epsilon) of their averages",
        f"{moved} of them gave something else before",
    ]


def _name(model: GraphModel, tensor: Tensor) -> str:
    return f"{model.nodes[tensor[0]].name}:{tensor[1]}"


def _step(meta: Any, root: str, values: Mapping[str, np.ndarray], feed: Mapping[str, Any]) -> dict[str, np.ndarray]:
    with running.opened(meta, values) as session:
        running.run(session, session.graph.get_operation_by_name(root), feed)
        variables = session.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)
        return {variable.op.name: value for variable, value in zip(variables, session.run(variables), strict=True)}


def _outputs(meta: Any, names: Any, values: Any, feed: Mapping[str, Any]) -> list[Any]:
    with running.opened(meta, values) as session:
        return running.run(session, [list(pair) for pair in names], feed)
