"""What a run of the benchmark is asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from tf1bn.benchmark import shapes
from tf1bn.benchmark.variants import PEERS


def go_on() -> None:
    """Waits for nobody."""


@dataclasses.dataclass(frozen=True)
class Options:
    """What all suites share, and what some of them ask.

    Attributes:
      peers: names of ``variants.PEERS``.
      rounds: visits of each variant; None for the suite's own number.
      milliseconds: length of a visit; a longer call is made once.
      sessions: of each variant: of the network, and of a step or inference so short that sessions differ.
      seed: of the numbers and of the order of visits.
      intra_op_threads: of the process; 0 for as many as there are cores.
      tensor_equality: whether tensors compare by value, as in programs that only disable eager execution;
        ``tf.disable_v2_behavior()`` makes them compare by identity.
      quiet: shows no progress.
      shapes: inputs of the step.
      relu: whether the layer stands alone, is followed by ReLU, or both.
      mean: of the values that a step normalises; their deviation is 1.
      kernels: names of kernels of tf1bn, each of which is timed as well, where it can serve the input.
      batches: batch sizes of the inference.
      layers: depths of the built graphs.
      turn: called after each round; returns when this process may go on, see ``sides``.
    """

    peers: tuple[str, ...] = PEERS
    rounds: int | None = None
    milliseconds: float = 20.0
    sessions: int = 5
    seed: int = 0
    intra_op_threads: int = 0
    tensor_equality: bool = False
    quiet: bool = False
    shapes: tuple[shapes.Shape, ...] = shapes.TABLE
    relu: tuple[bool, ...] = (False, True)
    mean: float = 0.0
    kernels: tuple[str, ...] = ()
    batches: tuple[int, ...] = (1, 256)
    layers: tuple[int, ...] = (50, 200, 1000)
    turn: Callable[[], None] = go_on
