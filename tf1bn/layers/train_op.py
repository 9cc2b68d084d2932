"""Attaching pending updates to the op that the program runs."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.core import place, records
from tf1bn.strategies.base import NOWHERE, OUTPUT

_VARIABLES = ("VarHandleOp", "VariableV2")


def with_updates(op: Any, scope: str | tf.VariableScope | None = None) -> Any:
    """Returns ``op`` bound to the updates that wait in collections, so that one run does both.

    Pending are the updates of every tf1bn layer whose strategy uses a collection, of whatever name, and all
    other entries of UPDATE_OPS. Updates of the strategies "inline" and "ema" run with the output of their layer
    and need nothing. Call it after the network is built: layers that are built later are not included.

    Graph effects:
      An operation is grouped with the updates; a tensor becomes an identity behind them. No collection changes.

    Args:
      op: an operation, a tensor, what an assignment of a resource variable returned, as some optimizers give for their
        train op, or a list of these.
      scope: takes only the updates of layers in this variable scope (and other entries of UPDATE_OPS whose op
        name starts with it), such as one network of a GAN.

    Returns:
      An operation, or a tensor where ``op`` is a tensor.

    Raises:
      ArgumentTypeError: ``op`` or ``scope`` has another type.
      ArgumentError: the graph has batch norms, but none in ``scope``.
      GraphModeError: eager mode.
    """
    with errors.located("with_updates"):
        place.require_graph_mode()
        return _attached(op, pending_updates(scope))


def minimize(
    optimizer: Any, loss: Any, *, scope: str | tf.VariableScope | None = None, **minimize_arguments: Any
) -> tf.Operation:
    """Returns a train op that minimises ``loss`` and moves the averages, whatever their strategy.

    The same as ``with_updates([optimizer.minimize(loss, ...), loss], scope)``. The loss itself is computed in any
    case, since the gradients of a linear network do not need its outputs, and an output carries its update.

    Args:
      optimizer: a ``tf.train.Optimizer``.
      loss: scalar tensor.
      scope: see ``with_updates``. It does not choose the variables to train: that is ``var_list``.
      **minimize_arguments: passed to ``optimizer.minimize``: ``global_step``, ``var_list``, ...

    Returns:
      An operation.

    Raises:
      ArgumentTypeError: ``optimizer`` has no ``minimize``.
      As ``with_updates``, before the optimizer adds anything to the graph.

    Example:
      >>> train_op = tf1bn.minimize(tf.train.AdamOptimizer(1e-3), loss, global_step=tf.train.get_global_step())
    """
    with errors.located("minimize"):
        place.require_graph_mode()
        if not callable(getattr(optimizer, "minimize", None)):
            raise errors.ArgumentTypeError(
                errors.explain("`optimizer` has no method minimize", got=optimizer, expected="a tf.train.Optimizer")
            )
        updates = pending_updates(scope)
        train_op = optimizer.minimize(loss, **minimize_arguments)
        return tf.group(train_op, loss, *_as_ops(updates))


def pending_updates(scope: str | tf.VariableScope | None = None) -> list[Any]:
    """Returns the operations and tensors that wait in collections, in the order in which they were made.

    Raises:
      ArgumentTypeError, ArgumentError: as ``with_updates``.
    """
    prefix = _prefix(scope)
    graph = tf.get_default_graph()
    layers = records.read(graph)
    owner = {name: record["scope"] for record in layers for name in record["updates"]}
    names = {record["placement"] for record in layers} - {OUTPUT, NOWHERE}
    found: dict[int, Any] = {}
    for collection in [tf.GraphKeys.UPDATE_OPS, *sorted(names - {tf.GraphKeys.UPDATE_OPS})]:
        for entry in graph.get_collection(collection):
            if _inside(owner.get(entry.name, entry.name), prefix):
                found.setdefault(id(entry), entry)
    if prefix and not found:
        _require_layer(layers, prefix)
    return list(found.values())


def _require_layer(layers: list[dict[str, Any]], prefix: str) -> None:
    """A scope in which no batch norm stands is a slip that would leave averages unmoved."""
    known = sorted({record["scope"] for record in layers})
    if known and not any(_inside(scope, prefix) for scope in known):
        raise errors.ArgumentError(
            errors.explain(
                f"no batch norm stands in scope {prefix!r}",
                expected=f"a scope that holds one of {', '.join(known)}",
                fix=errors.did_you_mean(prefix, {scope.split("/")[0] for scope in known}).strip(),
            )
        )


def _prefix(scope: Any) -> str:
    if isinstance(scope, tf.VariableScope):
        return scope.name
    if scope is not None and not isinstance(scope, str):
        raise errors.ArgumentTypeError(
            errors.explain("`scope` has the wrong type", got=scope, expected="None, a string or a VariableScope")
        )
    return (scope or "").rstrip("/")


def _inside(name: str, prefix: str) -> bool:
    return not prefix or name == prefix or name.startswith(prefix + "/")


def _as_ops(entries: list[Any]) -> list[Any]:
    """Entries of UPDATE_OPS may be variables, or what an assignment returned: their op is what is meant."""
    return [entry if isinstance(entry, (tf.Operation, tf.Tensor)) else entry.op for entry in entries]


def _attached(op: Any, updates: list[Any]) -> Any:
    targets = [_target(item) for item in (op if isinstance(op, (list, tuple)) else [op])]
    if isinstance(op, tf.Tensor):
        with tf.control_dependencies(_as_ops(updates)):
            return tf.identity(op)
    return tf.group(*targets, *_as_ops(updates))


def _target(item: Any) -> Any:
    """Returns what shall run: for what an assignment of a resource variable returned, such as a train op, its op."""
    op = item if isinstance(item, (tf.Operation, tf.Tensor)) else getattr(item, "op", None)
    if not isinstance(op, (tf.Operation, tf.Tensor)) or getattr(op, "type", "") in _VARIABLES:
        raise errors.ArgumentTypeError(
            errors.explain("`op` has the wrong type", got=item, expected="operations and tensors")
        )
    return op
