"""Population statistics: the averages of trained weights, estimated anew from data, or merged from several processes.

In come a graph with its checkpoint and data, or several checkpoints; out comes a new checkpoint in which the averages
alone have other values. Every public name is one row below and is imported on first use.

To read, in this order: :mod:`pooling` (moments of many batches in float64), :mod:`feeding`, :mod:`targets` (which
averages, of which calls) with :mod:`geometry` and :mod:`companions`; :mod:`copying` with :mod:`grafting` and
:mod:`lifting` (a copy whose moments can be fetched and nothing is moved), :mod:`sessions`, :mod:`passes`,
:mod:`estimation`, :mod:`accuracy`, :mod:`storing`; :mod:`merging`; :mod:`report`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tf1bn import lazy

if TYPE_CHECKING:
    from tf1bn.population.accuracy import Labelled as Labelled
    from tf1bn.population.estimation import Reestimation as Reestimation
    from tf1bn.population.estimation import reestimate as reestimate
    from tf1bn.population.merging import merge_checkpoints as merge_checkpoints
    from tf1bn.population.pooling import MeanOfBatches as MeanOfBatches
    from tf1bn.population.pooling import Pooled as Pooled
    from tf1bn.population.pooling import Sums as Sums
    from tf1bn.population.pooling import merge as merge

_ROWS = {
    "Labelled": "tf1bn.population.accuracy",
    "MeanOfBatches": "tf1bn.population.pooling",
    "Pooled": "tf1bn.population.pooling",
    "Reestimation": "tf1bn.population.estimation",
    "Sums": "tf1bn.population.pooling",
    "merge": "tf1bn.population.pooling",
    "merge_checkpoints": "tf1bn.population.merging",
    "reestimate": "tf1bn.population.estimation",
}

__all__ = [*_ROWS]

__getattr__, __dir__ = lazy.attributes(__name__, _ROWS)
