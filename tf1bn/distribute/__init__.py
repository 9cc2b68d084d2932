"""Batches that are split over devices and machines: statistics of all members, on the engines that programs use.

    y = tf1bn.batch_norm(x, is_training, statistics=tf1bn.distribute.Replicas())

Into a reducer come the sums of one member's shard; out come the sums of all members, and with them the moments of the
whole batch. Names are resolved on first use.

To read, in this order: :mod:`base` (the contract of a reducer), :mod:`statistics` (whose moments normalise, and what
the averages take in); the reducers :mod:`replicas`, :mod:`collectives` with :mod:`numbering`, :mod:`allreduce`,
:mod:`grouped`; :mod:`catalog`. For whole programs: :mod:`cluster`, :mod:`config`, :mod:`waiting`, :mod:`done`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tf1bn import lazy

if TYPE_CHECKING:
    from tf1bn.distribute.allreduce import Allreduce as Allreduce
    from tf1bn.distribute.base import Reducer as Reducer
    from tf1bn.distribute.catalog import register_reducer as register_reducer
    from tf1bn.distribute.collectives import Collectives as Collectives
    from tf1bn.distribute.config import session_config as session_config
    from tf1bn.distribute.grouped import Grouped as Grouped
    from tf1bn.distribute.replicas import Replicas as Replicas
    from tf1bn.distribute.statistics import Statistics as Statistics

_ROWS = {
    "Allreduce": "tf1bn.distribute.allreduce",
    "Reducer": "tf1bn.distribute.base",
    "register_reducer": "tf1bn.distribute.catalog",
    "Collectives": "tf1bn.distribute.collectives",
    "session_config": "tf1bn.distribute.config",
    "Grouped": "tf1bn.distribute.grouped",
    "Replicas": "tf1bn.distribute.replicas",
    "Statistics": "tf1bn.distribute.statistics",
}

__all__ = list(_ROWS)

__getattr__, __dir__ = lazy.attributes(__name__, _ROWS)
