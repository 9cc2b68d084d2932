"""Repairs a graph where that is safe, into a new file, with a numeric check before and after."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn import errors, progress
from tf1bn.audit import attaching, trial
from tf1bn.graph import loading, rewriting
from tf1bn.graph.model import GraphModel


class Repair(NamedTuple):
    """What a repair did.

    Attributes:
      path: the new file, or an empty string for a dry run.
      changes: each change, in words.
      checks: what the numeric checks showed.
      meta_graph: the repaired MetaGraphDef.
    """

    path: str
    changes: tuple[str, ...]
    checks: tuple[str, ...]
    meta_graph: Any


def repair(
    graph_or_path: Any,
    output: str,
    *,
    train_op: Sequence[str] = (),
    checkpoint: Any = None,
    fetches: Sequence[str] = (),
    feed: Mapping[str, Any] | None = None,
    dry_run: bool = False,
) -> Repair:
    """Writes a repaired copy of a graph.

    A graph with an optimizer gets its unreached updates attached to the train op, as control inputs. An update in a
    branch of a conditional, or in a function, is attached by a stand-in: an op at top level that waits for it where
    its branch is taken, and for nothing where it is not. A train op that was skipped with a branch waits for the
    stand-in, too. A graph without an optimizer gets its batch norms out of training mode: they read their averages.
    Both copies, old and new, are then imported and run on the same numbers, in every branch that is repaired and beside
    each, and the new one is kept only if it does what it should and nothing else changed.

    Args:
      graph_or_path: a tf.Graph, a MetaGraphDef, or the path of a `.meta` file.
      output: the new `.meta` file; it must not exist.
      train_op: the op that the program runs to train; found by itself when left out.
      checkpoint: values for the check; the graph's own initial values when None.
      fetches: what the program runs besides its train op.
      feed: values for placeholders by name, for the check; made up from their shapes when left out. The conditions of
        branches need none.
      dry_run: repairs and checks, writes nothing.

    Returns:
      A Repair.

    Raises:
      RepairError: there is nothing to repair, it is not safe, or the check failed; the text says why.
      RunError: one of the copies cannot be run.
      GraphError: the graph cannot be read.
    """
    with errors.located("repair"), progress.stage("repairing", 3, progress.STEPS) as steps:
        if os.path.exists(output):
            raise errors.RepairError(errors.explain("the new file exists already", got=output, expected="a new name"))
        steps.begin("reading the graph")
        meta = _importable(_meta_graph(graph_or_path))
        model = GraphModel(graph_or_path, train_op=train_op, fetches=fetches)
        new = tf.MetaGraphDef()
        new.CopyFrom(meta)
        steps.begin("rewriting it")
        if model.trains:
            changes, attached = attaching.attach(model, new)
            steps.begin("running both graphs")
            checks = trial.training(meta, new, model, attached, checkpoint, feed or {})
        else:
            changes, sites = _switch(model, new)
            steps.begin("running both graphs")
            checks = trial.inference(meta, new, model, sites, checkpoint, feed or {})
        if not dry_run:
            with loading.fitting_a_message():
                content = new.SerializeToString()
            with open(output, "wb") as stream:
                stream.write(content)
        steps.advance()
        return Repair("" if dry_run else output, tuple(changes), tuple(checks), new)


def _meta_graph(graph_or_path: Any) -> Any:
    if isinstance(graph_or_path, tf.Graph):
        with graph_or_path.as_default():
            return loading.exported(graph_or_path)
    model_source = GraphModel(graph_or_path).source
    if model_source.meta_graph is None:
        raise errors.RepairError(
            errors.explain(
                "only a .meta file or a live graph can be repaired",
                got=model_source.kind,
                fix="Export the meta graph first.",
            )
        )
    return model_source.meta_graph


def _importable(meta: Any) -> Any:
    """A copy without the entries of collections that no import finds: ops in the branches of control flow v2."""
    copy = tf.MetaGraphDef()
    copy.CopyFrom(meta)
    known = {node.name for node in meta.graph_def.node}
    for value in copy.collection_def.values():
        if value.WhichOneof("kind") == "node_list":
            kept = [name for name in value.node_list.value if name.lstrip("^").split(":")[0] in known]
            value.node_list.value[:] = kept
    return copy


def _switch(model: GraphModel, new: Any) -> tuple[list[str], list[Any]]:
    """Makes the batch norms of an inference graph read their averages; returns the changes and the sites."""
    stuck = [site for site in model.sites if model.uses_batch(site)]
    if not stuck:
        raise errors.RepairError(errors.explain("nothing to repair: every batch norm reads its averages"))
    for site in stuck:
        if site.predicate is not None:
            name = model.nodes[site.predicate[0]].name
            raise errors.RepairError(
                errors.explain(
                    f"the batch norm {site.scope!r} is switched by {name!r}",
                    fix=f"Feed {site.by_batch is False} instead.",
                )
            )
        if len(site.mean) != 1 or len(site.variance) != 1:
            raise errors.RepairError(
                errors.explain(
                    f"the batch norm {site.scope!r} keeps no averages that it could read",
                    got=[variable.name for variable in site.statistics],
                    expected="a mean and a variance",
                    fix="Estimate population statistics from data first.",
                )
            )
    return rewriting.read_averages(model, new.graph_def, stuck), stuck
