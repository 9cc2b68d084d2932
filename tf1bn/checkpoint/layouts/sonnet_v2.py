"""Sonnet v2 BatchNorm: every average is three tensors, of which ``average`` is the debiased value.

``average`` = ``hidden`` / (1 - decay ** counter). A file that is written gets a counter so large that the
divisor is 1 for every usual decay, so that ``hidden`` equals ``average`` and training goes on from there.
Files of ``tf.train.Checkpoint`` name attributes, not variables: ``_hidden`` and ``_counter`` there.
"""

from tf1bn.checkpoint.layout import Layout, Leaf

_OBJECT = "/.ATTRIBUTES/VARIABLE_VALUE"


def _leaf(role: str, path: str, **more: object) -> Leaf:
    above, slash, last = path.rpartition("/")
    attribute = f"{above}{slash}_{last}" if last in ("hidden", "counter") else path
    head = r"(?:(?P<scope>.*[^/])/)?"
    patterns = (f"{head}{path}(?:{_OBJECT})?", f"{head}{path}{_OBJECT}", f"{head}{attribute}{_OBJECT}")
    return Leaf(role, "{scope}/" + path, patterns, **more)  # type: ignore[arg-type]


LAYOUT = Layout(
    name="sonnet_v2",
    title="Sonnet v2 BatchNorm",
    leaves=(
        _leaf("gamma", "scale", make="ones"),
        _leaf("beta", "offset", make="zeros"),
        _leaf("moving_mean", "moving_mean/average", keepdims=4),
        _leaf("moving_variance", "moving_variance/average", keepdims=4),
        _leaf("hidden_mean", "moving_mean/hidden", make="copy moving_mean", keepdims=4),
        _leaf("hidden_variance", "moving_variance/hidden", make="copy moving_variance", keepdims=4),
        _leaf("counter_mean", "moving_mean/counter", make="constant 10000000 int64"),
        _leaf("counter_variance", "moving_variance/counter", make="constant 10000000 int64"),
    ),
    default_scope="batch_norm",
    automatic=True,
    epsilon=1e-5,
    sample={
        "net/batch_norm/scale": "gamma",
        "net/batch_norm/offset": "beta",
        "net/batch_norm/moving_mean/average": "moving_mean",
        "net/batch_norm/moving_mean/hidden": "hidden_mean",
        "net/batch_norm/moving_mean/counter": "counter_mean",
        "net/batch_norm/moving_variance/average": "moving_variance",
        "net/batch_norm/moving_variance/hidden": "hidden_variance",
        "net/batch_norm/moving_variance/counter": "counter_variance",
    },
    site_scope="net/batch_norm",
)
