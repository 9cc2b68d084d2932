"""Steps that read the files of the checkout: version, changelog, what is committed, and the site."""

from __future__ import annotations

import re

from place import ROOT, Failed, Place, run


def read_version() -> str:
    """Returns the version that the package says, read as text."""
    found = re.search(r'^__version__ = "(.+)"$', (ROOT / "tf1bn" / "__init__.py").read_text(encoding="utf-8"), re.M)
    if found is None:
        raise Failed("tf1bn/__init__.py has no __version__")
    return found[1]


def version(_: Place) -> str:
    """The version is one, and the same in CITATION.cff."""
    said = read_version()
    if not re.fullmatch(r"\d+\.\d+\.\d+", said):
        raise Failed(f"{said} is not of the form 1.2.3")
    cited = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    if cited is None or cited[1] != said:
        raise Failed(f"the package says {said}, CITATION.cff says {cited[1] if cited else 'nothing'}")
    return said


def changelog(_: Place) -> str:
    """The changelog has a dated section for the version, and nothing waits above it."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    by_title = {section.partition("\n")[0].strip(): section.partition("\n")[2].strip() for section in sections}
    said = read_version()
    titles = [title for title in by_title if re.fullmatch(rf"\[{re.escape(said)}\] - \d{{4}}-\d\d-\d\d", title)]
    if not titles or not by_title[titles[0]]:
        raise Failed(f"no section '## [{said}] - YEAR-MONTH-DAY' with something in it")
    if by_title.get("[Unreleased]"):
        raise Failed(f"something stands under [Unreleased], which belongs to {said} or to a later version")
    return titles[0]


def committed(_: Place) -> str:
    """What is in the folder is what is built: the files of the last commit."""
    changed = run(["git", "status", "--porcelain"], ROOT).splitlines()
    if changed:
        raise Failed(f"{len(changed)} files are not committed, such as {changed[0][3:]}")
    return run(["git", "rev-parse", "--short", "HEAD"], ROOT).strip()


def docs(_: Place) -> str:
    """The site builds, strictly, and fetches nothing."""
    run(["make", "--no-print-directory", "docs"], ROOT)
    return f"{len(list((ROOT / 'build' / 'site').rglob('*.html')))} pages in build/site"
