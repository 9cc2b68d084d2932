"""``add_metrics``: an Estimator with further metrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tf1bn import errors
from tf1bn.compat.estimator import calling
from tf1bn.compat.estimator.estimator import Estimator
from tf1bn.compat.estimator.modes import ModeKeys

_OFFERED = ("features", "labels", "predictions", "config")


def add_metrics(estimator: Any, metric_fn: Callable[..., Any]) -> Estimator:
    """Returns an Estimator on the same folder whose evaluations have further metrics.

    Args:
      metric_fn: takes any of ``features``, ``labels``, ``predictions`` and ``config`` and returns metrics as
        ``EstimatorSpec.eval_metric_ops``; one of a name that exists takes its place.

    Raises:
      ArgumentError: ``metric_fn`` takes other arguments.
    """
    with errors.located("add_metrics"):
        names = calling.arguments_of(metric_fn)
        unknown = sorted(set(names) - set(_OFFERED))
        if unknown:
            raise errors.ArgumentError(
                errors.explain("`metric_fn` takes other arguments", got=unknown, expected=f"some of {list(_OFFERED)}")
            )

    def model_fn(features: Any, labels: Any, mode: str, config: Any) -> Any:
        spec = estimator.model_fn(features, labels, mode, config)
        if mode != ModeKeys.EVAL:
            return spec
        offered = {"features": features, "labels": labels, "predictions": spec.predictions, "config": config}
        metrics = metric_fn(**calling.taken(metric_fn, offered))
        return spec._replace(eval_metric_ops={**spec.eval_metric_ops, **(metrics or {})})

    return Estimator(model_fn, estimator.model_dir, estimator.config)


__all__ = ["add_metrics"]
