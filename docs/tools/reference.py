"""The pages of the API reference: which names they show, and in which order. The names are read, never imported."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]

TITLES = {
    "tf1bn": "Layers, updates and strategies",
    "tf1bn.audit": "The auditor",
    "tf1bn.checkpoint": "Checkpoints",
    "tf1bn.convert": "Weights for other frameworks",
    "tf1bn.datasets": "Data",
    "tf1bn.distribute": "Many devices",
    "tf1bn.errors": "Errors",
    "tf1bn.export": "Inference graphs",
    "tf1bn.native": "The op library",
    "tf1bn.population": "Averages estimated anew",
    "tf1bn.progress": "Progress of long work",
    "tf1bn.testing": "Tests of batch norms",
    "tf1bn.compat.tf_layers": "Dialect: tf.layers",
    "tf1bn.compat.contrib": "Dialect: tf.contrib",
    "tf1bn.compat.contrib_crf": "Dialect: tf.contrib.crf",
    "tf1bn.compat.contrib_image": "Dialect: tf.contrib.image",
    "tf1bn.compat.contrib_opt": "Dialect: tf.contrib.opt",
    "tf1bn.compat.contrib_rnn": "Dialect: tf.contrib.rnn",
    "tf1bn.compat.contrib_seq2seq": "Dialect: tf.contrib.seq2seq",
    "tf1bn.compat.contrib_legacy_seq2seq": "Dialect: tf.contrib.legacy_seq2seq",
    "tf1bn.compat.contrib_lookup": "Dialect: tf.contrib.lookup",
    "tf1bn.compat.contrib_data": "Dialect: tf.contrib.data",
    "tf1bn.compat.contrib_summary": "Dialect: tf.contrib.summary",
    "tf1bn.compat.slim": "Dialect: slim",
    "tf1bn.compat.slim_data": "Dialect: data sets of slim",
    "tf1bn.compat.slim_nets": "Dialect: networks of slim",
    "tf1bn.compat.estimator": "Dialect: tf.estimator",
}
"""A page for each public package, with its title."""

MODULES = {
    "tf1bn.datasets": ("batches", "digits", "folder", "idx", "resize"),
    "tf1bn.testing": ("contracts", "graphs", "reference"),
    "tf1bn.compat.contrib": ("layers", "framework", "losses", "metric_learning", "metrics", "training"),
    "tf1bn.compat.slim_data": (
        *("data_decoder", "data_provider", "dataset", "dataset_data_provider", "parallel_reader", "prefetch_queue"),
        "tfexample_decoder",
    ),
    "tf1bn.compat.slim_nets": ("alexnet", "inception", "overfeat", "resnet_utils", "resnet_v1", "resnet_v2", "vgg"),
    "tf1bn.compat.estimator": ("experimental", "export", "inputs", "tpu"),
    "tf1bn.checkpoint": ("inspector", "plan", "comparison", "shard", "picture"),
    "tf1bn.audit": ("report",),
    "tf1bn.distribute": ("cluster", "waiting", "done"),
}
"""Modules whose functions programs call by the module's name, shown on the page of their package."""

_SLIM = (
    "learning",
    "slim_evaluation",
    "slim_summaries",
    "queues",
    "model_analyzer",
    "named_outputs",
    "feature_columns",
    "scoping",
    "evaluation",
)
"""Modules of tf1bn.compat.contrib that slim alone offers."""


FIRST = ("batch_norm", "dense", "conv2d", "minimize", "with_updates", "default_update_strategy")
"""What a newcomer looks for stands first on its page."""


class Section(NamedTuple):
    """A part of a page.

    Attributes:
      module: what its names are attributes of.
      names: the names.
    """

    module: str
    names: tuple[str, ...]


def page_name(package: str) -> str:
    """Returns the file of a package's page, beside the other pages of the reference."""
    return f"reference/{package.removeprefix('tf1bn.').replace('.', '_')}.md"


def pages() -> dict[str, str]:
    """Returns the Markdown of all pages of the reference by file name."""
    made = {page_name(package): _page(package) for package in TITLES}
    rows = [
        f"| [`{package}`]({page_name(package).rpartition('/')[2]}) | {title} | {len(shown(package))} |"
        for package, title in TITLES.items()
    ]
    made["reference/index.md"] = "\n".join([_INDEX, *rows, ""])
    return made


def shown(package: str) -> list[str]:
    """Returns the full names that the page of a package shows."""
    return [f"{section.module}.{name}" for section in sections(package) for name in section.names]


