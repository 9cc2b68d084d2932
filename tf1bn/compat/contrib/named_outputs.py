"""Outputs that are kept in collections under the names of their layers, and found there again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

import tensorflow.compat.v1 as tf


def collect_named_outputs(collections: Any, alias: str, outputs: Any) -> Any:
    """Adds a tensor to collections, and a name to its ``aliases``; returns the tensor.

    Args:
      collections: a name, or several; nothing happens without one.
      alias: usually the scope of the layer; a slash at its end is taken off.
    """
    if collections:
        append_tensor_alias(outputs, alias)
        tf.add_to_collections(collections, outputs)
    return outputs


def append_tensor_alias(tensor: Any, alias: str) -> Any:
    """Adds a name to a tensor's ``aliases``, and returns the tensor."""
    tensor.aliases = [*getattr(tensor, "aliases", []), alias.removesuffix("/")]
    return tensor


def get_tensor_aliases(tensor: Any) -> list[str]:
    """Returns a tensor's aliases, by default its name without ``:0``."""
    return getattr(tensor, "aliases", None) or [tensor.name.removesuffix(":0")]


def gather_tensors_aliases(tensors: Iterable[Any]) -> list[str]:
    """Returns the aliases of several tensors, in order."""
    return [alias for tensor in tensors for alias in get_tensor_aliases(tensor)]


def convert_collection_to_dict(collection: str, clear_collection: bool = False) -> OrderedDict[str, Any]:
    """Returns the tensors of a collection by their aliases.

    Args:
      clear_collection: whether the collection is emptied.
    """
    found = OrderedDict((alias, t) for t in tf.get_collection(collection) for alias in get_tensor_aliases(t))
    if clear_collection:
        tf.get_default_graph().clear_collection(collection)
    return found


def get_variable_collections(variables_collections: Any, name: str) -> Any:
    """Returns the collections for one kind of variable, from a dictionary of lists by kind, or one list for all."""
    found = variables_collections.get(name) if isinstance(variables_collections, dict) else variables_collections
    return [found] if isinstance(found, str) else found


def add_variable(variable: Any, variables_collections: Any, name: str) -> None:
    """Adds a variable, or each part of one, to the collections that are asked for, once."""
    whole = isinstance(variable, tf.Variable) or not hasattr(variable, "as_tensor")
    for collection in get_variable_collections(variables_collections, name) or ():
        held = tf.get_collection_ref(collection)
        held.extend(v for v in ([variable] if whole else variable) if not any(v is known for known in held))


def channel_dimension(shape: Any, data_format: str, min_rank: int = 1) -> Any:
    """Returns the static size of the channel dimension."""
    dims = tf.TensorShape(shape).with_rank_at_least(min_rank).as_list()
    return dims[1 if data_format in ("NCHW", "channels_first") else -1]


def last_dimension(shape: Any, min_rank: int = 1) -> Any:
    """Returns the static size of the last dimension."""
    return tf.TensorShape(shape).with_rank_at_least(min_rank).as_list()[-1]
