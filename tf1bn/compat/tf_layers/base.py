"""The layer object of tf.layers: lazily named, built at its first call, shared by later ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.calls import refuse
from tf1bn.compat.tf_layers import words
from tf1bn.compat.tf_layers.inspection import Inspected
from tf1bn.core import of_graph, place


class Layer(Inspected):
    """A layer with variables, which user code may subclass as it did ``tf.layers.Layer``.

    The variable scope is that of the first call: ``_scope`` if given, else the ``name`` below the scope in which
    the layer is first called, else the class name in snake case, numbered. Later calls use the same variables.
    ``name`` of an unnamed layer is numbered apart from its scope and starts at ``dense_1``, as in the original.

    Subclasses define ``build(input_shape)``, which makes variables with ``add_weight``, and ``call(inputs)``.

    Attributes:
      trainable: whether variables made from now on are trainable.
      built: whether the variables exist.
    """

    _activity_regularizer: Any = None

    def __init__(self, trainable: bool = True, name: Any = None, dtype: Any = None, **kwargs: Any) -> None:
        self._reuse = kwargs.pop("_reuse", None)
        scope = kwargs.pop("_scope", None)
        self._activity_regularizer = kwargs.pop("activity_regularizer", None)
        refuse(type(self).__name__, kwargs)
        self.trainable = trainable
        self.built = False
        self._dtype = None if dtype is None else tf.as_dtype(dtype).base_dtype
        self._trainable_weights: list[Any] = []
        self._non_trainable_weights: list[Any] = []
        self._losses: list[Any] = []
        self._updates: list[Any] = []
        self._calls: list[tuple[Any, Any]] = []
        self._base_name = name.name if isinstance(name, tf.VariableScope) else name or snake_case(type(self).__name__)
        unnamed = not name or isinstance(name, tf.VariableScope)
        self._name = _numbered(snake_case(type(self).__name__)) if unnamed else name
        self._scope: Any = None
        self._current_scope: Any = None
        if scope:
            self._capture(scope, None)

    # What user code overrides.

    def build(self, input_shape: Any) -> None:
        """Makes the variables; called once, with the shape of the first input."""
        self.built = True

    def call(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Returns the output for an input."""
        return inputs

    def compute_output_shape(self, input_shape: Any) -> tf.TensorShape:
        """Returns the static shape of the output."""
        return tf.TensorShape(input_shape)

    # What user code calls.

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Returns the output, in the layer's variable scope; the keyword ``scope`` names it at the first call."""
        function = snake_case(type(self).__name__)
        with errors.located(function, scope=str(self._base_name), inputs=_shapes(inputs)):
            place.require_graph_mode()
            self._set_scope(kwargs.pop("scope", None))
            reuse = True if self.built else self._reuse
            with tf.variable_scope(self._scope, reuse=reuse, auxiliary_name_scope=False) as scope:
                self._current_scope = scope
                with tf.name_scope(scope.original_name_scope):
                    outputs = self._built_call(inputs, args, kwargs)
            _add_missing(self._updates, tf.GraphKeys.UPDATE_OPS)
            self._calls.append((inputs, outputs))
            return outputs

    apply = __call__

    def add_weight(
        self,
        name: str,
        shape: Sequence[int],
        dtype: Any = None,
        initializer: Any = None,
        regularizer: Any = None,
        trainable: bool = True,
        constraint: Any = None,
        use_resource: Any = None,
        partitioner: Any = None,
    ) -> Any:
        """Returns a variable of the layer's scope, created or reused.

        Without an initializer the scope's counts. The loss of ``regularizer`` is added when the variable is new,
        beside that of the scope's own regularizer.
        """
        self._set_scope(None)
        trainable = bool(trainable and self.trainable)
        before = known_variables()
        with tf.variable_scope(self._scope, reuse=self.built or self._reuse, auxiliary_name_scope=False) as scope:
            self._current_scope = scope
            with tf.name_scope(scope.original_name_scope), place.outside():
                variable = tf.get_variable(
                    name,
                    shape,
                    dtype=tf.as_dtype(dtype or self._dtype or tf.float32),
                    initializer=words.initializer(initializer),
                    trainable=trainable,
                    constraint=constraint,
                    use_resource=use_resource,
                    partitioner=partitioner,
                )
                self._track(variable, trainable)
                if regularizer is not None and not before.intersection(map(id, parts(variable))):
                    self._add_regularization(name, variable, regularizer)
        return variable

    add_variable = add_weight

    def add_loss(self, losses: Any, inputs: Any = None) -> None:
        """Adds losses to ``losses`` and to REGULARIZATION_LOSSES."""
        found = [loss for loss in tf.nest.flatten(losses) if loss is not None]
        self._losses += found
        _add_missing(found, tf.GraphKeys.REGULARIZATION_LOSSES)

    def add_update(self, updates: Any, inputs: Any = None) -> None:
        """Adds operations to ``updates``, and after the call to UPDATE_OPS, if the layer is trainable."""
        if self.trainable:
            self._updates += tf.nest.flatten(updates)

    def count_params(self) -> int:
        """Returns the number of values in all variables.

        Raises:
          ArgumentError: the layer has not been called.
        """
        if not self.built:
            raise errors.ArgumentError(f"count_params: layer {self.name!r} has no variables yet. Call it first.")
        return sum(variable.shape.num_elements() for variable in self.weights)

    # What user code reads.

    @property
    def name(self) -> str:
        """The given name, or the class name in snake case with a number that starts at 1."""
        return self._name

    @property
    def scope_name(self) -> str:
        """The name of the variable scope.

        Raises:
          ArgumentError: the layer has not been called.
        """
        if self._scope is None:
            raise errors.ArgumentError(f"scope_name: layer {self.name!r} has no scope yet. Call it first.")
        return self._scope.name

    @property
    def dtype(self) -> Any:
        """The name of the dtype of the variables; None before the first call."""
        return None if self._dtype is None else self._dtype.name

    @property
    def trainable_weights(self) -> list[Any]:
        """Variables that are in TRAINABLE_VARIABLES."""
        return list(self._trainable_weights) if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Any]:
        """All other variables."""
        return (
            list(self._non_trainable_weights)
            if self.trainable
            else [*self._trainable_weights, *self._non_trainable_weights]
        )

    @property
    def weights(self) -> list[Any]:
        """All variables, trainable ones first."""
        return [*self.trainable_weights, *self.non_trainable_weights]

    variables = weights
    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

    @property
    def updates(self) -> list[Any]:
        """The update operations of all calls so far."""
        return list(self._updates) if self.trainable else []

    @property
    def losses(self) -> list[Any]:
        """The losses of regularizers and activity regularizers of all calls so far."""
        return list(self._losses)

    @property
    def activity_regularizer(self) -> Any:
        """What maps an output to a loss."""
        return self._activity_regularizer

    # The machinery.

    def _built_call(self, inputs: Any, args: Any, kwargs: Any) -> Any:
        inputs = tf.nest.map_structure(tf.convert_to_tensor, inputs)
        self._require_fit(inputs)
        if self._dtype is None:
            self._dtype = tf.nest.flatten(inputs)[0].dtype.base_dtype
        if not self.built:
            self.build(tf.nest.map_structure(lambda x: x.shape, inputs))
            self.built = True
            self._require_fit(inputs)
        outputs = self.call(inputs, *args, **kwargs)
        if self._activity_regularizer is not None:
            with tf.name_scope("ActivityRegularizer"):
                for output in tf.nest.flatten(outputs):
                    rows = tf.cast(tf.shape(output)[0], output.dtype)
                    self.add_loss(self._activity_regularizer(output) / rows)
        return outputs

    def _set_scope(self, scope: Any) -> None:
        """Settles the variable scope; under reuse an unnamed layer takes the first of its kind."""
        if self._scope is not None:
            return
        if self._reuse:
            self._capture(self._base_name if scope is None else scope, None)
        else:
            self._capture(scope, self._base_name)

    def _capture(self, scope: Any, default: str | None) -> None:
        with tf.variable_scope(scope, default_name=default) as captured:
            self._scope = captured

    def _track(self, variable: Any, trainable: bool) -> None:
        # A custom getter may have taken the variable out of what is trained.
        held = {id(v) for v in tf.trainable_variables()} if trainable else set()
        ours = trainable and all(id(part) in held for part in parts(variable))
        (self._trainable_weights if ours else self._non_trainable_weights).append(variable)

    def _add_regularization(self, name: str, variable: Any, regularizer: Any) -> None:
        for part in parts(variable):
            with tf.name_scope(f"{name}/Regularizer"):
                loss = regularizer(part)
            self.add_loss(loss)


def snake_case(name: str) -> str:
    """Returns a class name as the original numbers and names its scopes: ``Conv2DTranspose``: conv2d_transpose."""
    snake = re.sub(r"(?<=.)(?=[A-Z][a-z0-9]+)|(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return f"private{snake}" if snake.startswith("_") else re.sub("_+", "_", snake)


def _numbered(name: str) -> str:
    counts = of_graph.table(place.root_graph(), "layer_names")
    counts[name] = counts.get(name, 0) + 1
    return f"{name}_{counts[name]}"


def known_variables() -> set[int]:
    with place.outside():
        return {id(variable) for variable in tf.global_variables()}


def parts(variable: Any) -> list[Any]:
    """Returns the variables that a partitioner made of one, or the variable alone."""
    return list(variable) if hasattr(variable, "as_tensor") and not isinstance(variable, tf.Variable) else [variable]


def _add_missing(elements: Sequence[Any], collection: str) -> None:
    held = tf.get_collection_ref(collection)
    known = {id(entry) for entry in held}
    held.extend(element for element in elements if id(element) not in known)


def _shapes(inputs: Any) -> str:
    shape = getattr(inputs, "shape", None)
    return "" if shape is None else str(shape)
