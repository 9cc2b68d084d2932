"""The generated pages: the reference has every public name, the catalogue every rule."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import types

import pytest

import tf1bn
from tests.docs import pages
from tf1bn import errors
from tf1bn.audit.rules import catalog
from tf1bn.commands import table

import catalogue  # isort: skip  # beside generated, on the path by now
import reference  # isort: skip

PAGES = reference.pages()
SHOWN = {package: pages.anchors(PAGES[reference.page_name(package)]) for package in reference.TITLES}


def offered(module: types.ModuleType) -> set[str]:
    """The names that an imported module offers: what it lists, or what it defines without an underscore."""
    listed = getattr(module, "__all__", None)
    if listed is not None:
        return {name for name in listed if not name.startswith("_")}
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module.__name__
    }


def missing(package: str, shown: set[str]) -> set[str]:
    """Public names of a package that its page does not show, where they are no modules."""
    module = importlib.import_module(package)
    found = set()
    for name in offered(module):
        value = getattr(module, name)
        if not isinstance(value, types.ModuleType) and f"{package}.{name}" not in shown:
            found.add(f"{package}.{name}")
    return found


@pytest.mark.parametrize("package", [name for name in reference.TITLES if name != "tf1bn.compat.slim"])
def test_every_public_name_is_in_the_reference(package):
    assert not missing(package, SHOWN[package])


@pytest.mark.parametrize(
    "module", [f"{package}.{name}" for package, names in reference.MODULES.items() for name in names]
)
def test_every_public_name_of_a_shown_module_is_in_the_reference(module):
    assert not missing(module, SHOWN[module.rpartition(".")[0]])


def test_what_slim_offers_is_on_its_page_or_on_that_of_another_dialect():
    slim = importlib.import_module("tf1bn.compat.slim")
    shown = set().union(*(names for package, names in SHOWN.items() if package.startswith("tf1bn.compat.")))
    ends = {name.removeprefix("tf1bn.compat.contrib.") for name in shown}
    for name in slim.__all__:
        value = getattr(slim, name)
        if isinstance(value, types.ModuleType) and value.__name__ in reference.TITLES:
            assert not missing(value.__name__, SHOWN[value.__name__])
        elif isinstance(value, types.ModuleType) and value.__name__.startswith("tf1bn"):
            assert {f"{value.__name__}.{word}" for word in offered(value)} <= shown, name
        elif not isinstance(value, types.ModuleType):  # nest is TensorFlow's
            assert ends & {f"{module}.{name}" for module in ("layers", "framework")}, name


def test_every_package_that_the_front_door_offers_has_a_page():
    packages = {name for name in tf1bn.__all__ if isinstance(getattr(tf1bn, name), types.ModuleType)}
    assert {f"tf1bn.{name}" for name in packages} <= set(reference.TITLES)


def test_what_is_shown_exists():
    for package in reference.TITLES:
        for full in reference.shown(package):
            module, _, name = full.rpartition(".")
            assert hasattr(importlib.import_module(module), name), full


def test_a_name_that_is_not_shown_is_found():
    assert missing("tf1bn.export", SHOWN["tf1bn.export"] - {"tf1bn.export.export"}) == {"tf1bn.export.export"}


def test_every_error_is_explained():
    text = (pages.DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    classes = {name for name in offered(errors) if inspect.isclass(getattr(errors, name))}
    assert "PlacementError" in classes
    assert not [name for name in classes if f"`{name}`" not in text and f"`tf1bn.{name}`" not in text]


def test_the_catalogue_says_of_every_rule_what_explain_says():
    text = catalogue.text()
    assert [page.code for page in catalogue.pages()] == list(catalog.codes())
    assert {code.lower() for code in catalog.codes()} <= pages.anchors(text)
    words = re.sub(r"\s+", " ", text.replace("\\", ""))
    for code in catalog.codes():
        rule = catalog.get(code)
        assert f"## {code}: {rule.RULE.title} {{#" in words and f"Severity: **{rule.RULE.severity}**" in words
        for line in catalog.page(code).splitlines()[3:]:
            assert re.sub(r"\s+", " ", line.strip()).replace("\\", "") in words, (code, line)


def test_every_code_is_in_one_group():
    numbers = [int(page.code[2:]) for page in catalogue.pages()]
    for number in numbers:
        assert sum(first <= number <= last for _, first, last in catalogue.GROUPS) == 1
    rows = re.findall(r"^\| \[(BN\d+)\]", catalogue.text(), re.MULTILINE)
    assert rows == [page.code for page in catalogue.pages()]


def test_markdown_signs_are_escaped_outside_of_code():
    assert catalogue.escaped("a_b *c* <d> | `e_f`") == r"a\_b \*c\* \<d> \| `e_f`"


def test_the_page_of_commands_says_of_each_what_its_help_says():
    text = pages.site()["commands.md"]
    for row in table.ROWS:
        assert f"[`tf1bn {row.name}`](#tf1bn-{row.name})" in text and row.summary in text
        said = importlib.import_module("tf1bn.run" if row.name == "run" else row.module).__doc__
        assert inspect.cleandoc(said) in text


ENTRIES = sorted((pages.ROOT / "tf1bn").rglob("__init__.py"))


@pytest.mark.parametrize("path", ENTRIES, ids=lambda path: path.parent.name)
def test_the_entry_page_of_a_package_says_what_it_is_and_how_to_read_it(path):
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    assert 5 <= text.count("\n") + 1 <= 18
    if path.parent.name == "tf1bn":
        return
    assert re.search(r"\b(comes?|come) (in )?", text) and "To read" in text
    beside = {file.stem for file in path.parent.glob("*.py")} | {
        file.parent.name for file in path.parent.glob("*/*.py")
    }
    for name in re.findall(r":mod:`([\w.]+)`", text):
        if "." in name:
            importlib.import_module(name)
        else:
            assert name in beside, name
