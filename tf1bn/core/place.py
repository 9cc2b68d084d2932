"""Where in a graph a call stands: which conditionals, loops and functions are around it.

An op made inside a conditional or a loop cannot be run from outside, and two calls in opposite branches
of one conditional never run together. Both facts decide what an update strategy may do.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn import errors

# Trick: control flow v2 builds each branch and body as a function graph and tells its kind in the name only.
_BRANCH = re.compile(r"^(?P<cond>.*?)(?P<branch>true|false|indexed_case_branch\d+)_\d+$")
_BODY = re.compile(r"^.*?(body|cond)_\d+$")


class Frame(NamedTuple):
    """One enclosing conditional branch, loop body or function.

    Attributes:
      kind: ``"branch"``, ``"loop"`` or ``"function"``.
      construct: what identifies the conditional or loop within its surroundings.
      branch: which branch of it; empty for loops and functions.
      overlaps: whether it may run several times at the same time. A loop of control flow v2 does not say while its
        body is built.
    """

    kind: str
    construct: Any
    branch: str = ""
    overlaps: bool = False


class Place(NamedTuple):
    """A point of the graph.

    Attributes:
      frames: what is around it, outermost first.
      context: the name of the innermost control-flow context or function; ops of one context can depend on
        each other directly.
    """

    frames: tuple[Frame, ...]
    context: str = ""

    @property
    def top_level(self) -> bool:
        """Whether ops made here can be run and collected from outside."""
        return not self.frames

    @property
    def repeats(self) -> bool:
        """Whether ops made here may run several times in one step: in a loop or a function."""
        return any(frame.kind != "branch" for frame in self.frames)

    @property
    def overlaps(self) -> bool:
        """Whether these runs may be at the same time: a loop with ``parallel_iterations=1`` goes step by step."""
        return any(frame.overlaps for frame in self.frames)

    def excludes(self, other: Place) -> bool:
        """Whether this place and ``other`` are in different branches of one conditional."""
        for mine, theirs in zip(self.frames, other.frames, strict=False):
            if mine != theirs:
                return mine.kind == "branch" and mine.construct == theirs.construct
        return False

    def describe(self) -> str:
        """Returns the surroundings in words, for messages."""
        names = {"branch": "a tf.cond branch", "loop": "a tf.while_loop body", "function": "a tf.function"}
        return " inside ".join(names[frame.kind] for frame in reversed(self.frames)) or "the top level of the graph"


def root_graph() -> tf.Graph:
    """Returns the graph that holds the default graph's variables and collections."""
    return _outermost(tf.get_default_graph())


def in_function() -> bool:
    """Whether an op created now would be in the body of a function, where its name is not one of the whole graph."""
    return root_graph() is not tf.get_default_graph()


def _outermost(graph: tf.Graph) -> tf.Graph:
    outer = _outer(graph)
    while outer is not None:  # no assignment in the condition: AutoGraph of TensorFlow 2.15 does not take it
        graph, outer = outer, _outer(outer)
    return graph


def _outer(graph: tf.Graph) -> tf.Graph | None:
    """Returns the graph around the graph of a branch, body or function.

    Around the outermost function of an eager program stands a graph in which nothing is ever built.
    """
    outer = getattr(graph, "outer_graph", None)
    if outer is not None and not outer.building_function and tf.executing_eagerly_outside_functions():
        return None
    return outer


def wrapped() -> bool:
    """Whether this is built by ``tf.compat.v1.wrap_function`` in an eager program.

    Such a function is a TensorFlow 1 graph in all that matters here: it has collections of its own, variables that
    are made while it is built and outlive the call, and runs only what its outputs need.

    Trick: the last of these tells it from a tf.function, which adds a control dependency for every op that has an
    effect. Names do not tell: they are the program's. There is no public spelling of the question.
    """
    root = root_graph()
    if not root.building_function or not tf.executing_eagerly_outside_functions():
        return False
    return not getattr(root, "_add_control_dependencies", True)


@contextlib.contextmanager
def outside() -> Iterator[None]:
    """Leaves all conditionals, loops and control dependencies, for what belongs to the whole graph: variables.

    As ``tf.init_scope`` does, which in a wrapped function would go too far: into eager mode, where variables are
    neither shared nor known to the function.
    """
    if not wrapped():
        with tf.init_scope():
            yield
        return
    with root_graph().as_default(), tf.control_dependencies(None):
        yield


def recomputed() -> bool:
    """Whether TensorFlow is building a gradient: what is called there is a forward pass that is done once more.

    ``tf.recompute_grad`` calls its block a second time then. Trick: only the callers tell, TensorFlow's own modules of
    gradients and of custom gradients; there is no public spelling. What the graph itself notes while ``tf.gradients``
    builds, the op whose gradient it is, does not do: under tf.distribute another replica's thread may be at its
    gradients while this one builds a layer.
    """
    frame: Any = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if code.co_filename.endswith("gradients_util.py"):
            return True
        if code.co_name.endswith("grad_fn") and code.co_filename.endswith("custom_gradient.py"):
            return True
        frame = frame.f_back
    return False


