"""Checkpoints: know any layout, migrate it without losing a number.

Every public name is one row below and is imported on first use; reading, planning and migrating need no
TensorFlow.
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
