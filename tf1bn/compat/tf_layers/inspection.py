"""What a layer object of tf.layers tells of itself: its calls, its configuration, the values of its variables."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.tf_layers import words


class Inspected:
    """The part of :class:`Layer` that only looks; ``_calls`` holds the input and output of each call.

    Attributes:
      input_spec: what an input must be, an ``InputSpec``, several of them for several inputs, or None.
      stateful, supports_masking, dynamic: False for the layers of tf.layers.
    """

    input_spec: Any = None
    stateful = False
    supports_masking = False
    dynamic = False

    name: Any
    weights: Any
    trainable: Any
    _calls: list[tuple[Any, Any]]
    _updates: list[Any]
    _losses: list[Any]
    _metrics: list[Any] | None = None
    _scope: Any

    # Values of variables.

    def get_weights(self) -> list[np.ndarray]:
        """Returns the values of ``weights`` as arrays, from the default session.

        Raises:
          GraphModeError: there is no default session.
        """
        return list(self._session("get_weights").run(list(self.weights)))

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Gives ``weights`` new values, in the default session.

        Raises:
          ArgumentError: another number of arrays, or another shape.
          GraphModeError: there is no default session.
        """
        variables = list(self.weights)
        shapes, wanted = [np.shape(value) for value in weights], [tuple(v.shape.as_list()) for v in variables]
        if shapes != wanted:
            raise errors.ArgumentError(
                errors.explain("`weights` do not fit the variables", got=shapes, expected=str(wanted)),
                where="set_weights",
            )
        session = self._session("set_weights")
        for variable, value in zip(variables, weights, strict=True):
            variable.load(value, session)

    # Configuration.

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make such a layer again: plain data where their kind allows, else the objects."""
        found: dict[str, Any] = {"name": self.name, "trainable": self.trainable, "dtype": getattr(self, "dtype", None)}
        for argument in _arguments(type(self)):
            if argument not in found and hasattr(self, argument):
                value = getattr(self, argument)
                found[argument] = "linear" if argument == "activation" and value is None else value
        return {name: words.described(value) for name, value in found.items()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """Returns a new layer, without variables, from what ``get_config`` of another gave."""
        return cls(**config)

    # Calls.

    def get_input_at(self, node_index: int) -> Any:
        """Returns the input of a call, as it was given."""
        return self._call(node_index, "get_input_at")[0]

    def get_output_at(self, node_index: int) -> Any:
        """Returns the output of a call."""
        return self._call(node_index, "get_output_at")[1]

    def get_input_shape_at(self, node_index: int) -> Any:
        """Returns the static shape of the input of a call."""
        return _shapes(self._call(node_index, "get_input_shape_at")[0])

    def get_output_shape_at(self, node_index: int) -> Any:
        """Returns the static shape of the output of a call."""
        return _shapes(self._call(node_index, "get_output_shape_at")[1])

    def get_input_mask_at(self, node_index: int) -> None:
        """Returns None: no layer of tf.layers has a mask."""
        self._call(node_index, "get_input_mask_at")

    def get_output_mask_at(self, node_index: int) -> None:
        """Returns None: no layer of tf.layers makes a mask."""
        self._call(node_index, "get_output_mask_at")

    @property
    def input(self) -> Any:
        """The input of the only call; an AttributeError before it, and after a second one."""
        return self._only_call("input")[0]

    @property
    def output(self) -> Any:
        """The output of the only call; an AttributeError before it, and after a second one."""
        return self._only_call("output")[1]

    @property
    def input_shape(self) -> Any:
        """The static shape of the input, if all calls have the same."""
        return self._only_shape("input_shape", 0)

    @property
    def output_shape(self) -> Any:
        """The static shape of the output, if all calls have the same."""
        return self._only_shape("output_shape", 1)

    @property
    def input_mask(self) -> None:
        """None: no layer of tf.layers has a mask."""
        self._only_call("input_mask")

    @property
    def output_mask(self) -> None:
        """None: no layer of tf.layers makes a mask."""
        self._only_call("output_mask")

    @property
    def inbound_nodes(self) -> list[Any]:
        """Empty: nodes are of Keras models, to which layers of tf.layers do not belong."""
        return []

    @property
    def outbound_nodes(self) -> list[Any]:
        """Empty; see ``inbound_nodes``."""
        return []

    @property
    def graph(self) -> tf.Graph:
        """The graph of the first call, else the default graph."""
        outputs = tf.nest.flatten(self._calls[0][1]) if self._calls else []
        return outputs[0].graph if outputs else tf.get_default_graph()

    # Updates, losses, metrics.

    def get_updates_for(self, inputs: Any) -> list[Any]:
        """Returns the updates that depend on some inputs; with None those that depend on no input of the layer."""
        return _depending(self._updates, inputs, self._calls)

    def get_losses_for(self, inputs: Any) -> list[Any]:
        """Returns the losses that depend on some inputs; with None those that depend on no input of the layer."""
        return _depending(self._losses, inputs, self._calls)

    def add_metric(self, value: Any, aggregation: str | None = None, name: str | None = None) -> None:
        """Keeps a value in ``metrics``.

        Args:
          aggregation: "mean" for the mean over all its entries, None for the value itself.
        """
        if aggregation not in (None, "mean"):
            raise errors.ArgumentError(
                errors.explain("unknown aggregation", got=aggregation, expected="'mean' or None"), where="add_metric"
            )
        value = tf.reduce_mean(value, name=name) if aggregation else tf.identity(value, name=name)
        self._metrics = [*(self._metrics or []), value]

    @property
    def metrics(self) -> list[Any]:
        """What ``add_metric`` was given."""
        return list(self._metrics or [])

    # The rest of what Keras' layers have.

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """Returns None, as there are no masks.

        Raises:
          ArgumentTypeError: a mask is given.
        """
        if mask is not None:
            raise errors.ArgumentTypeError(f"compute_mask: layer {self.name!r} takes no mask. Leave it out.")

    def compute_output_signature(self, input_signature: Any) -> Any:
        """Returns the ``tf.TensorSpec`` of the output for that of an input."""
        shape = self.compute_output_shape(input_signature.shape)  # type: ignore[attr-defined]
        return tf.TensorSpec(shape, getattr(self, "dtype", None) or input_signature.dtype)

    def name_scope(self) -> str:
        """Returns the name of the layer, as the scope of its ops."""
        return str(self.name)

    @classmethod
    def with_name_scope(cls, method: Callable[..., Any]) -> Callable[..., Any]:
        """Returns a method that runs in the layer's name scope."""

        def scoped(self: Any, *args: Any, **kwargs: Any) -> Any:
            with tf.name_scope(self.name):
                return method(self, *args, **kwargs)

        return scoped

    @property
    def submodules(self) -> tuple[Any, ...]:
        """The layers that this one holds as attributes, and theirs."""
        held = [value for value in vars(self).values() if isinstance(value, Inspected)]
        return tuple(found for layer in held for found in (layer, *layer.submodules))

    # The machinery.

    def _require_fit(self, inputs: Any) -> None:
        """Refuses inputs that are not what ``input_spec`` says."""
        specs = tf.nest.flatten(self.input_spec)
        tensors = tf.nest.flatten(inputs)
        if specs and self.input_spec is not None and len(specs) == len(tensors):
            for spec, tensor in zip(specs, tensors, strict=True):
                spec.require(tensor)

    def _session(self, where: str) -> tf.Session:
        session = tf.get_default_session()
        if session is None:
            raise errors.GraphModeError(
                f"{where}: there is no default session. Write `with tf.Session() as session:` around the call."
            )
        return session

    def _call(self, index: int, where: str) -> tuple[Any, Any]:
        if not -len(self._calls) <= index < len(self._calls):
            raise errors.ArgumentError(
                errors.explain(f"layer {self.name!r} has been called {len(self._calls)} times", got=index), where=where
            )
        return self._calls[index]

    def _only_call(self, what: str) -> tuple[Any, Any]:
        if len(self._calls) != 1:
            raise errors.AbsentError(
                errors.explain(
                    f"layer {self.name!r} has been called {len(self._calls)} times",
                    expected="one call",
                    fix=f"Use get_{what}_at(index).",
                ),
                where=what,
            )
        return self._calls[0]

    def _only_shape(self, what: str, side: int) -> Any:
        shapes = [_shapes(call[side]) for call in self._calls]
        if not shapes or any(str(shape) != str(shapes[0]) for shape in shapes):
            self._only_call(what)
        return shapes[0]


