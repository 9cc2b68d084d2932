"""From a training graph to the graph that computes its outputs in inference, and nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from tf1bn import errors
from tf1bn.export import averages, cutting, dropout, leftovers, own, pruning, switching
from tf1bn.export.averages import Changed
from tf1bn.export.discovery import Deciders
from tf1bn.export.draft import Draft, Ref, meta_graph, parse
from tf1bn.graph.model import GraphModel
from tf1bn.graph.site import BATCH

Names = Mapping[str, str] | Iterable[str]


@dataclasses.dataclass(frozen=True)
class InferenceGraph:
    """A graph without training.

    Attributes:
      graph_def: the GraphDef; its variables are still variables.
      inputs: key -> name of a placeholder's tensor.
      outputs: key -> name of a tensor.
      switches: what was bound, and to what.
      sites: the number of batch norms.
      rewritten: scopes of the batch norms that used batch statistics in any case, and now read their averages.
      notes: what else was done, in words.
      nodes_before: number of nodes of the training graph, without bodies of functions.
    """

    graph_def: Any
    inputs: dict[str, str]
    outputs: dict[str, str]
    switches: dict[str, Any]
    sites: int
    rewritten: tuple[str, ...]
    notes: tuple[str, ...]
    nodes_before: int


@dataclasses.dataclass(frozen=True)
class Made:
    """An inference graph with what its checks need.

    Attributes:
      result: what is made public.
      draft: the same graph.
      source: what of the training graph the outputs need, before anything was bound.
      wanted: the outputs in the source.
      changed: the sites that were rewritten.
      model: of the result.
    """

    result: InferenceGraph
    draft: Draft
    source: Draft
    wanted: dict[str, Ref]
    changed: list[Changed]
    model: GraphModel


def inference_graph(
    graph: Any, outputs: Names, *, inputs: Names | None = None, switches: Mapping[str, Any] | None = None
) -> InferenceGraph:
    """Returns the graph that computes the outputs in inference; its variables still have to be restored.

    Training switches are bound and the branches on them resolved, batch norms read their averages, and everything
    that the outputs do not need is gone: updates, gradients, assertions, summaries, input pipelines that are fed now.

    Args:
      graph: a tf.Graph, a MetaGraphDef, or the path of a ``.meta`` file.
      outputs: names of tensors, or key -> name.
      inputs: names of the tensors to feed, or key -> name; by default the placeholders that the outputs need.
      switches: name of an op -> its value in inference. The bool placeholders, variables and constants that choose
        the statistics of batch norms are found without it.

    Returns:
      an :class:`InferenceGraph`.

    Raises:
      ExportError: the outputs need something that has no place in an inference graph; the text says what.
      GraphError: the graph cannot be read.

    Example:
      >>> import tensorflow.compat.v1 as tf
      >>> import tf1bn
      >>> from tf1bn.export import inference_graph
      >>> with tf.Graph().as_default() as graph:
      ...     x = tf.placeholder(tf.float32, [None, 3], "x")
      ...     is_training = tf.placeholder(tf.bool, [], "is_training")
      ...     y = tf.identity(tf1bn.batch_norm(x, is_training), "y")
      >>> made = inference_graph(graph, ["y"])
      >>> made.inputs, made.switches
      ({'x': 'x:0'}, {'is_training': False})
    """
    with errors.located("inference_graph"):
        return make(meta_graph(graph), outputs, inputs, dict(switches or {})).result


def make(meta: Any, outputs: Names, inputs: Names | None, switches: dict[str, Any]) -> Made:
    """As :func:`inference_graph`, of a MetaGraphDef, with what the checks need."""
    source_model = GraphModel(meta)
    draft = Draft(meta)
    wanted = {key: draft.find(text, "output") for key, text in cutting.keyed(outputs).items()}
    if not wanted:
        raise errors.ArgumentError(errors.explain("no outputs", expected="the name of at least one tensor"))
    # Inputs are cut before anything is looked for: what computed them may hold switches and random numbers of its own.
    placeholders, fed = _cut(draft, inputs)
    for name in switches:
        draft.find(name, "switch")
    # An output that uses the batch alone needs no averages, but will once it is rewritten.
    statistics = {variable.name for site in source_model.sites for variable in site.statistics} & set(draft.nodes)
    records = own.placed(source_model.source.records, draft)
    statistics |= own.averages(records, draft)
    draft.keep(draft.needed([*(name for name, _ in wanted.values()), *statistics]))
    calls = own.calls(records, draft, source_model, fed)
    deciders = Deciders(source_model, set(draft.nodes), calls)
    found = deciders.switches(switches, set((placeholders or {}).values()))
    bound, work, refs, model, rewritten = _bound(draft, list(wanted.values()), deciders, switches, found, calls)
    changed = rewritten + averages.read(work, model, averages.stuck(model, refs), source_model)
    notes, moved = _tidy(work, refs)
    changed = [item for item in (item.followed(moved) for item in changed) if item.output[0] in work.nodes]
    ends = pruning.name_outputs(work, list(wanted.values()), refs)
    placeholders = placeholders if placeholders is not None else cutting.feedable(work)
    leftovers.check(work, placeholders.values())
    result_model = _all_moving(work, ends)
    result = InferenceGraph(
        work.graph_def(),
        {key: f"{name}:0" for key, name in placeholders.items()},
        {key: f"{name}:{output}" for key, (name, output) in zip(wanted, ends, strict=True)},
        bound,
        len(result_model.sites),
        tuple(item.scope for item in changed),
        tuple(notes),
        len(meta.graph_def.node),
    )
    return Made(result, work, draft, wanted, changed, result_model)


def _cut(draft: Draft, inputs: Names | None) -> tuple[dict[str, str] | None, dict[Ref, Ref]]:
    """Makes placeholders of the inputs; returns them by key, and the tensors whose place they took."""
    if inputs is None:
        return None, {}
    keyed = cutting.keyed(inputs)
    before = {key: draft.find(text, "input") for key, text in keyed.items()}
    placeholders = cutting.cut(draft, keyed)
    return placeholders, {before[key]: (name, 0) for key, name in placeholders.items()}


def _bound(
    draft: Draft,
    wanted: list[Ref],
    deciders: Deciders,
    given: dict[str, Any],
    found: dict[str, bool],
    calls: list[own.Call],
) -> tuple[dict[str, Any], Draft, list[Ref], GraphModel, list[Changed]]:
    """Binds the switches, makes recorded calls read their averages, and resolves.

    A found switch that turns batch statistics on is turned the other way.
    """
    absent = sorted(set(given) - set(draft.nodes))
    if absent:
        raise errors.ExportError(errors.explain("the outputs do not depend on a switch", got=absent))
    # Once more with those switches turned that meant training when they were off, `is_inference` say.
    for _ in range(2):
        bound = found | given
        work = draft.copy()
        switching.bind(work, bound)
        known = switching.known(work) if calls else {}
        training = {call.output[0] for call in calls if call.switch and known.get(parse(call.switch), False)}
        refs = switching.resolve(work, wanted)
        model = GraphModel(work.graph_def())
        stuck = [site for site in averages.stuck(model, refs) if site.mode == BATCH]
        training |= {item.node.name for site in stuck for item in site.normalizers}
        wrong = {
            leaf.name
            for name in training
            for predicate in deciders.by_normalizer.get(name, ())
            for leaf in deciders.leaves(predicate, set(given))
            if leaf.name in found
        }
        if not wrong and not calls:
            return bound, work, refs, model, []
        if not wrong:
            work = draft.copy()
            changed, moved = averages.rewrite(work, calls)
            switching.bind(work, bound)
            # Resolving moves tensors, and the checks must look at where they are in the end.
            places = {ref: ref for item in changed for ref in item.refs()}
            refs = switching.resolve(work, [moved.get(ref, ref) for ref in wanted], places)
            changed = [item.followed(places) for item in changed if places.keys() >= set(item.refs())]
            return bound, work, refs, GraphModel(work.graph_def()), changed
        found = found | dict.fromkeys(wrong, True)
    raise errors.ExportError(
        errors.explain(
            "no setting of the switches makes all batch norms read their averages",
            got=bound,
            fix="Give the values that mean inference: --switch=NAME=VALUE.",
        )
    )


def _tidy(draft: Draft, refs: list[Ref]) -> tuple[list[str], dict[Ref, Ref]]:
    """Removes what inference does not need; returns notes, and the tensors that are another one now."""
    notes = []
    # Before defaults are settled and pruning forgets: a mask is known by the random op behind it.
    idle = dropout.remove_idle(draft)
    settled = cutting.settle_defaults(draft)
    cut = pruning.prune(draft, refs)
    idle, settled = ([name for name in names if name in draft.nodes] for names in (idle, settled))
    moved = pruning.shorten(draft, refs)
    if idle:
        notes.append(f"dropout that keeps everything is removed: {', '.join(idle)}")
    if settled:
        notes.append(f"placeholders have their default: {', '.join(settled)}")
    updates = sum(count for op, count in cut.items() if leftovers.writes(op))
    if updates:
        notes.append(f"{updates} updates of variables are removed that ran with the outputs")
    if cut.get("Assert"):
        notes.append(f"{cut['Assert']} assertions are removed")
    return notes, moved


def _all_moving(draft: Draft, ends: list[Ref]) -> GraphModel:
    model = GraphModel(draft.graph_def())
    left = averages.stuck(model, ends)
    if left:
        raise errors.ExportError(
            errors.explain("a batch norm would still use batch statistics", got=[site.scope for site in left])
        )
    return model
