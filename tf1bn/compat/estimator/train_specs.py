"""``TrainSpec`` and ``EvalSpec``: the two halves of ``train_and_evaluate``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tf1bn import errors
from tf1bn.compat.estimator import checks, fitting
from tf1bn.compat.estimator.exporters import Exporter


class _Train(NamedTuple):
    input_fn: Any
    max_steps: int | None
    hooks: tuple[Any, ...]
    saving_listeners: tuple[Any, ...]


class TrainSpec(_Train):
    """How to train.

    Attributes:
      input_fn, hooks, saving_listeners: as of ``Estimator.train``.
      max_steps: global step at which training ends; None trains until the input ends.

    Raises:
      ArgumentError: ``max_steps`` is not positive.
      ArgumentTypeError: ``input_fn`` is no function, or a hook is none.
    """

    __slots__ = ()

    def __new__(
        cls,
        input_fn: Callable[..., Any],
        max_steps: int | None = None,
        hooks: Sequence[Any] | None = None,
        saving_listeners: Sequence[Any] | None = None,
    ) -> TrainSpec:
        with errors.located("TrainSpec"):
            checks.require_callable("input_fn", input_fn)
            checks.require_positive("max_steps", max_steps)
            listeners = fitting.require_listeners(saving_listeners)
            return super().__new__(cls, input_fn, max_steps, checks.hooks_of("hooks", hooks), listeners)


class _Eval(NamedTuple):
    input_fn: Any
    steps: int | None
    name: str | None
    hooks: tuple[Any, ...]
    exporters: tuple[Any, ...]
    start_delay_secs: float
    throttle_secs: float


class EvalSpec(_Eval):
    """How and how often to evaluate and to export.

    Attributes:
      input_fn, steps, name, hooks: as of ``Estimator.evaluate``.
      exporters: an Exporter, or several with different names.
      start_delay_secs: of an evaluator in a process of its own, of which there is none here.
      throttle_secs: least time between two evaluations.

    Raises:
      ArgumentError: ``steps`` is not positive, a time is negative, or two exporters have one name.
      ArgumentTypeError: ``input_fn`` is no function, a hook or an exporter is none, or ``name`` is no string.
    """

    __slots__ = ()

    def __new__(
        cls,
        input_fn: Callable[..., Any],
        steps: int | None = 100,
        name: str | None = None,
        hooks: Sequence[Any] | None = None,
        exporters: Any = None,
        start_delay_secs: float = 120,
        throttle_secs: float = 600,
    ) -> EvalSpec:
        with errors.located("EvalSpec"):
            checks.require_callable("input_fn", input_fn)
            checks.require_positive("steps", steps)
            if not isinstance(name, str | None):
                raise errors.ArgumentTypeError(errors.explain("`name` must be a string", got=name))
            for key, value in (("start_delay_secs", start_delay_secs), ("throttle_secs", throttle_secs)):
                if value < 0:
                    raise errors.ArgumentError(errors.explain(f"`{key}` must not be negative", got=value))
            return super().__new__(
                cls,
                input_fn,
                steps,
                name,
                checks.hooks_of("hooks", hooks),
                _exporters(exporters),
                start_delay_secs,
                throttle_secs,
            )


def _exporters(given: Any) -> tuple[Any, ...]:
    found = () if not given else (given,) if isinstance(given, Exporter) else tuple(given)
    for exporter in found:
        if not isinstance(exporter, Exporter):
            raise errors.ArgumentTypeError(
                errors.explain("`exporters` has another type", got=exporter, expected="an Exporter, or a list of them")
            )
    names = [exporter.name for exporter in found]
    if len(set(names)) < len(names):
        raise errors.ArgumentError(errors.explain("two exporters have one name, so one folder", got=names))
    return found


__all__ = ["EvalSpec", "TrainSpec"]
