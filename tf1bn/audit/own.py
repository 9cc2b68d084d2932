"""What the auditor knows of tf1bn's own layers: which call made a batch norm, and what else mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tf1bn.graph.site import Site

if TYPE_CHECKING:
    from tf1bn.audit.finding import Report
    from tf1bn.graph.model import GraphModel

NATIVE = "tf1bn.batch_norm"
RUNNER = "python -m tf1bn.run --tf1bn_update_strategy=inline SCRIPT.py"


_LOST = ("BN001", "BN002", "BN003", "BN004", "BN008")
"""The rules about updates that exist and that nothing runs."""


def remedy(report: Report) -> str:
    """What to do about a whole program whose updates are lost, as the last line of its report; else nothing."""
    if not any(item.code in _LOST and item.severity == "error" and RUNNER in item.fix for item in report.findings):
        return ""
    return (
        f"to do: run it as {RUNNER}: then the averages move with the layers' outputs, and the program stays as it is\n"
    )


def call_of(model: GraphModel, site: Site) -> str:
    """The name of the tf1bn call that made a site, in the words of its dialect; empty for other libraries."""
    record = model.records.get(site.scope)
    return "" if record is None else str(record.get("call", NATIVE))


def explicit(model: GraphModel, site: Site) -> bool:
    """Whether the program stated the mode: the flag of tf1bn's own layer is required, that of a dialect is not."""
    record = model.records.get(site.scope)
    return record is not None and (call_of(model, site) == NATIVE or record.get("strategy") == "frozen")


def collects(model: GraphModel, site: Site) -> bool:
    """Whether tf1bn's own layer left the updates of a site in a collection."""
    record = model.records.get(site.scope, {})
    return record.get("strategy") == "collection" or record.get("placement", "output") not in ("output", "nowhere")


def spoken(model: GraphModel, site: Site) -> str:
    """A sentence that names the call of a site, to be appended to a message; empty for other libraries."""
    call = call_of(model, site)
    return f" The layer is a call of {call}." if call else ""


def advice(model: GraphModel, site: Site) -> str:
    """What else mends updates that nothing runs, to be appended to a fix; empty for other libraries."""
    if not collects(model, site):
        return ""
    return f' Or let them move with the output: update_strategy="inline", or {RUNNER}.'
