"""gamma, beta and the averages: made through ``get_variable``, so that scopes, reuse and getters rule.

All are made outside any conditional or loop, so that their initializers run and their collections are those
of the whole graph.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.core import place
from tf1bn.core.naming import OWN, Naming

Initializer = Callable[..., Any]
Regularizer = Callable[[Any], Any]


def statistics_dtype(dtype: tf.DType) -> tf.DType:
    """Returns the dtype of parameters and averages: float64 for float64 inputs, else float32."""
    return tf.float64 if dtype == tf.float64 else tf.float32


def affine(
    name: str,
    shape: tuple[int, ...],
    dtype: tf.DType,
    *,
    initializer: Initializer,
    regularizer: Regularizer | None,
    trainable: bool,
    constraint: Any = None,
    naming: Naming = OWN,
) -> Any:
    """Returns gamma or beta of the current variable scope, created or reused.

    The scope's partitioner, regularizer, custom getter and device apply; its initializer does not, since
    these two have one of their own.

    Raises:
      ReuseError: TensorFlow refused; its own words are in the text.
    """
    with _explained(name), place.outside(), _shared_if_recomputed(name):
        return tf.get_variable(
            name,
            shape,
            dtype,
            initializer=initializer,
            regularizer=regularizer,
            trainable=trainable,
            collections=list(naming.affine_collections),
            constraint=constraint,
        )


def average(
    name: str,
    shape: tuple[int, ...],
    dtype: tf.DType,
    *,
    initializer: Initializer,
    resource: bool = False,
    naming: Naming = OWN,
    tracked: bool = True,
    first_replica: bool = False,
) -> Any:
    """Returns a moving statistic of the current variable scope, created or reused.

    It is never trainable and never partitioned, whatever the scope says; regularised and collected as the
    naming says, by default never and in GLOBAL_VARIABLES, MODEL_VARIABLES and MOVING_AVERAGE_VARIABLES.

    Args:
      tracked: whether it is listed in MOVING_AVERAGE_VARIABLES, whose entries have a shadow for
        ``ema.variables_to_restore()``.
      first_replica: under tf.distribute, what is read and saved is the copy of the first replica, not the mean.
      resource: makes a resource variable in any case. Otherwise the scope decides, except under control
        flow v2, whose branches cannot assign a reference variable.

    Raises:
      ReuseError: TensorFlow refused; its own words are in the text.
    """
    with (
        _explained(name),
        _plain_scope(naming.regularizes_averages),
        place.outside(),
        _shared_if_recomputed(name),
    ):
        return tf.get_variable(
            name,
            shape,
            dtype,
            initializer=initializer,
            trainable=False,
            collections=naming.collections_of_averages(tracked),
            use_resource=True if resource or tf.control_flow_v2_enabled() else None,
            **_copies(first_replica),
        )


def _copies(first_replica: bool) -> dict[str, Any]:
    """Returns how tf.distribute keeps one copy per replica: each moves its own, and reading combines them.

    An aggregation is always given, since without one such a variable can be neither read outside of a replica nor
    saved. The checkpoint has the plain name and one value.
    """
    if not tf.distribute.has_strategy():
        return {}
    means = tf.VariableAggregation.ONLY_FIRST_REPLICA if first_replica else tf.VariableAggregation.MEAN
    return {"synchronization": tf.VariableSynchronization.ON_READ, "aggregation": means}


def refuse_existing(scope: Any, shapes: dict[str, tuple[int, ...]], dtype: tf.DType) -> None:
    """Refuses a layer whose names are taken, or whose shared variables do not fit, before anything is made.

    Under a custom getter, which may choose other names, only TensorFlow itself can tell.

    Args:
      scope: the variable scope that the layer will enter.
      shapes: shape of each variable by its name under the scope.
      dtype: their dtype.

    Raises:
      ReuseError: the scope does not reuse, and an op of that name exists; or it does, and the variable has
        another shape or dtype.
    """
    if scope.custom_getter is not None:
        return
    for leaf, shape in shapes.items():
        name = f"{scope.name}/{leaf}" if scope.name else leaf
        found = _existing(name)
        if found is None:
            continue
        if scope.reuse:
            _refuse_misfit(found, name, shape, dtype)
        else:
            raise errors.ReuseError(
                errors.explain(
                    f"variable {name!r} already exists",
                    fix="To share it, pass reuse=True or reuse=tf.AUTO_REUSE, or set reuse on the variable_scope; "
                    "for a second layer, choose another scope name.",
                )
            )


@contextlib.contextmanager
def _shared_if_recomputed(leaf: str) -> Iterator[None]:
    """Refuses a variable that a recomputed forward pass has made for itself, since the first pass has another."""
    if not place.recomputed():
        yield
        return
    known = len(tf.global_variables())
    # A tape outside of a wrapped function builds in a graph of its own, whose variables are nowhere listed.
    elsewhere = place.wrapped() and not known
    yield
    if elsewhere or len(tf.global_variables()) > known:
        scope = tf.get_variable_scope().name
        raise errors.ReuseError(
            errors.explain(
                f"the forward pass is computed once more for its gradients, and made a variable "
                f"{f'{scope}/{leaf}' if scope else leaf!r} of its own",
                fix="Give the layer a scope, and reuse=tf.AUTO_REUSE to it or to the scope around it. In a function of "
                "tf.compat.v1.wrap_function, build the gradients inside, by tf.gradients: a tape outside knows none of "
                "its variables by name.",
            )
        )


class _Existing(NamedTuple):
    """What stands in the graph under the name of a variable; shape and dtype are None where it is none."""

    shape: Any = None
    dtype: Any = None


def _existing(name: str) -> _Existing | None:
    with place.outside():
        if place.wrapped():  # a function captures its variables and has no op of their name
            return next((_Existing(v.shape, v.dtype) for v in tf.global_variables() if v.name == f"{name}:0"), None)
        try:
            op = tf.get_default_graph().get_operation_by_name(name)
        except KeyError:
            return None
    if op.type not in ("VarHandleOp", "VariableV2", "Variable"):
        return _Existing()
    return _Existing(tf.TensorShape(op.get_attr("shape")), tf.as_dtype(op.get_attr("dtype")))


def _refuse_misfit(found: _Existing, name: str, shape: tuple[int, ...], dtype: tf.DType) -> None:
    if found.dtype is None:
        return
    has = tuple(found.shape.as_list()), found.dtype.base_dtype
    # A strategy may keep several rows of averages: whether their number fits is for get_variable to say.
    fits = has[0][-len(shape) :] == tuple(shape) and (len(has[0]) == len(shape) or "moving_" in name)
    if not fits or has[1] != dtype:
        raise errors.ReuseError(
            errors.explain(
                f"variable {name!r} cannot be shared",
                got=f"shape {has[0]} and dtype {has[1].name}",
                expected=f"shape {tuple(shape)} and dtype {dtype.name}",
                fix="A call that shares variables needs the same channel count and dtype as the call that created "
                "them; for a second layer, choose another scope name.",
            )
        )


@contextlib.contextmanager
def _plain_scope(regularized: bool) -> Iterator[None]:
    """Switches the scope's partitioner off for a while, and unless ``regularized`` its regularizer."""
    scope = tf.get_variable_scope()
    partitioner, regularizer = scope.partitioner, scope.regularizer
    scope.set_partitioner(None)
    scope.set_regularizer(regularizer if regularized else None)
    try:
        yield
    finally:
        scope.set_partitioner(partitioner)
        scope.set_regularizer(regularizer)


@contextlib.contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        yield
    except errors.Tf1bnError:
        raise
    except ValueError as error:
        scope = tf.get_variable_scope()
        done = "reused" if scope.reuse else "created"
        raise errors.ReuseError(
            errors.explain(
                f"variable {name!r} of scope {scope.name!r} cannot be {done}: {error}",
                fix="A call that shares variables needs the same scope name, channel count, dtype, center and scale "
                "as the call that created them.",
            )
        ) from error