def sections(package: str) -> list[Section]:
    """Returns the parts of a package's page: its own names, then those of its modules."""
    if package == "tf1bn.compat.slim":
        return [_section(f"tf1bn.compat.contrib.{module}") for module in _SLIM]
    modules = MODULES.get(package, ())
    own = Section(package, tuple(name for name in public_names(package) if name not in modules))
    parts = [own, *(_section(f"{package}.{module}") for module in modules)]
    return [section for section in parts if section.names]


def _section(module: str) -> Section:
    return Section(module, public_names(module))


def public_names(module: str) -> tuple[str, ...]:
    """Returns what a module offers: its rows, or its ``__all__``, or else what it defines without an underscore."""
    tree = _tree(module)
    assigned = _assigned(tree)
    if "_ROWS" in assigned:
        rows = _keys(assigned["_ROWS"])
        return (*(name for name in FIRST if name in rows), *(name for name in rows if name not in FIRST))
    if "__all__" in assigned:
        return tuple(_listed(module, tree, assigned["__all__"]))
    made = (node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef))
    return tuple(name for name in made if not name.startswith("_"))


def _listed(module: str, tree: ast.Module, value: ast.expr) -> list[str]:
    """Returns the names of an ``__all__``, with those of tables and of other modules' lists that it takes in."""
    found: list[str] = []
    for element in value.elts:  # type: ignore[attr-defined]
        if not isinstance(element, ast.Starred):
            found.append(ast.literal_eval(element))
        elif isinstance(element.value, ast.Call):  # sorted(_TABLE)
            found += sorted(_keys(_assigned(tree)[ast.unparse(element.value.args[0])]))
        else:
            found += public_names(_imported(module, tree, ast.unparse(element.value).partition(".")[0]))
    return found


def _keys(table: ast.expr) -> tuple[str, ...]:
    return tuple(ast.literal_eval(key) for key in table.keys)  # type: ignore[attr-defined]


def _assigned(tree: ast.Module) -> dict[str, ast.expr]:
    return {ast.unparse(node.targets[0]): node.value for node in tree.body if isinstance(node, ast.Assign)}


def _spelled(module: str, name: str) -> bool:
    """Whether the text of a module, or of the one that it imports the name from, defines the name in so many words."""
    for node in _statements(_tree(module)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return True
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return True
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tf1bn"):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _spelled(str(node.module), alias.name)
    return False


def _statements(tree: ast.Module) -> list[ast.stmt]:
    """Returns the statements of a module, with those under ``if TYPE_CHECKING``."""
    return [inner for node in tree.body for inner in ([node] if not isinstance(node, ast.If) else node.body)]


def _imported(module: str, tree: ast.Module, name: str) -> str:
    """Returns the full name of a module that is known by ``name`` in another."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return f"{node.module}.{alias.name}"
    raise LookupError(f"{module} imports no {name}")


def _tree(module: str) -> ast.Module:
    path = ROOT.joinpath(*module.split("."))
    return ast.parse((path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text(encoding="utf-8"))


def _summary(module: str) -> str:
    return (ast.get_docstring(_tree(module)) or "").partition("\n\n")[0]


def _page(package: str) -> str:
    lines = [f"# {TITLES[package]}: `{package}`", "", _summary(package), ""]
    if package == "tf1bn.compat.slim":
        lines += [_SLIM_TEXT, ""]
    parts = sections(package)
    for section in parts:
        if len(parts) > 1 and section.module != package:
            lines += [f"## `{section.module}`", "", _summary(section.module), ""]
        lines += _names(section, 3 if len(parts) > 1 else 2)
    return "\n".join(lines)


def _names(section: Section, level: int) -> list[str]:
    lines, unseen = [], []
    for name in section.names:
        if _spelled(section.module, name):
            lines += [f"::: {section.module}.{name}", "    options:", f"      heading_level: {level}", ""]
        else:
            unseen.append(name)
    if unseen:  # the reader of sources that makes these pages cannot see them
        marked = [f'<code id="{section.module}.{name}">{name}</code>' for name in unseen]
        lines += [f"Further names, made when the module is imported: {', '.join(marked)}.", ""]
    return lines


_SLIM_TEXT = """`slim` has every name of `tf1bn.compat.contrib.layers` and `tf1bn.compat.contrib.framework`, which are
on the [page of contrib](compat_contrib.md), and `slim.losses`, `slim.metrics` and `slim.training`, likewise. Its other
modules are `slim.learning`, `slim.evaluation`, `slim.summaries`, `slim.queues`, `slim.model_analyzer` and
`slim.utils`."""

_INDEX = """# Reference

One page for each public package, made of its docstrings. What a name promises, and for how long, is in
[Deprecation policy](../deprecation.md); whatever is not here may change without notice.

Docstrings of layers have two parts beyond the usual ones: *Variables* says what is made in the variable scope, *Graph
effects* what is added to collections and what waits for what.

| package | subject | names |
| --- | --- | --- |"""
