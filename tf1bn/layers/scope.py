"""The variable scope of a layer: named or numbered, fresh or reused."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.core import place
from tf1bn.core.ledger import Call, ledger


def check(scope: Any, reuse: Any) -> None:
    """Refuses what ``tf.variable_scope`` would not understand, before anything is made.

    Raises:
      ArgumentTypeError: ``scope`` or ``reuse`` has another type.
    """
    if scope is not None and not isinstance(scope, (str, tf.VariableScope)):
        raise errors.ArgumentTypeError(
            errors.explain("`scope` has the wrong type", got=scope, expected="None, a string or a VariableScope")
        )
    if reuse is not None and reuse is not tf.AUTO_REUSE and not isinstance(reuse, bool):
        raise errors.ArgumentTypeError(
            errors.explain("`reuse` has the wrong type", got=reuse, expected="None, True, False or tf.AUTO_REUSE")
        )


def display_name(scope: Any, default: str) -> str:
    """Returns the scope's full name for messages, as far as it is known before it is entered."""
    if isinstance(scope, tf.VariableScope):
        return scope.name
    outer = "" if tf.executing_eagerly() else tf.get_variable_scope().name
    return "/".join(str(part) for part in (outer, default if scope is None else scope) if part)


@contextlib.contextmanager
def layer_scope(scope: Any, default: str, reuse: Any, inputs: Any) -> Iterator[tf.VariableScope]:
    """Enters the variable scope of one layer call, and notes the call in the graph's ledger.

    Without a name the scope is ``default``, numbered. An unnamed call with reuse=True in one branch of a
    conditional shares with the unnamed call of the same number in the other branch.

    Raises:
      ReuseError: reuse is asked for without a name, and it is not clear whose variables are meant.
    """
    parent = tf.get_variable_scope().name
    where = place.here()
    with tf.variable_scope(_resolved(scope, default, reuse), default, [inputs], reuse=reuse) as entered:
        yield entered
    ledger().calls.append(Call(entered.name, parent, default, scope is not None, where))


def foresee(scope: Any, default: str, reuse: Any) -> tf.VariableScope:
    """Returns the variable scope that :func:`layer_scope` would enter now, and leaves no trace.

    So a call can be refused before it has used up a number of an unnamed scope.

    Trick: entering a scope object restores, on leaving, the counters that number the scopes below it; and
    without an auxiliary name scope no name is taken in the graph.

    Raises:
      ReuseError: as ``layer_scope``.
    """
    scope = _resolved(scope, default, reuse)
    with tf.variable_scope(tf.get_variable_scope(), auxiliary_name_scope=False):
        with tf.variable_scope(scope, default, reuse=reuse, auxiliary_name_scope=False) as entered:
            return entered


def _resolved(scope: Any, default: str, reuse: Any) -> Any:
    if scope is None and reuse:
        return _sibling(tf.get_variable_scope().name, default, reuse, place.here())
    return scope


def _sibling(parent: str, default: str, reuse: Any, where: place.Place) -> Any:
    calls = [call for call in ledger().calls if (call.parent, call.default, call.named) == (parent, default, False)]
    mine = sum(call.place.context == where.context for call in calls)
    others = [call.scope for call in calls if where.excludes(call.place)]
    if reuse is True and mine < len(others):
        return others[mine][len(parent) + 1 :] if parent else others[mine]
    raise errors.ReuseError(
        errors.explain(
            "`reuse` without a `scope`: whose variables are meant is unclear",
            got=reuse,
            fix="Pass scope='...' in both calls, or set reuse on the surrounding variable_scope: there, the n-th "
            "unnamed call shares with the n-th.",
        )
    )
