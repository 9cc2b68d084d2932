"""How averages are kept and when they move.

Into a strategy come a request for variables, then the moments of a batch and the decay; out come the averages that
inference normalises with, and an :class:`tf1bn.UpdatePlan` that says which ops move them and what runs these. A
strategy attaches nothing itself; :mod:`tf1bn.layers.updates` does.

To read, in this order: :mod:`base` (the contract in words, and what a request and a plan are), :mod:`inline` as the
plainest one, :mod:`collection`, :mod:`frozen`, :mod:`ema`, :mod:`per_step`, :mod:`accumulated`; :mod:`catalog` (a row
for each name, and the default of a stretch of code). What must hold for every strategy is
:mod:`tf1bn.testing.contracts`.
"""
