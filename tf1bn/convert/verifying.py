"""Proves a conversion: the source and what was made of it run on the same inputs."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from tf1bn import errors, progress
from tf1bn.convert import states
from tf1bn.convert.plan import Plan
from tf1bn.convert.proof.verdict import TOLERANCE, Verdict, compare

Names = Mapping[str, str] | Iterable[str]


def verify(
    source: Any,
    target: Any,
    *,
    graph: Any,
    outputs: Names,
    plan: Plan | None = None,
    state: Any = None,
    inputs: Names | None = None,
    switches: Mapping[str, Any] | None = None,
    feed: Mapping[str, Any] | None = None,
    tolerance: float = TOLERANCE,
    ema: bool = False,
    **options: Any,
) -> Verdict:
    """Runs a source and a target on the same inputs; returns how far apart they are, and where they part.

    Args:
      source: prefix of the checkpoint, or a mapping of names to arrays.
      target: a PyTorch module, a filled Keras model, the path of an ``.onnx`` file, or ``module:callable`` that
        returns one of the first two. A module must give its outputs as a dict by key, or in their order.
      graph, outputs, inputs, switches, ema: as in :func:`tf1bn.convert.plan_conversion`.
      plan: of the conversion; made from the other options when None.
      state: weights that a module shall load first: whatever :func:`tf1bn.convert.states.load` takes.
      feed: inputs by key, in the source's own order of axes; made-up numbers otherwise. Maps are turned to channels
        first for a PyTorch module.
      tolerance: allowed difference over the largest number of the source, or 1.
      options: of :func:`tf1bn.convert.plan_conversion`.

    Returns:
      a :class:`tf1bn.convert.proof.verdict.Verdict`; its ``require()`` refuses sides that differ.

    Raises:
      ConvertError: the target does not run, or does not take the weights.
      ExportError, GraphError, CheckpointError, RunError: the source does not run.

    Example:
      >>> from tf1bn import convert
      >>> verdict = convert.verify(
      ...     "run/model", Net(), graph="run/model.meta", outputs=["logits"], state="model.pt"
      ... )  # doctest: +SKIP
      >>> verdict.require()  # doctest: +SKIP
    """
    with errors.located("verify"), progress.stage("verifying", 3, progress.STEPS) as steps:
        steps.begin("planning")
        from tf1bn.convert.converting import plan_conversion
        from tf1bn.convert.proof import running

        target = resolve(target)
        onnx = isinstance(target, str)
        keras = not onnx and is_keras(target)
        form = "keras" if keras else "npz" if onnx else "torch"
        asked: dict[str, Any] = {"outputs": outputs, "inputs": inputs, "switches": switches, "ema": ema}
        plan = plan or plan_conversion(source, form, graph=graph, **asked, **options)
        steps.begin("running the graph")
        results = running.run(plan, source, graph, feed=feed, **asked)
        steps.begin("running the converted model")
        if onnx:
            from tf1bn.convert.proof import onnx_side

            found = onnx_side.run(target, plan, results, plan.inputs, plan.outputs)
        elif keras:
            from tf1bn.convert.proof import keras_side

            found = keras_side.run(target, plan, results)
        else:
            from tf1bn.convert.proof import torch_side

            found = torch_side.run(target, plan, results, None if state is None else states.load(state))
        steps.advance()
        return compare(plan, results, found, tolerance)


def is_keras(target: Any) -> bool:
    """Whether something is a Keras model, told by what it offers: Keras itself is not imported for that."""
    return hasattr(target, "layers") and hasattr(target, "save_weights") and hasattr(target, "weights")


def resolve(target: Any) -> Any:
    """Returns the target that a text names: the path of an ONNX file as it is, else what ``module:callable`` gives.

    Raises:
      ConvertError: there is no such module or callable, or it fails.
    """
    if isinstance(target, os.PathLike):
        target = os.fspath(target)
    if not isinstance(target, str) or target.endswith(".onnx"):
        return target
    module, colon, name = target.partition(":")
    if not colon or not name:
        raise errors.ConvertError(
            errors.explain("this names no target", got=target, expected="module:callable, or the path of an .onnx file")
        )
    if os.getcwd() not in sys.path:  # a script looks beside itself, not where it was started
        sys.path.insert(0, os.getcwd())
    try:
        return getattr(importlib.import_module(module), name)()
    except Exception as error:  # a user's module raises whatever it likes
        raise errors.ConvertError(
            errors.explain(f"{target!r} gives no model ({type(error).__name__}: {str(error)[:300]})")
        ) from error
