"""``slim.dataset_data_provider``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tf1bn import errors
from tf1bn.compat.slim_data import data_provider, parallel_reader


class DatasetDataProvider(data_provider.DataProvider):
    """The items of a ``Dataset``, read by :func:`parallel_reader.parallel_read`.

    Args:
      num_readers, reader_kwargs, shuffle, num_epochs, seed: as of ``parallel_read``.
      common_queue_capacity, common_queue_min: size of the queue of records, and how many it keeps to draw from.
      record_key: name of the item that holds the key of a record.

    Raises:
      ArgumentError: an item of the data set has that name.
    """

    def __init__(
        self,
        dataset: Any,
        num_readers: int = 1,
        reader_kwargs: Mapping[str, Any] | None = None,
        shuffle: bool = True,
        num_epochs: int | None = None,
        common_queue_capacity: int = 256,
        common_queue_min: int = 128,
        record_key: str = "record_key",
        seed: int | None = None,
        scope: str | None = None,
    ) -> None:
        key, data = parallel_reader.parallel_read(
            dataset.data_sources,
            dataset.reader,
            num_epochs,
            num_readers,
            reader_kwargs,
            shuffle,
            None,
            common_queue_capacity,
            common_queue_min,
            seed,
            scope,
        )
        items = list(dataset.decoder.list_items())
        tensors = dict(zip(items, dataset.decoder.decode(data, items), strict=True))
        if record_key in tensors:
            raise errors.ArgumentError(
                errors.explain(
                    "The item name used for `record_key` cannot also be used for a dataset item", got=record_key
                ),
                where="DatasetDataProvider",
            )
        super().__init__({**tensors, record_key: key}, dataset.num_samples)
