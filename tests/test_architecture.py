"""The shape of the code, held by reading it: floors, spellings, sizes.

The tables at the top are the architecture; the checks below only compare the sources with them. Each check takes
``{path: text}`` and yields ``path:line: complaint``, so the second half of the file can feed it wrong sources and show
that it complains.
"""

from __future__ import annotations

import ast
import os
import pathlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Lowest first. A unit (a package, or a module directly under tf1bn/) imports from lower floors only.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("errors", "exits", "extras", "lazy", "printing", "progress", "registry", "terms"),
    ("native",),
    ("core", "datasets", "graph"),
    ("strategies", "distribute", "checkpoint"),
    ("layers", "population", "export"),
    ("compat", "audit", "convert", "testing", "examples", "machine", "run"),
    ("benchmark",),
    ("tf1bn",),  # the front door, tf1bn/__init__.py
    ("commands",),
    ("__main__",),
)
# Single modules that may import a neighbour on their own floor: (importer, imported).
NEIGHBOURS = {
    *(("extras", "errors"), ("printing", "exits"), ("registry", "errors"), ("terms", "errors")),
    *(("run", "compat"), ("run", "audit")),
}
# Narrower than the floors: what these units may import, beside the ground floor and themselves.
NARROWED = {"layers": {"core", "strategies", "distribute"}}

# Importing these loads no TensorFlow, not even through what they import. A package stands for all its modules.
TENSORFLOW_FREE = (
    "tf1bn",
    "tf1bn.errors",
    "tf1bn.exits",
    "tf1bn.lazy",
    "tf1bn.printing",
    "tf1bn.progress",
    "tf1bn.registry",
    "tf1bn.terms",
    "tf1bn.datasets",
    "tf1bn.core.values",
    "tf1bn.testing.reference",
    "tf1bn.checkpoint.layout",
    "tf1bn.checkpoint.layouts",
    "tf1bn.checkpoint.plan",
    "tf1bn.audit.finding",
    "tf1bn.audit.report",
    "tf1bn.benchmark.goals",
    "tf1bn.benchmark.options",
    "tf1bn.benchmark.plot",
    "tf1bn.benchmark.report",
    "tf1bn.benchmark.suites",
    "tf1bn.machine",
    "tf1bn.commands",
    "tf1bn.__main__",
)
PACKAGE_ALONE = {"tf1bn"}  # here the name stands for the package's own __init__.py only

ORACLE = "tf1bn.testing.reference"  # for tests, and for its own package
TENSORFLOW = ("tensorflow.compat.v1", "tf")
FORBIDDEN_MODULES = ("tensorflow.python", "tensorflow.keras", "tf_keras", "keras", "tf_slim", "tensorpack")
# The benchmark times the originals, which load only with these: one module reaches for them, when a peer is asked for.
MAY_REACH_PEERS = {"tf1bn/benchmark/peers.py"}
SCRIPTS_MAY_IMPORT = {"tf1bn", "absl", "numpy", *sys.stdlib_module_names}
CHANGES_STATE_ON_IMPORT = re.compile(r"(^|\.)((disable|enable)_\w+|DEFINE_\w+|basicConfig|reset_default_graph)$")
MAY_CHANGE_STATE = {"tf1bn/compat/v1.py"}
VAGUE_NAMES = {"utils", "util", "misc", "helpers", "common"}
LONGEST_BODY = 60
LONGEST_FILE = 500
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")

Sources = dict[str, str]


class Import(NamedTuple):
    """One imported name: the importing module, where, what, and whether importing the module executes it."""

    module: str
    path: str
    line: int
    target: str
    on_import: bool


def module_name(path: str) -> str:
    parts = path.removesuffix(".py").split("/")
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def unit_of(module: str) -> str:
    """The part of tf1bn that a module belongs to: ``tf1bn.core.axes`` -> ``core``."""
    return (module.split(".") + [""])[1] or "tf1bn"


