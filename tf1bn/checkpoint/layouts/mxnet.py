"""MXNet's flat names, as ports of its models keep them.

Gluon writes ``..._batchnormK_running_mean``, the symbol API ``..._moving_mean`` and ``..._moving_var``. MMdnn, which
converts such models, puts ``_mean``, ``_var``, ``_scale`` and ``_bias`` behind the name of the layer; words as
common as these are taken for a batch norm only where the name says so.
"""

from tf1bn.checkpoint.layout import Layout, Leaf


def _flat(name: str, title: str, mean: str, variance: str, scope: str) -> Layout:
    tails = {"gamma": "gamma", "beta": "beta", "moving_mean": mean, "moving_variance": variance}
    makes = {"gamma": "ones", "beta": "zeros"}
    return Layout(
        name=name,
        title=title,
        leaves=tuple(Leaf(role, "{scope}_" + tail, make=makes.get(role, "")) for role, tail in tails.items()),
        default_scope="batchnorm",
        epsilon=1e-5,
        sample={f"{scope}_{tail}": role for role, tail in tails.items()},
        site_scope=scope,
    )


def _mmdnn(role: str, tail: str, make: str = "") -> Leaf:
    named = r"(?P<scope>(?:.*[/_.]|[a-zA-Z]+\d*)?(?:[bB]atch_?[nN]orm|bn|BN)[^/]*?)(?<!_moving)(?<!_running)"
    return Leaf(role, "{scope}_" + tail, (rf"{named}_{tail}",), make=make, patterns_only=True)


LAYOUT = _flat("mxnet", "MXNet Gluon, flat names", "running_mean", "running_var", "resnetv10_stage1_batchnorm2")
MOVING = _flat("mxnet_moving", "MXNet symbols, flat names", "moving_mean", "moving_var", "stage1_unit1_bn1")
MMDNN = Layout(
    name="mmdnn",
    title="MMdnn conversions, flat names",
    leaves=(
        _mmdnn("gamma", "scale", "ones"),
        _mmdnn("beta", "bias", "zeros"),
        _mmdnn("moving_mean", "mean"),
        _mmdnn("moving_variance", "var"),
    ),
    default_scope="bn",
    epsilon=1e-5,
    sample={
        "bn2a_branch2a_scale": "gamma",
        "bn2a_branch2a_bias": "beta",
        "bn2a_branch2a_mean": "moving_mean",
        "bn2a_branch2a_var": "moving_variance",
    },
    site_scope="bn2a_branch2a",
    whole=True,
)
