"""Checkpoints: know any layout, migrate it without losing a number.

Every public name is one row below and is imported on first use; reading, planning and migrating need no
TensorFlow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tf1bn.checkpoint.inspector import inspect as inspect
    from tf1bn.checkpoint.migration import migrate as migrate
    from tf1bn.checkpoint.planner import plan_migration as plan_migration

_ROWS = {
    "inspect": "tf1bn.checkpoint.inspector",
    "migrate": "tf1bn.checkpoint.migration",
    "plan_migration": "tf1bn.checkpoint.planner",
}

__all__ = [*_ROWS]


def __getattr__(name: str) -> Any:
    if name not in _ROWS:
        raise AttributeError(f"module 'tf1bn.checkpoint' has no attribute {name!r}")
    value = getattr(importlib.import_module(_ROWS[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