def trees(sources: Sources, folder: str = "tf1bn/") -> Iterator[tuple[str, ast.Module]]:
    for path, text in sorted(sources.items()):
        if path.startswith(folder):
            yield path, ast.parse(text, filename=path)


def walk(node: ast.AST, on_import: bool = True) -> Iterator[tuple[ast.AST, bool]]:
    """All nodes below ``node``, each with whether it runs when the module is imported."""
    for child in ast.iter_child_nodes(node):
        runs = on_import and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if isinstance(child, ast.If) and ast.unparse(child.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            runs = False
        yield child, runs
        yield from walk(child, runs)


def imports(sources: Sources, folder: str = "tf1bn/") -> list[Import]:
    """Every import below ``folder``; ``from package import module`` counts as the module."""
    modules = {module_name(path) for path in sources}
    found = []
    for path, tree in trees(sources, folder):
        name = module_name(path)
        for node, on_import in walk(tree):
            if isinstance(node, ast.Import):
                targets = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                package = name.split(".") if path.endswith("__init__.py") else name.split(".")[:-1]
                above = package[: len(package) - node.level + 1] if node.level else []
                base = ".".join([*above, *([node.module] if node.module else [])])
                targets = [f"{base}.{a.name}" if f"{base}.{a.name}" in modules else base for a in node.names]
            elif is_import_call(node):
                targets = [node.args[0].value]
            else:
                continue
            found += [Import(name, path, node.lineno, target, on_import) for target in targets]
    return found


def is_import_call(node: ast.AST) -> bool:
    """Whether a node is ``importlib.import_module("name")`` or ``__import__("name")``."""
    return (
        isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("importlib.import_module", "import_module", "__import__")
        and bool(node.args)
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    )


def within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


def check_floors(sources: Sources) -> Iterator[str]:
    floor_of = {unit: floor for floor, units in enumerate(FLOORS) for unit in units}
    for path in sorted(sources):
        if path.startswith("tf1bn/") and unit_of(module_name(path)) not in floor_of:
            yield f"{path}:1: `{unit_of(module_name(path))}` stands on no floor"
    for item in imports(sources):
        if not within(item.target, ("tf1bn",)):
            continue
        here, there = unit_of(item.module), unit_of(item.target)
        if here == there or (here, there) in NEIGHBOURS or here not in floor_of:
            continue
        narrowed = NARROWED.get(here, {there}) | set(FLOORS[0])
        if floor_of.get(there, len(FLOORS)) >= floor_of[here] or there not in narrowed:
            yield f"{item.path}:{item.line}: `{here}` imports `{there}`, which is not below it"


def check_circles(sources: Sources) -> Iterator[str]:
    edges: dict[str, set[str]] = {}
    for item in imports(sources):
        if within(item.target, ("tf1bn",)) and item.target != item.module:
            edges.setdefault(item.module, set()).add(item.target)
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> Iterator[str]:
        if module in trail:
            circle = [*trail[trail.index(module) :], module]
            yield f"{module}:1: import circle {' -> '.join(circle)}"
        elif module not in done:
            for target in sorted(edges.get(module, ())):
                yield from visit(target, (*trail, module))
            done.add(module)

    for module in sorted(edges):
        yield from visit(module, ())


def check_spelling(sources: Sources) -> Iterator[str]:
    for folder in ("tf1bn/", "scripts/"):
        for item in imports(sources, folder):
            reaches = item.path in MAY_REACH_PEERS and not item.on_import
            if within(item.target, FORBIDDEN_MODULES) and not reaches:
                yield f"{item.path}:{item.line}: `{item.target}` is not used here"
        for path, tree in trees(sources, folder):
            for node, _ in walk(tree):
                yield from wrong_spelling(path, node)


def wrong_spelling(path: str, node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            if within(alias.name, ("tensorflow",)) and (alias.name, alias.asname) != TENSORFLOW:
                yield f"{path}:{node.lineno}: write `import tensorflow.compat.v1 as tf`"
    elif isinstance(node, ast.ImportFrom) and within(node.module or "", ("tensorflow",)):
        yield f"{path}:{node.lineno}: write `import tensorflow.compat.v1 as tf`"
    elif isinstance(node, ast.Attribute) and ast.unparse(node) in ("tf.keras", "tf.compat.v2"):
        yield f"{path}:{node.lineno}: `{ast.unparse(node)}` is not used here"


def check_tensorflow_free(sources: Sources) -> Iterator[str]:
    needs: dict[str, list[Import]] = {}
    for item in imports(sources):
        if item.on_import:
            needs.setdefault(item.module, []).append(item)
    for free in free_modules(sources):
        pending, seen = [free], set()
        while pending:
            module = pending.pop()
            parents = module.split(".")
            pending += [".".join(parents[:n]) for n in range(1, len(parents)) if module not in seen]
            for item in needs.get(module, []) if module not in seen else []:
                if within(item.target, ("tensorflow",)):
                    yield f"{item.path}:{item.line}: importing `{free}` would load TensorFlow here"
                elif within(item.target, ("tf1bn",)):
                    pending.append(item.target)
            seen.add(module)


def free_modules(sources: Sources) -> list[str]:
    """The existing modules that TENSORFLOW_FREE names."""
    modules = sorted(module_name(path) for path in sources if path.startswith("tf1bn/"))
    packages = tuple(name for name in TENSORFLOW_FREE if name not in PACKAGE_ALONE)
    return [module for module in modules if module in PACKAGE_ALONE or within(module, packages)]


def check_oracle_stays_in_tests(sources: Sources) -> Iterator[str]:
    for folder in ("tf1bn/", "scripts/"):
        for item in imports(sources, folder):
            if item.target == ORACLE and unit_of(item.module) != "testing":
                yield f"{item.path}:{item.line}: `{ORACLE}` is for tests only"


def check_scripts(sources: Sources) -> Iterator[str]:
    for item in imports(sources, "scripts/"):
        top, *rest = item.target.split(".")
        beside = f"{item.path.rpartition('/')[0]}/{top}.py"
        if top not in SCRIPTS_MAY_IMPORT and beside not in sources:
            yield f"{item.path}:{item.line}: a script imports tf1bn, absl, numpy and the standard library, not `{top}`"
        if top == "tf1bn" and any(part.startswith("_") for part in rest):
            yield f"{item.path}:{item.line}: `{item.target}` is private"


def check_imports_change_nothing(sources: Sources) -> Iterator[str]:
    for path, tree in trees(sources):
        for node, on_import in walk(tree) if path not in MAY_CHANGE_STATE else ():
            if on_import and isinstance(node, ast.Call) and CHANGES_STATE_ON_IMPORT.search(ast.unparse(node.func)):
                yield f"{path}:{node.lineno}: importing this module calls `{ast.unparse(node.func)}`"


def check_sizes_and_names(sources: Sources) -> Iterator[str]:
    for folder in ("tf1bn/", "scripts/"):
        for path, tree in trees(sources, folder):
            if VAGUE_NAMES & set(path.removesuffix(".py").split("/")):
                yield f"{path}:1: the name does not say what is inside"
            lines = sources[path].count("\n")
            if lines > LONGEST_FILE:
                yield f"{path}:1: {lines} lines; at most {LONGEST_FILE}"
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and body_lines(node) > LONGEST_BODY:
                    yield f"{path}:{node.lineno}: body of {body_lines(node)} lines; at most {LONGEST_BODY}"


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without signature and docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def check_finished(sources: Sources) -> Iterator[str]:
    for path, text in sorted(sources.items()):
        for number, line in enumerate(text.splitlines(), 1):
            if UNFINISHED.search(line):
                yield f"{path}:{number}: unfinished: {line.strip()}"


CHECKS: tuple[Callable[[Sources], Iterator[str]], ...] = (
    check_floors,
    check_circles,
    check_spelling,
    check_tensorflow_free,
    check_oracle_stays_in_tests,
    check_scripts,
    check_imports_change_nothing,
    check_sizes_and_names,
    check_finished,
)


@pytest.fixture(scope="module")
def repository() -> Sources:
    paths = [path for folder in ("tf1bn", "scripts", "tests") for path in (ROOT / folder).rglob("*.py")]
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_the_repository_keeps(check: Callable[[Sources], Iterator[str]], repository: Sources) -> None:
    assert "tf1bn/errors.py" in repository
    complaints = list(check(repository))
    assert not complaints, "\n" + "\n".join(complaints)


def test_every_folder_with_modules_is_a_package(repository: Sources) -> None:
    folders = {path.rpartition("/")[0] for path in repository if path.startswith("tf1bn/")}
    missing = sorted(folder for folder in folders if f"{folder}/__init__.py" not in repository)
    assert not missing, f"find_packages would leave these out of the wheel: {missing}"


def test_importing_the_tensorflow_free_modules_loads_no_tensorflow(repository: Sources) -> None:
    program = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    importlib.import_module(name)\n"
        "    assert 'tensorflow' not in sys.modules, name\n"
    )
    command = [sys.executable, "-c", program, *free_modules(repository)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert result.returncode == 0, result.stderr


def long_function(lines: int) -> str:
    return 'def f():\n    """Docstrings do not count."""\n' + "    x = 1\n" * lines


# Per check: sources that it refuses, and words of its complaint.
WRONG: dict[str, tuple[Callable[[Sources], Iterator[str]], Sources, str]] = {
    "upward": (check_floors, {"tf1bn/core/a.py": "import tf1bn.layers.b"}, "`core` imports `layers`"),
    "upward inside a function": (
        check_floors,
        {"tf1bn/core/a.py": "def f():\n    from tf1bn.audit import b"},
        "a.py:2: `core` imports `audit`",
    ),
    "upward by a relative import": (
        check_floors,
        {"tf1bn/core/a.py": "from ..strategies import base"},
        "`core` imports `strategies`",
    ),
    "upward by name": (
        check_floors,
        {"tf1bn/core/a.py": "import importlib\nimportlib.import_module('tf1bn.run')"},
        "a.py:2: `core` imports `run`",
    ),
    "sideways": (check_floors, {"tf1bn/audit/a.py": "from tf1bn.compat import slim"}, "`audit` imports `compat`"),
    "front door from inside": (check_floors, {"tf1bn/core/a.py": "import tf1bn"}, "`core` imports `tf1bn`"),
    "narrowed": (check_floors, {"tf1bn/layers/a.py": "import tf1bn.checkpoint"}, "`layers` imports `checkpoint`"),
    "no floor": (check_floors, {"tf1bn/attic/a.py": ""}, "`attic` stands on no floor"),
    "circle": (
        check_circles,
        {"tf1bn/core/a.py": "from tf1bn.core import b", "tf1bn/core/b.py": "from tf1bn.core import a"},
        "import circle tf1bn.core.a -> tf1bn.core.b -> tf1bn.core.a",
    ),
    "other spelling": (check_spelling, {"tf1bn/core/a.py": "import tensorflow as tf"}, "import tensorflow.compat.v1"),
    "other alias": (check_spelling, {"scripts/a.py": "import tensorflow.compat.v1 as tf1"}, "compat.v1 as tf"),
    "from spelling": (check_spelling, {"tf1bn/core/a.py": "from tensorflow.compat import v1 as tf"}, "compat.v1 as tf"),
    "private module": (
        check_spelling,
        {"tf1bn/core/a.py": "from tensorflow.python.ops import nn"},
        "`tensorflow.python.ops` is not used",
    ),
    "keras": (check_spelling, {"tf1bn/core/a.py": "def f():\n    import tf_keras"}, "a.py:2: `tf_keras` is not used"),
    "slim": (check_spelling, {"tf1bn/core/a.py": "def f():\n    import tf_slim"}, "a.py:2: `tf_slim` is not used"),
    "slim on import": (check_spelling, {"tf1bn/benchmark/peers.py": "import tf_slim"}, "`tf_slim` is not used"),
    "keras attribute": (check_spelling, {"tf1bn/core/a.py": "tf.keras.layers.Layer"}, "`tf.keras` is not used"),
    "TensorFlow in a free module": (
        check_tensorflow_free,
        {"tf1bn/core/values.py": "import tensorflow.compat.v1 as tf"},
        "importing `tf1bn.core.values` would load",
    ),
    "TensorFlow through an import": (
        check_tensorflow_free,
        {
            "tf1bn/testing/reference.py": "from tf1bn.core import axes",
            "tf1bn/core/axes.py": "import tensorflow.compat.v1 as tf",
        },
        "axes.py:1: importing `tf1bn.testing.reference` would load",
    ),
    "TensorFlow through the package": (
        check_tensorflow_free,
        {"tf1bn/core/__init__.py": "import tensorflow.compat.v1 as tf", "tf1bn/core/values.py": ""},
        "core/__init__.py:1: importing `tf1bn.core.values` would load",
    ),
    "oracle in the library": (
        check_oracle_stays_in_tests,
        {"tf1bn/audit/a.py": "from tf1bn.testing import reference", "tf1bn/testing/reference.py": ""},
        "is for tests only",
    ),
    "script with TensorFlow": (check_scripts, {"scripts/a.py": "import tensorflow"}, "not `tensorflow`"),
    "script with private parts": (check_scripts, {"scripts/a.py": "import tf1bn.core._table"}, "is private"),
    "switch on import": (check_imports_change_nothing, {"tf1bn/core/a.py": "tf.disable_v2_behavior()"}, "calls `tf.d"),
    "flag on import": (check_imports_change_nothing, {"tf1bn/run.py": "flags.DEFINE_bool('x', 0, '')"}, "DEFINE_bool"),
    "vague name": (check_sizes_and_names, {"tf1bn/core/utils.py": ""}, "does not say"),
    "long body": (check_sizes_and_names, {"tf1bn/core/a.py": long_function(61)}, "body of 61 lines"),
    "long file": (check_sizes_and_names, {"tf1bn/core/a.py": "x = 1\n" * 501}, "501 lines"),
    "unfinished": (check_finished, {"tests/test_a.py": "x = 1  # TO" + "DO later"}, "test_a.py:1: unfinished"),
}


@pytest.mark.parametrize("case", sorted(WRONG))
def test_a_wrong_source_is_complained_about(case: str) -> None:
    check, sources, words = WRONG[case]
    complaints = list(check(sources))
    assert any(words in complaint for complaint in complaints), complaints


def test_every_check_has_a_source_that_it_refuses() -> None:
    assert {check for check, _, _ in WRONG.values()} == set(CHECKS)


def test_right_sources_are_not_complained_about() -> None:
    sources = {
        "tf1bn/__init__.py": "import importlib",
        "tf1bn/errors.py": "",
        "tf1bn/core/__init__.py": "",
        "tf1bn/core/values.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from tf1bn.core import axes",
        "tf1bn/core/axes.py": "import tensorflow.compat.v1 as tf\nfrom tf1bn import errors",
        "tf1bn/datasets/idx.py": "def f():\n    import tensorflow.compat.v1 as tf",
        "tf1bn/layers/batch_norm.py": "from tf1bn.strategies import catalog\n" + long_function(60),
        "tf1bn/run.py": "from tf1bn.compat import v1",
        "tf1bn/compat/v1.py": "import tensorflow.compat.v1 as tf\ntf.disable_v2_behavior()",
        "tf1bn/testing/contracts.py": "from tf1bn.testing import reference",
        "tf1bn/benchmark/peers.py": "import importlib\ndef f():\n    importlib.import_module('tf_slim')",
        "scripts/demo.py": "import sys\nimport numpy as np\nimport tf1bn\nfrom absl import app",
    }
    assert [complaint for check in CHECKS for complaint in check(sources)] == []
