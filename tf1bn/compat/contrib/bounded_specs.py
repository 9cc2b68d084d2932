"""``BoundedTensorSpec`` of tf.contrib.framework: a shape, a dtype, and limits."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors


class BoundedTensorSpec(tf.TensorSpec):
    """Describes a tensor whose entries lie between a minimum and a maximum, both of them possible.

    Args:
      shape, dtype, name: as of ``tf.TensorSpec``.
      minimum, maximum: a number, or an array of a shape that fits.

    Raises:
      ArgumentError: a limit is None, or its shape does not fit.
    """

    def __init__(self, shape: Any, dtype: Any, minimum: Any, maximum: Any, name: str | None = None) -> None:
        super().__init__(shape, dtype, name)
        self._limits = tuple(self._limit(word, value) for word, value in (("minimum", minimum), ("maximum", maximum)))

    @classmethod
    def from_spec(cls, spec: Any, name: str | None = None) -> Any:
        """Returns a spec with the limits of another, or of all that its dtype can be."""
        low = getattr(spec, "minimum", spec.dtype.min)
        high = getattr(spec, "maximum", spec.dtype.max)
        return cls(spec.shape, spec.dtype, low, high, name or spec.name)

    @property
    def minimum(self) -> Any:
        """The least value, as an array that cannot be written to."""
        return self._limits[0]

    @property
    def maximum(self) -> Any:
        """The largest value, as an array that cannot be written to."""
        return self._limits[1]

    def _limit(self, word: str, value: Any) -> Any:
        if value is None:
            raise errors.ArgumentError(errors.explain(f"`{word}` must not be None"), where="BoundedTensorSpec")
        found = np.array(value, self.dtype.as_numpy_dtype)
        try:
            tf.broadcast_static_shape(tf.TensorShape(found.shape), self.shape)
        except ValueError:
            raise errors.ArgumentError(
                errors.explain(f"`{word}` does not fit the shape", got=found.shape, expected=str(self.shape)),
                where="BoundedTensorSpec",
            ) from None
        found.setflags(write=False)
        return found

    def __repr__(self) -> str:
        return (
            f"BoundedTensorSpec(shape={self.shape}, dtype={self.dtype!r}, name={self.name!r}, "
            f"minimum={self.minimum!r}, maximum={self.maximum!r})"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BoundedTensorSpec) or not super().__eq__(other):
            return False
        return all(np.allclose(mine, its) for mine, its in zip(self._limits, other._limits, strict=True))

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype))

    def __reduce__(self) -> Any:
        return BoundedTensorSpec, (self.shape, self.dtype, *self._limits, self.name)
