"""The arguments of attention mechanisms, each list once: Luong's and Bahdanau's, soft and monotonic.

A signature is three parts in a row: the memory, the one choice of the score, and how scores become probabilities. How
dataclasses make signatures is told in :mod:`tf1bn.compat.calls`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Memory:
    """What every mechanism takes first."""

    num_units: int
    memory: Any
    memory_sequence_length: Any = None


@dataclass(frozen=True)
class Scaled(Memory):
    """The choice of Luong's score."""

    scale: bool = False


@dataclass(frozen=True)
class Normalized(Memory):
    """The choice of Bahdanau's score."""

    normalize: bool = False


@dataclass(frozen=True)
class Soft(Memory):
    """How scores become probabilities of all entries."""

    probability_fn: Callable[[Any], Any] | None = None
    score_mask_value: Any = None
    dtype: Any = None
    custom_key_value_fn: Callable[[Any, Any], Any] | None = None
    name: str | None = None


@dataclass(frozen=True)
class Monotonic(Memory):
    """How scores become probabilities of entries that are not behind."""

    score_mask_value: Any = None
    sigmoid_noise: float = 0.0
    sigmoid_noise_seed: Any = None
    score_bias_init: float = 0.0
    mode: str = "parallel"
    dtype: Any = None
    custom_key_value_fn: Callable[[Any, Any], Any] | None = field(default=None, init=False)
    name: str | None = None


@dataclass(frozen=True)
class Luong(Soft, Scaled):
    """What ``LuongAttention`` takes."""

    name: str | None = "LuongAttention"


@dataclass(frozen=True)
class Bahdanau(Soft, Normalized):
    """What ``BahdanauAttention`` takes."""

    name: str | None = "BahdanauAttention"


@dataclass(frozen=True)
class LuongMonotonic(Monotonic, Scaled):
    """What ``LuongMonotonicAttention`` takes."""

    name: str | None = "LuongMonotonicAttention"


@dataclass(frozen=True)
class BahdanauMonotonic(Monotonic, Normalized):
    """What ``BahdanauMonotonicAttention`` takes."""

    name: str | None = "BahdanauMonotonicAttention"
