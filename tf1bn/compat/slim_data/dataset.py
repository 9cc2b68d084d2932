"""``slim.dataset``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Dataset:
    """Where a data set is and how it is read; every argument is an attribute.

    Attributes:
      data_sources: a file, a pattern, or a list of such.
      reader: class of the reader, for example ``tf.TFRecordReader``.
      decoder: a ``DataDecoder``.
      num_samples: how many there are.
      items_to_descriptions: what each item means.
    """

    def __init__(
        self,
        data_sources: Any,
        reader: Any,
        decoder: Any,
        num_samples: int | None,
        items_to_descriptions: Mapping[str, str] | None,
        **kwargs: Any,
    ) -> None:
        self.data_sources, self.reader, self.decoder = data_sources, reader, decoder
        self.num_samples, self.items_to_descriptions = num_samples, items_to_descriptions
        vars(self).update(kwargs)
