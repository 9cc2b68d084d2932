"""The audit rules, one row each, in the order of their codes."""

from __future__ import annotations

import importlib
import re
from typing import Any

from tf1bn import errors, registry
from tf1bn.audit import finding

ENTRY_POINTS = "tf1bn.audit_rules"
_HEADINGS = ("What it checks.", "Why it matters.", "Known limits.", "Fix.", "References.")

ROWS = (
    "bn001_updates_never_run",
    "bn002_late_layers_missed",
    "bn003_updates_behind_wrapped_loss",
    "bn004_control_block_without_op",
    "bn005_keras_updates_unattached",
    "bn006_training_flag_left_false",
    "bn007_mode_never_changes",
    "bn008_private_collection_dropped",
    "bn009_collection_holds_a_read",
    "bn010_no_population_statistics",
    "bn011_update_outside_branch",
    "bn012_branch_op_in_update_ops",
    "bn013_update_in_loop",
    "bn014_inference_moves_averages",
    "bn015_unordered_writers",
    "bn016_step_moves_other_network",
    "bn017_mixed_distributions",
    "bn018_racing_towers",
    "bn019_every_micro_step",
    "bn020_recomputed_forward_updates",
    "bn021_ranks_keep_their_own",
    "bn022_statistics_not_saved",
    "bn023_statistics_trainable",
    "bn024_stored_initial_values",
    "bn025_stored_damaged_values",
    "bn026_restore_of_missing_shadow",
    "bn027_mixed_weight_average",
    "bn028_evaluation_copy_untouched",
    "bn029_numbered_names_shifted",
    "bn030_affine_mismatch",
    "bn031_debias_variables_mismatch",
    "bn032_warm_start_without_statistics",
    "bn033_initialized_after_restore",
    "bn034_batch_statistics_at_inference",
    "bn035_frozen_training_mode",
    "bn036_frozen_with_updates",
    "bn037_not_foldable",
    "bn038_decay_too_slow",
    "bn039_small_batch_estimator",
    "bn040_one_value_per_channel",
    "bn041_wrong_channel_axis",
    "bn042_channels_first_on_cpu",
    "bn043_half_precision_averages",
    "bn044_padding_in_statistics",
    "bn045_half_frozen",
    "bn046_gradient_lost_in_moments",
    "bn047_weight_decay_on_affine",
    "bn048_redundant_bias",
    "bn049_target_network_without_statistics",
    "bn050_unsafe_sync_variance",
    "bn051_batch_leaks_labels",
    "bn052_foreign_convention",
    "bn053_gone_with_keras_3",
    "bn054_virtual_batch_shape",
)


def check_rule(rule: Any) -> None:
    """Refuses a rule that does not fulfil the protocol.

    Raises:
      ArgumentTypeError: a part is missing, or the page lacks a heading.
    """
    row = getattr(rule, "RULE", None)
    if not isinstance(row, finding.Rule) or not re.fullmatch(r"BN\d{3}", row.code):
        raise errors.ArgumentTypeError(errors.explain("a rule needs RULE with a code like 'BN001'", got=row))
    for part in ("check", "bad", "good"):
        if not callable(getattr(rule, part, None)):
            raise errors.ArgumentTypeError(errors.explain(f"the rule {row.code} has no function {part!r}"))
    missing = [heading for heading in _HEADINGS if heading not in (rule.__doc__ or "")]
    if missing:
        raise errors.ArgumentTypeError(errors.explain(f"the page of the rule {row.code} lacks a heading", got=missing))


_RULES: registry.Registry[Any] = registry.Registry("audit rule", check_rule, ENTRY_POINTS)
for _row in ROWS:
    _module = importlib.import_module(f"tf1bn.audit.rules.{_row}")
    _RULES.register(_module.RULE.code, _module)


def get(code: str) -> Any:
    """Returns the rule of that code.

    Raises:
      UnknownNameError: there is none.
    """
    return _RULES.get(code.upper())


def codes() -> tuple[str, ...]:
    """Returns the codes of all rules, sorted."""
    return _RULES.names()


def register(rule: Any) -> None:
    """Adds a rule of your own: an object with RULE, `check(model)`, `bad()`, `good()` and a page as docstring."""
    _RULES.register(getattr(getattr(rule, "RULE", None), "code", ""), rule)


def page(code: str) -> str:
    """Returns the page of a rule, for a reader."""
    rule = get(code)
    row = rule.RULE
    head = f"{row.code}: {row.title}\nSeverity: {row.severity}. Detection: {row.detection}."
    return f"{head}\n\n{(rule.__doc__ or '').strip()}\n"
