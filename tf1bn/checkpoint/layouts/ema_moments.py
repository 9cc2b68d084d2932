"""tf.train.ExponentialMovingAverage applied to the batch moments: averages named after the ops of tf.nn.moments.

The object names a shadow below the variable scope of the call, so the classic snippet doubles the scope. The
names of the two ops depend on the version of TensorFlow and on the arguments: ``Squeeze`` and ``Squeeze_1``
since 1.1, ``moments_1/mean`` or ``normalize/mean`` before. A site in no scope is told apart by its counter.
"""

from tf1bn.checkpoint.layout import Layout, Leaf

_TAIL = "/ExponentialMovingAverage"


def _leaf(role: str, ops: str) -> Leaf:
    doubled = rf"(?P<scope>.+)/(?P=scope)(?:_\d+)?/{ops}{_TAIL}"
    plain = rf"(?:(?P<scope>.*[^/])/)?{ops}{_TAIL}"
    template = ops.replace(r"(?P<twin>(?:_\d+)?)", "{twin}")
    return Leaf(role, "{scope}/{scope}/" + template + _TAIL, (doubled, plain))


def _affine(role: str, *names: str) -> Leaf:
    return Leaf(role, "{scope}/" + names[0], tuple(rf"(?:(?P<scope>.*[^/])/)?{name}" for name in names), make="")


_AFFINE = (_affine("gamma", "gamma", "scale"), _affine("beta", "beta", "offset", "shift"))


def _layout(name: str, title: str, mean: str, variance: str, sample: dict[str, str]) -> Layout:
    group = r"moments(?P<twin>(?:_\d+)?)/"
    return Layout(
        name=name,
        title=title,
        leaves=(*_AFFINE, _leaf("moving_mean", group + mean), _leaf("moving_variance", group + variance)),
        default_scope="bn",
        epsilon=1e-3,
        sample={"conv1/bn/gamma": "gamma", "conv1/bn/beta": "beta"} | sample,
        site_scope="conv1/bn",
    )


SQUEEZE = _layout(
    "ema_moments",
    "ExponentialMovingAverage on tf.nn.moments",
    "Squeeze",
    "Squeeze_1",
    {
        "conv1/bn/conv1/bn/moments/Squeeze" + _TAIL: "moving_mean",
        "conv1/bn/conv1/bn/moments/Squeeze_1" + _TAIL: "moving_variance",
    },
)
PRE_1_1 = _layout(
    "ema_moments_pre_1_1",
    "ExponentialMovingAverage on tf.nn.moments before 1.1",
    r"moments_1/mean",
    r"moments_1/variance",
    {
        "conv1/bn/conv1/bn/moments/moments_1/mean" + _TAIL: "moving_mean",
        "conv1/bn/conv1/bn/moments/moments_1/variance" + _TAIL: "moving_variance",
    },
)
NORMALIZE = _layout(
    "ema_normalize",
    "ExponentialMovingAverage on tf.nn.normalize_moments",
    "normalize/mean",
    "normalize/variance",
    {
        "conv1/bn/conv1/bn/moments/normalize/mean" + _TAIL: "moving_mean",
        "conv1/bn/conv1/bn/moments/normalize/variance" + _TAIL: "moving_variance",
    },
)
