"""Share of right predictions of a working copy, before and after its averages change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tf1bn import errors
from tf1bn.graph.model import GraphModel
from tf1bn.graph.site import BATCH
from tf1bn.population.sessions import Runner

_READERS = ({"ArgMax"}, {"Softmax"}, {"SparseSoftmaxCrossEntropyWithLogits", "SoftmaxCrossEntropyWithLogits"})


class Labelled(NamedTuple):
    """Examples with their classes.

    Attributes:
      inputs: what is fed, the examples along the first axis.
      labels: class numbers ``[N]``.
      batch_size: examples at once.
    """

    inputs: np.ndarray
    labels: np.ndarray
    batch_size: int = 500

    def check(self) -> None:
        """Refuses labels that are missing or do not belong to the inputs.

        Raises:
          PopulationError: so.
        """
        shapes = np.shape(self.inputs)[:1], np.shape(self.labels)
        if not len(self.labels) or shapes[0] != shapes[1]:
            raise errors.PopulationError(
                errors.explain("an accuracy needs one label for each input", got=shapes, expected="two equal numbers")
            )


def find(model: GraphModel) -> str:
    """Returns the name of the tensor that the network's classes are read from: logits or the like, ``[N, classes]``.

    That is what an ArgMax reads, else a softmax, else a cross entropy; where towers share the weights, that of the
    one tower which is built for inference.

    Raises:
      PopulationError: there is none, or there are several.
    """
    behind = model.flow.downstream([number for site in model.sites for number in site.anchors])
    for kinds in _READERS:
        found = []
        for node in model.nodes:
            if node.op in kinds and node.inputs and node.call < 0 and "gradients" not in node.name:
                source = model.flow.strip(node.inputs[0])
                # Softmax is used for attention as well, which may lie before any batch norm.
                if behind[source[0]] and source not in found and not model.flow.contexts[source[0]]:
                    found.append(source)
        # Two towers have two; the one that normalises by batch would give other answers for other company.
        quiet = [source for source in found if not _by_batch(model, source[0])]
        chosen = quiet if len(quiet) == 1 else found
        if len(chosen) == 1:
            return f"{model.nodes[chosen[0][0]].name}:{chosen[0][1]}"
        if found:
            names = [model.nodes[number].name for number, _ in found]
            raise errors.PopulationError(
                errors.explain("several tensors may be the predictions", got=names, fix="Name one with `predictions`.")
            )
    raise errors.PopulationError(
        errors.explain("no tensor looks like the predictions", fix="Name the logits with `predictions`.")
    )


def measure(runner: Runner, predictions: str, labelled: Labelled, feed: Sequence[str], switch: Any) -> float:
    """Returns the share of examples whose class is predicted.

    Args:
      runner: of a copy by averages.
      predictions: name of a tensor, ``[N]`` integer classes or ``[N, classes]`` scores.
      labelled: the examples.
      feed: name of the one tensor that takes the inputs.
      switch: what is fed so that averages normalise.

    Raises:
      PopulationError: the predictions have another shape.
    """
    right = 0
    for start in range(0, len(labelled.labels), labelled.batch_size):
        piece = slice(start, start + labelled.batch_size)
        given = runner.run(predictions, {**switch, feed[0]: labelled.inputs[piece]})
        wanted = labelled.labels[piece]
        classes = given.argmax(axis=1) if np.ndim(given) == 2 else given
        if np.shape(classes) != np.shape(wanted) or not np.issubdtype(classes.dtype, np.integer):
            raise errors.PopulationError(
                errors.explain(
                    f"{predictions!r} does not give a class for each example",
                    got=np.shape(given),
                    expected=f"({len(wanted)}, classes), or integers ({len(wanted)},)",
                )
            )
        right += int(np.sum(classes == wanted))
    return right / len(labelled.labels)


def _by_batch(model: GraphModel, number: int) -> bool:
    """Whether a batch norm above normalises with the batch, whatever is fed."""
    marks = model.flow.feeds([number])
    return any(site.mode == BATCH and any(marks[anchor] for anchor in site.anchors) for site in model.sites)
