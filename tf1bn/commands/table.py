"""The commands, in the order in which ``tf1bn --help`` shows them."""

from __future__ import annotations

from typing import NamedTuple

from tf1bn import errors


class Row(NamedTuple):
    """One command.

    Attributes:
      name: what stands behind ``tf1bn``.
      summary: one line of help.
      script: name of its starter in ``scripts/``; empty where it has none.
    """

    name: str
    summary: str
    script: str = ""

    @property
    def module(self) -> str:
        """The module that holds it."""
        return f"{__package__}.{self.name.replace('-', '_')}"


GROUPS: dict[str, tuple[Row, ...]] = {
    "Programs": (Row("run", "run an unmodified TensorFlow 1 program"),),
    "Networks": (
        Row("train", "train a network on images of digits, on one device or many", "train"),
        Row("evaluate", "restore it into an inference graph and measure it", "evaluate"),
        Row("compare", "train under each update strategy and compare", "compare_strategies"),
        Row("launch", "start the processes of a cluster on this machine", "launch_local"),
        Row("demo", "the whole story on small data: train, restore, compare", "demo"),
    ),
    "Graphs and checkpoints": (
        Row("audit", "find what is wrong with the batch norms of a graph, and repair it", "audit_graph"),
        Row("inspect", "say what batch norms a checkpoint holds", "inspect_checkpoint"),
        Row("migrate", "rewrite a checkpoint for another layout or graph", "migrate_checkpoint"),
        Row("compare-checkpoints", "compare two checkpoints, by name or by what they compute", "compare_checkpoints"),
        Row("merge", "merge the averages of checkpoints of several processes", "merge_checkpoints"),
        Row("reestimate", "estimate the averages of a checkpoint anew from data", "reestimate_population"),
    ),
    "Inference and other frameworks": (
        Row("export", "write an inference graph that stands alone", "export_model"),
        Row("fold", "fold batch norms into the layers beside them", "fold_checkpoint"),
        Row("convert", "take weights to PyTorch, safetensors, NumPy, Keras 3 or ONNX, and back", "convert_weights"),
        Row("native-to-stock", "rewrite a graph with native ops to TensorFlow's own", "native_to_stock"),
    ),
    "This machine": (
        Row("doctor", "say what this machine has, and what is wrong with it"),
        Row("native", "build the optional op library, or say where it is"),
        Row("bench", "time tf1bn beside tf.layers, tf_slim and tensorpack", "benchmark"),
        Row("completion", "print the completion file of a shell"),
    ),
}

ROWS: tuple[Row, ...] = tuple(row for rows in GROUPS.values() for row in rows)


def find(name: str) -> Row:
    """Returns the command of a name.

    Raises:
      UnknownNameError: there is none; the text names the closest one.
    """
    for row in ROWS:
        if row.name == name:
            return row
    known = [row.name for row in ROWS]
    hint = errors.did_you_mean(name, known) or errors.did_you_mean(name.replace("_", "-"), known)
    raise errors.UnknownNameError(errors.explain(f"there is no command {name!r}", fix=hint.strip()))
