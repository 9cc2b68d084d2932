"""``slim.data_decoder``."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any


class DataDecoder(abc.ABC):
    """Decodes one record to items."""

    @abc.abstractmethod
    def decode(self, data: Any, items: Sequence[str]) -> list[Any]:
        """Returns the tensors of items, in order."""

    @abc.abstractmethod
    def list_items(self) -> Any:
        """Returns the names of all items."""
