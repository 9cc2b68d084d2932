"""What can be chosen about a training run, with the defaults of each model. Needs no TensorFlow."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, NamedTuple

from tf1bn import errors
from tf1bn.terms import DEFAULT_DECAY, DEFAULT_STRATEGY

SEED_MAXIMUM = 2**31 - 1
STEPS_MAXIMUM = 2**31 - 1


class ModelDefaults(NamedTuple):
    """Settings that a model uses unless others are given.

    Attributes:
      batch_size: images in a training batch.
      learning_rate: of the model's optimizer.
      init_stddev: standard deviation of the normal initial weights; None for Glorot uniform.
    """

    batch_size: int
    learning_rate: float
    init_stddev: float | None


MODELS = {
    "mlp": ModelDefaults(batch_size=60, learning_rate=0.01, init_stddev=0.3),
    "cnn": ModelDefaults(batch_size=64, learning_rate=0.002, init_stddev=None),
}


# Only until the object is made: afterwards these fields hold numbers.
_MODEL_DEFAULT: Any = None


@dataclasses.dataclass(frozen=True)
class TrainSettings:
    """One training run. ``None`` stands for the model's own default and is replaced when the object is made.

    Attributes:
      model: "mlp" or "cnn".
      batch_norm: whether the network has batch norms.
      update_strategy: registered name of the strategy that keeps the averages.
      steps: number of training steps, from the first start of the run on.
      batch_size: images in a training batch.
      learning_rate: of the model's optimizer.
      decay: share of the old average kept, in [0, 1).
      init_stddev: standard deviation of the normal initial weights; None for Glorot uniform.
      seed: of the initial weights and the order of the images.
      kernel: implementation of the batch norms, which changes the speed alone; None for the fastest stock ops.
      forget_updates: trains with the bare optimizer, so that updates that wait in a collection never run: the
        classic mistake, for demonstration.

    Raises:
      UnknownNameError: no such model.
      ArgumentTypeError, ArgumentError: a value of the wrong type or out of range.
    """

    model: str = "mlp"
    batch_norm: bool = True
    update_strategy: str = DEFAULT_STRATEGY
    steps: int = 1000
    batch_size: int = _MODEL_DEFAULT
    learning_rate: float = _MODEL_DEFAULT
    decay: float = DEFAULT_DECAY
    init_stddev: float | None = None
    seed: int = 0
    forget_updates: bool = False
    kernel: str | None = None

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise errors.UnknownNameError(
                errors.explain(
                    f"unknown model {self.model!r}",
                    expected=f"one of {', '.join(sorted(MODELS))}",
                    fix=errors.did_you_mean(self.model, MODELS).strip(),
                )
            )
        for name, value in MODELS[self.model]._asdict().items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        _whole("steps", self.steps, 1, STEPS_MAXIMUM)
        _whole("batch_size", self.batch_size, 1, STEPS_MAXIMUM)
        _whole("seed", self.seed, 0, SEED_MAXIMUM)
        _number("learning_rate", self.learning_rate, above=0.0)
        if self.init_stddev is not None:
            _number("init_stddev", self.init_stddev, above=0.0)
        _number("decay", self.decay)
        if not 0 <= self.decay < 1:
            raise errors.ArgumentError(errors.explain("`decay` must be in [0, 1)", got=self.decay))

    def differences(self, other: TrainSettings) -> dict[str, tuple[Any, Any]]:
        """Returns the fields in which two runs differ, apart from their number of steps and their speed."""
        mine, theirs = dataclasses.asdict(self), dataclasses.asdict(other)
        free = ("steps", "kernel")
        return {name: (mine[name], theirs[name]) for name in mine if name not in free and mine[name] != theirs[name]}


def _whole(name: str, value: Any, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise errors.ArgumentTypeError(errors.explain(f"`{name}` must be an integer", got=value))
    if not low <= value <= high:
        raise errors.ArgumentError(errors.explain(f"`{name}` is out of range", got=value, expected=f"{low} to {high}"))


def _number(name: str, value: Any, above: float | None = None) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise errors.ArgumentTypeError(errors.explain(f"`{name}` must be a number", got=value))
    if not math.isfinite(value) or (above is not None and value <= above):
        limits = "a finite number" if above is None else f"a finite number above {above:g}"
        raise errors.ArgumentError(errors.explain(f"`{name}` is out of range", got=value, expected=limits))
