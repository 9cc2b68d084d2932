"""Graph files with ops of ``tf1bn.native``, written anew with stock ops."""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import Any, NamedTuple

from tf1bn import errors
from tf1bn.graph import loading
from tf1bn.graph.kinds import SAVED_MODEL
from tf1bn.native import rewriting

# What speaks of the graph as it was. TensorFlow writes a fingerprint beside each SavedModel, and reads one without.
_REPLACED = (*loading.SAVED_MODEL_NAMES, "fingerprint.pb")


class Rewritten(NamedTuple):
    """What was written.

    Attributes:
      target: the new file or folder; empty for a dry run.
      names: of the native ops that were replaced, those in functions as well.
    """

    target: str
    names: tuple[str, ...]


def rewrite(graph: str | os.PathLike[str], output: str | os.PathLike[str], *, dry_run: bool = False) -> Rewritten:
    """Writes a .meta, .pb or .pbtxt file, or the folder of a SavedModel, with stock ops in the place of native ones.

    A file becomes a binary file of its kind. Of a SavedModel every graph is rewritten, and all else is copied.

    Raises:
      GraphError: it is no graph, of another version of tf1bn, or has no native ops; or the new file or folder exists or
        cannot be written.
    """
    with errors.located("tf1bn.native"):
        source = loading.as_it_is(os.fspath(graph))
        if source.kind == SAVED_MODEL:
            return _saved_model(os.fspath(graph), os.fspath(output), dry_run)
        proto = source.graph_def if source.meta_graph is None else source.meta_graph
        names = _native_names(source.where, [proto])
        content = rewriting.to_stock(proto).SerializeToString()
        if dry_run:
            return Rewritten("", names)
        try:
            with open(output, "xb") as stream:
                stream.write(content)
        except OSError as error:
            raise errors.GraphError(
                errors.explain(f"the file {os.fspath(output)!r} cannot be written: {error.strerror}")
            ) from error
        return Rewritten(os.fspath(output), names)


def _native_names(where: str, graphs: list[Any]) -> tuple[str, ...]:
    names = tuple(name for graph in graphs for name in rewriting.native_names(graph))
    if not names:
        raise errors.GraphError(errors.explain(f"{where!r} has no native ops, and loads everywhere as it is"))
    return names


def _saved_model(folder: str, output: str, dry_run: bool) -> Rewritten:
    if not os.path.isdir(folder):
        raise errors.GraphError(
            errors.explain(f"the file {folder!r} is a part of a SavedModel", fix="Name its folder, and a new one.")
        )
    proto = loading.saved_model(folder)
    names = _native_names(folder, list(proto.meta_graphs))
    for graph in proto.meta_graphs:
        graph.CopyFrom(rewriting.to_stock(graph))
    if dry_run:
        return Rewritten("", names)
    try:
        _write_beside(folder, os.path.abspath(output), proto.SerializeToString())
    except (OSError, shutil.Error) as error:
        problem = getattr(error, "strerror", None) or error
        raise errors.GraphError(errors.explain(f"the folder {output!r} cannot be written: {problem}")) from error
    return Rewritten(output, names)


def _write_beside(folder: str, output: str, content: bytes) -> None:
    """Copies a SavedModel with another graph: into a folder of another name first, so that no half of it is found."""
    if os.path.lexists(output):
        raise FileExistsError(17, os.strerror(17))
    with tempfile.TemporaryDirectory(prefix=f"{os.path.basename(output)}.", dir=os.path.dirname(output)) as work:
        copy = os.path.join(work, "copy")
        shutil.copytree(folder, copy, ignore=lambda at, _: _REPLACED if os.path.samefile(at, folder) else ())
        with open(os.path.join(copy, loading.SAVED_MODEL_NAMES[0]), "xb") as stream:
            stream.write(content)
        os.rename(copy, output)
