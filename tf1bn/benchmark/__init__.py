"""How fast tf1bn is, beside the formula of every tutorial and beside other libraries.

``scripts/benchmark.py`` runs it; ``docs/performance.md`` has the results and the method.
"""
