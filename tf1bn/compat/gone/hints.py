"""What left objects, or does something else, and cannot be handed to one program alone: one line of help for each."""

from __future__ import annotations

import re

_ROWS = (
    (r"Object arrays cannot be loaded when allow_pickle=False", "np.load no longer unpickles by itself: if you trust "
     "the file, pass allow_pickle=True (and encoding='latin1' for one that Python 2 wrote)"),
    (r"setting an array element with a sequence.*inhomogeneous", "NumPy makes no array of rows of unequal length by "
     "itself any more: pass dtype=object"),
    (r"'numpy\.ndarray' object has no attribute 'tostring'", "it is .tobytes() today"),
    (r"only 0-dimensional arrays can be converted to Python scalars", "int() and float() take no array of one entry "
     "any more (NumPy 2.4): array.item() gives it"),
    (r"object has no attribute 'isAlive'", "of threads it is .is_alive() today"),
    (r"load\(\) missing 1 required positional argument: 'Loader'", "yaml.load() needs a loader: yaml.safe_load()"),
    (r"'(DataFrame|Series)' object has no attribute 'as_matrix'", "it is .to_numpy() today"),
    (r"'(DataFrame|Series)' object has no attribute 'ix'", "it is .loc[] for labels and .iloc[] for positions today"),
    (r"'ImageDraw' object has no attribute 'textsize'", "it is .textbbox(), which gives a box, today"),
    (r"'FreeTypeFont' object has no attribute 'getsize'", "it is .getbbox(), which gives a box, today"),
    (r"'\w*Element\w*' object has no attribute 'getchildren'", "it is list(element) today"),
    (r"'HTMLParser' object has no attribute 'unescape'", "it is html.unescape() today"),
)  # fmt: skip


_OF_KERAS_3 = re.compile(r"[/\\]keras[/\\]src[/\\]")  # tf_keras has its files elsewhere
_KERAS_3_SAYS = re.compile(
    r"module 'keras\.[\w.]*' has no attribute|cannot import name .*[/\\]keras[/\\]|A KerasTensor cannot be used"
)
_KERAS_2 = (
    "TensorFlow has Keras 3 today. If the program was written for the Keras of TensorFlow 1: pip install tf_keras, and "
    "start it with TF_USE_LEGACY_KERAS=1 in the environment."
)


def hint(error: BaseException) -> str:
    """Returns one line of help for what a program failed on, or an empty string."""
    text = str(error)
    known = next((f"{words}." for pattern, words in _ROWS if re.search(pattern, text, re.DOTALL)), "")
    return known or (_KERAS_2 if _in_keras_3(error, text) else "")


def _in_keras_3(error: BaseException, text: str) -> bool:
    """Whether Keras 3 raised an error, or lacks a name that was asked of one of its modules."""
    if _KERAS_3_SAYS.search(text):
        return True
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and bool(_OF_KERAS_3.search(trace.tb_frame.f_code.co_filename))
