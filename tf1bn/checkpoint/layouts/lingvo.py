"""lingvo BatchNormLayer: every variable ends in ``/var``, and gamma is stored less one.

With ``gamma_one_init`` or ``gamma_zero_init`` gamma is stored as it is; names do not tell, so these are two layouts and
rivals.
"""

from tf1bn.checkpoint.layout import Layout, Leaf

_SAMPLE = {
    "enc/bn/gamma/var": "gamma",
    "enc/bn/beta/var": "beta",
    "enc/bn/moving_mean/var": "moving_mean",
    "enc/bn/moving_variance/var": "moving_variance",
}


def _layout(name: str, title: str, gamma: str, rival: str) -> Layout:
    return Layout(
        name=name,
        title=title,
        leaves=(
            Leaf("gamma", "{scope}/gamma/var", stored=gamma, make="ones"),
            Leaf("beta", "{scope}/beta/var", make="zeros"),
            Leaf("moving_mean", "{scope}/moving_mean/var"),
            Leaf("moving_variance", "{scope}/moving_variance/var"),
        ),
        default_scope="bn",
        epsilon=1e-3,
        rivals=(rival,),
        sample=_SAMPLE,
        site_scope="enc/bn",
    )


LAYOUT = _layout("lingvo", "lingvo BatchNormLayer (gamma less one)", "minus_one", "lingvo_gamma_one_init")
ONE_INIT = _layout(
    "lingvo_gamma_one_init", "lingvo BatchNormLayer with gamma_one_init or gamma_zero_init", "identity", "lingvo"
)
