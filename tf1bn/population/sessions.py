"""Runs a working copy: a session with given values of the variables, fed batch by batch."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.graph import loading, running
from tf1bn.graph.values import CheckpointValues
from tf1bn.graph.variables import Variable
from tf1bn.population.copying import WorkCopy

Values = dict[str, np.ndarray]
_COLLECTIONS = ("GLOBAL_VARIABLES", "LOCAL_VARIABLES", "MODEL_VARIABLES", "MOVING_AVERAGE_VARIABLES")


class Runner:
    """An open session of a working copy.

    Args:
      copy: what to run.
      session: a session of its imported graph.
      constants: fed in every run.
    """

    def __init__(self, copy: WorkCopy, session: Any, constants: Mapping[str, Any]) -> None:
        self.copy = copy
        self.session = session
        self.constants = dict(constants)

    def run(self, fetches: Any, feed: Mapping[str, Any]) -> Any:
        """Returns the values of tensors.

        Raises:
          OutOfRangeError: the graph's own input has ended.
          PopulationError: a fed array has another shape than its tensor.
          RunError: the graph cannot be run so.
        """
        given = {name: self._fitted(name, value) for name, value in {**self.constants, **feed}.items()}
        try:
            return self.session.run(fetches, given)
        # No fault: it is how the graph's own input says that it ends.
        except tf.errors.OutOfRangeError:
            raise
        except (tf.errors.OpError, ValueError, TypeError) as error:
            fix = "Feed what the graph needs: the data with `feed`, everything else with `constants`."
            # TensorFlow lists nodes in lines of their own; the longest line is the one that says what is wrong.
            lines = str(getattr(error, "message", error)).splitlines()
            text = max(lines, key=len, default="")[:300]
            raise errors.RunError(errors.explain(f"the graph cannot be run ({text})", fix=fix)) from error

    def load(self, values: Mapping[str, np.ndarray]) -> None:
        """Sets variables by their names in the graph."""
        variables = variables_of(self.session.graph)
        running.load(self.session, [(variables[name], value) for name, value in values.items() if name in variables])

    def sources(self) -> list[str]:
        """Names of what the graph's own input pipeline delivers."""
        names, _ = self.copy.own_input()
        return [tensor.name for name in names for tensor in self.session.graph.get_operation_by_name(name).outputs]

    def _fitted(self, name: str, value: Any) -> Any:
        """Returns a value in the shape of its tensor: flattened rows, or axes of size 1 more or less, are no matter."""
        try:
            tensor = self.session.graph.get_tensor_by_name(name)
        except (KeyError, ValueError) as error:
            raise errors.UnknownNameError(errors.explain(f"the graph has no tensor {name!r} to feed")) from error
        # Their shape in NumPy says nothing: a string has none.
        if tensor.dtype.base_dtype in (tf.string, tf.resource, tf.variant):
            return value
        shape = np.shape(value)
        if tensor.shape.is_compatible_with(shape):
            return value
        wanted = tensor.shape.as_list()[1:] if tensor.shape.rank and shape else [None]
        same = None not in wanted and [s for s in wanted if s != 1] == [s for s in shape[1:] if s != 1]
        flat = None not in wanted and len(wanted) == 1 and wanted[0] == int(np.prod(shape[1:]))
        if same or flat:
            return np.reshape(value, [shape[0], *wanted])
        raise errors.PopulationError(
            errors.explain(f"the data does not fit {name!r}", got=shape, expected=str(tensor.shape))
        )


@contextlib.contextmanager
def opened(
    copy: WorkCopy,
    stored: CheckpointValues,
    constants: Mapping[str, Any],
    *,
    own_input: bool = False,
    extra: Sequence[str] = (),
) -> Iterator[Runner]:
    """Opens a session of a working copy in which every variable that matters has its stored value.

    Args:
      stored: the values; averages that it lacks have their initial 0 and 1.
      constants: fed in every run, and to the initialisers of iterators.
      own_input: whether the graph's own input pipeline is started.
      extra: names of tensors that shall run besides the moments.

    Raises:
      PopulationError: a variable has no stored value, or one of another shape.
      RunError: the graph cannot be imported or initialised.
    """
    values = required(copy, stored, extra)
    makers = copy.own_input()[1] if own_input else []
    with contextlib.ExitStack() as stack:
        graph = copy.graph
        session = stack.enter_context(tf.Session(graph=graph))
        try:
            local = graph.get_collection(tf.GraphKeys.LOCAL_VARIABLES)
            # Counters of input pipelines are local, and in no checkpoint.
            session.run([item.initializer for item in local])
            session.run(graph.get_collection(tf.GraphKeys.TABLE_INITIALIZERS))
            found = variables_of(graph)
            # Before the input starts: its threads may read variables at once.
            running.load(session, [(found[name], value) for name, value in values.items() if name in found])
            if own_input:
                session.run(makers, dict(constants))
                stack.enter_context(_queues(session))
        except (tf.errors.OpError, ValueError, TypeError, KeyError) as error:
            raise errors.RunError(errors.explain(f"the graph cannot be initialised ({str(error)[:300]})")) from error
        yield Runner(copy, session, constants)


