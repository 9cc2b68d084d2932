"""Steps that use what was built, in an empty environment and from a folder that is not the checkout."""

from __future__ import annotations

import json
import sys

from place import ROOT, Failed, Place, run
from texts import read_version

PROGRAM = ROOT / "tests" / "typed_program.py"
# TensorFlow ships types that change with each release; what a user's checker says of them is not ours.
MYPY = "[mypy]\n[mypy-tensorflow.*]\nignore_missing_imports = True\nfollow_imports = skip\n"


def install(place: Place) -> str:
    """The wheel and its requirements install into an empty environment, and all requirements are met."""
    run([sys.executable, "-m", "venv", "--without-pip", place.environment], place.folder)
    _pip(place, "install", place.product(".whl"))
    _pip(place, "check")
    where = run([place.python, "-c", "import tf1bn; print(tf1bn.__file__)"], place.elsewhere).strip()
    if str(place.environment) not in where:
        raise Failed(f"tf1bn is imported from {where}")
    versions = json.loads(_pip(place, "list", "--format=json"))
    return ", ".join(f"{row['name']} {row['version']}" for row in versions if row["name"] in ("tensorflow", "numpy"))


def commands(place: Place) -> str:
    """Every command has help, `tf1bn --version` is that of the package, and the doctor says that it works here."""
    names = run([place.python, "-c", "from tf1bn.commands.table import ROWS; print(*(r.name for r in ROWS))"],
                place.elsewhere).split()  # fmt: skip
    for name in names:
        if f"tf1bn {name}" not in _tf1bn(place, name, "--help"):
            raise Failed(f"the help of tf1bn {name} does not show how it is called")
    if _tf1bn(place, "--version").split() != ["tf1bn", read_version()]:
        raise Failed(f"tf1bn --version says {_tf1bn(place, '--version').strip()}, not {read_version()}")
    _tf1bn(place, "doctor")
    return f"{len(names)} with help; the doctor is content"


def types(place: Place) -> str:
    """A user's program passes `mypy --strict` against what is installed, and runs."""
    program = place.elsewhere / PROGRAM.name
    program.write_bytes(PROGRAM.read_bytes())
    (place.elsewhere / "mypy.ini").write_text(MYPY)
    checked = [sys.executable, "-m", "mypy", "--strict", "--config-file=mypy.ini"]
    run([*checked, f"--python-executable={place.python}", program.name], place.elsewhere, what="mypy --strict")
    run([place.python, program.name], place.elsewhere)
    return f"{PROGRAM.name} passes mypy --strict, and runs"


def demo(place: Place) -> str:
    """The demo tells its story."""
    told = _tf1bn(place, "demo", "--noprogress", "--steps=300")
    if "inline" not in told:
        raise Failed(f"the demo printed no table:\n{told}")
    return f"{len(told.splitlines())} lines"


def from_sdist(place: Place) -> str:
    """The sdist installs in the wheel's place, and works."""
    _pip(place, "uninstall", "--yes", "tf1bn")
    _pip(place, "install", "--no-deps", place.product(".tar.gz"))
    _tf1bn(place, "audit", "--explain=BN001")
    return "installed in the wheel's place"


def _pip(place: Place, *words: object) -> str:
    # This interpreter's pip works on the other environment: some systems make none with a pip of its own.
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", place.python, *map(str, words)]
    return run(command, place.elsewhere, what=f"pip {words[0]}")


def _tf1bn(place: Place, *words: str) -> str:
    return run([place.environment / "bin" / "tf1bn", *words], place.elsewhere, what=f"tf1bn {' '.join(words)}")
