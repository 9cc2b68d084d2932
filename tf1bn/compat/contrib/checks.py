"""``tf.contrib.framework``'s small functions: checks of tensors, conditions, names, and deprecated functions."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib import choosing
from tf1bn.compat.contrib.metric_parts import squeezed


def assert_scalar_int(tensor: Any, name: str | None = None) -> Any:
    """Returns a tensor, after a check that it is a scalar of int32 or int64.

    Raises:
      ArgumentError: it is not.
    """
    with tf.name_scope(name, "assert_scalar_int", [tensor]):
        tensor = tf.convert_to_tensor(tensor)
        if tensor.dtype.base_dtype not in (tf.int32, tf.int64) or tensor.shape.rank != 0:
            raise errors.ArgumentError(
                errors.explain("an integer scalar is needed", got=(tensor.dtype.name, str(tensor.shape))),
                where="assert_scalar_int",
            )
        return tensor


def reduce_sum_n(tensors: Sequence[Any], name: str | None = None) -> Any:
    """Returns the sum of all entries of all tensors.

    Raises:
      ArgumentError: none.
    """
    if not tensors:
        raise errors.ArgumentError(errors.explain("there is no tensor to check", got=tensors), where="reduce_sum_n")
    with tf.name_scope(name, "reduce_sum_n", list(tensors)) as scope:
        return tf.add_n([tf.reduce_sum(tensor) for tensor in tensors], name=scope)


def remove_squeezable_dimensions(predictions: Any, labels: Any, name: str | None = None) -> tuple[Any, ...]:
    """Returns predictions and labels of the same rank: a last axis of 1 that only one has is taken off."""
    with tf.name_scope(name, "remove_squeezable_dimensions", [predictions, labels]):
        return squeezed(predictions, labels)[:2]


def with_shape(expected_shape: Any, tensor: Any) -> Any:
    """Returns a tensor, after a check of its shape: when the graph is built, as far as it is known, else in each run.

    Raises:
      ArgumentError: another shape.
    """
    tensor = tf.convert_to_tensor(tensor)
    static = tf.get_static_value(expected_shape) if tf.is_tensor(expected_shape) else expected_shape
    if static is None:
        right = tf.assert_equal(tf.shape(tensor), tf.cast(expected_shape, tf.int32), message="Wrong shape")
        with tf.control_dependencies([right]):
            return tf.identity(tensor)
    sizes = static.as_list() if isinstance(static, tf.TensorShape) else list(static)
    shape = tf.TensorShape([None if size == -1 else size for size in sizes])
    if not tensor.shape.is_compatible_with(shape):
        raise errors.ArgumentError(
            errors.explain(f"{tensor.name} has another shape", got=str(tensor.shape), expected=str(shape)),
            where="with_shape",
        )
    return tf.ensure_shape(tensor, shape)


def with_same_shape(expected_tensor: Any, tensor: Any) -> Any:
    """Returns a tensor, after a check that its shape is that of another."""
    with tf.name_scope(None, "with_same_shape", [expected_tensor, tensor]):
        expected = tf.convert_to_tensor(expected_tensor)
        known = expected.shape
        return with_shape(known if known.is_fully_defined() else tf.shape(expected), tensor)


def smart_cond(pred: Any, true_fn: Any = None, false_fn: Any = None, name: str | None = None) -> Any:
    """Returns the result of one of two functions, built alone where the condition is known beforehand."""
    known = smart_constant_value(pred)
    if known is not None:
        return true_fn() if known else false_fn()
    return choosing.smart_cond(pred, true_fn, false_fn, name)


def py_func(
    func: Callable[..., Any],
    args: Any = (),
    kwargs: Any = None,
    output_types: Any = None,
    output_shapes: Any = None,
    stateful: bool = True,
    name: str | None = None,
) -> Any:
    """Returns the results of a Python function, in the structure of ``output_types``.

    Args:
      args, kwargs: structures of tensors and other values; the function gets arrays for the tensors.
      output_types: a structure of dtypes; None for a function that returns nothing, whose op is returned.
      output_shapes: the same structure of shapes, or None.
    """
    given = (tuple(args), dict(kwargs or {}))
    flat = tf.nest.flatten(given)
    places = [number for number, value in enumerate(flat) if tf.is_tensor(value)]
    kinds = [] if output_types is None else tf.nest.flatten(output_types)

    def call(*values: Any) -> Any:
        filled = list(flat)
        for place, value in zip(places, values, strict=True):
            filled[place] = value
        own_args, own_kwargs = tf.nest.pack_sequence_as(given, filled)
        result = func(*own_args, **own_kwargs)
        return [] if output_types is None else tf.nest.flatten(result)

    made = tf.py_func(call, [flat[place] for place in places], kinds, stateful=stateful, name=name)
    if output_types is None:
        return made
    if output_shapes is not None:
        for tensor, shape in zip(made, _shapes(output_types, output_shapes), strict=True):
            tensor.set_shape(shape)
    return tf.nest.pack_sequence_as(output_types, made)


def _shapes(types: Any, shapes: Any) -> list[Any]:
    """Returns the shapes in the order of the dtypes; a shape may be a list itself."""
    if not tf.nest.is_nested(types):
        return [shapes]
    if isinstance(types, dict):
        return [shape for key in sorted(types) for shape in _shapes(types[key], shapes[key])]
    return [found for kind, shape in zip(types, shapes, strict=True) for found in _shapes(kind, shape)]


def smart_constant_value(pred: Any) -> bool | None:
    """Returns the value of a condition where it is known when the graph is built, else None.

    Raises:
      ArgumentTypeError: something that is neither a boolean nor a tensor.
    """
    if pred is True or pred is False or (isinstance(pred, int) and pred in (0, 1)):
        return bool(pred)
    if isinstance(pred, tf.Tensor):
        value = tf.get_static_value(pred)
        return None if value is None else bool(value)
    if isinstance(pred, tf.Variable):
        return None
    raise errors.ArgumentTypeError(
        errors.explain("`pred` is no boolean: pass a tensor, True, False, 1 or 0", got=type(pred).__name__),
        where="smart_constant_value",
    )


def smart_case(pred_fn_pairs: Any, default: Any = None, exclusive: bool = False, name: str = "smart_case") -> Any:
    """Returns the result of the function whose condition holds, built alone where that is known beforehand."""
    pairs = list(pred_fn_pairs.items()) if isinstance(pred_fn_pairs, dict) else list(pred_fn_pairs)
    open_pairs: list[tuple[Any, Any]] = []
    for pred, function in pairs:
        known = smart_constant_value(pred)
        if known and not open_pairs:
            return function()
        if known is not False:
            open_pairs.append((pred if known is None else tf.constant(True), function))
    if not open_pairs and default is not None:
        return default()
    return tf.case(open_pairs, default=default, exclusive=exclusive, name=name)


def zero_initializer(ref: Any, use_locking: bool = True, name: str = "zero_initializer") -> Any:
    """Returns the variable after it was set to zeros, which need no memory beforehand."""
    with tf.name_scope(name):
        return tf.assign(ref, tf.zeros(ref.shape, ref.dtype.base_dtype), use_locking=use_locking)


def get_name_scope() -> str:
    """Returns the name scope that ops get now, without a slash at its end."""
    return tf.get_default_graph().get_name_scope()


def prepend_name_scope(name: str, import_scope: str | None) -> str:
    """Returns ``import_scope/name``; of a name ``loc:@x`` and the like the part after that mark."""
    if not import_scope:
        return name
    scope = import_scope.removesuffix("/")
    for mark in ("loc:@", "^"):
        if name.startswith(mark):
            return f"{mark}{scope}/{name[len(mark) :]}"
    return f"{scope}/{name}"


def strip_name_scope(name: str, export_scope: str | None) -> str:
    """Returns a name without ``export_scope/``."""
    if not export_scope:
        return name
    scope = export_scope.removesuffix("/") + "/"
    for mark in ("loc:@", "^", ""):
        if name.startswith(mark + scope):
            return mark + name[len(mark + scope) :]
    return name


def get_graph_from_inputs(op_input_list: Sequence[Any], graph: Any = None) -> Any:
    """Returns the graph of the inputs, which must have the same, by default the current one.

    Raises:
      ArgumentError: inputs of other graphs.
    """
    fault = "it is not from the passed-in graph" if graph is not None else "all inputs must be from the same graph"
    for value in op_input_list:
        own = getattr(value, "graph", None)
        if own is None:
            continue
        if graph is not None and own is not graph:
            raise errors.ArgumentError(
                errors.explain(fault, got=value, fix="Make it in that graph."), where="get_graph_from_inputs"
            )
        graph = own
    return tf.get_default_graph() if graph is None else graph


def get_placeholders(graph: Any) -> list[Any]:
    """Returns all placeholders of a graph."""
    return [op.outputs[0] for op in graph.get_operations() if op.type == "Placeholder"]


class _Notice:
    """Warns that something is deprecated, once or each time."""

    def __init__(self, date: str | None, instructions: str, once: bool) -> None:
        self._text = f"It will go {f'after {date}' if date else 'in a future version'}. {instructions}"
        self._once, self._seen = once, set[str]()

    def say(self, what: str) -> None:
        """Warns of one thing."""
        if not (self._once and what in self._seen):
            warnings.warn(f"{what} is deprecated. {self._text}", DeprecationWarning, stacklevel=3)
        self._seen.add(what)


def deprecated(date: str | None, instructions: str, warn_once: bool = True) -> Callable[[Any], Any]:
    """Decorates a function that warns when it is called."""
    notice = _Notice(date, instructions, warn_once)
    return _telling(lambda function, given: notice.say(function.__name__))


def deprecated_args(date: str | None, instructions: str, *names: Any, warn_once: bool = True) -> Callable[[Any], Any]:
    """Decorates a function that warns when it is called with some of its arguments.

    Args:
      names: of arguments, or pairs of a name and a value that is no reason to warn.
    """
    notice = _Notice(date, instructions, warn_once)
    fine: dict[str, Any] = dict(name if isinstance(name, tuple) else (name, notice) for name in names)

    def tell(function: Any, given: dict[str, Any]) -> None:
        for name in sorted(fine.keys() & given.keys()):
            if fine[name] is notice or given[name] != fine[name]:
                notice.say(f"argument {name!r} of {function.__name__}")

    return _telling(tell)


def deprecated_arg_values(
    date: str | None, instructions: str, warn_once: bool = True, **deprecated_kwargs: Any
) -> Callable[[Any], Any]:
    """Decorates a function that warns when it is called with some values of its arguments."""
    notice = _Notice(date, instructions, warn_once)

    def tell(function: Any, given: dict[str, Any]) -> None:
        for name in sorted(deprecated_kwargs.keys() & given.keys()):
            if given[name] == deprecated_kwargs[name]:
                notice.say(f"{name}={given[name]!r} of {function.__name__}")

    return _telling(tell)


def _telling(tell: Callable[[Any, dict[str, Any]], None]) -> Callable[[Any], Any]:
    def decorate(function: Any) -> Any:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            tell(function, dict(signature.bind_partial(*args, **kwargs).arguments))
            return function(*args, **kwargs)

        return wrapped

    return decorate


__all__ = [
    "assert_scalar_int",
    "deprecated",
    "deprecated_arg_values",
    "deprecated_args",
    "get_graph_from_inputs",
    "get_name_scope",
    "get_placeholders",
    "prepend_name_scope",
    "py_func",
    "reduce_sum_n",
    "remove_squeezable_dimensions",
    "smart_case",
    "smart_cond",
    "smart_constant_value",
    "strip_name_scope",
    "with_same_shape",
    "with_shape",
    "zero_initializer",
]
