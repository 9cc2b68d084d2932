"""The tensors of a layer in one framework: what its kind says, or the source's own tensors as they are."""

from __future__ import annotations

import dataclasses

from tf1bn import errors
from tf1bn.convert import naming
from tf1bn.convert.layer import Layer
from tf1bn.convert.target import Target
from tf1bn.convert.uses import catalog, kind

_CANNOT = (KeyError, ValueError, IndexError, ZeroDivisionError)


def of(layer: Layer, dialect: str) -> list[Target]:
    """Returns the tensors of a layer, named by their last words; in the source's own dialect by their whole names.

    Raises:
      UnknownNameError: no such dialect.
    """
    row = catalog.USES.get(layer.kind)
    if dialect == naming.PLAIN:
        found = zip(layer.tensors.values(), kind.as_stored(layer), strict=True)
        return [dataclasses.replace(target, name=stored.key) for stored, target in found]
    if dialect == naming.KERAS:
        return kind.as_stored(layer) if row.keras is None else row.keras(layer)
    if dialect == naming.TORCH:
        return row.torch(layer)
    raise errors.UnknownNameError(errors.explain(f"unknown dialect {dialect!r}", expected="torch, keras or tensorflow"))


def possible(layer: Layer, dialect: str) -> bool:
    """Whether the tensors of a layer with open questions can be told all the same."""
    try:
        of(layer, dialect)
    except _CANNOT:
        return False
    return True
