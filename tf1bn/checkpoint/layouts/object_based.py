"""Object-based files (tf.train.Checkpoint): keys are paths of objects, not names of variables.

The file also holds the graph of objects, which knows the variables' names. It is read here; such a file is
written only over the object graph of a target, since the paths depend on the program.
"""

from tf1bn.checkpoint.layout import Layout, Leaf

SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"
GRAPH_KEY = "_CHECKPOINTABLE_OBJECT_GRAPH"

LAYOUT = Layout(
    name="object_based",
    title="object-based checkpoint (tf.train.Checkpoint)",
    leaves=tuple(
        Leaf(role, "{scope}/" + role + SUFFIX) for role in ("gamma", "beta", "moving_mean", "moving_variance")
    ),
    default_scope="",
    epsilon=1e-3,
    sample={
        "layer_with_weights-1/gamma" + SUFFIX: "gamma",
        "layer_with_weights-1/beta" + SUFFIX: "beta",
        "layer_with_weights-1/moving_mean" + SUFFIX: "moving_mean",
        "layer_with_weights-1/moving_variance" + SUFFIX: "moving_variance",
    },
    site_scope="layer_with_weights-1",
    needs_graph=True,
)
