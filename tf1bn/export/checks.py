"""What is asked of an export before it is moved into place: it is run beside its source, on the same numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.export import variables
from tf1bn.export.forms import Product
from tf1bn.export.inference import Made
from tf1bn.graph import formula, running
from tf1bn.graph.model import GraphModel
from tf1bn.graph.site import MOVING

_CLOSE = 1e-5
_CLOSE_OTHERWISE = 1e-4
"""Allowed for another kernel: TFLite's, or that of another batch size. Relative to the largest output."""

_HALF = {"float16": 2e-3, "bfloat16": 1.6e-2}
"""Two roundings of a half-precision output."""


class Reference:
    """The outputs that an export must have, for one feed.

    Attributes:
      feed: the inputs by key.
      outputs: the outputs by key.
      checks: what was compared to be sure of them.
    """

    def __init__(
        self, made: Made, product: Product, values: Mapping[str, np.ndarray], given: Mapping[str, Any]
    ) -> None:
        self.checks: list[str] = []
        # The source itself is the reference, unless a batch norm of it never read its averages: then a formula is.
        draft, outputs, switches = made.source, made.wanted, made.result.switches
        if made.changed:
            draft, switches = made.draft, {}
            outputs = {key: _ref(name) for key, name in product.outputs.items()}
        meta = variables.with_initializers(draft, {name: value.shape for name, value in values.items()})
        known = {name: values[name] for name in variables.names(draft) if name in values}
        rest = _zeros(draft, set(variables.names(draft)) - set(known))
        with running.opened(meta, known | rest | _bound_variables(draft, switches)) as session:
            self.feed = _feed(session, product, given)
            fed = {product.inputs[key]: value for key, value in self.feed.items()} | _bound_tensors(draft, switches)
            names = {key: f"{name}:{output}" for key, (name, output) in outputs.items()}
            self.outputs = _run(session, names, fed)
        if made.changed:
            self._check_formula(made, known, meta, fed)

    def _check_formula(self, made: Made, values: dict[str, np.ndarray], meta: Any, fed: dict[str, Any]) -> None:
        pairs = [item.kept() for item in made.changed]
        # Averages that are still 0 and 1 would agree with almost any arithmetic.
        values = formula.shaken_averages(values, [pair for pair in pairs if set(pair) <= set(values)])
        wanted = [{"x": item.x, "y": item.output, **(item.reads or {})} for item in made.changed]
        names = [{role: f"{name}:{out}" for role, (name, out) in one.items()} for one in wanted]
        with running.opened(meta, values) as session:
            for item, found in zip(made.changed, _run(session, names, fed), strict=True):
                x, y = found.pop("x").astype(np.float64), found["y"]
                worst = _difference(y, item.expected(x, found, values))
                if not worst <= _allowed(y, _CLOSE_OTHERWISE):
                    raise errors.ExportError(
                        errors.explain(
                            f"the check failed: {item.scope!r} differs by {worst:.3g} from "
                            "(x - mean) / sqrt(variance + epsilon) of its averages"
                        )
                    )
        self.checks.append(f"{len(names)} batch norms give (x - mean) / sqrt(variance + epsilon) of their averages")


def check(made: Made, product: Product, reference: Reference, loaded: Any, graph_path: str | None) -> list[str]:
    """Returns what was checked, in words.

    Args:
      made: where the export comes from.
      product: what was exported.
      reference: what it must compute.
      loaded: the written file, loaded again.
      graph_path: where its graph can be read, if it can.

    Raises:
      ExportError: a check failed.
      RunError: the written file does not run.
    """
    close = _CLOSE if graph_path is not None else _CLOSE_OTHERWISE
    # First, as a graph that lacks a value does not run, and its error says less.
    left = loaded.uninitialised()
    if left:
        raise errors.ExportError(errors.explain("the check failed: variables have no value", got=left))
    done = [*reference.checks]
    found = loaded(reference.feed)
    for key, expected in reference.outputs.items():
        worst = _difference(found[key], expected)
        if not worst <= _allowed(expected, close):
            raise errors.ExportError(
                errors.explain(f"the check failed: the output {key!r} differs from the source by {worst:.3g}")
            )
    whose = "the rewritten graph" if made.changed else "the source with its switch off"
    done.append(f"{len(found)} outputs are those of {whose}")
    done += _rows(product, reference, loaded, found, close)
    done.append(f"{len(product.values)} variables have a value" if product.values else "no variable is left")
    if graph_path is not None:
        done.append(_no_training(graph_path, made))
    return done


def _rows(product: Product, reference: Reference, loaded: Any, found: Mapping[str, Any], close: float) -> Iterator[str]:
    """Feeds the first row in other company, and alone where the batch size is open."""
    batched = {key: value for key, value in reference.feed.items() if np.ndim(value) > 0}
    sizes = {len(value) for value in batched.values()}
    size = max(sizes, default=0)
    outputs = [key for key, value in found.items() if np.ndim(value) > 0 and len(value) == size]
    # Inputs of several lengths have no rows in common.
    if size < 2 or len(sizes) > 1 or not outputs:
        yield "not checked: whether rows depend on each other, because there are no rows"
        return
    others = loaded(reference.feed | {key: _other_company(value) for key, value in batched.items()})
    _same_row(found, others, outputs, close)
    yield from _alone(product, reference, loaded, found, batched, outputs)
    yield f"a row of {', '.join(outputs)} does not depend on the others"
    rest = sorted(set(found) - set(outputs))
    if rest:
        yield f"not checked: whether rows depend on each other in {', '.join(rest)}, which have no rows"


