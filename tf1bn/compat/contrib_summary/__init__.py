"""``tf.contrib.summary``: summaries as ops that write by themselves, into event files that TensorBoard reads.

In come tensors, inside of ``create_file_writer(folder).as_default()`` and ``always_record_summaries()``; out come ops,
which ``all_summary_ops`` gathers and ``initialize`` makes ready. As in TensorFlow 1.15, nothing is written without both
blocks.

To read, in this order: :mod:`recording`, :mod:`writers`, :mod:`summaries`.
"""

from __future__ import annotations

from typing import Any

from tf1bn.compat import absent
from tf1bn.compat.contrib_summary.recording import (
    always_record_summaries,
    never_record_summaries,
    record_summaries_every_n_global_steps,
    should_record_summaries,
)
from tf1bn.compat.contrib_summary.summaries import (
    all_summary_ops,
    audio,
    generic,
    graph,
    histogram,
    image,
    import_event,
    initialize,
    scalar,
)
from tf1bn.compat.contrib_summary.writers import (
    SummaryWriter,
    create_db_writer,
    create_file_writer,
    create_summary_file_writer,
    eval_dir,
    flush,
    summary_writer_initializer_op,
)

__all__ = [
    "SummaryWriter",
    "all_summary_ops",
    "always_record_summaries",
    "audio",
    "create_db_writer",
    "create_file_writer",
    "create_summary_file_writer",
    "eval_dir",
    "flush",
    "generic",
    "graph",
    "histogram",
    "image",
    "import_event",
    "initialize",
    "never_record_summaries",
    "record_summaries_every_n_global_steps",
    "scalar",
    "should_record_summaries",
    "summary_writer_initializer_op",
]


def __getattr__(name: str) -> Any:
    return absent.refuse("tf.contrib.summary", name, __all__)