def _arguments(kind: type) -> list[str]:
    """Returns the names of a constructor's arguments, and of those that it passes on to the class above it."""
    found: list[str] = []
    for above in kind.__mro__:
        if "__init__" in vars(above):
            constructor = vars(above)["__init__"]
            parameters = list(inspect.signature(constructor).parameters.values())[1:]
            found += [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
            if getattr(constructor, "complete", False) or not any(p.kind is p.VAR_KEYWORD for p in parameters):
                break
    return found


def _shapes(value: Any) -> Any:
    return tf.nest.map_structure(lambda x: tf.TensorShape(x.shape), value)


def _depending(ops: Sequence[Any], inputs: Any, calls: Sequence[tuple[Any, Any]]) -> list[Any]:
    own = {id(getattr(x, "op", x)) for call in calls for x in tf.nest.flatten(call[0])}
    wanted = own if inputs is None else {id(getattr(x, "op", x)) for x in tf.nest.flatten(inputs)}
    return [op for op in ops if _reaches(op, wanted) == (inputs is not None)]


def _reaches(target: Any, sources: set[int]) -> bool:
    """Whether a tensor or operation is computed from one of some operations."""
    pending, seen = [getattr(target, "op", target)], set()
    while pending:
        op = pending.pop()
        if id(op) in sources:
            return True
        if id(op) not in seen:
            seen.add(id(op))
            pending += [x.op for x in op.inputs] + list(op.control_inputs)
    return False
