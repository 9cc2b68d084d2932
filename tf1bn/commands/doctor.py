"""Says what this machine has for tf1bn, and how to mend what is wrong with it.

  tf1bn doctor
  tf1bn doctor --format=json

Python, TensorFlow and the distribution that provides it, oneDNN as TensorFlow itself sees it, the processor's vector
instructions, GPUs, the native op library, Keras, optional packages, and packages that are known not to work beside
each other. TensorFlow runs in a process of its own, which trains one batch norm for one step and checks its numbers.

Exit codes: 0 tf1bn works here, with or without problems; 1 it cannot; 2 wrong usage.
"""

from __future__ import annotations

from tf1bn import __version__, exits
from tf1bn.commands import parsing

_FLAGS = parsing.Flags()
_FORMAT = _FLAGS.enum("format", "text", parsing.FORMATS, "Form of the report on stdout.")


def _doctor() -> parsing.Report:
    from tf1bn.machine import diagnosis, facts, report, waiting

    with waiting.Waiting() as told:
        found = facts.gather(told)
    lines = diagnosis.diagnose(found)
    return parsing.Report(
        report.as_text(lines, __version__),
        report.as_json(lines, found, __version__),
        exits.DONE if diagnosis.works(lines) else exits.REFUSED,
    )


COMMAND = parsing.Command(_doctor, _FLAGS, _FORMAT)
