"""Population statistics of a trained network, estimated anew from data."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.graph import loading
from tf1bn.graph.values import CheckpointValues
from tf1bn.population import accuracy, companions, pooling, storing, targets
from tf1bn.population.accuracy import Labelled
from tf1bn.population.companions import Tensors
from tf1bn.population.passes import Plan, Source, estimate, prepare
from tf1bn.population.pooling import Sums
from tf1bn.population.sessions import Values, opened
from tf1bn.population.targets import Skipped, Target


class SiteEstimate(NamedTuple):
    """What became of one set of averages.

    Attributes:
      scope: of the batch norm.
      variables: names of everything that gets a new value.
      calls: how many calls in the graph were pooled.
      batches: batches taken in, times calls.
      count: values per channel behind the estimate.
      old_mean, old_variance: as stored before, flat; None where the checkpoint had none.
      mean, variance: the estimate, float64, flat.
    """

    scope: str
    variables: tuple[str, ...]
    calls: int
    batches: int
    count: Any
    old_mean: np.ndarray | None
    old_variance: np.ndarray | None
    mean: np.ndarray
    variance: np.ndarray


class Reestimation(NamedTuple):
    """What :func:`reestimate` did.

    Attributes:
      sites: the estimates, in graph order.
      skipped: batch norms that were left as they are.
      values: name of a variable -> its new value.
      mode, sequential: as asked for.
      batches: batches of data in a pass; passes: how often the data was gone through.
      accuracy_before, accuracy_after: of the inference network, where labels were given.
      target: prefix of the new checkpoint, or an empty string.
      verified: number of tensors of the new checkpoint that were compared.
    """

    sites: tuple[SiteEstimate, ...]
    skipped: tuple[Skipped, ...]
    values: Values
    mode: str
    sequential: bool
    batches: int
    passes: int
    accuracy_before: float | None
    accuracy_after: float | None
    target: str
    verified: int

    def assign(self, session: Any) -> None:
        """Sets the averages in a session whose graph has them; everything else keeps its value.

        Uses the initialisers of the variables, so no op is added to the graph.
        """
        storing.assign(session, self.values)


def reestimate(
    graph: Any,
    data: Any = None,
    *,
    checkpoint: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    session: Any = None,
    output: str | os.PathLike[str] | None = None,
    feed: Any = None,
    switch: Any = None,
    constants: Mapping[Any, Any] | None = None,
    batches: int | None = None,
    mode: str = pooling.POOLED,
    sequential: bool = False,
    only: Sequence[str] = (),
    exclude: Sequence[str] = (),
    labelled: Labelled | None = None,
    predictions: Any = None,
    overwrite: bool = False,
    progress: Callable[[int, int | None], None] | None = None,
) -> Reestimation:
    """Estimates the averages of every batch norm anew from data, under weights that stay as they are.

    Per batch norm the moments of its input over all batches, each value alike (``pooled``):
    mean = sum(x) / n;  variance = sum((x - mean)^2) / n. Batches are merged in pairs in float64, whatever their
    sizes. With ``mean_of_batches``, each batch alike: mean = mean of the batch means; variance = mean of the batch
    variances, which is where a moving average with a long memory settles; it leaves out how the batch means vary.

    While the moments are taken, every batch norm above normalises with its batch, as it did in training. With
    ``sequential`` it normalises with the averages that it was just given instead: the data is gone through once for
    each level of batch norms, and the result are the exact population statistics of the inference network.

    Pooled variances are divided by n. Variances in ``mean_of_batches`` follow the updates of the layer itself: divided
    by n - 1 where it has ``bessel_correction`` or its updates take the variance of TensorFlow's fused op, else by n.

    Of several calls on the same averages those count that a train op runs, or all where none does, and of these the
    ones that can normalise with the batch; all their inputs are pooled. A shadow of an ExponentialMovingAverage gets
    the value of its variable. Debiasing and batch renormalization are left as after very many updates
    (:mod:`tf1bn.population.companions`). Dropout and the like follow the switch: on while batches normalise, off in
    ``sequential``.

    Graph effects:
      None: a copy of the graph is run, in which no op moves a variable. Its batch norms are turned from averages to
      batches (or back, in ``sequential``) where they have no switch; that the copy then does what the formula says
      is checked on the first batch.

    Args:
      graph: a tf.Graph, a MetaGraphDef, or the path of a ``.meta`` file.
      data: an iterable of batches, or a function from the number of a batch to a batch or None at the end; None for
        the graph's own input pipeline (iterators, queues). A batch is an array, a tuple of arrays, or a feed
        dictionary.
      checkpoint: prefix of the checkpoint with the weights, or a mapping of names to arrays; or
      session: a session of the live ``graph`` that holds them.
      output: prefix of a new checkpoint, a copy of ``checkpoint`` with the new averages.
      feed: the tensor, or the tensors, that take the arrays of a batch; the network's one placeholder by default.
      switch: the bool tensor that turns training on; by default the tensors that the batch norms are switched by.
      constants: what else is fed in every run, such as a keep probability.
      batches: how many; None for all.
      mode: ``pooled`` or ``mean_of_batches``.
      sequential: one level of batch norms after the other.
      only, exclude: patterns of the scopes to estimate, or not to, such as ``head/*``.
      labelled: examples for the accuracy before and after.
      predictions: the tensor with classes or scores; found by itself by default.
      overwrite: replaces an ``output`` that is there.
      progress: called after each batch with the number of batches done and, where known, of all.

    Returns:
      a :class:`Reestimation`.

    Raises:
      PopulationError: no batch norm, no data, fewer batches than asked for, values that are not finite (the text
        names batch and batch norm), a batch norm that cannot be estimated so, a switch that does not switch, labels
        or shapes that do not fit, a variable without a value.
      ArgumentError: arguments that exclude each other. ArgumentTypeError: no graph, no tensor, no data.
      CheckpointError: the checkpoint cannot be read, or the output not be written.
      GraphError, RunError: the graph cannot be read or run.

    Example:
      >>> from tf1bn import population
      >>> done = population.reestimate(
      ...     "run/model-2000.meta", batches, checkpoint="run/model-2000", output="run/repaired-2000", feed="images"
      ... )  # doctest: +SKIP

    Source: Ioffe and Szegedy, "Batch Normalization", 2015, algorithm 2, steps 8 to 12; Wu and Johnson, "Rethinking
    'Batch' in BatchNorm", 2021, section 3.
    """
    with errors.located("reestimate"):
        _check(checkpoint, session, output, batches, mode, labelled, predictions)
        if output is not None:
            # Refused now, and not after all the data was gone through.
            storing.require_free(output, checkpoint, overwrite)
        meta = _meta_graph(graph)
        stored = CheckpointValues(storing.live_values(graph, session) if checkpoint is None else checkpoint)
        source = Source(data, feed, switch, constants or {}, batches)
        plan = prepare(meta, stored, source, mode, sequential, only, exclude)
        before, names = _accuracy(plan, labelled, predictions, {})
        sums, passes, count = estimate(plan, progress)
        tensors = Tensors(plan.shapes | stored.shapes)
        found = [_of(tensors, target, each) for target, each in zip(plan.copy.targets, sums, strict=True)]
        rows = zip(plan.copy.targets, sums, found, strict=True)
        sites = tuple(_site(plan, stored, target, each, own) for target, each, own in rows)
        values = {name: value for own in found for name, value in own.items()}
        # With the tensor that was found before, so that both numbers are of the same.
        after, _ = _accuracy(plan, labelled, names, values)
        written = 0
        if output is not None:
            written = storing.write(plan, checkpoint, output, values, overwrite)
        return Reestimation(
            sites, tuple(plan.copy.skipped), values, mode, sequential, count, passes, before, after,
            "" if output is None else os.fspath(output), written,
        )  # fmt: skip


def _check(
    checkpoint: Any, session: Any, output: Any, batches: Any, mode: str, labelled: Labelled | None, predictions: Any
) -> None:
    pooling.make(mode, False)
    if (checkpoint is None) == (session is None):
        raise errors.ArgumentError(errors.explain("exactly one of `checkpoint` and `session` is needed"))
    if output is not None and not isinstance(checkpoint, str | os.PathLike):
        raise errors.ArgumentError(
            errors.explain(
                "`output` needs the prefix of a `checkpoint` to copy",
                got=type(checkpoint or session).__name__,
                fix="Give the session its new averages with `assign`, and save it.",
            )
        )
    if batches is not None and (isinstance(batches, bool) or not isinstance(batches, int) or batches < 1):
        raise errors.ArgumentError(
            errors.explain("`batches` must be a whole number, at least 1, or None for all", got=batches)
        )
    if labelled is not None:
        labelled.check()
    elif predictions is not None:
        raise errors.ArgumentError(errors.explain("`predictions` are given without `labelled` examples"))


def _meta_graph(graph: Any) -> Any:
    if isinstance(graph, tf.Graph):
        return loading.exported(graph)
    found = loading.load(graph)
    if found.meta_graph is None:
        raise errors.PopulationError(
            errors.explain(
                "a graph without its collections does not say what its variables are",
                got=found.where,
                expected="a live graph, a MetaGraphDef or a .meta file",
            )
        )
    return found.meta_graph


def _site(plan: Plan, stored: CheckpointValues, target: Target, sums: Sums, values: Values) -> SiteEstimate:
    old = [stored.get(items[0].key) for items in (target.mean, target.variance)]
    mean, variance = (None if value is None else np.ravel(value) for value in old)
    return SiteEstimate(
        target.scope, tuple(sorted(values)), len(target.calls),
        len(target.calls) * plan.seen, sums.count, mean, variance, np.ravel(sums.mean), np.ravel(sums.variance),
    )  # fmt: skip


def _of(tensors: Tensors, target: Target, sums: Sums) -> Values:
    """The new values of one set of averages, and of what stands beside them."""
    return companions.values(
        tensors,
        [item.key for item in target.mean],
        [item.key for item in target.variance if not targets.is_deviation(item.name)],
        np.ravel(sums.mean),
        np.ravel(sums.variance),
        target.epsilon,
    )


def _accuracy(plan: Plan, labelled: Labelled | None, predictions: Any, values: Values) -> tuple[float | None, Any]:
    """Measures the inference network with its stored averages, or with others."""
    if labelled is None:
        return None, predictions
    copy = plan.by_averages
    name = accuracy.find(copy.model) if predictions is None else plan.source.tensor(predictions)
    # A user's name is checked here, since the session's own message would speak of a copy.
    if name.split(":")[0] not in copy.model.flow.by_name:
        raise errors.UnknownNameError(errors.explain(f"the graph has no tensor {name!r} to predict with"))
    feed = plan.source.feed_for(copy, [copy.model.flow.by_name[name.split(":")[0]]], plan.predicates)
    with opened(copy, plan.stored, plan.source.constants, extra=[name]) as runner:
        runner.load({variable.name: values[variable.key] for variable in plan.averages if variable.key in values})
        return accuracy.measure(runner, name, labelled, feed, plan.switch_off), name
