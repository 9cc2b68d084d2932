"""``tf.contrib.framework``'s variables: made, found by name, chosen for restoring, and assigned."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.calls import takes_as
from tf1bn.compat.contrib.scoping import add_arg_scope

get_global_step = tf.train.get_global_step
create_global_step = tf.train.create_global_step
get_or_create_global_step = tf.train.get_or_create_global_step
assert_global_step = tf.train.assert_global_step

_MODEL = (tf.GraphKeys.GLOBAL_VARIABLES, tf.GraphKeys.MODEL_VARIABLES)


@add_arg_scope
def variable(
    name: str,
    shape: Any = None,
    dtype: Any = None,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool = True,
    collections: Sequence[str] | None = None,
    caching_device: Any = None,
    device: Any = None,
    partitioner: Any = None,
    custom_getter: Any = None,
    use_resource: Any = None,
    synchronization: Any = tf.VariableSynchronization.AUTO,
    aggregation: Any = tf.VariableAggregation.NONE,
    **more: Any,
) -> Any:
    """Returns a variable of the current scope, created or reused, in each collection once.

    Args:
      collections: by default GLOBAL_VARIABLES.
      device: a device, or a function that chooses one.
      custom_getter: used in place of ``tf.get_variable``, as ``getter(name, reuse=..., shape=..., ...)``.
      synchronization: see ``tf.get_variable``.
      aggregation: see ``tf.get_variable``.
      **more: what else ``tf.get_variable`` takes.
    """
    wanted = (tf.GraphKeys.GLOBAL_VARIABLES,) if collections is None else collections
    arguments = {
        "shape": shape,
        "dtype": dtype,
        "initializer": initializer,
        "regularizer": regularizer,
        "trainable": trainable,
        "collections": list(dict.fromkeys(wanted)),
        "caching_device": caching_device,
        "partitioner": partitioner,
        "use_resource": use_resource,
        "synchronization": synchronization,
        "aggregation": aggregation,
        **more,
    }
    with tf.device(device or ""):
        if custom_getter is None:
            return tf.get_variable(name, **arguments)
        return custom_getter(name, **{"reuse": tf.get_variable_scope().reuse, **arguments})


@add_arg_scope
@takes_as(variable, dtype=tf.float32)
def model_variable(given: dict[str, Any]) -> Any:
    """Returns a ``variable`` that is also in GLOBAL_VARIABLES and MODEL_VARIABLES."""
    return variable(**{**given, "collections": [*(given["collections"] or []), *_MODEL]})


def model_getter(rename: Mapping[str, str] | None = None, plain: Iterable[str] = ()) -> Callable[..., Any]:
    """Returns a ``custom_getter`` that makes model variables, under other last names where ``rename`` says so.

    Args:
      rename: last part of a name by last part: ``{"kernel": "weights"}``.
      plain: last parts of names that stay ordinary variables.
    """
    spared = frozenset(plain)

    def wrapped(getter: Callable[..., Any], name: str, *args: Any, **kwargs: Any) -> Any:
        head, slash, leaf = name.rpartition("/")
        if leaf in spared:
            return getter(name, *args, **kwargs)
        kwargs.pop("reuse", None)
        return model_variable(f"{head}{slash}{(rename or {}).get(leaf, leaf)}", custom_getter=getter, **kwargs)

    return wrapped


def untrained(collection: str, initial_value: Any, validate_shape: bool, name: Any, use_resource: Any) -> Any:
    """Returns a variable in one collection, not trainable."""
    return tf.Variable(
        initial_value,
        trainable=False,
        collections=[collection],
        validate_shape=validate_shape,
        name=name,
        use_resource=use_resource,
    )


def local_variable(initial_value: Any, validate_shape: bool = True, name: Any = None, use_resource: Any = None) -> Any:
    """Returns a variable in LOCAL_VARIABLES, not trainable."""
    return untrained(tf.GraphKeys.LOCAL_VARIABLES, initial_value, validate_shape, name, use_resource)


def add_model_variable(var: Any) -> None:
    """Adds a variable to MODEL_VARIABLES, unless it is there."""
    if not any(var is known for known in tf.get_collection(tf.GraphKeys.MODEL_VARIABLES)):
        tf.add_to_collection(tf.GraphKeys.MODEL_VARIABLES, var)


def get_variables(scope: Any = None, suffix: str | None = None, collection: str = "variables") -> list[Any]:
    """Returns the variables of a collection whose name starts with ``scope`` and ends with ``suffix``.

    Args:
      scope: a VariableScope or a regular expression.
      suffix: the end of the name without ``:0``.
    """
    scope = scope.name if isinstance(scope, tf.VariableScope) else scope
    if suffix is not None:
        scope = f"{scope or ''}.*{suffix if ':' in suffix else suffix + ':'}"
    return tf.get_collection(collection, scope)


def get_model_variables(scope: Any = None, suffix: str | None = None) -> list[Any]:
    """Returns variables of MODEL_VARIABLES; see ``get_variables``."""
    return get_variables(scope, suffix, tf.GraphKeys.MODEL_VARIABLES)


def get_local_variables(scope: Any = None, suffix: str | None = None) -> list[Any]:
    """Returns variables of LOCAL_VARIABLES; see ``get_variables``."""
    return get_variables(scope, suffix, tf.GraphKeys.LOCAL_VARIABLES)


def get_trainable_variables(scope: Any = None, suffix: str | None = None) -> list[Any]:
    """Returns variables of TRAINABLE_VARIABLES; see ``get_variables``."""
    return get_variables(scope, suffix, tf.GraphKeys.TRAINABLE_VARIABLES)


def get_variables_by_suffix(suffix: str, scope: Any = None) -> list[Any]:
    """Returns the variables whose name ends so."""
    return get_variables(scope=scope, suffix=suffix)


def get_variables_by_name(given_name: str, scope: Any = None) -> list[Any]:
    """Returns the variables whose last part of the name is this."""
    return get_variables(scope=scope, suffix=f"/{given_name}:|^{given_name}:")


def get_unique_variable(var_op_name: str) -> Any:
    """Returns the variable of exactly this name, without ``:0``.

    Raises:
      ArgumentError: there is none.
    """
    candidates = get_variables(re.escape(var_op_name))
    for candidate in candidates:
        if candidate.op.name == var_op_name:
            return candidate
    near = errors.did_you_mean(var_op_name, [v.op.name for v in tf.global_variables()]).strip()
    raise errors.ArgumentError(
        errors.explain("no variable of that name", got=var_op_name, fix=near), where="get_unique_variable"
    )


def get_variables_to_restore(include: Sequence[str] | None = None, exclude: Sequence[str] | None = None) -> list[Any]:
    """Returns the global variables of the scopes ``include`` (by default all), without those of ``exclude``.

    Raises:
      ArgumentTypeError: one of them is not a list.
    """
    for name, scopes in (("include", include), ("exclude", exclude)):
        if scopes is not None and not isinstance(scopes, (list, tuple)):
            raise errors.ArgumentTypeError(
                errors.explain(f"`{name}` is not a list or a tuple", got=scopes), where="get_variables_to_restore"
            )
    wanted = get_variables() if include is None else [v for scope in include for v in get_variables(scope)]
    unwanted = {id(v) for scope in exclude or () for v in get_variables(scope)}
    return [v for v in wanted if id(v) not in unwanted]


def filter_variables(
    var_list: Iterable[Any],
    include_patterns: Sequence[str] | None = None,
    exclude_patterns: Sequence[str] | None = None,
    reg_search: bool = True,
) -> list[Any]:
    """Returns the variables whose name matches a pattern of the first list and none of the second.

    Args:
      reg_search: whether a pattern may match anywhere, or at the start only.
    """
    matches = re.search if reg_search else re.match

    def any_of(patterns: Sequence[str], var: Any) -> bool:
        return any(matches(pattern, var.name) for pattern in patterns)

    return [
        var
        for var in var_list
        if (include_patterns is None or any_of(include_patterns, var)) and not any_of(exclude_patterns or (), var)
    ]
