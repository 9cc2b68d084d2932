"""Checkpoints: know any layout, migrate it without losing a number.

In comes the prefix of a checkpoint, of whatever library; out comes what batch norms it holds, a plan of what would
become of every tensor, or a new checkpoint. Sources are never changed. Every public name is one row below and is
imported on first use; reading, planning and migrating need no TensorFlow.

To read, in this order: the file formats, from the bytes up: :mod:`wire`, :mod:`protos`, :mod:`table`, :mod:`dtypes`,
:mod:`strings`, :mod:`bundle`, :mod:`v1_format`, then :mod:`source`, which opens either. What is in them:
:mod:`layout`, :mod:`layouts`, :mod:`sites`, :mod:`slots`, :mod:`statistics`, :mod:`problems`, :mod:`inspector`,
:mod:`picture`. A migration: :mod:`plan`, :mod:`rules`, :mod:`conversions`, :mod:`naming`, :mod:`leftovers`,
:mod:`planner`; to another graph :mod:`graph_file`, :mod:`topology`, :mod:`correspondence`, :mod:`graph_planner`; then
:mod:`staging`, :mod:`shard`, :mod:`migration`, :mod:`proof`. By themselves: :mod:`comparison`, :mod:`restore`,
:mod:`replacement`, :mod:`folding`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tf1bn import lazy

if TYPE_CHECKING:
    from tf1bn.checkpoint.comparison import compare as compare
    from tf1bn.checkpoint.folding import fold as fold
    from tf1bn.checkpoint.inspector import inspect as inspect
    from tf1bn.checkpoint.migration import migrate as migrate
    from tf1bn.checkpoint.planner import plan_migration as plan_migration
    from tf1bn.checkpoint.proof import prove as prove
    from tf1bn.checkpoint.replacement import replace as replace
    from tf1bn.checkpoint.restore import assignment_map as assignment_map
    from tf1bn.checkpoint.restore import restore_map as restore_map
    from tf1bn.checkpoint.restore import saver as saver
    from tf1bn.checkpoint.restore import verify_restored as verify_restored

_ROWS = {
    "assignment_map": "tf1bn.checkpoint.restore",
    "compare": "tf1bn.checkpoint.comparison",
    "fold": "tf1bn.checkpoint.folding",
    "inspect": "tf1bn.checkpoint.inspector",
    "migrate": "tf1bn.checkpoint.migration",
    "plan_migration": "tf1bn.checkpoint.planner",
    "prove": "tf1bn.checkpoint.proof",
    "replace": "tf1bn.checkpoint.replacement",
    "restore_map": "tf1bn.checkpoint.restore",
    "saver": "tf1bn.checkpoint.restore",
    "verify_restored": "tf1bn.checkpoint.restore",
}

__all__ = [*_ROWS]

__getattr__, __dir__ = lazy.attributes(__name__, _ROWS)
