"""A tensor of the target as a function of tensors of the source, and the way back."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tf1bn import errors
from tf1bn.checkpoint import dtypes
from tf1bn.convert.layer import Stored
from tf1bn.convert.steps import Decode, Shape, Step

Read = Callable[[str], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Part:
    """A tensor of the source, or a piece of it, and what is done to it.

    Attributes:
      source: the tensor.
      steps: in their order.
      cut: ``(axis, start, stop)`` of the piece; None for all of it.
    """

    source: Stored
    steps: tuple[Step, ...] = ()
    cut: tuple[int, int, int] | None = None

    @property
    def shape(self) -> Shape:
        """The shape after all steps."""
        shape = self.source.shape
        if self.cut is not None:
            axis, start, stop = self.cut
            shape = (*shape[:axis], stop - start, *shape[axis + 1 :])
        for step in self.steps:
            shape = step.shape(shape)
        return shape

    def place(self) -> Any:
        """Returns the index of the piece in its source."""
        if self.cut is None:
            return ...
        axis, start, stop = self.cut
        return (*(slice(None),) * axis, slice(start, stop))

    def apply(self, read: Read) -> np.ndarray:
        """Returns the part of the target."""
        value = read(self.source.key)[self.place()]
        for step in self.steps:
            value = step.apply(value, *self._second(read)) if isinstance(step, Decode) else step.apply(value)
        return value

    def undo(self, value: np.ndarray, read: Read) -> np.ndarray:
        """Returns the piece of the source that gives this part of the target."""
        for step in reversed(self.steps):
            value = step.undo(value, *self._second(read)) if isinstance(step, Decode) else step.undo(value)
        return value

    def _second(self, read: Read) -> tuple[np.ndarray, ...]:
        return (read(self.source.companion),) if self.source.companion else ()

    def text(self) -> str:
        """Returns the part in words."""
        cut = "" if self.cut is None else f"[{':, ' * self.cut[0]}{self.cut[1]}:{self.cut[2]}]"
        return ", ".join([f"{self.source.key}{cut}", *(step.text() for step in self.steps)])


@dataclasses.dataclass(frozen=True)
class Constant:
    """Numbers that the source has no tensor for: equal blocks along the first axis, one number each.

    Attributes:
      blocks: the numbers.
      why: what stands in the source instead.
      absorbed: the part of the source that a change of these numbers is added to on the way back.
      free: whether these numbers may change without any effect on what is computed.
    """

    blocks: tuple[float, ...]
    why: str
    absorbed: Part | None = None
    free: bool = False

    def value(self, shape: Shape, dtype: str) -> np.ndarray:
        """Returns the numbers, as a file stores them."""
        row = dtypes.of_name(dtype)
        whole = np.repeat(np.array(self.blocks, np.float64), math.prod(shape) // len(self.blocks)).reshape(shape)
        return dtypes.from_floats(whole, row) if dtypes.is_float(row) else whole.astype(row.numpy)


@dataclasses.dataclass(frozen=True)
class Target:
    """One tensor of the target.

    Attributes:
      name: its name; while a kind makes it, the last word of the name.
      shape, dtype: of the tensor.
      parts: what it consists of, joined along the axis; empty for a constant.
      axis: see parts.
      constant: numbers that are no tensor of the source.
    """

    name: str
    shape: Shape
    dtype: str
    parts: tuple[Part, ...] = ()
    axis: int = 0
    constant: Constant | None = None

    @property
    def nbytes(self) -> int:
        """The size in bytes."""
        return math.prod(self.shape) * dtypes.of_name(self.dtype).size

    def value(self, read: Read) -> np.ndarray:
        """Returns the numbers; those of bfloat16 as the integers of their bits."""
        if self.constant is not None:
            return self.constant.value(self.shape, self.dtype)
        values = [part.apply(read) for part in self.parts]
        return values[0] if len(values) == 1 else np.concatenate(values, axis=self.axis)

    def text(self) -> str:
        """Returns where the numbers come from, in words."""
        if self.constant is not None:
            return f"{', '.join(f'{number:g}' for number in self.constant.blocks)}: {self.constant.why}"
        return " | ".join(part.text() for part in self.parts)


def whole(name: str, source: Stored, *steps: Step) -> Target:
    """Returns a target that consists of one tensor of the source."""
    first: tuple[Step, ...] = (Decode(source.form, source.dtype),) if source.form != "identity" else ()
    part = Part(source, (*first, *steps))
    return Target(name, part.shape, source.dtype, (part,))


def joined(name: str, parts: tuple[Part, ...], axis: int) -> Target:
    """Returns a target that consists of several parts."""
    first = parts[0].shape
    size = sum(part.shape[axis] for part in parts)
    shape = (*first[:axis], size, *first[axis + 1 :])
    return Target(name, shape, parts[0].source.dtype, parts, axis)


def constant(name: str, shape: Shape, dtype: str, blocks: tuple[float, ...], why: str, **more: Any) -> Target:
    """Returns a target that has no tensor in the source."""
    return Target(name, shape, dtype, constant=Constant(blocks, why, **more))


def undo(targets: Mapping[Target, np.ndarray], read: Read) -> dict[str, np.ndarray]:
    """Returns the tensors of the source that give these numbers of the target.

    Args:
      targets: every target that has a part of some tensors -> its numbers.
      read: gives companions of stored forms.

    Raises:
      ConvertError: a number that the source has no tensor for was changed, tensors that one tensor of the source
        stands for differ, or a piece of a source is missing.
    """
    found: dict[str, np.ndarray] = {}
    filled: dict[str, np.ndarray] = {}
    for target, value in targets.items():
        start = 0
        for part in target.parts:
            size = part.shape[target.axis] if part.shape else 1
            piece = value if len(target.parts) == 1 else np.take(value, range(start, start + size), target.axis)
            start += size
            _put(part, part.undo(piece, read), found, filled, target.name)
    for target, value in targets.items():
        if target.constant is not None:
            _absorb(target, value, found, read)
    for key, marks in filled.items():
        if not marks.all():
            raise errors.ConvertError(errors.explain(f"a piece of {key!r} is missing in the state to take back"))
    return found


def _put(part: Part, piece: np.ndarray, found: dict[str, Any], filled: dict[str, Any], name: str) -> None:
    key, place = part.source.key, part.place()
    if key not in found:
        found[key] = np.zeros(part.source.shape, piece.dtype)
        filled[key] = np.zeros(part.source.shape, bool)
    if filled[key][place].any() and not np.array_equal(_bits(found[key][place]), _bits(piece)):
        raise errors.ConvertError(
            errors.explain(
                f"two tensors of the state stand for {key!r} and differ; one of them is {name!r}",
                fix="They are one variable in the graph: tie them where they were trained.",
            )
        )
    found[key][place] = piece
    filled[key][place] = True


def _bits(value: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(value).view(np.uint8) if value.ndim else value.reshape(1).view(np.uint8)


def _absorb(target: Target, value: np.ndarray, found: dict[str, np.ndarray], read: Read) -> None:
    given = target.constant
    assert given is not None
    expected = given.value(target.shape, target.dtype)
    if given.free or np.array_equal(value, expected):
        return
    if given.absorbed is None:
        raise errors.ConvertError(
            errors.explain(
                f"{target.name!r} was changed, and the graph has no variable for it: {given.why}",
                fix="Freeze it where it is trained, or add the variable to the graph.",
            )
        )
    part = given.absorbed
    change = value.astype(np.float64) - expected.astype(np.float64)
    key, place = part.source.key, part.place()
    moved = part.undo(change, read)
    found[key][place] = (found[key][place].astype(np.float64) + moved).astype(found[key].dtype)
