"""Whether TensorFlow computes with oneDNN in this process."""

from __future__ import annotations

import ctypes
import functools
import pathlib

import tensorflow.compat.v1 as tf

_ASKS = "_ZN10tensorflow12IsMKLEnabledEv"


def used() -> bool:
    """Returns whether kernels are to be chosen for oneDNN; in doubt they are."""
    return enabled() is not False


@functools.cache
def enabled() -> bool | None:
    """Returns what TensorFlow itself goes by, None where it does not say.

    It depends on the build, on the processor and on ``TF_ENABLE_ONEDNN_OPTS`` as it was when TensorFlow looked, which
    was at its import. No function of its Python interface tells, and asking a session would fix the number of threads
    of the whole process. So the function that its kernels ask is called in the library that is loaded already.
    """
    for path in sorted(pathlib.Path(tf.sysconfig.get_lib()).glob("libtensorflow_framework*")):
        try:
            asks = getattr(ctypes.CDLL(str(path)), _ASKS)
        except (OSError, AttributeError):
            continue
        asks.restype, asks.argtypes = ctypes.c_bool, []
        return bool(asks())
    return None
