"""What tf1bn itself writes: one layout per update strategy.

The strategies ``inline``, ``collection`` and ``frozen`` keep the same four tensors. ``ema`` keeps, beside each
average, the shadow of its ``tf.train.ExponentialMovingAverage`` (equal at rest), and with ``zero_debias`` the
weight of the batches seen; the averages themselves are already debiased.
"""

from tf1bn.checkpoint.layout import MEAN, VARIANCE, Layout, Leaf, plain_leaves

_SAMPLE = {
    "net/batch_norm/gamma": "gamma",
    "net/batch_norm/beta": "beta",
    "net/batch_norm/moving_mean": MEAN,
    "net/batch_norm/moving_variance": VARIANCE,
}
_SHADOWS = {
    "net/batch_norm/moving_mean/ExponentialMovingAverage": "shadow_mean",
    "net/batch_norm/moving_variance/ExponentialMovingAverage": "shadow_variance",
}

INLINE, COLLECTION, FROZEN = (
    Layout(
        name=name,
        title=f"tf1bn, update strategy {strategy!r}",
        leaves=plain_leaves(),
        default_scope="batch_norm",
        automatic=True,
        epsilon=1e-3,
        sample=_SAMPLE,
        site_scope="net/batch_norm",
        same_as="" if name == "tf1bn" else "tf1bn",
    )
    for name, strategy in (("tf1bn", "inline"), ("tf1bn_collection", "collection"), ("tf1bn_frozen", "frozen"))
)

EMA = Layout(
    name="tf1bn_ema",
    title="tf1bn, update strategy 'ema'",
    leaves=(
        *plain_leaves(),
        Leaf("shadow_mean", "{scope}/moving_mean{twin}/ExponentialMovingAverage", make="copy moving_mean"),
        Leaf("shadow_variance", "{scope}/moving_variance{twin}/ExponentialMovingAverage", make="copy moving_variance"),
        Leaf("debias_weight", "{scope}/debias_weight{twin}"),
    ),
    default_scope="batch_norm",
    automatic=True,
    epsilon=1e-3,
    sample=_SAMPLE | _SHADOWS,
    site_scope="net/batch_norm",
    shadows=tuple(_SHADOWS.values()),
)
