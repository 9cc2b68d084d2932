"""Which implementation normalises with batch moments, and which with given ones.

A kernel is a pair of functions with one signature; all give the same outputs, moments (variance divided by
the count) and gradients within rounding, so the choice is one of speed only. :func:`choose` is the table:

| where | kernel | without oneDNN |
| --- | --- | --- |
| a kind beside the batch's moments, several channel axes, one channel, nothing below | plain | plain |
| fewer than 64 channels, below 98304 elements, from 32768 on (4096 if C % 16) | wide | wide |
| up to 16384 elements, an eighth if a size is unknown, channels last, no branch | fused_small | fused_small |
| from 98304 elements on, channels last, fewer than 16 | fused if C % 4 == 0, else wide | wide |
| the same, from 16 to 31 | fused if C % 4 == 0, else wide | wide if rows can be joined, else fused |
| the same, from 32 on | fused if C % 4 == 0, else wide, from 64 on plain | fused |
| from 98304 elements on, another channel axis | fused | fused |

An axis of unknown size is taken for 32. All kernels that are fused compute in float32 and half precision only. Where a
GPU is visible and no ``tf.device`` says CPU, images of both formats take ``fused`` and all else ``plain``: the rest of
the table was measured on CPU. In doubt whether TensorFlow uses oneDNN, it is taken to. Every kernel that is chosen is
made of stock ops and right everywhere, so a graph that was built on another machine may be slower than it could be, and
nothing else. In a branch of a switch, which a frozen graph keeps, the op of ``fused_small`` is not taken: TFLite has no
batch norm of volumes, and would refuse the graph for a branch that it never runs. ``native``, an op of an optional
library, is taken where it is asked for alone: a graph must load where there is no library.

Never chosen are ``xla``, which compiles for about 0.3 seconds per layer and shape in the first run, and ``fused_wide``:
what it gains over ``wide`` on some large inputs is no more than noise, and it has more ops. Without oneDNN and with 16
to 30 channels, ``wide`` took 0.70 to 1.02 of the time of ``fused``, and ``fused_wide`` 0.75 to 1.06; with 32, 1.10 to
1.33 both.

What bounds the choice: with oneDNN the fused kernel hands work to threads, 80 to 110 microseconds for each parallel
section, which is more than a small batch takes altogether; ``fused_small`` is the same op where oneDNN leaves it alone.
TensorFlow's elementwise ops do so from about 98000 elements on, each for itself. Composed kernels spend their time in
broadcasts of one value per channel, which take two and a half times as long as ops of equal shapes, except of a single
channel. Without oneDNN the fused kernel broadcasts likewise, so that few channels are faster over wide rows.
docs/performance.md has the measurements.

A precise kernel subtracts the rounding of the mean a second time, or, if it is fused, looks at a few values of each
channel and shifts the input where these are far from zero.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.core import compiled, devices, onednn, views
from tf1bn.core.axes import Axes
from tf1bn.core.compiled import Compiled
from tf1bn.core.fused import CHANNEL_MULTIPLE, Fused, FusedWide
from tf1bn.core.native_kernel import NATIVE
from tf1bn.core.plain import ORDINARY, PLAIN, Variant, Wide, moments, widen
from tf1bn.core.values import Moments

__all__ = ["ORDINARY", "Kernel", "Variant", "check", "choose", "moments", "widen"]

FUSED_DTYPES = (tf.float32, tf.float16, tf.bfloat16)
FUSED_FROM_ELEMENTS = 98304
GIVEN_FUSED_FROM_ELEMENTS = 131072
FUSED_SMALL_TO_ELEMENTS = 16384
WIDE_FROM_ELEMENTS = 32768
WIDE_FROM_ELEMENTS_UNALIGNED = 4096
WIDE_BELOW_CHANNELS = 64
# Without oneDNN. The second in training, where the channels fit into wide rows.
FUSED_FROM_CHANNELS, FUSED_BESIDE_WIDE_FROM_CHANNELS = 16, 32


class Kernel(Protocol):
    """Normalises one input; gamma and beta may be None."""

    @property
    def name(self) -> str:
        """What messages and records call it."""

    @property
    def precise(self) -> bool:
        """Whether float32 values far from zero keep their precision."""

    def train(
        self, x: Any, axes: Axes, gamma: Any, beta: Any, epsilon: float, variant: Variant = ORDINARY
    ) -> tuple[Any, Moments]:
        """Returns x normalised by its own moments, and these; no gradient flows into the moments."""

    def infer(self, x: Any, axes: Axes, moments: Moments, gamma: Any, beta: Any, epsilon: float) -> Any:
        """Returns x normalised by given moments."""


WIDE, FUSED, FUSED_WIDE, XLA = Wide(), Fused(), FusedWide(), Compiled()
FUSED_SMALL = Fused("fused_small", volumes=True)

NAMES: dict[str, Kernel] = {
    kernel.name: kernel for kernel in (FUSED, FUSED_SMALL, FUSED_WIDE, PLAIN, WIDE, XLA, NATIVE)
}
PRECISE: dict[str, Kernel] = {name: kernel._replace(precise=True) for name, kernel in NAMES.items()}  # type: ignore[attr-defined]


def choose(
    dims: tuple[int | None, ...],
    dtype: tf.DType,
    axes: Axes,
    variant: Variant = ORDINARY,
    wanted: str | None = None,
    *,
    precise: bool = False,
    alone: bool = True,
) -> Kernel:
    """Returns the kernel for an input of static shape ``dims``: the one that is wanted, or the fastest.

    Args:
      precise: whether float32 values far from zero keep their precision: 1e-5 at mean 10000 and deviation 1.
      alone: whether the graph always normalises so, and not in a branch.
    """
    wanted = wanted or _default_for(dims, dtype, axes, [] if variant.ordinary else ["variant"])
    kernel = _chosen(dims, dtype, axes, variant) if wanted is None else NAMES[wanted]
    if (precise or not alone) and wanted is None and kernel is FUSED_SMALL:
        kernel = PLAIN  # to look at the values would cost as much as the kernel; for branches see above
    return PRECISE[kernel.name] if precise else kernel


def _chosen(
    dims: tuple[int | None, ...],
    dtype: tf.DType,
    axes: Axes,
    variant: Variant,
    fused_from: int = FUSED_BESIDE_WIDE_FROM_CHANNELS,
) -> Kernel:
    if not variant.ordinary or len(axes.kept) > 1:
        return PLAIN
    if devices.on_gpu():
        return FUSED if dtype in FUSED_DTYPES and axes.rank == 4 and axes.kept in ((1,), (3,)) else PLAIN
    channels, last = axes.parameter_shape[0], axes.kept == (axes.rank - 1,)
    if channels == 1:
        return PLAIN
    few = channels < WIDE_BELOW_CHANNELS and bool(views.rows_per_row(dims, axes))
    elements = views.elements(dims)
    if elements >= FUSED_FROM_ELEMENTS and dtype in FUSED_DTYPES:
        least = fused_from if few else FUSED_FROM_CHANNELS
        return FUSED if not last or _fused_is_fast(channels, least) else WIDE if few else PLAIN
    if few and elements >= (WIDE_FROM_ELEMENTS_UNALIGNED if channels % views.VECTOR else WIDE_FROM_ELEMENTS):
        return WIDE
    small = elements * (8 if None in dims else 1) <= FUSED_SMALL_TO_ELEMENTS
    return FUSED_SMALL if small and last and dtype in FUSED_DTYPES else PLAIN


def _fused_is_fast(channels: int, least: int) -> bool:
    """Returns whether the fused kernel beats the composed ones for a large input with channels last.

    Args:
      least: number of channels from which on it does without oneDNN.
    """
    return channels % CHANNEL_MULTIPLE == 0 if onednn.used() else channels >= least


def choose_given(
    dims: tuple[int | None, ...], dtype: tf.DType, axes: Axes, wanted: str | None = None, *, alone: bool = True
) -> Kernel:
    """Returns the kernel for normalisation with given moments: the one that is wanted, or the fastest.

    For images ``fused`` is one op instead of eight, and TensorFlow merges it with the convolution before it. In a
    branch it cannot, and then the hand-over to threads costs small images more than the eight ops.

    Args:
      alone: whether the graph always normalises so, and not in a branch.
    """
    wanted = wanted or _default_for(dims, dtype, axes, [])
    if wanted not in (None, NATIVE.name):
        return NAMES[wanted]
    images = len(dims) == 4 and axes.kept == (3,) and dtype in FUSED_DTYPES
    if alone and images and dims[3] % CHANNEL_MULTIPLE == 0:
        return FUSED
    kernel = _chosen(dims, dtype, axes, ORDINARY, FUSED_FROM_CHANNELS)
    return kernel if kernel is FUSED and views.elements(dims) >= GIVEN_FUSED_FROM_ELEMENTS else PLAIN


def check(name: str | None, dims: tuple[int | None, ...], dtype: tf.DType, axes: Axes, kinds: Sequence[str]) -> None:
    """Refuses a kernel that is asked for by name and cannot serve the call; creates no op.

    Args:
      kinds: names of the arguments in use that take part in the normalisation.

    Raises:
      ArgumentError: no such kernel, or not for this shape, dtype or kind.
    """
    if name is None:
        return
    require_known(name)
    reason = _misfit(name, dims, dtype, axes, kinds)
    if reason:
        raise errors.ArgumentError(
            errors.explain(
                f"kernel {name!r} cannot serve this call: {reason}",
                fix='Leave `kernel` out, or take "plain", which serves every call.',
            )
        )


def require_known(name: Any) -> None:
    """Refuses what is no name of a kernel.

    Raises:
      ArgumentError: it is none.
    """
    if not isinstance(name, str) or name not in NAMES:
        raise errors.ArgumentError(
            errors.explain("`kernel` is unknown", got=name, expected="None or " + " or ".join(map(repr, NAMES)))
        )


_default: contextvars.ContextVar[str | None] = contextvars.ContextVar("tf1bn_kernel", default=None)


@contextlib.contextmanager
def default_kernel(name: str) -> Iterator[None]:
    """Sets the kernel of every layer in the block that names none and that the kernel can serve; blocks nest.

    Which layers it serves depends on their arguments and not on the machine: one that it cannot serve, such as a layer
    with weights, takes the fastest of the others. ``kernel=`` at a layer is refused there.

    Args:
      name: as ``kernel`` of ``batch_norm``.

    Raises:
      ArgumentError: no kernel has this name.

    Example:
      >>> with tf1bn.default_kernel("plain"):
      ...     y = tf1bn.batch_norm(x, is_training)
    """
    with errors.located("default_kernel"):
        require_known(name)
    token = _default.set(name)
    try:
        yield
    finally:
        _default.reset(token)


def _default_for(dims: tuple[int | None, ...], dtype: tf.DType, axes: Axes, kinds: Sequence[str]) -> str | None:
    name = _default.get()
    return name if name is not None and not _misfit(name, dims, dtype, axes, kinds) else None


def _misfit(name: str, dims: tuple[int | None, ...], dtype: tf.DType, axes: Axes, kinds: Sequence[str]) -> str:
    if name == PLAIN.name:
        return ""
    if kinds:
        return f"`{kinds[0]}` takes part in the normalisation"
    if len(axes.kept) > 1:
        return "it takes one channel axis"
    if name.startswith(FUSED.name) and dtype not in FUSED_DTYPES:
        return f"it does not compute in {dtype.name}"
    if name in (XLA.name, FUSED_SMALL.name, NATIVE.name) and axes.kept != (axes.rank - 1,):
        return "its channels are not last"
    if name == NATIVE.name and devices.on_gpu():
        return "it runs on CPU, and a GPU is visible while no tf.device says CPU"
    multiple = CHANNEL_MULTIPLE if name == FUSED_WIDE.name else 1
    if name in (WIDE.name, FUSED_WIDE.name) and not views.rows_per_row(dims, axes, multiple):
        return "its channels are not last, or too many, or no number of rows divides all of them evenly"
    if name == XLA.name and not compiled.available():
        return "this TensorFlow is built without XLA"
    return ""
