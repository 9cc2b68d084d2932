"""What hand-written batch norms have in common: one tensor per quantity, under names that tutorials made popular."""

from tf1bn.checkpoint.layout import Layout, Leaf


def _any(role: str, first: str, *others: str, stored: str = "identity", make: str = "") -> Leaf:
    patterns = tuple(rf"(?:(?P<scope>.*[^/])/)?{name}(?P<twin>(?:_\d+)?)" for name in others)
    return Leaf(role, "{scope}/" + first + "{twin}", patterns, stored=stored, make=make)


def build(name: str, title: str, mean: str, variance: str, *, stored: str = "identity", rival: str = "") -> Layout:
    """Returns the layout of a hand-written batch norm with these two names for its statistics."""
    return Layout(
        name=name,
        title=title,
        leaves=(
            _any("gamma", "gamma", "scale", make="ones"),
            _any("beta", "beta", "offset", "shift", make="zeros"),
            _any("moving_mean", mean),
            _any("moving_variance", variance, stored=stored),
        ),
        default_scope="bn",
        epsilon=1e-3,
        rivals=(rival,) if rival else (),
        sample={
            "conv1/bn/gamma": "gamma",
            "conv1/bn/beta": "beta",
            f"conv1/bn/{mean}": "moving_mean",
            f"conv1/bn/{variance}": "moving_variance",
        },
        site_scope="conv1/bn",
    )
