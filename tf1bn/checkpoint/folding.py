"""Folds the batch norms of an inference graph and of its checkpoint, and proves the result before it is written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors, progress
from tf1bn.checkpoint.fold_proof import LayerProof, Proof, prove_folding
from tf1bn.checkpoint.replacement import replace
from tf1bn.graph import loading, running
from tf1bn.graph.folding import savers
from tf1bn.graph.folding.planning import Verdict
from tf1bn.graph.folding.rewrite import FoldedGraph, fold_graph
from tf1bn.graph.model import GraphModel
from tf1bn.graph.values import CheckpointValues


class FoldedSite(NamedTuple):
    """What became of one batch norm.

    Attributes:
      scope: its scope.
      folded: whether it is gone.
      layer: the layer that took it.
      side: `before` or `after`: where that layer stands.
      reason: why it was refused.
      error: the largest distance of the folded layer from its float64 result, relative to the largest result.
      original_error: the same for the original layer.
    """

    scope: str
    folded: bool
    layer: str
    side: str
    reason: str
    error: float | None = None
    original_error: float | None = None


class Fold(NamedTuple):
    """What a folding did.

    Attributes:
      target: prefix of the new checkpoint, or path of the new frozen graph; empty for a dry run.
      sites: one row for each batch norm.
      replaced, added, dropped: names of tensors in the checkpoint.
      outputs: the names of the outputs that were compared.
      difference: the largest difference at the outputs, relative to each output's largest value.
      meta_graph: the new MetaGraphDef.
    """

    target: str
    sites: tuple[FoldedSite, ...]
    replaced: tuple[str, ...]
    added: tuple[str, ...]
    dropped: tuple[str, ...]
    outputs: tuple[str, ...]
    difference: float
    meta_graph: Any

    @property
    def refused(self) -> tuple[FoldedSite, ...]:
        """The batch norms that are still there."""
        return tuple(site for site in self.sites if not site.folded)

    def text(self) -> str:
        """Returns the table of batch norms, and what it did to the checkpoint, for people."""
        lines = [_line(site) for site in self.sites]
        lines.append(f"{len(self.sites) - len(self.refused)} of {len(self.sites)} batch norms folded")
        lines.append(
            f"{len(self.replaced)} tensors replaced, {len(self.added)} added, {len(self.dropped)} dropped; "
            f"outputs differ by {self.difference:.1e} of their largest value"
        )
        return "\n".join(lines)


def fold(
    graph: Any,
    checkpoint: Any,
    output: str | os.PathLike[str],
    *,
    outputs: Sequence[str] = (),
    feed: Mapping[str, Any] | None = None,
    strict: bool = False,
    dry_run: bool = False,
) -> Fold:
    """Writes an inference graph without its batch norms, and the checkpoint that belongs to it.

    In inference a batch norm is `y = x * a + b` per channel, with `a = gamma / sqrt(variance + epsilon)` and
    `b = beta - mean * a`. The kernel of the convolution or matrix product before it is multiplied by `a`, and its bias
    becomes `bias * a + b`, in float64 and rounded once. Where no layer stands before it, the one after it takes it if
    its border does not see the difference. A batch norm that cannot be folded stays as it is, with the reason.

    Graph effects: the op that ended the batch norm is now a BiasAdd of the same name, so that whatever fetched it
    still does. A layer without bias gets a variable `bias` beside its kernel (`biases` beside `weights`), with
    initializer and Saver entries. Variables that nothing uses any more leave the graph, its collections and Savers.
    In the new checkpoint they are missing, with all names below theirs; every other tensor that is not a kernel or
    bias keeps its bytes. The slots of an optimizer stay, and belong to the unfolded kernel: train the old graph.

    Speed, measured on the 19 convolutions of :func:`tf1bn.examples.models.cnn` on two CPU cores, medians: 1.10 ms
    instead of 1.45 ms for one image, 13.7 ms instead of 17.0 ms for 256; the network built without batch norm, of
    the same ops, took 1.07 ms and 13.7 ms.

    Before anything is written both graphs are run, see :mod:`tf1bn.checkpoint.fold_proof`.

    Args:
      graph: a `.meta` file, a MetaGraphDef or a tf.Graph of inference; with `checkpoint=None` a frozen graph.
      checkpoint: prefix or directory of its checkpoint; None for a frozen graph.
      output: prefix of the new checkpoint, whose graph is `output.meta`; the new `.pb` file for a frozen graph.
      outputs: names of tensors that the program fetches: these keep their values and are compared. When empty, every
        end of the graph that depends on a folded layer is compared.
      feed: values for tensors by name, for the proof; placeholders left out get made-up ones of their shape.
      strict: refuses as a whole when one batch norm is refused.
      dry_run: does everything but writing.

    Returns:
      a Fold.

    Raises:
      RepairError: there is no batch norm, none can be folded, one cannot with `strict`, the proof failed, or a Saver
        would be left without tensors. Nothing is written.
      RunError: this TensorFlow cannot run one of the graphs; an input pipeline wants `feed`.
      CheckpointExistsError: a file of that name exists.
      GraphError, CheckpointError: the graph or the checkpoint cannot be read, or the new graph is larger than 2 GiB.

    Example:
      >>> from tf1bn import checkpoint
      >>> print(checkpoint.fold("model.meta", "model", "folded/model").text())  # doctest: +SKIP

    Source: Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
    Inference, 2018, section 3.2.
    """
    output = os.fspath(output)
    with errors.located("fold", output=output), progress.stage("folding", 4, progress.STEPS) as steps:
        _check_free(output, checkpoint is None)
        steps.begin("reading")
        meta = _meta_graph(graph)
        model = GraphModel(meta)
        stored = CheckpointValues(checkpoint) if checkpoint is not None else None
        values = _stored(model, stored)
        names = tuple(stored.shapes) if stored is not None else ()
        steps.begin("rewriting the graph")
        folded = fold_graph(model, values, outputs=outputs, taken=names)
        steps.begin("making values")
        _check(folded, strict)
        # Variables that the checkpoint lacks get their initial value, so that the graph runs for the proof.
        before = running.initial(meta, values)
        after = {name: value for name, value in before.items() if name not in folded.dropped}
        after.update({**folded.values, **folded.new})
        content = _content(folded, checkpoint is None)
        steps.begin("running both graphs")
        proof = prove_folding(model, meta, before, folded, after, outputs=outputs, feed=feed)
        done = _report(folded, proof, _dropped(folded, names), "" if dry_run else output)
        if not dry_run:
            _write(done, folded, content, checkpoint, output)
        steps.advance()
        return done


def _meta_graph(graph: Any) -> Any:
    """Returns the MetaGraphDef of whatever holds a graph; that of a bare GraphDef has no collections."""
    if isinstance(graph, tf.Graph):
        return loading.exported(graph)
    source = loading.load(graph)
    if source.meta_graph is not None:
        return source.meta_graph
    meta = tf.MetaGraphDef()
    meta.graph_def.CopyFrom(source.graph_def)
    return meta


def _stored(model: GraphModel, values: CheckpointValues | None) -> dict[str, np.ndarray]:
    """Returns the value of each variable that the checkpoint holds, by the name of its op."""
    if values is None and model.variables.by_node:
        raise errors.RepairError(
            errors.explain(
                "the graph has variables and no checkpoint was given",
                got=sorted(model.variables.by_name)[:3],
                expected="a frozen graph, or a checkpoint with their values",
            )
        )
    found = {name: values.get(key) for name, key in savers.keys(model).items()} if values is not None else {}
    return {name: np.asarray(value) for name, value in found.items() if value is not None}


def _check(folded: FoldedGraph, strict: bool) -> None:
    refused = [f"{item.site.scope}: {item.reason}" for item in folded.verdicts if item.layer is None]
    if not folded.verdicts:
        raise errors.RepairError(errors.explain("no batch norm was found in the graph"))
    if len(refused) == len(folded.verdicts) or (strict and refused):
        raise errors.RepairError(
            errors.explain(
                f"{len(refused)} of {len(folded.verdicts)} batch norms cannot be folded",
                got=refused,
                fix="Leave out `strict` to fold the others."
                if len(refused) < len(folded.verdicts)
                else "Only inference graphs fold: of a training graph make one first, "
                "tf1bn export --to=meta --output=PREFIX.",
            )
        )


def _report(folded: FoldedGraph, proof: Proof, dropped: Sequence[str], target: str) -> Fold:
    rows = {row.layer: row for row in proof.layers}
    keys = folded.keys
    return Fold(
        target,
        tuple(_site(verdict, rows) for verdict in folded.verdicts),
        tuple(sorted(keys[name] for name in folded.values)),
        tuple(sorted(keys[name] for name in folded.new)),
        tuple(dropped),
        proof.outputs,
        proof.difference,
        folded.meta_graph,
    )


def _site(verdict: Verdict, rows: Mapping[str, LayerProof]) -> FoldedSite:
    if verdict.layer is None:
        return FoldedSite(verdict.site.scope, False, "", "", verdict.reason)
    name = verdict.layer.linear.node.name
    row = rows[name]
    return FoldedSite(verdict.site.scope, True, name, verdict.side, "", row.folded_error, row.original_error)


def _line(site: FoldedSite) -> str:
    if not site.folded:
        return f"REFUSED {site.scope}: {site.reason}"
    return (
        f"folded  {site.scope} into {site.layer}, the layer {site.side} it; "
        f"off float64 by {site.error:.1e}, unfolded {site.original_error:.1e}"
    )


def _dropped(folded: FoldedGraph, names: Iterable[str]) -> list[str]:
    """Returns the names in a checkpoint that belong to variables that are gone: their own, and those below."""
    own = {folded.keys[name] for name in folded.dropped}
    stays = {key for name, key in folded.keys.items() if name not in folded.dropped}
    # Slots and averages lie below the name of their variable, and mean nothing without it.
    return sorted(name for name in names if name not in stays and not own.isdisjoint(_with_scopes(name)))


def _with_scopes(name: str) -> Iterator[str]:
    """Yields a name and all scopes that it lies in."""
    while name:
        yield name
        name = name.rpartition("/")[0]


def _check_free(output: str, frozen: bool) -> None:
    for path in [output] if frozen else [f"{output}.meta", f"{output}.index"]:
        if os.path.exists(path):
            raise errors.CheckpointExistsError(
                errors.explain("the target exists", got=path, expected="a new name", fix="Nothing is overwritten.")
            )


def _content(folded: FoldedGraph, frozen: bool) -> bytes:
    """Returns the bytes of the new graph; before the runs that prove it, which would be lost if it were too large."""
    with loading.fitting_a_message():
        return bytes((folded.graph_def if frozen else folded.meta_graph).SerializeToString())


def _write(done: Fold, folded: FoldedGraph, content: bytes, checkpoint: Any, output: str) -> None:
    """Writes graph and checkpoint; the graph gets its name last, so that it never stands alone."""
    folder = os.path.dirname(os.path.abspath(output))
    # In the folder of the target, as a rename works within one file system only.
    os.makedirs(folder, exist_ok=True)
    frozen = checkpoint is None
    with tempfile.TemporaryDirectory(prefix=".folding", dir=folder) as place:
        made = os.path.join(place, "graph")
        with open(made, "wb") as stream:
            stream.write(content)
        if not frozen:
            values = {folded.keys[name]: value for name, value in folded.values.items()}
            new = {folded.keys[name]: value for name, value in folded.new.items()}
            replace(_prefix(checkpoint), output, values, new=new, drop=done.dropped)
        os.replace(made, output if frozen else f"{output}.meta")


def _prefix(checkpoint: Any) -> str:
    """Returns the prefix of a checkpoint that is given by its directory or its prefix."""
    path = os.fspath(checkpoint)
    return (tf.train.latest_checkpoint(path) or path) if os.path.isdir(path) else path
