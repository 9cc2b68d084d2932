"""``tf.contrib.lookup``: tables from keys to values in a graph, as in TensorFlow 1.15.

In come keys, dense or sparse; out come their values. A table is filled by its initializer, which
``tf.tables_initializer()`` runs; it is no part of a checkpoint, but mutable tables are.

To read, in this order: :mod:`dtypes`, :mod:`initializers` (what fills a table), :mod:`tables`, :mod:`vocabularies`
(tables between symbols and their numbers).
"""

from __future__ import annotations

from typing import Any

from tf1bn.compat import absent
from tf1bn.compat.contrib_lookup.initializers import (
    KeyValueTensorInitializer,
    TableInitializerBase,
    TextFileIdTableInitializer,
    TextFileIndex,
    TextFileInitializer,
    TextFileStringTableInitializer,
)
from tf1bn.compat.contrib_lookup.tables import (
    FastHashSpec,
    HasherSpec,
    HashTable,
    IdTableWithHashBuckets,
    InitializableLookupTableBase,
    LookupInterface,
    MutableDenseHashTable,
    MutableHashTable,
    StrongHashSpec,
)
from tf1bn.compat.contrib_lookup.vocabularies import (
    index_table_from_file,
    index_table_from_tensor,
    index_to_string,
    index_to_string_table_from_file,
    index_to_string_table_from_tensor,
    string_to_index,
    string_to_index_table_from_file,
    string_to_index_table_from_tensor,
)

__all__ = [
    "FastHashSpec",
    "HashTable",
    "HasherSpec",
    "IdTableWithHashBuckets",
    "InitializableLookupTableBase",
    "KeyValueTensorInitializer",
    "LookupInterface",
    "MutableDenseHashTable",
    "MutableHashTable",
    "StrongHashSpec",
    "TableInitializerBase",
    "TextFileIdTableInitializer",
    "TextFileIndex",
    "TextFileInitializer",
    "TextFileStringTableInitializer",
    "index_table_from_file",
    "index_table_from_tensor",
    "index_to_string",
    "index_to_string_table_from_file",
    "index_to_string_table_from_tensor",
    "string_to_index",
    "string_to_index_table_from_file",
    "string_to_index_table_from_tensor",
]


def __getattr__(name: str) -> Any:
    return absent.refuse("tf.contrib.lookup", name, __all__)
