"""Says what this machine has for tf1bn, and how to mend what is wrong with it.

  tf1bn doctor
  tf1bn doctor --format=json
  tf1bn doctor --names --python=other/bin/python

Python, TensorFlow and the distribution that provides it, oneDNN as TensorFlow itself sees it, the processor's vector
instructions, GPUs, the native op library, Keras, optional packages, and packages that are known not to work beside
each other. TensorFlow runs in a process of its own, which trains one batch norm for one step and checks its numbers.

With --names it lists the names of tf.compat.v1 that tf1bn uses, each with the first place, and those that the
TensorFlow of an environment lacks: so a coming release is looked at in seconds.

Exit codes: 0 tf1bn works here, with or without problems; 1 it cannot, or names are lacking; 2 wrong usage.
"""

from __future__ import annotations

import sys

from tf1bn import __version__, errors, exits
from tf1bn.commands import parsing

_FLAGS = parsing.Flags()
_FORMAT = _FLAGS.enum("format", "text", parsing.FORMATS, "Form of the report on stdout.")

_NAMES = _FLAGS.bool("names", False, "List the names of tf.compat.v1 that are used, and those that are lacking.")
_PYTHON = _FLAGS.string("python", None, "With --names: the interpreter whose TensorFlow is asked, instead of this one.")


def _work() -> parsing.Report:
    if _PYTHON.value and not _NAMES.value:
        raise parsing.UsageError("--python goes with --names.")
    return _names(_PYTHON.value or sys.executable) if _NAMES.value else _doctor()


def _names(python: str) -> parsing.Report:
    from tf1bn.machine import tensorflow_names

    places = tensorflow_names.used()
    try:
        version, lacking = tensorflow_names.missing_in(python, list(places))
    except (OSError, ValueError) as error:
        raise errors.ArgumentError(
            errors.explain(
                f"the TensorFlow of {python!r} cannot be asked",
                got=str(error),
                expected="a Python interpreter that can import tensorflow",
            )
        ) from error
    summary = f"{len(places)} names; TensorFlow {version} lacks {len(lacking)}"
    text = [*(f"{name}  {place}" for name, place in places.items()), summary]
    text += [f"lacks {name}, used in {places[name]}" for name in lacking]
    content = {"tensorflow": version, "used": places, "lacking": lacking}
    return parsing.Report("\n".join(text), content, exits.REFUSED if lacking else exits.DONE)


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


COMMAND = parsing.Command(_work, _FLAGS, _FORMAT)
