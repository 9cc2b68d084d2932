"""Merges the averages of checkpoints that have the same weights: of ranks or towers that kept them apart.

  tf1bn merge --checkpoints=rank0/model-1000,rank1/model-1000 --output=merged/model-1000

Refused when gamma, beta, weights or the names of tensors differ. Optimizer slots and the global step are those of the
first checkpoint.

Exit codes: 0 written (or, with --dry_run, could be), 1 refused, 2 wrong usage.
"""

from __future__ import annotations

from tf1bn.commands import parsing

_FLAGS = parsing.Flags()
_FLAGS.progress()
_FORMAT = _FLAGS.enum("format", "text", parsing.FORMATS, "Form of the report on stdout.")
_CHECKPOINTS = _FLAGS.list("checkpoints", [], "Prefixes of the checkpoints, at least two.")
_OUTPUT = _FLAGS.string("output", None, "Prefix to write, in a folder that exists; not needed with --dry_run.")
_COUNTS = _FLAGS.list("counts", [], "How many examples or batches each has seen; alike by default.")
_MODE = _FLAGS.enum(
    "mode", "pooled", ["pooled", "mean_of_batches"], "Whether the variance of the means is in the merged variance."
)
_TOLERANCE = _FLAGS.float("tolerance", 0.0, "Largest difference of a weight that counts as none.", 0.0)
_OVERWRITE = _FLAGS.bool("overwrite", False, "Replace an output that exists.")
_DRY_RUN = _FLAGS.bool("dry_run", False, "Check and report, and write nothing.")

_FLAGS.register_validator(_CHECKPOINTS, lambda value: len(value) > 1, "must list at least two prefixes")


@_FLAGS.multi_flags_validator(["output", "dry_run"], "--output is needed, or --dry_run")
def _has_output(values: dict[str, object]) -> bool:
    return bool(values["output"]) or bool(values["dry_run"])


@_FLAGS.multi_flags_validator(["counts", "checkpoints"], "--counts must be one number above 0 for each checkpoint")
def _has_counts(values: dict[str, list[str]]) -> bool:
    try:
        numbers = [float(count) for count in values["counts"]]
    except ValueError:
        return False
    return not numbers or (len(numbers) == len(values["checkpoints"]) and all(number > 0 for number in numbers))


def _merge() -> parsing.Report:
    from tf1bn.population import merging, report

    done = merging.merge_checkpoints(
        _CHECKPOINTS.value,
        _OUTPUT.value or "",
        counts=[float(count) for count in _COUNTS.value] or None,
        mode=_MODE.value,
        tolerance=_TOLERANCE.value,
        overwrite=_OVERWRITE.value,
        dry_run=_DRY_RUN.value,
    )
    return parsing.Report(report.merge_as_text(done), report.merge_as_json(done))


COMMAND = parsing.Command(_merge, _FLAGS, _FORMAT)
