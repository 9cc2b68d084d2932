"""Reversible blocks and recomputed gradients of tf.contrib.layers: less memory, for a second forward pass."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib.scoping import arg_scope, current_arg_scope

_KEPT = (tf.GraphKeys.UPDATE_OPS, tf.GraphKeys.REGULARIZATION_LOSSES, tf.GraphKeys.LOSSES, tf.GraphKeys.SUMMARIES)
"""Collections that a second forward pass must not add to: updates of averages and losses count once."""


class RevBlock:
    """Reversible residual layers, whose inputs are computed back from their outputs instead of being kept.

    In each layer y1 = x1 + f(x2) and y2 = x2 + g(y1), so that x2 = y2 - g(y1) and x1 = y1 - f(x2).

    The second pass adds nothing to UPDATE_OPS; a batch norm in f or g that moves its averages with its output
    (``updates_collections=None``) moves them twice in a train step.

    Variables:
      In ``revblock/revlayer_<n>/f`` and ``g``; resource variables.

    Args:
      f, g: functions of one tensor, or of one and a list of further inputs; or a list of such, one for each layer.
      f_side_input, g_side_input: further inputs of f and g.
      use_efficient_backprop: whether to compute inputs back; False keeps them as other layers do.

    Raises:
      ArgumentError: lists that do not fit ``num_layers``.

    Source: Gomez, Ren, Urtasun, Grosse: The reversible residual network (2017).
    """

    def __init__(
        self,
        f: Any,
        g: Any,
        num_layers: int = 1,
        f_side_input: Sequence[Any] | None = None,
        g_side_input: Sequence[Any] | None = None,
        use_efficient_backprop: bool = True,
        name: str = "revblock",
        _reuse: Any = None,
    ) -> None:
        self.f, self.g = _per_layer("f", f, num_layers), _per_layer("g", g, num_layers)
        self.num_layers = num_layers
        self.f_side_input, self.g_side_input = list(f_side_input or ()), list(g_side_input or ())
        self._efficient, self._name, self._reuse = use_efficient_backprop, name, _reuse
        self._scope: Any = None

    def forward(self, x1: Any, x2: Any) -> tuple[Any, Any]:
        """Returns the outputs of all layers."""
        with self._entered(), tf.variable_scope(tf.get_variable_scope(), use_resource=True):
            if not self._efficient:
                return self._through(x1, x2, self.f_side_input, self.g_side_input)
            return tf.custom_gradient(self._with_gradient)(x1, x2, *self.f_side_input, *self.g_side_input)

    def backward(self, y1: Any, y2: Any) -> tuple[Any, Any]:
        """Returns the inputs that give these outputs."""
        with self._entered():
            for layer in range(self.num_layers)[::-1]:
                y2 = y2 - self._call("g", layer, y1, self.g_side_input)
                y1 = y1 - self._call("f", layer, y2, self.f_side_input)
            return y1, y2

    @contextlib.contextmanager
    def _entered(self) -> Iterator[None]:
        if self._scope is None:
            named = {"name_or_scope": self._name} if self._reuse else {"name_or_scope": None}
            with tf.variable_scope(default_name=self._name, **named) as self._scope:
                pass
            again = self._reuse
        else:
            again = True
        with tf.variable_scope(self._scope, reuse=again or None):
            yield

    def _call(self, which: str, layer: int, x: Any, side: Sequence[Any]) -> Any:
        function = (self.f if which == "f" else self.g)[layer]
        with tf.variable_scope(f"revlayer_{layer}/{which}", use_resource=True):
            return function(x, list(side)) if side else function(x)

    def _through(self, x1: Any, x2: Any, f_side: Sequence[Any], g_side: Sequence[Any]) -> tuple[Any, Any]:
        for layer in range(self.num_layers):
            x1 = x1 + self._call("f", layer, x2, f_side)
            x2 = x2 + self._call("g", layer, x1, g_side)
        return x1, x2

    def _with_gradient(self, x1: Any, x2: Any, *sides: Any) -> Any:
        count = len(self.f_side_input)
        y1, y2 = tf.tuple(self._through(x1, x2, sides[:count], sides[count:]))

        def gradient(*upstream: Any, variables: Any = None) -> Any:
            made = list(variables or ())
            with self._entered(), counted_once():
                moves = self._backwards((y1, y2), upstream, sides, made)
            inputs = [*moves[:2], *moves[2 : 2 + len(sides)]]
            return (inputs, moves[2 + len(sides) :]) if made else inputs

        return (y1, y2), gradient

    def _backwards(self, ys: Any, upstream: Any, sides: Sequence[Any], variables: list[Any]) -> list[Any]:
        """Returns gradients of the inputs, of the side inputs and of the variables."""
        (y1, y2), (d1, d2), count = ys, upstream, len(self.f_side_input)
        stopped = [tf.stop_gradient(side) for side in sides]
        totals: list[Any] = [None] * (len(sides) + len(variables))
        for layer in range(self.num_layers)[::-1]:
            for which, extra in (("g", stopped[count:]), ("f", stopped[:count])):
                # For g: y2 = x2 + g(y1); then for f, with the names exchanged, y1 = x1 + f(x2).
                source = tf.stop_gradient(y1)
                value = self._call(which, layer, source, extra)
                moved = tf.gradients(value, [source, *stopped, *variables], d2)
                y1, y2 = y2 - value, y1
                d1, d2 = d2, d1 if moved[0] is None else d1 + moved[0]
                totals = [_added(old, new) for old, new in zip(totals, moved[1:], strict=True)]
            y1, y2, d1, d2 = tf.tuple([y1, y2, d1, d2])
        return [d1, d2, *totals]


def rev_block(
    x1: Any,
    x2: Any,
    f: Any,
    g: Any,
    num_layers: int = 1,
    f_side_input: Sequence[Any] | None = None,
    g_side_input: Sequence[Any] | None = None,
    is_training: bool = True,
) -> tuple[Any, Any]:
    """Returns the outputs of a :class:`RevBlock`; its inputs are computed back in training only."""
    reuse = tf.get_variable_scope().reuse
    block = RevBlock(f, g, num_layers, f_side_input, g_side_input, bool(is_training), _reuse=reuse)
    return block.forward(x1, x2)


def recompute_grad(fn: Any = None, use_data_dep: Any = None, tupleize_grads: bool = False) -> Any:
    """Decorates a function so that its inner values are computed again for the gradients instead of being kept.

    The second pass enters the variable scope of the call again with reuse, so that each call needs a scope of its own,
    and the variables must be resource variables. What it adds to UPDATE_OPS, losses and summaries is taken back.

    Args:
      fn: a function of tensors, which must not use other tensors or variables from outside. If it has an argument
        ``is_recomputing``, that tells the second pass.
      use_data_dep: whether the second pass waits for the gradients by their values, too, which XLA needs; it always
        waits by a control dependency.
      tupleize_grads: whether all gradients wait for each other.

    Raises:
      ArgumentError: a function that uses a tensor from outside, whose gradient would be lost; when gradients are taken,
        a second call in the same scope, whose second pass would find the variables of the first.
      ArgumentTypeError: an argument that is not a tensor.
    """
    if fn is None:
        return functools.partial(recompute_grad, use_data_dep=use_data_dep, tupleize_grads=tupleize_grads)
    _refuse_closure(fn)

    @functools.wraps(fn)
    def wrapped(*args: Any) -> Any:
        for arg in args:
            if not tf.is_tensor(arg):
                raise errors.ArgumentTypeError(
                    errors.explain("`f` is given something that is no tensor", got=arg), where="recompute_grad"
                )
        return _recomputed(fn, args, bool(use_data_dep), tupleize_grads)

    return wrapped


def _recomputed(fn: Callable[..., Any], args: Sequence[Any], by_value: bool, together: bool) -> Any:
    told = "is_recomputing" in inspect.signature(fn).parameters
    scopes, scope = current_arg_scope(), tf.get_variable_scope()

    def forward(*inputs: Any) -> Any:
        with tf.GradientTape() as tape:
            outputs = fn(*inputs, **({"is_recomputing": False} if told else {}))
        first = {variable.name for variable in tape.watched_variables()}

        def gradient(*upstream: Any, variables: Any = None) -> Any:
            made = list(variables or ())
            with tf.control_dependencies([g for g in upstream if g is not None]), counted_once():
                fresh = [tf.identity(x) for x in inputs]
                fresh = _waiting(fresh, upstream) if by_value else fresh
                with arg_scope(scopes), tf.variable_scope(scope, reuse=True), tf.GradientTape() as again:
                    recomputed = fn(*fresh, **({"is_recomputing": True} if told else {}))
            _require_same(first, {variable.name for variable in again.watched_variables()})
            listed = list(recomputed) if isinstance(recomputed, list | tuple) else [recomputed]
            moves = tf.gradients(listed, [*fresh, *made], list(upstream), stop_gradients=fresh)
            moves = tf.tuple(moves) if together else moves
            return (moves[: len(fresh)], moves[len(fresh) :]) if made else moves

        return outputs, gradient

    return tf.custom_gradient(forward)(*args)


def _waiting(inputs: list[Any], upstream: Sequence[Any]) -> list[Any]:
    """Returns the inputs plus 0 that takes the values of the gradients to compute."""
    total = tf.add_n([tf.reduce_sum(tf.cast(g, tf.float32)) for g in upstream if g is not None])
    nothing = tf.stop_gradient(tf.where(tf.is_finite(total), 0 * total, tf.zeros_like(total)))
    return [x + tf.cast(nothing, x.dtype) if x.dtype.is_floating else x for x in inputs]


def _require_same(first: set[str], second: set[str]) -> None:
    if first != second:
        raise errors.ArgumentError(
            errors.explain(
                "the second pass used other variables than the first; was it called twice in the same enclosing scope",
                got=sorted(second),
                expected=", ".join(sorted(first)),
                fix="Call it in a variable scope of its own each time.",
            ),
            where="recompute_grad",
        )


@contextlib.contextmanager
def counted_once() -> Iterator[None]:
    """Takes back what a second forward pass adds to collections of updates, losses and summaries."""
    graph = tf.get_default_graph()
    before = {key: graph.get_collection(key) for key in _KEPT}
    try:
        yield
    finally:
        # Whole, for functions that know of the second pass take its updates off the end by themselves.
        for key, kept in before.items():
            graph.get_collection_ref(key)[:] = kept


def _refuse_closure(fn: Any) -> None:
    code = getattr(fn, "__code__", None)
    for name, cell in zip(code.co_freevars if code else (), getattr(fn, "__closure__", None) or (), strict=False):
        value = cell.cell_contents
        if isinstance(value, tf.Tensor | tf.Variable):
            raise errors.ArgumentError(
                errors.explain(
                    f"fn decorated with @recompute_grad closes over Tensor {value.name} (local variable {name!r})",
                    fix="Pass it as an argument; its gradient would be lost.",
                ),
                where="recompute_grad",
            )


def _per_layer(name: str, given: Any, count: int) -> list[Any]:
    listed = list(given) if isinstance(given, list) else [given] * count
    if len(listed) != count:
        raise errors.ArgumentError(
            errors.explain(f"`{name}` must have one function for each layer", got=len(listed), expected=str(count)),
            where="RevBlock",
        )
    return listed


def _added(old: Any, new: Any) -> Any:
    if old is None or new is None:
        return new if old is None else old
    return tf.convert_to_tensor(old) + new
