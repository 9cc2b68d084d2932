"""Times tf1bn beside the formula of every tutorial and beside tf.layers, tf_slim and tensorpack.

  tf1bn bench --suite=step --shapes=64x28x28x8,256x1024 --plot=step.png

Suites: step (one layer's training step over shapes), network (training 19 convolutions), inference (of the same
network), graph_build (deep graphs), import_time. Peers that are not installed are reported as absent; `make bench`
makes an environment that has them. All variants run side by side in one process and are checked before they are timed.
--onednn=on,off times both states of TensorFlow side by side. docs/performance.md says how to read the numbers.

Exit codes: 0 measured, whether or not the goals hold; 1 refused; 2 wrong usage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tf1bn.benchmark import variants
from tf1bn.commands import parsing

if TYPE_CHECKING:
    from tf1bn.benchmark.options import Options
    from tf1bn.benchmark.results import Result

_FLAGS = parsing.Flags()
_FORMAT = _FLAGS.enum("format", "text", [*parsing.FORMATS, "markdown"], "Form of the report on stdout.")
_SUITE = _FLAGS.enum("suite", "step", variants.SUITES, "What is timed.")
_PEERS = _FLAGS.list("peers", list(variants.PEERS), "Beside what; an empty list times tf1bn alone.")
_SHAPES = _FLAGS.list("shapes", None, "Inputs of the step, such as 64x28x28x8; by default a table of 17.")
_RELU = _FLAGS.enum("relu", "both", ["both", "yes", "no"], "Whether the layer of the step is followed by ReLU.")
_MEAN = _FLAGS.float("mean", 0.0, "Mean of the values of the step, whose deviation is 1.")
_KERNELS = _FLAGS.list("kernels", [], "Kernels of tf1bn, such as native,xla, to time as well.")
_BASE = _FLAGS.string("base", variants.OURS, "Variant of the step whose time others are compared with.")
_ONEDNN = _FLAGS.list(
    "onednn", [], "on, off, both or on,off: each state in a process of its own, in turns; by default as TensorFlow is."
)
_BATCHES = _FLAGS.list("batches", ["1", "256"], "Batch sizes of the inference.")
_LAYERS = _FLAGS.list("layers", ["50", "200", "1000"], "Depths of the built graphs.")
_ROUNDS = _FLAGS.integer("rounds", None, "Visits of each variant; by default as many as the suite needs.", 1)
_MILLISECONDS = _FLAGS.float("milliseconds", 20.0, "Length of a visit; a longer call is made once.", 0.0)
_SESSIONS = _FLAGS.integer("sessions", 5, "Sessions of each variant, where sessions of one graph differ.", 1)
_EQUALITY = _FLAGS.bool(
    "tensor_equality", False, "Whether tensors compare by value, as in programs that only disable eager execution."
)
_THREADS = _FLAGS.integer("intra_op_threads", 0, "Threads of one op; 0 for as many as there are cores.", 0)
_SEED = _FLAGS.integer("seed", 0, "Of the values and of the order of visits.", 0, 2**31 - 1)
_LOAD = _FLAGS.list("load", None, "Reports what earlier runs with --format=json wrote into these files.")
_PLOT = _FLAGS.string("plot", None, "PNG file for step time over shape; only of the suite step.")
_PROGRESS = _FLAGS.progress()
_DRY_RUN = _FLAGS.bool("dry_run", False, "Says what would be timed, and times nothing.")


_BOTH = "both"


def _states(asked: list[str]) -> list[str]:
    """Returns the states of oneDNN that are asked for, each once."""
    wanted = [variants.ONEDNN if state == _BOTH else (state,) for state in asked]
    return list(dict.fromkeys(state for states in wanted for state in states))


def _whole(texts: list[str]) -> bool:
    return bool(texts) and all(text.isdecimal() and int(text) > 0 for text in texts)


_FLAGS.register_validator(
    _PEERS, lambda names: set(names) <= set(variants.PEERS), f"must list some of {', '.join(variants.PEERS)}"
)
_FLAGS.register_validator(
    _ONEDNN, lambda states: set(states) <= {*variants.ONEDNN, _BOTH}, "must list some of on, off, both"
)
_FLAGS.register_validator(_BATCHES, _whole, "must list whole numbers above 0")
_FLAGS.register_validator(_LAYERS, _whole, "must list whole numbers above 0")
_FLAGS.register_multi_flags_validator(
    [_PLOT, _SUITE], lambda values: values["plot"] is None or values["suite"] == "step", "--plot is for --suite=step"
)
_FLAGS.register_multi_flags_validator(
    [_BASE, _SUITE],
    lambda values: values["base"] == variants.OURS or values["suite"] == "step",
    "--base is for --suite=step",
)
_FLAGS.register_multi_flags_validator(
    [_LOAD, _ONEDNN], lambda values: not (values["load"] and values["onednn"]), "--load times nothing in any state"
)
_FLAGS.register_multi_flags_validator(
    [_PLOT, _ONEDNN],
    lambda values: values["plot"] is None or len(_states(values["onednn"])) < 2,
    "--plot draws one state of oneDNN",
)
_FLAGS.register_multi_flags_validator(
    [_LOAD, _DRY_RUN], lambda values: not (values["load"] and values["dry_run"]), "--load times nothing in any case"
)


def _benchmark() -> parsing.Report:
    from tf1bn.benchmark import plot, report, results, suites

    if _DRY_RUN.value:
        planned = {**suites.plan(_SUITE.value, _options()), "onednn": _states(_ONEDNN.value) or ["as it is"]}
        return parsing.Report("Dry run, nothing timed.\n" + parsing.lines(planned), planned)
    if _PLOT.value is not None:
        plot.require_writable(_PLOT.value)
    runs = suites.load(_SUITE.value, _LOAD.value) if _LOAD.value else _runs()
    drawn = ""
    if _PLOT.value is not None:
        plot.draw(plot.only(runs), _PLOT.value)
        drawn = f"\n\nwrote {_PLOT.value}"
    text = report.texts(runs, markdown=_FORMAT.value == "markdown", base=_BASE.value)
    return parsing.Report(text + drawn, results.every_as_json([report.content(run) for run in runs]))


def _runs() -> list[Result]:
    from tf1bn.benchmark import sides, suites

    states = _states(_ONEDNN.value)
    return sides.run(_SUITE.value, _options(), states) if states else [suites.run(_SUITE.value, _options())]


def _options() -> Options:
    from tf1bn.benchmark import options, shapes

    return options.Options(
        peers=tuple(dict.fromkeys(_PEERS.value)),
        rounds=_ROUNDS.value,
        milliseconds=_MILLISECONDS.value,
        sessions=_SESSIONS.value,
        seed=_SEED.value,
        intra_op_threads=_THREADS.value,
        tensor_equality=_EQUALITY.value,
        quiet=not _PROGRESS.value,
        shapes=shapes.parse(_SHAPES.value),
        relu={"both": (False, True), "yes": (True,), "no": (False,)}[_RELU.value],
        mean=_MEAN.value,
        kernels=tuple(dict.fromkeys(_KERNELS.value)),
        batches=tuple(dict.fromkeys(map(int, _BATCHES.value))),
        layers=tuple(dict.fromkeys(map(int, _LAYERS.value))),
    )


COMMAND = parsing.Command(_benchmark, _FLAGS, _FORMAT)
