"""What `make test-fast` runs: a list of files that are there, from every folder whose tests take no other program."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LISTED = [
    line for line in (ROOT / "tests/fast.txt").read_text(encoding="utf-8").splitlines() if line[:1] not in ("", "#")
]
# These start programs, or the originals, for everything that they do.
PROGRAMS = {"legacy", "neighbours", "original", "packages", "peers", "portability", "runtimes", "scale", "scripts"}


def test_every_file_of_the_list_is_there_once():
    assert [name for name in LISTED if not (ROOT / name).is_file()] == []
    assert len(set(LISTED)) == len(LISTED)


def test_every_folder_is_in_the_list():
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")} - PROGRAMS
    assert folders - {Path(name).parts[1] for name in LISTED} == set()


def test_the_makefile_runs_the_list():
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\ntest-fast:")[2].split("\n\n")[0]
    assert "tests/fast.txt" in recipe
