"""The engines that spread a training step over devices and processes, by name."""

from __future__ import annotations

from collections.abc import Callable

from tf1bn.examples import distribution as names
from tf1bn.examples.distribution import Distribution
from tf1bn.examples.mirrored import Mirrored, MultiWorker
from tf1bn.examples.parameter_server import ParameterServer
from tf1bn.examples.towers import Towers
from tf1bn.examples.training_graph import OneDevice

_ENGINES: dict[str, Callable[[Distribution], OneDevice]] = {
    names.NONE: lambda distribution: OneDevice(),
    names.MIRRORED: Mirrored,
    names.TOWERS: Towers,
    names.PS: ParameterServer,
    names.MULTI_WORKER: MultiWorker,
}


def engine_of(distribution: Distribution) -> OneDevice:
    """Returns the engine of a distribution. In a cluster this starts the server of the process."""
    return _ENGINES[distribution.engine](distribution)
