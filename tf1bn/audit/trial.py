"""The numeric check of a repair: both graphs are imported and run once on the same numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.audit.graph import GraphModel
from tf1bn.audit.nodes import Tensor
from tf1bn.audit.sites import Site
from tf1bn.audit.values import CheckpointValues

_ROWS = 4
_CLOSE = 1e-4


def training(
    old: Any, new: Any, model: GraphModel, averages: Sequence[str], checkpoint: Any, feed: Mapping[str, Any]
) -> list[str]:
    """Runs one training step of both graphs; returns what was seen.

    Raises:
      RepairError: a graph cannot be run, an average does not move, or another variable moves differently.
    """
    root = model.train_ops[0].name
    values = _initial(old, checkpoint)
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
      RepairError: a graph cannot be run, or a site's output is not that of the formula.
    """
    values = _shaken(_initial(old, checkpoint), sites)
    names = [tuple(_name(model, tensor) for tensor in (s.normalizers[0].x, s.normalizers[0].output)) for s in sites]
    fed = _outputs(new, names, values, feed)
    for site, (x, y) in zip(sites, fed, strict=True):
        expected = _formula(site, x, values)
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


def _formula(site: Site, x: np.ndarray, values: Mapping[str, np.ndarray]) -> np.ndarray:
    item = site.normalizers[0]
    first = item.data_format.startswith("NC") and x.ndim > 2
    spread = (1, -1) + (1,) * (x.ndim - 2) if first else (-1,)

    def value(variable: Any, default: float) -> Any:
        return default if variable is None else values[variable.name].astype(np.float64).reshape(spread)

    scaled = (x - value(site.mean[0], 0.0)) / np.sqrt(value(site.variance[0], 1.0) + item.epsilon)
    return scaled * value(site.gamma, 1.0) + value(site.beta, 0.0)


def _shaken(values: dict[str, np.ndarray], sites: Sequence[Site]) -> dict[str, np.ndarray]:
    """Gives averages that are all 0 and 1 other values, so that the check can tell them from batch moments."""
    generator = np.random.default_rng(0)
    for site in sites:
        mean, variance = site.mean[0].name, site.variance[0].name
        if np.all(values[mean] == 0) and np.all(values[variance] == 1):
            values[mean] = generator.normal(size=values[mean].shape).astype(values[mean].dtype)
            values[variance] = generator.uniform(0.5, 2.0, values[variance].shape).astype(values[variance].dtype)
    return values


def _initial(meta: Any, checkpoint: Any) -> dict[str, np.ndarray]:
    """The values that both graphs start from: those of the checkpoint, else initial ones."""
    with _session(meta) as session:
        variables = session.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)
        values = {variable.op.name: value for variable, value in zip(variables, session.run(variables), strict=True)}
    stored: Any = CheckpointValues(checkpoint) if checkpoint is not None else {}
    return {
        name: np.asarray(stored.get(name)) if name in stored else np.asarray(value) for name, value in values.items()
    }


def _step(meta: Any, root: str, values: Mapping[str, np.ndarray], feed: Mapping[str, Any]) -> dict[str, np.ndarray]:
    with _session(meta, values) as session:
        operation = session.graph.get_operation_by_name(root)
        _run(session, operation, feed)
        variables = session.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)
        return {variable.op.name: value for variable, value in zip(variables, session.run(variables), strict=True)}


def _outputs(meta: Any, names: Any, values: Any, feed: Mapping[str, Any]) -> list[Any]:
    with _session(meta, values) as session:
        return _run(session, [list(pair) for pair in names], feed)


def _run(session: Any, fetches: Any, feed: Mapping[str, Any]) -> Any:
    try:
        return session.run(fetches, dict(_feeds(session.graph, feed)))
    except (tf.errors.OpError, ValueError) as error:
        raise errors.RepairError(
            errors.explain(
                f"the graph cannot be run for the check ({str(error)[:200]})",
                fix="Give values for its placeholders, or repair the program instead.",
            )
        ) from error


def _session(meta: Any, values: Any = None) -> Any:
    """A session of an imported copy; random ops get a fixed seed, so that two copies agree."""
    copy = tf.MetaGraphDef()
    copy.CopyFrom(meta)
    for number, node in enumerate(copy.graph_def.node):
        if "seed" in node.attr and "seed2" in node.attr:
            node.attr["seed"].i, node.attr["seed2"].i = 1, number + 1
        if "_output_shapes" in node.attr:
            del node.attr["_output_shapes"]
    graph = tf.Graph()
    with graph.as_default():
        try:
            tf.train.import_meta_graph(copy, clear_devices=True)
            session = tf.Session(graph=graph)
            variables = graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)
            session.run([item.initializer for item in variables + graph.get_collection(tf.GraphKeys.LOCAL_VARIABLES)])
            for variable in variables if values is not None else ():
                session.run(variable.initializer, {variable.initializer.inputs[1]: values[variable.op.name]})
        except (tf.errors.OpError, ValueError, TypeError, KeyError) as error:
            raise errors.RepairError(
                errors.explain(f"this TensorFlow cannot import or initialise the graph ({str(error)[:200]})")
            ) from error
    return session


def _feeds(graph: Any, feed: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Yields a value for every placeholder: the given one, else a made-up one of its shape."""
    generator = np.random.default_rng(0)
    given = {name.split(":")[0]: value for name, value in feed.items()}
    for operation in graph.get_operations():
        if operation.type not in ("Placeholder", "PlaceholderV2"):
            continue
        tensor = operation.outputs[0]
        if operation.name in given:
            yield tensor, given[operation.name]
            continue
        if tensor.shape.rank is None:
            continue
        shape = [_ROWS if size is None else size for size in tensor.shape.as_list()]
        kind = tensor.dtype.as_numpy_dtype
        if tensor.dtype.is_floating:
            yield tensor, generator.normal(size=shape).astype(kind)
        elif tensor.dtype.is_integer:
            yield tensor, np.zeros(shape, kind)
        elif tensor.dtype.is_bool:
            yield tensor, np.ones(shape, bool)
