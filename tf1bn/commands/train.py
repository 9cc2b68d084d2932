"""Trains a network with batch normalization on images of digits, and saves it.

  tf1bn train --model=mlp --update_strategy=inline --steps=2000 --model_dir=runs/first

The same command continues a run that was interrupted; SIGINT and SIGTERM save before leaving. In --model_dir stand
the checkpoints, tf1bn_run.json, which tells `tf1bn evaluate` what to build, and curves for TensorBoard.

With --distribution=mirrored or towers each batch is split over --devices of this process. With ps or multi_worker it is
split over the processes of a cluster, of which this is one: its place is told by --cluster, --job_name and
--task_index, or by TF_CONFIG. `tf1bn launch` starts them all:

  tf1bn launch --workers=2 --ps=1 -- tf1bn train --distribution=ps --model_dir=runs/ps

Exit codes: 0 trained, 1 refused, 2 wrong usage, 130 after SIGINT, 143 after SIGTERM.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from absl import flags

from tf1bn import errors
from tf1bn.commands import parsing
from tf1bn.examples import distribution as distribution_lib
from tf1bn.examples import settings as settings_lib

_FLAGS = parsing.Flags()
_FORMAT = _FLAGS.enum("format", "text", parsing.FORMATS, "Form of the report on stdout.")
_DATA_DIR = _FLAGS.string("data_dir", None, "Folder of the four IDX files of MNIST; else the embedded digits.")
_MODEL = _FLAGS.enum("model", "mlp", sorted(settings_lib.MODELS), "Network to train.")
_STRATEGY = _FLAGS.string(
    "update_strategy", "inline", "How the averages are kept: inline, collection, ema, frozen, or a registered name."
)
_BATCH_NORM = _FLAGS.bool("batch_norm", True, "Whether the network has batch norms.")
_KERNEL = _FLAGS.string(
    "kernel", None, "Implementation of the batch norms, such as native; by default the fastest stock ops."
)
_STEPS = _FLAGS.integer(
    "steps", 1000, "Training steps in all, those of earlier starts included.", 1, settings_lib.STEPS_MAXIMUM
)
_BATCH_SIZE = _FLAGS.integer("batch_size", None, "Images in a batch; by default 60 (mlp) or 64 (cnn).", 1)
_LEARNING_RATE = _FLAGS.float("learning_rate", None, "By default 0.01 (mlp, SGD) or 0.002 (cnn, Adam).")
_DECAY = _FLAGS.float("decay", 0.99, "Share of the old average kept, in [0, 1).")
_SEED = _FLAGS.integer("seed", 0, "Of weights and batches.", 0, settings_lib.SEED_MAXIMUM)
_INIT_STDDEV = _FLAGS.float(
    "init_stddev", None, "Standard deviation of normal initial weights; by default 0.3 (mlp) or Glorot uniform (cnn)."
)
_MODEL_DIR = _FLAGS.string("model_dir", None, "Folder of the run; by default runs/MODEL_STRATEGY_SEED.")
_VALIDATE = _FLAGS.integer("validate_every", 500, "Steps between validations.", 1)
_SAVE = _FLAGS.integer("save_every", 1000, "Steps between checkpoints.", 1)
_SUMMARIZE = _FLAGS.integer("summary_every", 100, "Steps between points of the TensorBoard curves.", 1)
_PROGRESS = _FLAGS.progress()
_DRY_RUN = _FLAGS.bool("dry_run", False, "Checks everything, says what would be done, and writes nothing.")

_DISTRIBUTION = _FLAGS.enum(
    "distribution", distribution_lib.NONE, distribution_lib.ENGINES, "How a batch is spread over devices or processes."
)
_DEVICES = _FLAGS.integer("devices", None, "CPU devices with mirrored and towers; by default 2.", 1)
_CLUSTER = _FLAGS.string(
    "cluster", None, 'The cluster as JSON: {"worker": ["host:port", ...], "ps": [...]}. Else that of TF_CONFIG.'
)
_JOB_NAME = _FLAGS.string("job_name", None, "Job of this process in the cluster: chief, worker or ps.")
_TASK_INDEX = _FLAGS.integer("task_index", None, "Index of this process in its job.", 0)
_SYNCHRONOUS = _FLAGS.bool(
    "synchronous", None, "With ps: whether a step is one of all workers together; by default each has its own pace."
)
_STATISTICS = _FLAGS.enum(
    "statistics",
    None,
    distribution_lib.STATISTICS,
    "Whether a shard is normalised by the statistics of all shards, or by its own; by default of all where they meet.",
)
_TIMEOUT = _FLAGS.float(
    "timeout_seconds", distribution_lib.TIMEOUT_SECONDS, "How long this process waits for another one.", 0
)

_FLAGS.register_validator(_DECAY, lambda value: 0 <= value < 1, "must be in [0, 1)")
for _flag in (_LEARNING_RATE, _INIT_STDDEV):
    _FLAGS.register_validator(_flag, lambda value: value is None or 0 < value < float("inf"), "must be above 0")


def _distribution(values: dict[str, Any]) -> distribution_lib.Distribution:
    # A program on its own may well run where TF_CONFIG is set for another.
    environment: dict[str, str] | None = None if values["distribution"] in distribution_lib.IN_A_CLUSTER else {}
    task = distribution_lib.task_of(values["cluster"], values["job_name"], values["task_index"], environment)
    return distribution_lib.Distribution(
        values["distribution"],
        devices=values["devices"],
        task=task,
        synchronous=values["synchronous"],
        statistics=values["statistics"],
        timeout_seconds=values["timeout_seconds"],
    )


def _fits_together(values: dict[str, Any]) -> bool:
    try:
        _distribution(values)
    except errors.Tf1bnError as error:
        raise flags.ValidationError(str(error)) from None
    return True


_SPREADING = (
    _DISTRIBUTION, _DEVICES, _CLUSTER, _JOB_NAME, _TASK_INDEX, _SYNCHRONOUS, _STATISTICS, _TIMEOUT,
)  # fmt: skip
_FLAGS.register_multi_flags_validator(_SPREADING, _fits_together)


def _settings() -> settings_lib.TrainSettings:
    return settings_lib.TrainSettings(
        model=_MODEL.value,
        batch_norm=_BATCH_NORM.value,
        update_strategy=_STRATEGY.value,
        steps=_STEPS.value,
        batch_size=_BATCH_SIZE.value,
        learning_rate=_LEARNING_RATE.value,
        decay=_DECAY.value,
        init_stddev=_INIT_STDDEV.value,
        seed=_SEED.value,
        kernel=_KERNEL.value,
    )


def _run() -> parsing.Report:
    distribution = _distribution({flag.name: flag.value for flag in _SPREADING})
    return _serve(distribution) if distribution.serves else _train(distribution)


def _serve(distribution: distribution_lib.Distribution) -> parsing.Report:
    from tf1bn.examples import peers

    content = {"serves": str(distribution.task), "distribution": distribution.record()}
    if _DRY_RUN.value:
        return parsing.Report("Dry run, nothing started.\n" + parsing.lines(content), {"dry_run": True, **content})
    peers.serve(distribution)
    return parsing.Report(parsing.lines(content), content)


def _train(distribution: distribution_lib.Distribution) -> parsing.Report:
    from tf1bn import datasets
    from tf1bn.examples import training

    settings = _settings()
    folder = _MODEL_DIR.value or f"runs/{settings.model}_{training.strategy_text(settings)}_{settings.seed}"
    dataset = datasets.load(_DATA_DIR.value)
    if _DRY_RUN.value:
        plan = training.plan(settings, dataset, folder, data_dir=_DATA_DIR.value, distribution=distribution)
        return parsing.Report("Dry run, nothing written.\n" + parsing.lines(plan), plan)
    result = training.train(
        settings,
        dataset,
        folder,
        data_dir=_DATA_DIR.value,
        pace=training.Pace(_VALIDATE.value, _SAVE.value, _SUMMARIZE.value),
        quiet=not _PROGRESS.value,
        distribution=distribution,
    )
    content = dataclasses.asdict(result)
    return parsing.Report(parsing.lines(content), content, result.exit_code)


COMMAND = parsing.Command(_run, _FLAGS, _FORMAT)
