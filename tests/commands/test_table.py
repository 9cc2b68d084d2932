"""Every command has a row, a file with help, and a starter; and the other way round."""

import ast
import importlib
from pathlib import Path

import pytest

from tf1bn.commands import completion, main, table

ROOT = Path(__file__).resolve().parents[2]
SHARED = {"__init__", "main", "parsing", "table"}
# What users were promised, whatever the table says.
WANTED = {
    *("run", "train", "evaluate", "compare", "audit", "inspect", "migrate", "compare-checkpoints", "merge", "fold"),
    *(
        "export",
        "reestimate",
        "convert",
        "bench",
        "launch",
        "demo",
        "doctor",
        "completion",
        "native",
        "native-to-stock",
    ),
}


def test_the_table_has_the_commands():
    assert {row.name for row in table.ROWS} == WANTED
    assert len(table.ROWS) == len(WANTED)


def test_every_file_has_a_row_and_every_row_a_file():
    files = {path.stem for path in (ROOT / "tf1bn" / "commands").glob("*.py")} - SHARED
    assert files == {row.module.rpartition(".")[2] for row in table.ROWS}


def test_every_script_has_a_row_and_every_row_with_a_script_has_it():
    assert {path.stem for path in (ROOT / "scripts").glob("*.py")} == {row.script for row in table.ROWS if row.script}


def test_the_starters_are_alike_but_for_their_command():
    texts = set()
    for row in table.ROWS:
        if row.script:
            text = (ROOT / "scripts" / f"{row.script}.py").read_text()
            assert f"`tf1bn {row.name}`" in text
            texts.add(text.replace(f"`tf1bn {row.name}`", ""))
    assert len(texts) == 1


@pytest.mark.parametrize("row", table.ROWS, ids=lambda row: row.name)
def test_a_row_says_in_one_line_what_its_command_is_for(row):
    assert row.summary and "\n" not in row.summary and len(row.summary) < 80
    assert row.summary[0].islower() and not row.summary.endswith(".")
    assert f"  {row.name} " in main.overview() and row.summary in main.overview()


@pytest.mark.parametrize("row", [row for row in table.ROWS if row.name != "run"], ids=lambda row: row.name)
def test_a_command_has_help_with_an_example_and_exit_codes(row):
    module = importlib.import_module(row.module)
    assert f"\n  tf1bn {row.name}" in module.__doc__ and "Exit code" in module.__doc__
    flags = {flag.name for flag in module.COMMAND.flags.all()}
    assert "format" in flags
    for name in flags:
        assert module.COMMAND.flags.values[name].help


@pytest.mark.parametrize("row", table.ROWS, ids=lambda row: row.name)
def test_a_file_defines_no_flag_of_the_process(row):
    tree = ast.parse(Path(importlib.import_module(row.module).__file__).read_text())
    names = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not [name for name in names if "DEFINE" in name]


def test_all_commands_can_be_imported_side_by_side():
    assert all(completion.flags_of(row) for row in table.ROWS)


@pytest.mark.parametrize(
    ("word", "meant"), [("trian", "train"), ("compare_checkpoints", "compare-checkpoints"), ("doktor", "doctor")]
)
def test_another_word_is_answered_with_the_closest_command(word, meant):
    with pytest.raises(table.errors.UnknownNameError, match=f"no command '{word}'. Did you mean '{meant}'?"):
        table.find(word)


def test_a_word_like_none_is_answered_without_a_guess():
    with pytest.raises(table.errors.UnknownNameError) as raised:
        table.find("xyzzy")
    assert "Did you mean" not in str(raised.value)
