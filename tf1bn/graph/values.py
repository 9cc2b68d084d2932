"""The values of a checkpoint, read one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors


class CheckpointValues:
    """Names, shapes and values of one checkpoint; values are read when they are asked for.

    Args:
      checkpoint: path prefix or directory of a checkpoint, or a mapping of names to arrays.

    Raises:
      CheckpointError: there is no such checkpoint, or it cannot be read.
    """

    def __init__(self, checkpoint: Any) -> None:
        self.where = "the given values" if isinstance(checkpoint, Mapping) else str(checkpoint)
        self._values: dict[str, np.ndarray] = {}
        self._reader = None
        if isinstance(checkpoint, Mapping):
            self._values = {name: np.asarray(value) for name, value in checkpoint.items()}
            self.shapes = {name: tuple(value.shape) for name, value in self._values.items()}
            return
        try:
            self._reader = tf.train.load_checkpoint(self.where)
            self.shapes = {name: tuple(shape) for name, shape in self._reader.get_variable_to_shape_map().items()}
        except (tf.errors.OpError, ValueError, RuntimeError, UnicodeError) as error:
            raise errors.CheckpointError(
                errors.explain(
                    f"the checkpoint {self.where!r} cannot be read ({str(error)[:200]})",
                    expected="the prefix or the directory of a checkpoint",
                )
            ) from error

    def __contains__(self, name: str) -> bool:
        return name in self.shapes

    def get(self, name: str) -> np.ndarray | None:
        """Returns one value, or None when the checkpoint has no such name.

        Raises:
          CheckpointError: the data behind the name is damaged.
        """
        if name not in self.shapes:
            return None
        if name not in self._values and self._reader is not None:
            try:
                self._values[name] = np.asarray(self._reader.get_tensor(name))
            except (tf.errors.OpError, ValueError, RuntimeError) as error:
                raise errors.CheckpointError(
                    errors.explain(f"the value {name!r} of {self.where!r} cannot be read ({str(error)[:200]})")
                ) from error
        return self._values[name]
