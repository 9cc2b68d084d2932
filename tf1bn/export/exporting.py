"""Writes the inference graph of a training graph and its checkpoint, and proves it before it is there."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors, progress
from tf1bn.checkpoint.staging import Staging
from tf1bn.export import checks, inference, relayout, variables
from tf1bn.export.draft import meta_graph
from tf1bn.export.forms import FORMS, Form, Product
from tf1bn.export.inference import InferenceGraph, Made, Names
from tf1bn.export.onnx_form import OnnxForm
from tf1bn.export.runtimes import catalog, fitting
from tf1bn.export.runtimes.runtime import Runtime
from tf1bn.graph.model import GraphModel
from tf1bn.graph.values import CheckpointValues

_FORMS: dict[str, Form] = {**FORMS, "onnx": OnnxForm()}


class Export(NamedTuple):
    """What :func:`export` wrote.

    Attributes:
      path: the file, prefix or directory; empty for a dry run.
      form: one of ``meta``, ``frozen``, ``saved_model``, ``tflite``, ``onnx``.
      graph: the :class:`tf1bn.export.InferenceGraph`.
      variables: the number of variables with a value.
      checks: what was checked, in words.
      notes: what was done, in words.
    """

    path: str
    form: str
    graph: InferenceGraph
    variables: int
    checks: tuple[str, ...]
    notes: tuple[str, ...]


def export(
    graph: Any,
    checkpoint: Any,
    outputs: Names,
    output: str | os.PathLike[str],
    *,
    to: str | None = None,
    runtime: str | None = None,
    inputs: Names | None = None,
    switches: Mapping[str, Any] | None = None,
    signature: str = "serving_default",
    ema: bool = False,
    feed: Mapping[str, Any] | None = None,
    layout: str | None = None,
    input_layout: str | None = None,
    output_layout: str | None = None,
    keep_channels_first: bool = False,
    overwrite: bool = False,
    dry_run: bool = False,
) -> Export:
    """Writes a training graph with its values as an inference graph that stands alone.

    The graph is that of :func:`tf1bn.export.inference_graph`. What was written is loaded again and checked before it
    is moved into place: its outputs are those of the source with the switch off, a row does not depend on the other
    rows, every variable has a value, and nothing of training is left. Where a batch norm used batch statistics
    whatever the switch, it now reads its averages, and the formula of its averages takes the place of the source.

    Args:
      graph: a tf.Graph, a MetaGraphDef, or the path of a ``.meta`` file.
      checkpoint: prefix or directory of a checkpoint, a mapping of names to arrays, or a session with the values.
      outputs: names of tensors, or key -> name; the keys are those of the signature.
      output: where to write: a prefix for ``meta``, a directory for ``saved_model``, else a file.
      to: ``meta`` (a ``.meta`` file and a checkpoint that a plain ``tf.train.Saver`` restores), ``frozen`` (a
        GraphDef with constants), ``saved_model`` (for ``tf.saved_model.load`` of TensorFlow 2 and for serving),
        ``tflite``, or ``onnx`` (made by tf2onnx and checked in onnxruntime, the extra ``tf1bn[onnx]``). By default
        what the runtime reads first, and ``saved_model`` without one.
      runtime: ``opencv``, ``openvino``, ``onnx`` or ``tflite``: what is to read the file. What it lacks is put in
        other words or refused, see ``docs/runtimes.md``; variables become constants.
      inputs: names of the tensors to feed, or key -> name; by default the placeholders that the outputs need. Any
        tensor can be fed, such as what an input pipeline gives.
      switches: name of an op -> its value in inference, beside the switches of batch norms, which are found.
      signature: name of the signature; of no effect on a frozen graph, which has none.
      ema: takes the ExponentialMovingAverage of each weight that has one in the checkpoint.
      feed: inputs for the checks, by key or name; made-up numbers otherwise.
      layout: ``NHWC`` makes a channels-first graph channels last, see :func:`tf1bn.export.channels_last`: for CPUs,
        TFLite and servers that have no channels-first convolution.
      input_layout, output_layout: ``NHWC`` feeds and fetches images channels last, too. By default both stay as they
        are, and one transposition stands behind each input and before each output.
      keep_channels_first: lets an op that cannot be made channels last stay between two transpositions.
      overwrite: replaces what is there.
      dry_run: makes and checks everything, and keeps nothing.

    Returns:
      an :class:`Export`.

    Raises:
      ExportError: the graph cannot be exported, a value is missing, the runtime lacks something, or a check failed;
        the text says why.
      ArgumentError: the runtime does not read files of this form.
      RunError: the source or the result cannot be run.
      CheckpointError: the checkpoint cannot be read, or the place is taken.
      GraphError: the graph cannot be read.
      MissingExtraError: the packages for ``onnx`` are not installed.

    Example:
      >>> from tf1bn import export
      >>> done = export.export("run/model.meta", "run/model", ["logits"], "served")  # doctest: +SKIP
      >>> print("\\n".join(done.checks))  # doctest: +SKIP
    """
    with errors.located("export", output=os.fspath(output)), progress.stage("exporting", 5, progress.STEPS) as steps:
        reader = catalog.named(runtime) if runtime is not None else None
        kind = catalog.form(reader, to)
        form, wishes = _form(kind), relayout.Wishes.of(layout, input_layout, output_layout, keep_channels_first)
        target = form.target(os.fspath(output))
        _check_place(form, target, overwrite)
        if ema and isinstance(checkpoint, tf.Session):
            raise errors.ArgumentError(errors.explain("`ema` needs a checkpoint", got="a session"))
        steps.begin("making the inference graph")
        meta = meta_graph(graph)
        # Nothing is written before all that can be refused by reading alone was refused.
        made = inference.make(meta, outputs, inputs, dict(switches or {}))
        steps.begin("judging it")
        form.check(made.draft)
        values, known, notes = _values(made, meta, checkpoint, ema)
        notes = [*made.result.notes, *notes, *_judge(made, values)]
        plain = Product(made.draft, values, made.result.inputs, made.result.outputs, signature)
        steps.begin("running the given graph")
        reference = checks.Reference(made, plain, known, feed or {})
        steps.begin("laying it out")
        product, facing, result = relayout.apply(wishes, made, plain, reference)
        notes = [*notes, *result.notes[len(made.result.notes) :]]
        if reader is not None:
            product, result, fitted = _fitted(reader, product, result)
            notes += fitted
        made = dataclasses.replace(made, result=result)
        steps.begin("writing and checking")
        with _staged(target, overwrite, dry_run) as staging:
            done = _written(form, product, staging.prefix, made, reference, facing)
            if reader is not None and reader.proof not in ("", kind):
                proof = _FORMS[reader.proof]
                _written(proof, product, f"{staging.prefix}{proof.ending}", made, reference, facing)
                done.append(f"it passes the same checks as a file of the form {reader.proof}")
            if not dry_run:
                _check_place(form, target, overwrite)
                # The place may have been taken while the checks ran.
                form.commit(staging, target)
        steps.advance()
        return Export("" if dry_run else target, kind, result, len(values), tuple(done), tuple(notes))


def _fitted(reader: Runtime, product: Product, result: InferenceGraph) -> tuple[Product, InferenceGraph, list[str]]:
    """Returns the product as the reader computes it, the graph's account, and notes."""
    product, notes = fitting.fit(reader, product)
    graph_def = product.draft.graph_def()
    # The arithmetic of a batch norm with constants can be two ops now, which are nobody's batch norm any more.
    sites = len(GraphModel(graph_def).sites)
    return product, dataclasses.replace(result, graph_def=graph_def, sites=sites), notes


