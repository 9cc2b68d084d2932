"""``slim.data_provider``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tf1bn import errors


class DataProvider:
    """Tensors by the names of items; each run of a tensor gives the next sample."""

    def __init__(self, items_to_tensors: Mapping[str, Any], num_samples: int | None) -> None:
        self._tensors, self._samples = dict(items_to_tensors), num_samples

    def get(self, items: Sequence[str]) -> list[Any]:
        """Returns the tensors of items, in order.

        Raises:
          ArgumentError: not a list, or no such item.
        """
        if not isinstance(items, list | tuple):
            raise errors.ArgumentError(errors.explain("`items` must be a sequence", got=items), where="DataProvider")
        for item in items:
            if item not in self._tensors:
                raise errors.ArgumentError(
                    errors.explain(f"there is no item {item!r}", expected=", ".join(sorted(self._tensors))),
                    where="DataProvider",
                )
        return [self._tensors[item] for item in items]

    def list_items(self) -> Any:
        """Returns the names of all items."""
        return self._tensors.keys()

    def num_samples(self) -> int | None:
        """Returns how many samples there are."""
        return self._samples
