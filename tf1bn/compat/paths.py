"""What one module path of the facade holds, as data; see ``names.py`` for the notation of targets."""

from __future__ import annotations

from typing import NamedTuple


class Path(NamedTuple):
    """What one module path of the facade holds.

    Attributes:
      own: name -> target, searched first.
      modules: modules of ``tf1bn.compat`` whose public names are served, searched next.
      also: other paths of the facade, searched in order after those.
      real: whether today's public names of the same path are served last.
    """

    own: dict[str, str] = {}
    modules: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    real: bool = True


def taken(module: str, *names: str) -> dict[str, str]:
    """Returns rows that serve names of one module of ``tf1bn.compat``."""
    return {name: f"{module}:{name}" for name in names}


SUMMARIES = {
    **taken("old_summaries", "scalar_summary", "histogram_summary", "image_summary", "audio_summary"),
    "merge_summary": "=summary.merge",
    "merge_all_summaries": "=summary.merge_all",
}

CELLS = {
    **taken("rnn_base", "LSTMStateTuple", "RNNCell"),
    **taken("rnn_cell", "BasicLSTMCell", "BasicRNNCell", "GRUCell", "LSTMCell", "_linear"),
    **taken("rnn_wrappers", "DeviceWrapper", "DropoutWrapper", "MultiRNNCell", "ResidualWrapper"),
}

MNIST = taken(
    "input_data", "DataSet", "Datasets", "read_data_sets", "dense_to_one_hot", "extract_images", "extract_labels"
)
