"""One file per code base whose checkpoints are known, and the catalog of them.

A layout is data: the leaves that a batch norm has in a file (``moving_mean``, ``mean/EMA``), how a group of them is
recognised, the default epsilon, and how stored forms become the quantities themselves. In come names and shapes of a
checkpoint, by way of :mod:`tf1bn.checkpoint.sites`; out come sites, or with :mod:`tf1bn.checkpoint.naming` the names
of another layout.

To read: :mod:`tf1bn.checkpoint.layout` (what a layout is), :mod:`catalog` (a row for each), then ``tf_layers`` as the
plainest one, and ``mu_sigma`` as one that stores something else. Each has a ``sample()`` that tests read back.
"""
