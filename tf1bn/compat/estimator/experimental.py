"""``tf.estimator.experimental``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tf1bn.compat.estimator import calling
from tf1bn.compat.estimator.early_stopping import (
    make_early_stopping_hook,
    make_stop_at_checkpoint_step_hook,
    stop_if_higher_hook,
    stop_if_lower_hook,
    stop_if_no_decrease_hook,
    stop_if_no_increase_hook,
)
from tf1bn.compat.estimator.in_memory import InMemoryEvaluatorHook
from tf1bn.compat.estimator.receivers import build_raw_supervised_input_receiver_fn


def call_logit_fn(logit_fn: Callable[..., Any], features: Any, mode: str, params: Any, config: Any) -> Any:
    """Calls a function of features that takes any of ``mode``, ``params`` and ``config``, and returns its logits."""
    return logit_fn(features=features, **calling.taken(logit_fn, {"mode": mode, "params": params, "config": config}))


__all__ = [
    "InMemoryEvaluatorHook",
    "build_raw_supervised_input_receiver_fn",
    "call_logit_fn",
    "make_early_stopping_hook",
    "make_stop_at_checkpoint_step_hook",
    "stop_if_higher_hook",
    "stop_if_lower_hook",
    "stop_if_no_decrease_hook",
    "stop_if_no_increase_hook",
]
