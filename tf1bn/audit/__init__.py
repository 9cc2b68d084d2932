"""The auditor: finds the batch-norm mistakes in anybody's graph.

    from tf1bn.audit import audit
    report = audit("model.ckpt-1000.meta", checkpoint="model.ckpt-1000")

In comes a graph, live or in a file, with or without its checkpoint; out comes a :class:`Report` of :class:`Finding`,
each with a code, a place, what is wrong and the fix. :func:`repair` writes a new graph where that is safe. The graph
itself is read by :mod:`tf1bn.graph`, and a rule is one file of :mod:`tf1bn.audit.rules`.

To read, in this order: :mod:`finding` (the values); :mod:`runner` (rules over a graph); any rule; :mod:`unreached`,
:mod:`keys`, :mod:`shapes`, :mod:`towers`, :mod:`states` and :mod:`own`, which several rules share; :mod:`samples`
(the graphs that prove a rule); :mod:`suppressions` and :mod:`report`; then what acts: :mod:`fix` with :mod:`trial`,
:mod:`probing`, :mod:`hook`. Names are resolved on first use, so that reading a page or a report needs no TensorFlow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tf1bn import lazy

if TYPE_CHECKING:
    from tf1bn.audit.finding import Finding as Finding
    from tf1bn.audit.finding import Report as Report
    from tf1bn.audit.finding import Rule as Rule
    from tf1bn.audit.fix import repair as repair
    from tf1bn.audit.hook import AuditHook as AuditHook
    from tf1bn.audit.probing import probe as probe
    from tf1bn.audit.rules.catalog import page as page
    from tf1bn.audit.rules.catalog import register as register
    from tf1bn.audit.runner import assert_healthy as assert_healthy
    from tf1bn.audit.runner import audit as audit
    from tf1bn.graph.model import GraphModel as GraphModel

_ROWS = {
    "audit": "tf1bn.audit.runner",
    "assert_healthy": "tf1bn.audit.runner",
    "AuditHook": "tf1bn.audit.hook",
    "probe": "tf1bn.audit.probing",
    "repair": "tf1bn.audit.fix",
    "page": "tf1bn.audit.rules.catalog",
    "register": "tf1bn.audit.rules.catalog",
    "Finding": "tf1bn.audit.finding",
    "Report": "tf1bn.audit.finding",
    "Rule": "tf1bn.audit.finding",
    "GraphModel": "tf1bn.graph.model",
}

__all__ = list(_ROWS)

__getattr__, __dir__ = lazy.attributes(__name__, _ROWS)
