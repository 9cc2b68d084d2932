"""Packages whose names load on first use offer all of them, and say so."""

import importlib

import pytest

PACKAGES = ("tf1bn", "tf1bn.audit", "tf1bn.checkpoint", "tf1bn.distribute", "tf1bn.population")


@pytest.mark.parametrize("name", PACKAGES)
def test_every_name_is_listed_and_loads(name):
    package = importlib.import_module(name)
    assert set(package.__all__) <= set(dir(package)) and dir(package) == sorted(dir(package))
    for offered in package.__all__:
        assert getattr(package, offered) is getattr(package, offered)


@pytest.mark.parametrize("name", PACKAGES)
def test_another_name_is_refused_by_its_package(name):
    with pytest.raises(AttributeError, match=f"^module '{name}' has no attribute 'nothing_of_the_kind'$"):
        importlib.import_module(name).nothing_of_the_kind  # noqa: B018
