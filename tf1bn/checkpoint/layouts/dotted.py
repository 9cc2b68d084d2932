"""Names with dots, as GAN code bases write them: ``Discriminator.BN.moving_mean``."""

from tf1bn.checkpoint.layout import Layout, Leaf


def _dotted(role: str, name: str, *others: str, make: str = "") -> Leaf:
    return Leaf(role, "{scope}." + name, tuple(rf"(?P<scope>.+)\.{other}" for other in others), make=make)


LAYOUT = Layout(
    name="dotted",
    title="names with dots",
    leaves=(
        _dotted("gamma", "scale", "gamma", make="ones"),
        _dotted("beta", "offset", "beta", make="zeros"),
        _dotted("moving_mean", "moving_mean"),
        _dotted("moving_variance", "moving_variance"),
    ),
    default_scope="BN",
    epsilon=1e-5,
    sample={
        "Discriminator.BN.scale": "gamma",
        "Discriminator.BN.offset": "beta",
        "Discriminator.BN.moving_mean": "moving_mean",
        "Discriminator.BN.moving_variance": "moving_variance",
    },
    site_scope="Discriminator.BN",
)
