"""Any library that offers an all-reduce, such as Horovod."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.distribute import base
from tf1bn.distribute.numbering import Path, numbering

GRADIENTS = ("all_sum", "own")


@dataclasses.dataclass(frozen=True)
class Allreduce:
    """Adds up by a function that someone else brings.

    For processes that each hold the whole model and its averages, such as those of Horovod:
    ``Allreduce(functools.partial(hvd.allreduce, op=hvd.Sum), hvd.size(), rank=hvd.rank())``. All ranks must build
    the same calls in the same order: an exchange is found by its name, which is numbered.

    Attributes:
      allreduce: called as ``allreduce(tensor, name=...)``; returns the sum of the tensor over all ranks.
      size: number of ranks.
      rank: number of this one.
      gradient: "all_sum" takes the same function for the gradient; "own" leaves it to the function, if it has the
        gradient of a sum over ranks, which is the sum of the gradients.
      in_branch: whether the function works in a branch of a conditional.
      own_averages: whether each rank has averages of its own.
    """

    allreduce: Callable[..., Any]
    size: Any
    rank: Any = 0
    gradient: str = "all_sum"
    in_branch: bool = False
    own_averages: bool = True
    name: ClassVar[str] = "allreduce"

    def __post_init__(self) -> None:
        if not callable(self.allreduce):
            raise errors.ArgumentTypeError(
                errors.explain(
                    "`allreduce` must be a function", got=self.allreduce, expected="allreduce(tensor, name=...)"
                )
            )
        if callable(self.size) or callable(self.rank):
            raise errors.ArgumentTypeError(
                errors.explain(
                    "`size` and `rank` must be numbers or scalar tensors",
                    got=self.size if callable(self.size) else self.rank,
                    fix="Call them: size=hvd.size(), rank=hvd.rank().",
                )
            )
        if self.gradient not in GRADIENTS:
            raise errors.ArgumentError(
                errors.explain("`gradient` is unknown", got=self.gradient, expected=" or ".join(map(repr, GRADIENTS)))
            )

    @property
    def index(self) -> Any:
        """Number of this rank."""
        return self.rank

    def all_sum(self, tensors: list[Any]) -> list[Any]:
        """Returns the sums over the ranks; the gradient is the same sum."""
        return self._all_sum(tensors, numbering((self.name, tf.get_static_value(self.rank))).next_path(None))

    def _all_sum(self, tensors: list[Any], path: Path) -> list[Any]:
        if self.gradient == "own":
            return self._reduced(tensors, path)
        gradients_so_far = 0

        @tf.custom_gradient
        def summed(*values: Any) -> Any:
            def backward(*gradients: Any) -> Any:
                nonlocal gradients_so_far
                gradients_so_far += 1
                return self._all_sum(base.dense(gradients), (*path, "gradient", gradients_so_far))

            return tuple(self._reduced(values, path)), backward

        found = summed(*tensors)
        return list(found) if isinstance(found, (list, tuple)) else [found]

    def _reduced(self, values: Any, path: Path) -> list[Any]:
        name = "tf1bn_" + "_".join(map(str, path))
        sums = [self.allreduce(value, name=f"{name}_{i}") for i, value in enumerate(values)]
        for value, found in zip(values, sums, strict=True):
            found.set_shape(value.shape)
        return sums