def _written(
    form: Form, product: Product, path: str, made: Made, reference: checks.Reference, facing: Callable[[Any], Any]
) -> list[str]:
    """Writes a file, loads it again, and returns what was checked, in words."""
    form.write(product, path)
    loaded = facing(form.load(product, path))
    try:
        return checks.check(made, product, reference, loaded, form.graph_path(path))
    finally:
        loaded.close()


def _form(to: str) -> Form:
    if to not in _FORMS:
        close = errors.did_you_mean(to, _FORMS)
        raise errors.UnknownNameError(
            errors.explain(f"unknown form {to!r}", expected=f"one of {', '.join(_FORMS)}", fix=close.strip())
        )
    return _FORMS[to]


def _check_place(form: Form, target: str, overwrite: bool) -> None:
    folder = os.path.dirname(target) or "."
    if not os.path.isdir(folder) or not os.path.basename(target):
        raise errors.CheckpointMissingError(
            errors.explain(f"the directory {folder!r} of the output does not exist", fix="Create it first.")
        )
    if form.exists(target) and not overwrite:
        raise errors.CheckpointExistsError(
            errors.explain(f"the output {target!r} exists", fix="Choose another, or pass overwrite=True (--overwrite).")
        )


@contextlib.contextmanager
def _staged(target: str, overwrite: bool, dry_run: bool) -> Iterator[Staging]:
    """Opens the hidden folder beside the target, or a temporary one for a dry run."""
    with contextlib.ExitStack() as stack:
        if dry_run:
            target = os.path.join(stack.enter_context(tempfile.TemporaryDirectory()), os.path.basename(target))
        yield stack.enter_context(Staging(target, overwrite).open())


def _values(
    made: Made, meta: Any, checkpoint: Any, ema: bool
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], list[str]]:
    """Returns the values of the result's variables, those known of the source's, and notes."""
    names = variables.names(made.draft)
    # Variables that only the source needs, for the run that the result is compared with; a checkpoint may lack them.
    others = [name for name in variables.names(made.source) if name not in names]
    if isinstance(checkpoint, tf.Session):
        values = variables.from_session(checkpoint, names)
        return values, values, []
    stored = CheckpointValues(checkpoint)
    values, averaged = variables.from_checkpoint(made.draft, meta, stored, ema=ema)
    known = {name: value for name in others if (value := stored.get(name)) is not None}
    notes = [f"{len(averaged)} of {len(names)} variables have their moving average"] if ema else []
    return values, known | values, notes


def _judge(made: Made, values: Mapping[str, np.ndarray]) -> list[str]:
    """Refuses damaged averages; notes those that were never moved."""
    untouched = []
    for site in made.model.sites:
        for role, items in (("mean", site.mean), ("variance", site.variance)):
            for variable in items:
                value = values[variable.name].astype(np.float64)
                if not np.all(np.isfinite(value)) or (role == "variance" and np.any(value < 0)):
                    raise errors.ExportError(
                        errors.explain(
                            f"the {role} {variable.name!r} holds NaN, infinity or a negative variance",
                            fix="Estimate population statistics from data first.",
                        )
                    )
        if _initial(site.mean, values, 0.0) and _initial(site.variance, values, 1.0):
            untouched.append(site.scope)
    if not untouched:
        return []
    return [f"the averages of {len(untouched)} batch norms are still 0 and 1: {', '.join(untouched[:5])}"]


def _initial(items: list[Any], values: Mapping[str, np.ndarray], first: float) -> bool:
    return bool(items) and all(bool(np.all(values[variable.name] == first)) for variable in items)
