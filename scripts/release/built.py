"""Steps that build: wheel and sdist from the files of the last commit, twice the same, and whole."""

from __future__ import annotations

import hashlib
import sys
import tarfile
import zipfile
from pathlib import Path

from place import ROOT, Failed, Place, run
from texts import read_version

_BUILD = "import sys; from setuptools import build_meta as b; getattr(b, 'build_' + sys.argv[1])(sys.argv[2])"
LICENCES = ("LICENSE", "tf1bn/datasets/data/README.md")


def build(place: Place) -> str:
    """Wheel and sdist are built by the backend that pyproject.toml names."""
    _checked_out(place.sources)
    _built("sdist", place.sources, place.products)
    _built("wheel", place.sources, place.products)
    names = [place.product(".whl").name, place.product(".tar.gz").name]
    if not all(name.startswith(f"tf1bn-{read_version()}") for name in names):
        raise Failed(f"{' and '.join(names)} are not of version {read_version()}")
    return ", ".join(f"{name} ({(place.products / name).stat().st_size // 1024} KB)" for name in names)


def reproducible(place: Place) -> str:
    """A wheel that is built again, elsewhere and from files of another time, is the same byte for byte."""
    again = place.folder / "again" / "in" / "another" / "folder"
    _checked_out(again)
    _built("wheel", again, place.folder / "second", umask=0o077)
    first, (second,) = place.product(".whl"), (place.folder / "second").glob("*.whl")
    if first.read_bytes() != second.read_bytes():
        raise Failed(f"two wheels differ in {', '.join(_differing(first, second)) or 'their order or times'}")
    return f"sha256 {hashlib.sha256(first.read_bytes()).hexdigest()[:16]}... with SOURCE_DATE_EPOCH={_epoch()}"


def sdist_is_whole(place: Place) -> str:
    """A wheel that is built from the sdist holds what the other one holds."""
    unpacked = place.folder / "unpacked"
    with tarfile.open(place.product(".tar.gz")) as archive:
        archive.extractall(unpacked, filter="data")
    (sources,) = unpacked.iterdir()
    _built("wheel", sources, place.folder / "third")
    (again,) = (place.folder / "third").glob("*.whl")
    if differing := _differing(place.product(".whl"), again):
        raise Failed(f"the wheel made from the sdist differs in {', '.join(differing[:5])}")
    return "its wheel holds the same files"


def licences(place: Place) -> str:
    """Both carry the licence of the package, and that of the digits."""
    with zipfile.ZipFile(place.product(".whl")) as wheel:
        packed = {name: wheel.read(name) for name in wheel.namelist()}
    with tarfile.open(place.product(".tar.gz")) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for licence in LICENCES:
        text = (place.sources / licence).read_bytes()
        if not any(name.endswith(f"/{licence}") or name == licence for name in packed if packed[name] == text):
            raise Failed(f"the wheel has not {licence} as it is")
        if licence not in names:
            raise Failed(f"the sdist has not {licence}")
    metadata = next(text for name, text in packed.items() if name.endswith(".dist-info/METADATA")).decode()
    if "Apache-2.0" not in metadata:
        raise Failed("the metadata do not say Apache-2.0")
    return ", ".join(LICENCES)


def _checked_out(folder: Path) -> None:
    """Writes the files of the last commit into a folder."""
    folder.mkdir(parents=True)
    archive = folder.parent / "commit.tar"
    run(["git", "archive", "--output", archive, "HEAD"], ROOT)
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")


def _built(kind: str, sources: Path, products: Path, umask: int = 0o022) -> None:
    products.mkdir(exist_ok=True)
    command = ["sh", "-c", f'umask {umask:o} && exec "$@"', "sh", sys.executable, "-c", _BUILD, kind, str(products)]
    run(command, sources, variables={"SOURCE_DATE_EPOCH": _epoch()}, what=f"building the {kind}")


def _epoch() -> str:
    """Returns the time of the last commit, in seconds."""
    return run(["git", "log", "-1", "--format=%ct"], ROOT).strip()


def _differing(first: Path, second: Path) -> list[str]:
    """Returns the files that two wheels do not have alike."""
    contents = []
    for path in (first, second):
        with zipfile.ZipFile(path) as wheel:
            contents.append({name: wheel.read(name) for name in wheel.namelist()})
    names = contents[0].keys() | contents[1].keys()
    return sorted(name for name in names if contents[0].get(name) != contents[1].get(name))
