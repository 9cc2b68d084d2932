"""Times tf1bn beside the formula of every tutorial and beside tf.layers, tf_slim and tensorpack.

  python scripts/benchmark.py --suite=step --shapes=64x28x28x8,256x1024 --plot=step.png

Suites: step (one layer's training step over shapes), network (training 19 convolutions), inference (of the same
network), graph_build (deep graphs), import_time. Peers that are not installed are reported as absent; `make bench`
makes an environment that has them. All variants run side by side in one process and are checked before they are timed.
docs/performance.md says how to read the numbers.

Exit codes: 0 measured, whether or not the goals hold; 1 refused; 2 wrong usage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from absl import flags

from tf1bn.benchmark import variants
from tf1bn.examples import command

if TYPE_CHECKING:
    from tf1bn.benchmark.options import Options

_FORMAT = flags.DEFINE_enum("format", "text", [*command.FORMATS, "markdown"], "Form of the report on stdout.")
_SUITE = flags.DEFINE_enum("suite", "step", variants.SUITES, "What is timed.")
_PEERS = flags.DEFINE_list("peers", list(variants.PEERS), "Beside what; an empty list times tf1bn alone.")
_SHAPES = flags.DEFINE_list("shapes", None, "Inputs of the step, such as 64x28x28x8; by default a table of 17.")
_RELU = flags.DEFINE_enum("relu", "both", ["both", "yes", "no"], "Whether the layer of the step is followed by ReLU.")
_MEAN = flags.DEFINE_float("mean", 0.0, "Mean of the values of the step, whose deviation is 1.")
_KERNELS = flags.DEFINE_list("kernels", [], "Kernels of tf1bn, such as native,xla, to time as well.")
_BATCHES = flags.DEFINE_list("batches", ["1", "256"], "Batch sizes of the inference.")
_LAYERS = flags.DEFINE_list("layers", ["50", "200", "1000"], "Depths of the built graphs.")
_ROUNDS = flags.DEFINE_integer("rounds", None, "Visits of each variant; by default as many as the suite needs.", 1)
_MILLISECONDS = flags.DEFINE_float("milliseconds", 20.0, "Length of a visit; a longer call is made once.", 0.0)
_SESSIONS = flags.DEFINE_integer("sessions", 5, "Sessions of each variant, where sessions of one graph differ.", 1)
_EQUALITY = flags.DEFINE_bool(
    "tensor_equality", False, "Whether tensors compare by value, as in programs that only disable eager execution."
)
_THREADS = flags.DEFINE_integer("intra_op_threads", 0, "Threads of one op; 0 for as many as there are cores.", 0)
_SEED = flags.DEFINE_integer("seed", 0, "Of the values and of the order of visits.", 0, 2**31 - 1)
_LOAD = flags.DEFINE_list("load", None, "Reports what earlier runs with --format=json wrote into these files.")
_PLOT = flags.DEFINE_string("plot", None, "PNG file for step time over shape; only of the suite step.")
_PROGRESS = flags.DEFINE_bool("progress", True, "Whether to show progress on stderr.")
_DRY_RUN = flags.DEFINE_bool("dry_run", False, "Says what would be timed, and times nothing.")


def _whole(texts: list[str]) -> bool:
    return bool(texts) and all(text.isdecimal() and int(text) > 0 for text in texts)


flags.register_validator(
    _PEERS, lambda names: set(names) <= set(variants.PEERS), f"must list some of {', '.join(variants.PEERS)}"
)
flags.register_validator(_BATCHES, _whole, "must list whole numbers above 0")
flags.register_validator(_LAYERS, _whole, "must list whole numbers above 0")
flags.register_multi_flags_validator(
    [_PLOT, _SUITE], lambda values: values["plot"] is None or values["suite"] == "step", "--plot is for --suite=step"
)
flags.register_multi_flags_validator(
    [_LOAD, _DRY_RUN], lambda values: not (values["load"] and values["dry_run"]), "--load times nothing in any case"
)


def _benchmark() -> command.Report:
    from tf1bn.benchmark import plot, report, suites

    if _DRY_RUN.value:
        planned = suites.plan(_SUITE.value, _options())
        return command.Report("Dry run, nothing timed.\n" + command.lines(planned), planned)
    if _PLOT.value is not None:
        plot.require_writable(_PLOT.value)
    result = suites.load(_SUITE.value, _LOAD.value) if _LOAD.value else suites.run(_SUITE.value, _options())
    drawn = ""
    if _PLOT.value is not None:
        plot.draw(result, _PLOT.value)
        drawn = f"\n\nwrote {_PLOT.value}"
    text = report.text(result, markdown=_FORMAT.value == "markdown")
    return command.Report(text + drawn, report.content(result))


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


if __name__ == "__main__":
    command.run(_benchmark, _FORMAT)
