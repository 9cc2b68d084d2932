"""The check of a release: what each step finds missing. Building and installing is what `make release-check` does."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "scripts" / "release"
sys.path.insert(0, str(FOLDER))

import built  # noqa: E402
import check  # noqa: E402
import place  # noqa: E402
import texts  # noqa: E402

INIT, CITATION, CHANGELOG = "tf1bn/__init__.py", "CITATION.cff", "CHANGELOG.md"
GOOD = {
    INIT: '"""Doc."""\n__version__ = "1.2.3"\n',
    CITATION: "cff-version: 1.2.0\nversion: 1.2.3\n",
    CHANGELOG: "# Changelog\n\n## [Unreleased]\n\n## [1.2.3] - 2030-01-31\n\n- A line.\n",
}


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A checkout that lacks nothing, in the place of this one."""
    (tmp_path / "tf1bn").mkdir()
    for name, text in GOOD.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(texts, "ROOT", tmp_path)
    return tmp_path


def test_a_good_checkout_passes(root):
    assert texts.version(place.Place(root)) == "1.2.3"
    assert texts.changelog(place.Place(root)) == "[1.2.3] - 2030-01-31"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        (INIT, "x = 1\n", "no __version__"),
        (INIT, '__version__ = "1.2.dev0"\n', "not of the form 1.2.3"),
        (CITATION, "version: 1.2.2\n", "the package says 1.2.3, CITATION.cff says 1.2.2"),
        (CITATION, "title: x\n", "CITATION.cff says nothing"),
    ],
)
def test_another_version_is_found(root, name, text, words):
    (root / name).write_text(text)
    with pytest.raises(place.Failed, match=words):
        texts.version(place.Place(root))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# Changelog\n\n## [Unreleased]\n\n- A line.\n", r"no section '## \[1.2.3\]"),
        ("## [1.2.3]\n\n- A line.\n", "no section"),
        ("## [1.2.3] - 2030-01-31\n\n## [1.2.2] - 2029-01-31\n\n- A line.\n", "no section"),
        ("## [Unreleased]\n\n- One.\n\n## [1.2.3] - 2030-01-31\n\n- Two.\n", r"under \[Unreleased\]"),
    ],
)
def test_a_changelog_that_is_not_ready_is_found(root, text, words):
    (root / CHANGELOG).write_text(text)
    with pytest.raises(place.Failed, match=words):
        texts.changelog(place.Place(root))


def test_steps_that_need_a_failed_one_are_not_tried(tmp_path, monkeypatch, capsys):
    def fail(_):
        raise place.Failed("no luck")

    tried = []
    monkeypatch.setitem(check.STEPS, "build", fail)
    monkeypatch.setitem(check.STEPS, "install", lambda _: tried.append("install") or "installed")
    monkeypatch.setitem(check.STEPS, "version", lambda _: "1.2.3")
    assert check._run(["version", "build", "install"], place.Place(tmp_path)) == ["build", "install"]
    shown = capsys.readouterr().out
    assert tried == [] and "not tried, since build failed" in shown and "no luck" in shown and "ok" in shown


def test_asking_for_a_step_asks_for_what_it_needs():
    assert check._parsed(["--only=demo"]) == {"build", "install", "demo"}
    assert check._parsed([]) == set(check.STEPS)
    with pytest.raises(SystemExit) as stopped:
        check._parsed(["--only=tea"])
    assert stopped.value.code == 2
    assert set(check.NEEDS) <= set(check.STEPS)


def test_a_failing_program_is_told_with_its_last_lines(tmp_path):
    assert place.run([sys.executable, "-c", "print(1)"], tmp_path) == "1\n"
    with pytest.raises(place.Failed, match=r"a try ended with 3:\nlast words"):
        place.run([sys.executable, "-c", "import sys; print('last words'); sys.exit(3)"], tmp_path, what="a try")


def test_the_checkout_is_not_on_the_path_of_what_is_run(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(FOLDER))
    program = "import os; print(os.environ.get('PYTHONPATH'))"
    assert place.run([sys.executable, "-c", program], tmp_path) == "None\n"


def test_wheels_that_differ_are_told_by_file(tmp_path):
    contents = ({"a": "1", "b": "2"}, {"a": "1", "b": "3", "c": "4"})
    for name, files in zip(("first", "second"), contents, strict=True):
        with zipfile.ZipFile(tmp_path / name, "w") as wheel:
            for file, text in files.items():
                wheel.writestr(file, text)
    assert built._differing(tmp_path / "first", tmp_path / "second") == ["b", "c"]
    assert built._differing(tmp_path / "first", tmp_path / "first") == []
    with pytest.raises(place.Failed, match="expected one"):
        place.Place(tmp_path).product(".whl")


def test_every_step_says_what_it_is_for():
    assert all(step.__doc__ for step in check.STEPS.values())
