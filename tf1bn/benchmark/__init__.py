"""How fast tf1bn is, beside the formula of every tutorial and beside other libraries.

``tf1bn bench`` runs it; ``docs/performance.md`` has the results and the method.
"""
