"""MXNet-style flat names, as ports of Gluon models keep them: ``..._batchnormK_running_mean``."""

from tf1bn.checkpoint.layout import Layout, Leaf


def _mxnet(role: str, tail: str, make: str = "") -> Leaf:
    return Leaf(role, "{scope}_" + tail, (rf"(?P<scope>(?:.*[_/])?(?:batchnorm|bn)\d*)_{tail}",), make=make)


LAYOUT = Layout(
    name="mxnet",
    title="MXNet-style flat names",
    leaves=(
        _mxnet("gamma", "gamma", "ones"),
        _mxnet("beta", "beta", "zeros"),
        _mxnet("moving_mean", "running_mean"),
        _mxnet("moving_variance", "running_var"),
    ),
    default_scope="batchnorm",
    epsilon=1e-5,
    sample={
        "resnetv10_stage1_batchnorm2_gamma": "gamma",
        "resnetv10_stage1_batchnorm2_beta": "beta",
        "resnetv10_stage1_batchnorm2_running_mean": "moving_mean",
        "resnetv10_stage1_batchnorm2_running_var": "moving_variance",
    },
    site_scope="resnetv10_stage1_batchnorm2",
)
