"""The rules of the auditor, one file each.

Into ``check`` comes a :class:`tf1bn.graph.model.GraphModel`; out come findings, none where the graph is right. The
module's docstring is the rule's page: what it checks, why it matters, its limits, the fix, references. ``bad()``
builds a graph that has the mistake and no other, ``good()`` one that has none; a test runs every rule over both.

To read: :mod:`catalog` (a row for each rule, and what a rule must have), then ``bn001_updates_never_run`` as a model
of a rule. Codes are grouped: 1 to 21 updates and switches, 22 to 33 checkpoints, 34 to 37 inference and freezing, 38
to 46 numbers and shapes, 47 on the code around. A code is never given to another rule.
"""