def here() -> Place:
    """Returns the place at which an op would be created now."""
    frames: list[Frame] = []
    graph = tf.get_default_graph()
    context = graph._get_control_flow_context()
    name = f"{getattr(graph, 'name', '')}:{context.name if context else ''}"
    while True:
        frames = _v1_frames(graph) + frames
        outer = _outer(graph)
        if outer is None:
            return Place(tuple(frames), name)
        frames = [_v2_frame(graph), *frames]
        graph = outer


def on_device(device: str | None) -> contextlib.AbstractContextManager[Any]:
    """Enters a device; leaves the current one where none is named, as ``tf.device(None)`` would not."""
    return tf.device(device) if device else contextlib.nullcontext()


def device_here() -> str:
    """Returns the device that an op created now would get; empty where none is asked for. Creates no op.

    Trick: the graph applies its stack of devices to whatever is handed to it; there is no public spelling of this
    question. A device function may ask for the type and the name of the op.
    """
    probe = _Probe()
    tf.get_default_graph()._apply_device_functions(probe)
    return probe.device


class _Probe:
    """Stands for an op that is about to be created."""

    type = name = "NoOp"
    device = ""
    inputs: tuple[Any, ...] = ()

    def __init__(self) -> None:
        self.node_def = tf.NodeDef(op="NoOp", name="NoOp")

    def _set_device_from_string(self, device: str) -> None:
        self.device = device


def replica_here() -> int:
    """Returns the number of the tf.distribute replica that is being built; 0 outside of any. Creates no op."""
    context = tf.distribute.get_replica_context() if tf.distribute.has_strategy() else None
    if context is None:
        return 0
    with tf.Graph().as_default():  # the number may be made as a constant when it is asked for
        return int(tf.get_static_value(context.replica_id_in_sync_group) or 0)


def require_same_graph(value: Any, name: str) -> None:
    """Refuses a tensor or variable that cannot be used in the graph that is being built.

    Raises:
      ArgumentError: it is of another graph, or of eager mode.
    """
    if not tf.is_tensor(value):
        return
    try:
        graph = value.graph
    except AttributeError:  # an eager tensor has none
        graph = None
        if wrapped():  # and is captured by a function
            return
    if graph is None or _outermost(graph) is not root_graph():
        raise errors.ArgumentError(
            errors.explain(
                f"`{name}` is a tensor of {'another graph' if graph else 'eager mode'}",
                got=None if graph is None else value.name,
                fix="Make it inside the `with graph.as_default():` block in which the layer is called.",
            )
        )


def require_graph_mode() -> None:
    """Refuses to build in eager mode and in a tf.function of an eager program, other than a wrapped function.

    Raises:
      GraphModeError: there is no TensorFlow 1 graph to build in.
    """
    if tf.executing_eagerly():
        raise errors.GraphModeError(
            "there is no graph to build in: TensorFlow is in eager mode. "
            "Call tf.compat.v1.disable_eager_execution() at the start of the program, "
            "build inside `with tf.Graph().as_default():`, or wrap the network: tf.compat.v1.wrap_function."
        )
    if tf.executing_eagerly_outside_functions() and not wrapped():
        raise errors.GraphModeError(
            "this is a tf.function of an eager program, which may be traced several times and has no variables or "
            "collections of its own. Build in tf.compat.v1.wrap_function(network, [tf.TensorSpec(...)]), which an "
            "eager program and a tf.function can call, or inside `with tf.Graph().as_default():`, run with "
            "tf.compat.v1.Session."
        )


def _v1_frames(graph: tf.Graph) -> list[Frame]:
    """Reads the control-flow contexts of version 1; there is no public spelling of this question."""
    frames: list[Frame] = []
    context = graph._get_control_flow_context()
    while context is not None:
        if context.IsCondContext():
            # Every tf.cond wraps its predicate in an identity of its own; behind it stands the user's tensor.
            predicate = context.pred.op.inputs[0].name if context.pred.op.inputs else context.pred.name
            frames.insert(0, Frame("branch", predicate, str(context.branch)))
        elif context.IsWhileContext():
            frames.insert(0, Frame("loop", context.name, overlaps=context.parallel_iterations != 1))
        context = context.outer_context
    return frames


def _v2_frame(graph: Any) -> Frame:
    if match := _BRANCH.match(graph.name):
        return Frame("branch", match["cond"], match["branch"])
    if _BODY.match(graph.name):
        return Frame("loop", graph.name, overlaps=True)
    return Frame("function", graph.name, overlaps=True)
