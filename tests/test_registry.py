"""A registry checks what it is given, and answers unknown names."""

import pytest

from tf1bn import errors
from tf1bn.registry import Registry


def _even(value):
    if value % 2:
        raise errors.ArgumentError(f"{value} is odd.")


@pytest.fixture
def registry():
    rows = Registry("number", _even)
    rows.register("two", 2)
    return rows


def test_what_is_registered_is_found_and_names_are_sorted(registry):
    assert registry.register("four", 4) == 4
    assert registry.get("four") == 4
    assert registry.names() == ("four", "two")


def test_what_fails_its_check_is_not_registered(registry):
    with pytest.raises(errors.ArgumentError, match="3 is odd"):
        registry.register("three", 3)
    with pytest.raises(errors.ArgumentError, match="3 is odd"):
        registry.register("two", 3, replace=True)
    assert registry.names() == ("two",) and registry.get("two") == 2


def test_a_name_is_given_once_unless_replaced(registry):
    with pytest.raises(errors.ArgumentError, match="number 'two' is already registered. Got 2; expected a new name"):
        registry.register("two", 22)
    assert registry.register("two", 22, replace=True) == registry.get("two") == 22


@pytest.mark.parametrize("name", ["", None, 2])
def test_a_name_is_a_non_empty_string(registry, name):
    with pytest.raises(errors.ArgumentTypeError, match="number: the name must be a non-empty string"):
        registry.register(name, 2)


def test_an_unknown_name_is_answered_with_the_known_ones(registry):
    with pytest.raises(KeyError, match="unknown number 'tow'. Expected one of two. Did you mean 'two'?"):
        registry.get("tow")
