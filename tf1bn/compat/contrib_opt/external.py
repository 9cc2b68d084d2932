"""Optimizers outside of TensorFlow, such as those of SciPy, that call a session for the loss and its gradients."""

from __future__ import annotations

import abc
import importlib
import itertools
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors

Function = Callable[[Any], Any]


class ExternalOptimizerInterface(abc.ABC):
    """Minimizes a loss by an algorithm that works on one vector of all variables; a subclass writes ``_minimize``.

    Args:
      loss: a scalar.
      var_list: variables; all trainable ones by default.
      equalities, inequalities: scalars to keep at zero, or at least at zero.
      var_to_bounds: for some variables a lower and an upper bound, each a number, None, or an array that fits.
      optimizer_kwargs: what ``_minimize`` gets as a dictionary.
    """

    def __init__(
        self,
        loss: Any,
        var_list: Sequence[Any] | None = None,
        equalities: Sequence[Any] | None = None,
        inequalities: Sequence[Any] | None = None,
        var_to_bounds: Mapping[Any, tuple[Any, Any]] | None = None,
        **optimizer_kwargs: Any,
    ) -> None:
        self._vars = tf.trainable_variables() if var_list is None else list(var_list)
        self._bounds = None if var_to_bounds is None else self._flat_bounds(var_to_bounds)
        self.optimizer_kwargs = optimizer_kwargs
        self._value = _flat(self._vars)
        self._given = tf.placeholder(self._value.dtype, self._value.shape)
        parts = tf.split(self._given, [var.shape.num_elements() for var in self._vars])
        self._assign = tf.group(
            *(var.assign(tf.reshape(part, var.shape)) for var, part in zip(self._vars, parts, strict=True))
        )
        self._loss = [loss, self._gradient(loss)]
        self._equalities = [(term, self._gradient(term)) for term in equalities or ()]
        self._inequalities = [(term, self._gradient(term)) for term in inequalities or ()]

    def minimize(
        self,
        session: Any = None,
        feed_dict: Mapping[Any, Any] | None = None,
        fetches: Sequence[Any] | None = None,
        step_callback: Callable[..., Any] | None = None,
        loss_callback: Callable[..., Any] | None = None,
        **run_kwargs: Any,
    ) -> None:
        """Runs the algorithm and leaves the variables at what it found; this makes no op.

        Args:
          session: the default one unless given.
          feed_dict: for all evaluations.
          fetches: what ``loss_callback`` gets, as arguments, at each evaluation of the loss.
          step_callback: called by the algorithm after each step, with the vector.
          run_kwargs: of ``session.run``, for the last assignment.
        """
        session = session or tf.get_default_session()
        told = list(fetches or ())

        def function(tensors: Any, callback: Callable[..., Any] | None = None) -> Function:
            def evaluated(x: Any) -> Any:
                # Assigned, not fed: a resource variable is read by many ops, of which a feed would replace one.
                session.run(self._assign, {self._given: x})
                values, seen = session.run((tensors, told), dict(feed_dict or {}))
                if callback is not None:
                    callback(*seen)
                return values

            return evaluated

        found = self._minimize(
            initial_val=session.run(self._value),
            loss_grad_func=function(self._loss, loss_callback),
            equality_funcs=[function(term) for term, _ in self._equalities],
            equality_grad_funcs=[function(gradient) for _, gradient in self._equalities],
            inequality_funcs=[function(term) for term, _ in self._inequalities],
            inequality_grad_funcs=[function(gradient) for _, gradient in self._inequalities],
            packed_bounds=self._bounds,
            step_callback=step_callback or (lambda x: None),
            optimizer_kwargs=self.optimizer_kwargs,
        )
        session.run(self._assign, {self._given: found}, **run_kwargs)

    @abc.abstractmethod
    def _minimize(self, initial_val: Any, loss_grad_func: Function, **others: Any) -> Any:
        """Returns the best vector; for subclasses to write.

        Args:
          initial_val: where to begin.
          loss_grad_func: gives the loss and its gradient at a vector.
          others: equality_funcs, equality_grad_funcs, inequality_funcs, inequality_grad_funcs, packed_bounds,
            step_callback, optimizer_kwargs.
        """

    def _gradient(self, term: Any) -> tf.Tensor:
        return _flat(tf.gradients(term, self._vars, unconnected_gradients=tf.UnconnectedGradients.ZERO))

    def _flat_bounds(self, given: Mapping[Any, tuple[Any, Any]]) -> list[tuple[float, float]]:
        named = {(key.deref() if hasattr(key, "deref") else key).op.name: pair for key, pair in given.items()}
        found = []
        for var in self._vars:
            low, high = named.get(var.op.name, (None, None))
            shape = var.shape.as_list()
            lows = np.broadcast_to(-np.inf if low is None else low, shape).ravel()
            highs = np.broadcast_to(np.inf if high is None else high, shape).ravel()
            found.append(zip(lows, highs, strict=True))
        return list(itertools.chain(*found))


class ScipyOptimizerInterface(ExternalOptimizerInterface):
    """Minimizes by ``scipy.optimize.minimize``; its ``method``, ``options`` and ``tol`` may be given by name.

    Raises (in ``minimize``):
      MissingExtraError: SciPy is not installed.
      ArgumentError: an argument of SciPy that is made here.
    """

    def _minimize(self, initial_val: Any, loss_grad_func: Function, **others: Any) -> Any:
        kinds = (("eq", "equality"), ("ineq", "inequality"))
        constraints = [
            {"type": kind, "fun": function, "jac": gradient}
            for kind, word in kinds
            for function, gradient in zip(others[f"{word}_funcs"], others[f"{word}_grad_funcs"], strict=True)
        ]
        made = {
            "jac": True,
            "callback": others["step_callback"],
            "constraints": constraints,
            "bounds": others["packed_bounds"],
        }
        chosen = dict(others["optimizer_kwargs"])
        for word in made:
            if word in chosen:
                use = "Use var_to_bounds." if word == "bounds" else "It follows from the other arguments; leave it out."
                raise errors.ArgumentError(
                    errors.explain(f"`{word}` cannot be given", fix=use), where="ScipyOptimizerInterface"
                )
        method = chosen.pop("method", "L-BFGS-B")

        def loss_and_gradient(x: Any) -> tuple[Any, Any]:
            loss, gradient = loss_grad_func(x)
            return loss, gradient.astype(np.float64)

        result = _scipy().minimize(loss_and_gradient, initial_val, method=method, **made, **chosen)
        tf.logging.info("SciPy ended: %s Loss: %s", result.message, result.fun)
        return result.x


def _scipy() -> types.ModuleType:
    try:
        return importlib.import_module("scipy.optimize")
    except ImportError as error:
        raise errors.MissingExtraError(
            errors.explain("SciPy is not installed", fix="pip install scipy"), where="ScipyOptimizerInterface"
        ) from error


def _flat(tensors: Sequence[Any]) -> tf.Tensor:
    return tf.concat([tf.reshape(tensor, [-1]) for tensor in tensors], 0)
