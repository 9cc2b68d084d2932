"""The trial of old libraries: its rows, what a traceback says, the table. `make test-packages` installs them."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "packages"))

import package_rows  # noqa: E402
import package_run  # noqa: E402
import package_table  # noqa: E402
import try_packages  # noqa: E402
from package_run import Outcome, Stop  # noqa: E402

SITE = "/env/lib/python3.11/site-packages"
FIRST = "Traceback (most recent call last):"
TRACE = f"""\
WARNING: something
Traceback (most recent call last):
  File "/other.py", line 1, in <module>
ValueError: an earlier one
Traceback (most recent call last):
  File "/programs/train.py", line 3, in <module>
    import old
  File "{SITE}/old/nets/base.py", line 53, in <module>
    from tensorflow.contrib import gone
    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/checkout/tf1bn/compat/program.py", line 150, in _private
    raise namespace.absent(path)
tf1bn.errors.AbsentModuleError: tf.contrib.gone: it is gone. Use another.
A second line of the text: more.
"""


def package(name: str, remedy: str = "") -> package_rows.Package:
    return package_rows.Package(name, "1.0", "train", (name,), remedy=remedy)


@pytest.mark.parametrize(
    ("trace", "reason", "place"),
    [
        (TRACE, "tf1bn.errors.AbsentModuleError: tf.contrib.gone: it is gone. Use another.", "old/nets/base.py:53"),
        (f"{FIRST}\n  File \"a.py\", line 1, in <module>\nKeyboardInterrupt\n", "KeyboardInterrupt", ""),
        ("a word\nKilled\n", "Killed", ""),
        ("", "it ended without a word", ""),
        (f"{FIRST}\nValueError: " + "long " * 100, "ValueError: " + "long " * 40 + "...", ""),
    ],
)  # fmt: skip
def test_the_last_traceback_says_where_a_program_stopped_and_why(trace: str, reason: str, place: str) -> None:
    assert package_run.stop_of(trace, SITE) == Stop(reason, place)


def test_the_table_has_a_row_for_each_library_and_keeps_those_that_were_not_tried() -> None:
    packages = [package("b", "Know | this."), package("a"), package("never")]
    page = f"# Title\n\n{package_table.BEGIN}\n{package_table.END}\n\nAfter.\n"
    tried = {
        "a": Outcome("a", "1.0", True, False, Stop("KeyError: 'x'", "a/b.py:3")),
        "b": Outcome("b", "1.0", True, True),
    }
    first = package_table.replaced(page, packages, tried, "Made on one day.")
    rows = [
        "| `b` | 1.0 | `b` | yes | yes |  | Know \\| this. |",
        "| `a` | 1.0 | `a` | yes | no | `a/b.py:3`: KeyError: 'x' |  |",
    ]
    assert first.startswith("# Title\n") and first.endswith(f"{package_table.END}\n\nAfter.\n")
    assert "\n".join(rows) in first and "never" not in first and "Made on one day." in first
    again = package_table.replaced(
        first, packages, {"a": Outcome("a", "1.0", False, False, Stop("pip: no"))}, "Made later."
    )
    assert again == first.replace(rows[1], "| `a` | 1.0 | `a` | no | no | pip: no |  |").replace(
        "Made on one day.", "Made later."
    )


def test_a_page_without_the_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="the page needs the lines '<!-- made by"):
        package_table.replaced("# Title\n", [], {}, "")


def test_one_line_tells_of_each_library() -> None:
    trained = Outcome("a", "1.0", True, True, said="loss: 2 -> 1", seconds=(1.2, 3.4, 5.6))
    assert try_packages.told(trained) == "trains  a 1.0 (1 + 3 + 6 s)  loss: 2 -> 1"
    stopped = trained._replace(trained=False, stop=Stop("KeyError: 'x'", "a.py:3"))
    assert try_packages.told(stopped) == "imports a 1.0 (1 + 3 + 6 s)  a.py:3 KeyError: 'x'"
    assert try_packages.told(stopped._replace(imported=False)).startswith("stops   a 1.0")


def test_every_row_has_its_program_and_a_row_in_the_documentation() -> None:
    page = (ROOT / "docs" / "packages.md").read_text(encoding="utf-8")
    for row in package_rows.ROWS:
        program = package_run.PROGRAMS / f"{row.program}.py"
        tree = ast.parse(program.read_text(encoding="utf-8"))
        names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
        names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        assert any(name.split(".")[0] == row.module.split(".")[0] for name in names), row.name
        assert not any("tf1bn" in name for name in names) and any(isinstance(node, ast.Assert) for node in tree.body)
        assert f"| `{row.name}` | {row.version} |" in page
    assert {path.stem for path in package_run.PROGRAMS.glob("*.py")} == {row.program for row in package_rows.ROWS}


def test_wrong_names_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        try_packages.main(["--only=nothing"])
    assert caught.value.code == 2 and "there are no rows nothing; there are tflearn" in capsys.readouterr().err


def test_a_library_that_pip_does_not_find_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    outcome = package_run.attempt(package("tf1bn-no-such-library"), tmp_path)
    assert outcome.stop is not None and "No matching distribution" in outcome.stop.reason and not outcome.imported
