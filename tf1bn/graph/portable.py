"""Graph files with ops of ``tf1bn.native``, written anew with stock ops."""

from __future__ import annotations

import os
from typing import NamedTuple

from tf1bn import errors
from tf1bn.graph import loading
from tf1bn.graph.kinds import SAVED_MODEL
from tf1bn.native import rewriting


class Rewritten(NamedTuple):
    """What was written.

    Attributes:
      target: the new file; empty for a dry run.
      names: of the native ops that were replaced, those in functions as well.
    """

    target: str
    names: tuple[str, ...]


def rewrite(graph: str | os.PathLike[str], output: str | os.PathLike[str], *, dry_run: bool = False) -> Rewritten:
    """Writes a .meta, .pb or .pbtxt file with stock ops in the place of native ones, as a binary file of its kind.

    Raises:
      GraphError: the file is no graph, a SavedModel, of another version of tf1bn, or has no native ops; or the new file
        exists or cannot be written.
    """
    with errors.located("tf1bn.native"):
        source = loading.as_it_is(os.fspath(graph))
        if source.kind == SAVED_MODEL:
            raise errors.GraphError(
                errors.explain("a SavedModel is not rewritten", fix="Export one from its training graph: tf1bn.export.")
            )
        proto = source.graph_def if source.meta_graph is None else source.meta_graph
        names = rewriting.native_names(proto)
        if not names:
            raise errors.GraphError(
                errors.explain(f"{source.where!r} has no native ops, and loads everywhere as it is")
            )
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
