"""How fast tf1bn is, beside the formula of every tutorial and beside other libraries.

``tf1bn bench`` runs it; ``docs/performance.md`` has the results and the method. In come the options of a suite; out
comes a result: cases with their times, the ratios that follow, whether goals are reached, and the machine that was
measured. Every variant is checked against the formula before its time counts, and variants take turns, so that what
disturbs the machine disturbs all of them.

To read, in this order: :mod:`options`, :mod:`variants`, :mod:`shapes` (what is asked); :mod:`implementations` with
:mod:`peers`; :mod:`timing`, :mod:`cores`, :mod:`memory`, :mod:`check`, :mod:`counting`, :mod:`environment` (how it is
measured); one suite, such as :mod:`step`, then :mod:`network`, :mod:`inference`, :mod:`graph_build`,
:mod:`import_time`; :mod:`suites` and :mod:`sides` (both states of oneDNN); and :mod:`results`, :mod:`goals` with
:mod:`native_goals`, :mod:`report`, :mod:`plot`.
"""