def required(copy: WorkCopy, stored: CheckpointValues, extra: Sequence[str] = ()) -> Values:
    """Returns the stored value of each variable that the copy's runs read.

    Raises:
      PopulationError: there is none, or one of another shape.
    """
    initial = {item.name: 0.0 for site in copy.model.sites for item in site.mean}
    initial |= {item.name: 1.0 for site in copy.model.sites for item in site.variance}
    local = set(copy.model.collections.get(tf.GraphKeys.LOCAL_VARIABLES, ()))
    slices = slices_of(copy.meta)
    values, missing = {}, []
    for variable in copy.needed(extra):
        value = _stored(variable, stored, slices)
        if value is None and variable.name in initial and variable.shape is not None:
            value = np.full([size or 0 for size in variable.shape], initial[variable.name], np.float32)
        if value is None:
            missing += [variable.name] if variable.name not in local else []
        else:
            values[variable.name] = value
    if missing:
        raise errors.PopulationError(
            errors.explain(
                f"{stored.where} has no value for {len(missing)} of the variables that the network needs",
                got=missing[:3],
                expected="a checkpoint of this graph",
            )
        )
    return values


def variables_of(graph: Any) -> dict[str, Any]:
    """Returns the variables of a graph by the names of their ops."""
    keys = [getattr(tf.GraphKeys, key) for key in _COLLECTIONS]
    # Programs put anything into collections, so what has no initializer is no variable.
    return {item.op.name: item for key in keys for item in graph.get_collection(key) if hasattr(item, "initializer")}


def _stored(variable: Variable, stored: CheckpointValues, slices: Mapping[str, Any]) -> np.ndarray | None:
    # A mapping has the names of ops, a checkpoint those under which they were saved.
    value = stored.get(variable.name if variable.name in stored else variable.key)
    part = slices.get(variable.name)
    if value is None and part is not None:
        whole = stored.get(part.full_name)
        if whole is not None:
            places = zip(part.var_offset, part.var_shape, strict=True)
            value = whole[tuple(slice(start, start + size) for start, size in places)]
    if value is not None and variable.shape is not None and tuple(variable.shape) != value.shape:
        raise errors.PopulationError(
            errors.explain(
                f"{variable.name!r} has another shape in {stored.where}",
                got=value.shape,
                expected=str(variable.shape),
            )
        )
    return value


def slices_of(meta: Any) -> dict[str, Any]:
    """Returns the parts of partitioned variables by the names of their ops, each with the place of the part."""
    found = {}
    kind = loading.proto_class("VariableDef")
    for key in (tf.GraphKeys.GLOBAL_VARIABLES, tf.GraphKeys.MODEL_VARIABLES):
        for blob in meta.collection_def[key].bytes_list.value if key in meta.collection_def else ():
            proto = kind.FromString(blob)
            if proto.save_slice_info_def.full_name:
                found[proto.variable_name.split(":")[0]] = proto.save_slice_info_def
    return found


@contextlib.contextmanager
def _queues(session: Any) -> Iterator[None]:
    """Runs the graph's queue runners."""
    if not session.graph.get_collection(tf.GraphKeys.QUEUE_RUNNERS):
        yield
        return
    coordinator = tf.train.Coordinator()
    threads = tf.train.start_queue_runners(session, coordinator)
    try:
        yield
    finally:
        # Threads that wait for room in a queue wake up only when it is closed.
        coordinator.request_stop()
        session.run(
            [
                op
                for op in session.graph.get_operations()
                if op.type in ("QueueCloseV2", "QueueClose") and "cancel" in op.name
            ]
        )
        coordinator.join(threads, stop_grace_period_secs=10, ignore_live_threads=True)