def _alone(
    product: Product, reference: Reference, loaded: Any, found: Mapping[str, Any], batched: Any, outputs: list[str]
) -> Iterator[str]:
    """Feeds the first row alone; a graph that runs with some batch size only is said to be one."""
    shapes = [product.draft.nodes[_ref(product.inputs[key])[0]].attr["shape"].shape for key in batched]
    if any(not shape.dim or shape.dim[0].size != -1 for shape in shapes):
        return
    try:
        alone = loaded(reference.feed | {key: value[:1] for key, value in batched.items()})
    except errors.RunError:
        yield "not checked: a row alone, because the graph does not run with one"
        return
    _same_row(found, alone, outputs, _CLOSE_OTHERWISE)


def _same_row(found: Mapping[str, Any], other: Mapping[str, Any], outputs: list[str], close: float) -> None:
    for key in outputs:
        worst = _difference(other[key][0], found[key][0])
        if not worst <= _allowed(found[key], close):
            raise errors.ExportError(
                errors.explain(
                    f"the check failed: the first row of {key!r} changes by {worst:.3g} with the other rows",
                    fix="Something still computes statistics of the batch.",
                )
            )


def _other_company(value: np.ndarray) -> np.ndarray:
    # All rows but the first, turned round: the same number of rows, so that the same kernels run.
    others = value[:0:-1]
    others = (others * 3 + 1).astype(value.dtype) if value.dtype.kind == "f" else others
    return np.concatenate([value[:1], others])


def _no_training(graph_path: str, made: Made) -> str:
    model = GraphModel(graph_path)
    kinds = {writer.kind for variable in model.variables.by_node.values() for writer in variable.writers}
    wrong = [site.scope for site in model.sites if site.mode != MOVING]
    if wrong or model.trains or kinds - {"init", "restore"} or len(model.sites) != made.result.sites:
        raise errors.ExportError(
            errors.explain("the check failed: something of training is left", got=wrong or sorted(kinds))
        )
    return f"{len(model.sites)} batch norms read their averages, and nothing trains"


def _allowed(value: Any, close: float) -> float:
    return max(close, _HALF.get(np.asarray(value).dtype.name, 0.0))


def _difference(found: Any, expected: Any) -> float:
    """Returns the largest difference over the largest expected value or 1; infinite for other shapes or NaN."""
    found, expected = np.asarray(found), np.asarray(expected)
    if found.shape != expected.shape:
        return float("inf")
    # Texts have no distance.
    if found.dtype.kind not in "fiub" and found.dtype.name != "bfloat16":
        return 0.0 if np.array_equal(found, expected) else float("inf")
    found, expected = found.astype(np.float64), expected.astype(np.float64)
    scale = max(1.0, float(np.max(np.abs(expected), initial=0.0)))
    return float(np.max(np.abs(found - expected), initial=0.0)) / scale


def _ref(name: str) -> tuple[str, int]:
    op, _, output = name.rpartition(":")
    return op, int(output)


def _run(session: Any, fetches: Any, fed: Mapping[str, Any]) -> Any:
    try:
        return session.run(fetches, fed)
    except (tf.errors.OpError, ValueError, TypeError) as error:
        raise errors.RunError(
            errors.explain(
                f"the graph cannot be run for the check ({str(error)[:300]})", fix="Give values for its inputs."
            )
        ) from error


def _feed(session: Any, product: Product, given: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Returns the given values of inputs, else made-up ones."""
    keys = {name.split(":")[0]: key for key, name in product.inputs.items()}
    unknown = sorted(set(given) - set(product.inputs) - set(keys))
    if unknown:
        raise errors.ArgumentError(
            errors.explain("`feed` names no input", got=unknown, expected=f"{sorted(keys.values())}")
        )
    named = {
        name: given[key] if key in given else given[name] for name, key in keys.items() if {key, name} & set(given)
    }
    made = running.feeds(session.graph, named)
    feed = {keys[tensor.op.name]: np.asarray(value) for tensor, value in made if tensor.op.name in keys}
    absent = sorted(set(product.inputs) - set(feed))
    if absent:
        raise errors.RunError(
            errors.explain("numbers for the check cannot be made up", got=absent, fix="Give values with `feed`.")
        )
    return feed


def _bound_tensors(draft: Any, switches: Mapping[str, Any]) -> dict[str, Any]:
    names = set(variables.names(draft))
    return {f"{name}:0": value for name, value in switches.items() if name not in names}


def _bound_variables(draft: Any, switches: Mapping[str, Any]) -> dict[str, np.ndarray]:
    found = set(variables.names(draft)) & set(switches)
    return {name: np.asarray(switches[name], _type(draft, name)) for name in found}


def _zeros(draft: Any, names: set[str]) -> dict[str, np.ndarray]:
    """Returns values of variables that only updates need, and that a checkpoint may lack."""
    shapes = {name: tf.TensorShape(draft.nodes[name].attr["shape"].shape) for name in names}
    return {name: np.zeros(shape.as_list(), _type(draft, name)) for name, shape in shapes.items()}


def _type(draft: Any, name: str) -> Any:
    return tf.as_dtype(draft.nodes[name].attr["dtype"].type).as_numpy_dtype
