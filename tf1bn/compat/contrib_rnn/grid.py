"""LSTMs along time and frequency: TimeFreqLSTM, GridLSTM and its bidirectional form.

Sources: Kalchbrenner, Danihelka, Graves: Grid long short-term memory (2016); Sainath, Li: Modeling time-frequency
patterns with LSTM vs. convolutional architectures for LVCSR tasks (2016).
"""

from __future__ import annotations

import collections
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.calls import made_with
from tf1bn.compat.contrib_rnn.sized import clipped, peephole, sharded
from tf1bn.compat.rnn_base import RNNCell, depth_of


class TimeFreqLSTMCell(RNNCell):
    """An LSTM that goes over windows of the features, its output at one window being an input at the next.

    At window w: i, j, f, o = [features of w, h of w, output of w - 1] @ W + B
    c = sigmoid(f + forget_bias + W_F_diag * c) * c + sigmoid(i + W_I_diag * c) * tanh(j)
    output = h = sigmoid(o + W_O_diag * c) * tanh(c); the terms with W_*_diag with peepholes only

    The state is ``[batch, windows * 2 * num_units]``, c and h of each window in turn, and the output
    ``[batch, windows * num_units]``. ``state_size`` and ``output_size`` are those of one window, as in the original;
    with several windows the program passes a first state of the right width.

    Variables:
      ``W_0``, ``W_1``, ... (shards of W), ``B``, and ``W_F_diag``, ``W_I_diag``, ``W_O_diag`` with peepholes.
    """

    def __init__(
        self,
        num_units: int,
        use_peepholes: bool = False,
        cell_clip: float | None = None,
        initializer: Any = None,
        num_unit_shards: int = 1,
        forget_bias: float = 1.0,
        feature_size: int | None = None,
        frequency_skip: int = 1,
        reuse: Any = None,
    ) -> None:
        super().__init__(reuse=reuse)
        self._num_units, self._peepholes, self._cell_clip = num_units, use_peepholes, cell_clip
        self._initializer, self._shards, self._forget_bias = initializer, num_unit_shards, forget_bias
        self._window, self._skip = feature_size, frequency_skip

    @property
    def state_size(self) -> Any:
        """Units of c and h of one window."""
        return 2 * self._num_units

    @property
    def output_size(self) -> Any:
        """Units of one window."""
        return self._num_units

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Returns the outputs and the states of all windows, joined."""
        windows = windows_of(inputs, 0, depth_of(inputs, "TimeFreqLSTMCell"), self._window, self._skip)
        old = tf.split(state, 2 * len(windows), axis=1)
        before, outputs, states = tf.zeros_like(old[0]), [], []
        for number, features in enumerate(windows):
            c, before = self._step(tf.concat([features, old[2 * number + 1], before], 1), old[2 * number])
            outputs.append(before)
            states += [c, before]
        return tf.concat(outputs, 1), tf.concat(states, 1)

    def _step(self, joined: Any, c: Any) -> tuple[Any, Any]:
        units, dtype, start = self._num_units, joined.dtype, self._initializer
        shape = [depth_of(joined, "TimeFreqLSTMCell"), 4 * units]
        kernel = sharded(self, "W", shape, self._shards, start, dtype)
        bias = self.add_variable("B", [4 * units], tf.zeros_initializer(), dtype)
        i, j, f, o = tf.split(tf.nn.bias_add(tf.matmul(joined, kernel), bias), 4, axis=1)
        if self._peepholes:
            f += peephole(self, "W_F_diag", units, start, dtype) * c
            i += peephole(self, "W_I_diag", units, start, dtype) * c
        c = clipped(tf.sigmoid(f + self._forget_bias) * c + tf.sigmoid(i) * tf.tanh(j), self._cell_clip)
        if self._peepholes:
            o += peephole(self, "W_O_diag", units, start, dtype) * c
        return c, tf.sigmoid(o) * tf.tanh(c)


class _Direction(NamedTuple):
    """One of the two LSTMs at a window, along frequency or along time: its gates and its peepholes."""

    gates: dict[str, Any]
    diagonals: dict[str, tuple[Any, Any]]

    def opened(self, gate: str, frequency: Any, time: Any, extra: float = 0.0) -> Any:
        """Returns a gate after its sigmoid, with the peepholes at the memories along frequency and time."""
        value = self.gates[gate] + extra
        if gate in self.diagonals:
            at_frequency, at_time = self.diagonals[gate]
            value += at_frequency * frequency + at_time * time
        return tf.sigmoid(value)


@dataclass(frozen=True)
class GridLSTM:
    """What ``GridLSTMCell`` takes; only the bidirectional cell has an offset."""

    num_units: int
    use_peepholes: bool = False
    share_time_frequency_weights: bool = False
    cell_clip: float | None = None
    initializer: Any = None
    num_unit_shards: int = 1
    forget_bias: float = 1.0
    feature_size: int | None = None
    frequency_skip: int | None = None
    num_frequency_blocks: Sequence[int] | None = None
    start_freqindex_list: Sequence[int] | None = None
    end_freqindex_list: Sequence[int] | None = None
    couple_input_forget_gates: bool = False
    state_is_tuple: bool = True
    backward_slice_offset: int = field(default=0, init=False)
    reuse: Any = None


@dataclass(frozen=True)
class BidirectionalGridLSTM(GridLSTM):
    """What ``BidirectionalGridLSTMCell`` takes."""

    state_is_tuple: bool = field(default=True, init=False)
    backward_slice_offset: int = 0


class GridLSTMCell(RNNCell):
    """Two LSTMs at each window of the features, one along time and one along frequency.

    At window w, with h_t, c_t of the step before and h_f, c_f of the window before (0 at the first), for both
    directions d (t with W_t, B_t and f with W_f, B_f):

    i, j, f, o = [features of w, h_t, h_f] @ W_d + B_d; with coupled gates there is no f, and f is 1 - sigmoid(i)
    c_d' = sigmoid(f + forget_bias) * c_d + sigmoid(i) * tanh(j)
    h_d' = sigmoid(o) * tanh(c_d')

    Peepholes add W_I_diag and W_F_diag times c_f and c_t, and W_O_diag times c_f' and c_t', to the gates. With
    ``share_time_frequency_weights`` both directions use the weights along frequency.

    The output is h_t' and h_f' of each window; the state keeps c_t' and h_t' of each.

    Variables:
      For block b of windows ``W_f_<b>_0``, ... (shards), ``B_f_<b>``, the same with ``t``; with peepholes
      ``W_{F,I,O}_diag_{freq,time}{f,t}_<b>``.

    Args:
      feature_size, frequency_skip: width of a window, and how far the next one is.
      num_frequency_blocks: how many windows each block has.
      start_freqindex_list, end_freqindex_list: where each block begins and ends; by default one block over all.

    Raises:
      ArgumentError: no ``num_frequency_blocks``, lists of different length, a number of windows that does not come out,
        or several blocks with ``state_is_tuple=False`` (the original then read the first block's states for all).
    """

    prefixes: tuple[str, ...] = ("state",)

    @made_with(GridLSTM)
    def __init__(self, given: GridLSTM) -> None:
        self._take(given)

    def _take(self, given: GridLSTM) -> None:
        super().__init__(reuse=given.reuse)
        self._num_units, self._peepholes, self._shared = (
            given.num_units,
            given.use_peepholes,
            given.share_time_frequency_weights,
        )
        self._cell_clip, self._initializer, self._shards = given.cell_clip, given.initializer, given.num_unit_shards
        self._forget_bias, self._coupled, self._tuple = (
            given.forget_bias,
            given.couple_input_forget_gates,
            given.state_is_tuple,
        )
        self._window, self._skip = given.feature_size, given.frequency_skip
        self._blocks = list(given.num_frequency_blocks or ())
        self._ranges = _ranges(self._blocks, given.start_freqindex_list, given.end_freqindex_list)
        if not given.state_is_tuple and len(self._blocks) > 1:
            raise _refused("several blocks need `state_is_tuple`", len(self._blocks), "Pass state_is_tuple=True.")
        names = [
            f"{prefix}_f{window:02d}_b{block:02d}_{part}"
            for prefix in self.prefixes
            for block, count in enumerate(self._blocks)
            for window in range(count)
            for part in "cm"
        ]
        kind = "GridLSTMStateTuple" if len(self.prefixes) == 1 else "BidirectionalGridLSTMStateTuple"
        self._state_tuple: Any = collections.namedtuple(kind, names)  # type: ignore[misc]

    @property
    def state_tuple_type(self) -> Any:
        """The type of the state, or None when it is one tensor."""
        return self._state_tuple if self._tuple else None

    @property
    def state_size(self) -> Any:
        """Units of c and of h of each window, as a tuple or as their sum."""
        sizes = [self._num_units] * len(self._state_tuple._fields)
        return self._state_tuple(*sizes) if self._tuple else sum(sizes)

    @property
    def output_size(self) -> Any:
        """Units of both directions of all windows."""
        return self._num_units * len(self._state_tuple._fields)

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Returns the outputs of all windows, joined, and the new state."""
        parts = list(state) if self._tuple else tf.split(state, len(self._state_tuple._fields), axis=1)
        outputs, new = self._blocks_of(self._windows(inputs), parts, "")
        return tf.concat(outputs, 1), self._state_tuple(*new) if self._tuple else tf.concat(new, 1)

    def _windows(self, inputs: Any, offset: int = 0) -> list[list[Any]]:
        """Returns the windows of each block, looked at ``offset`` features further on; zeros are beyond the end."""
        depth = depth_of(inputs, type(self).__name__)
        ranges = self._ranges or [(0, depth)]
        before, after = max(-offset, 0), max(offset, 0)
        if offset:
            inputs = tf.pad(inputs, [[0, 0], [before, after]])
        found = []
        for (begin, end), count in zip(ranges, self._blocks, strict=True):
            windows = windows_of(inputs, begin + after, end - begin, self._window, self._skip)
            if len(windows) != count:
                raise _refused("`num_frequency_blocks` does not fit the inputs", count, f"Here are {len(windows)}.")
            found.append(windows)
        return found

    def _blocks_of(self, blocks: list[list[Any]], state: list[Any], scope: str) -> tuple[list[Any], list[Any]]:
        outputs: list[Any] = []
        new: list[Any] = []
        for block, windows in enumerate(blocks):
            old = state[len(new) : len(new) + 2 * len(windows)]
            c_f = h_f = tf.zeros_like(old[0])
            for window, features in enumerate(windows):
                c_t, h_t = old[2 * window : 2 * window + 2]
                joined = tf.concat([features, h_t, h_f], 1)
                (c_f, h_f), (c_t, h_t) = self._cross(joined, c_f, c_t, f"{scope}%s_{block}")
                outputs += [h_t, h_f]
                new += [c_t, h_t]
        return outputs, new

    def _cross(self, joined: Any, c_f: Any, c_t: Any, naming: str) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
        """Returns c and h along frequency, then along time."""
        along_f = self._direction(joined, naming, "f", "freq")
        along_t = along_f if self._shared else self._direction(joined, naming, "t", "time")
        new_f, new_t = self._memory(along_f, c_f, c_f, c_t), self._memory(along_t, c_t, c_f, c_t)
        h_f = along_f.opened("o", new_f, new_t) * tf.tanh(new_f)
        h_t = along_t.opened("o", new_f, new_t) * tf.tanh(new_t)
        return (new_f, h_f), (new_t, h_t)

    def _memory(self, along: _Direction, c: Any, c_f: Any, c_t: Any) -> Any:
        i = along.opened("i", c_f, c_t)
        f = 1 - i if self._coupled else along.opened("f", c_f, c_t, self._forget_bias)
        return clipped(f * c + i * tf.tanh(along.gates["j"]), self._cell_clip)

    def _direction(self, joined: Any, naming: str, letter: str, word: str) -> _Direction:
        gates = "ijo" if self._coupled else "ijfo"
        units, dtype, start = self._num_units, joined.dtype, self._initializer
        shape = [depth_of(joined, type(self).__name__), len(gates) * units]
        kernel = sharded(self, naming % f"W_{letter}", shape, self._shards, start, dtype)
        bias = self.add_variable(naming % f"B_{letter}", shape[1:], tf.zeros_initializer(), dtype)
        values = tf.split(tf.nn.bias_add(tf.matmul(joined, kernel), bias), len(gates), axis=1)
        diagonals = {
            gate: tuple(
                peephole(self, naming % f"W_{gate.upper()}_diag_{word}{at}", units, start, dtype) for at in "ft"
            )
            for gate in gates
            if self._peepholes and gate != "j"
        }
        return _Direction(dict(zip(gates, values, strict=True)), diagonals)  # type: ignore[arg-type]


class BidirectionalGridLSTMCell(GridLSTMCell):
    """:class:`GridLSTMCell` along frequency in both directions, each with its own weights, below ``fwd`` and ``bwd``.

    Args:
      backward_slice_offset: how many features further on the windows of the second direction begin.
    """

    prefixes = ("fwd_state", "bwd_state")

    @made_with(BidirectionalGridLSTM)
    def __init__(self, given: BidirectionalGridLSTM) -> None:
        self._take(given)
        self._offset = int(given.backward_slice_offset)

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Returns the outputs of both directions, joined, and the new state."""
        parts, half = list(state), len(self._state_tuple._fields) // 2
        forward, backward = self._windows(inputs), self._windows(inputs, self._offset)
        outputs, new = self._blocks_of(forward, parts[:half], "fwd/")
        reversed_windows = [windows[::-1] for windows in backward]
        more, newer = self._blocks_of(reversed_windows, parts[half:], "bwd/")
        return tf.concat(outputs + more, 1), self._state_tuple(*new, *newer)


def windows_of(inputs: Any, begin: int, width: int, size: int | None, skip: int | None) -> list[Any]:
    """Returns the parts ``[batch, size]`` of ``inputs[:, begin:begin + width]``, one each ``skip`` features.

    Raises:
      ArgumentError: a size or a skip that is missing or below 1, or wider than the features.
    """
    if not size or not skip or size < 1 or skip < 1 or size > width:
        raise _refused(
            "`feature_size` and `frequency_skip` do not fit the features", (size, skip, width), "Pass both, from 1 on."
        )
    count = (width - size) // skip + 1
    return [inputs[:, begin + number * skip : begin + number * skip + size] for number in range(count)]


def _ranges(
    blocks: list[int], begins: Sequence[int] | None, ends: Sequence[int] | None
) -> list[tuple[int, int]] | None:
    if not blocks:
        raise _refused("`num_frequency_blocks` is needed", blocks, "Pass a list: how many windows each block has.")
    if not begins:
        if len(blocks) != 1:
            raise _refused(
                "several blocks need `start_freqindex_list`", blocks, "Pass where each block begins and ends."
            )
        return None
    if not ends or not len(begins) == len(ends) == len(blocks):
        raise _refused(
            "the lists of blocks differ in length",
            (len(blocks), len(begins), len(ends or ())),
            "Give each block a start and an end.",
        )
    return list(zip(begins, ends, strict=True))


def _refused(what: str, got: Any, fix: str) -> errors.ArgumentError:
    return errors.ArgumentError(errors.explain(what, got=got, fix=fix), where="GridLSTMCell")
