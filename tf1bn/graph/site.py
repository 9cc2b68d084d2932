"""What one batch norm of a graph is: the ops that normalise, the statistics, and the variables that keep them."""

from __future__ import annotations

import dataclasses

from tf1bn.graph.nodes import Node, Tensor
from tf1bn.graph.variables import Variable, Writer

BATCH, MOVING, BOTH = "batch", "moving", "conditional"


@dataclasses.dataclass(eq=False)
class Normalizer:
    """One place where a tensor is normalised; a site with a conditional may have two."""

    node: Node
    x: Tensor
    mean: Tensor
    variance: Tensor
    gamma: Tensor | None
    beta: Tensor | None
    epsilon: float
    output: Tensor
    fused: bool
    mode: str = MOVING
    data_format: str = ""
    own_moments: tuple[Tensor, ...] = ()


@dataclasses.dataclass(eq=False)
class Site:
    """One batch norm.

    Attributes:
      scope: the variable scope, or the name scope when it has no variable.
      normalizers: the ops that normalise.
      mode: `batch` (statistics of the batch), `moving` (kept statistics), `conditional` (a tensor decides).
      predicate: the tensor that decides, when the mode is conditional.
      by_batch: the value of the predicate that selects the statistics of the batch, where the graph shows it.
      gamma, beta: their variables.
      mean, variance: the variables of the kept statistics.
      mean_moments, variance_moments: the batch moments.
    """

    scope: str
    normalizers: list[Normalizer]
    mode: str
    predicate: Tensor | None = None
    by_batch: bool | None = None
    gamma: Variable | None = None
    beta: Variable | None = None
    mean: list[Variable] = dataclasses.field(default_factory=list)
    variance: list[Variable] = dataclasses.field(default_factory=list)
    mean_moments: frozenset[Tensor] = frozenset()
    variance_moments: frozenset[Tensor] = frozenset()

    @property
    def fused(self) -> bool:
        return any(item.fused for item in self.normalizers)

    @property
    def x(self) -> Tensor:
        return self.normalizers[0].x

    @property
    def statistics(self) -> list[Variable]:
        return [*self.mean, *(item for item in self.variance if item not in self.mean)]

    @property
    def affine(self) -> list[Variable]:
        return [item for item in (self.gamma, self.beta) if item is not None]

    @property
    def moments(self) -> frozenset[Tensor]:
        return self.mean_moments | self.variance_moments

    @property
    def anchors(self) -> list[int]:
        return [item.node.id for item in self.normalizers]

    def updates(self) -> list[tuple[Variable, Writer]]:
        """Every writer that moves a statistic of this site, from this batch or by an unknown rule."""
        return [(variable, writer) for variable in self.statistics for writer in variable.of_kind("update", "other")]
