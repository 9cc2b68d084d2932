"""How long a test waits for what must come: far above what a busy machine takes, as only a hang may reach it.

A limit that is itself under test, as of a peer that never answers, stays beside its test.
"""

SECONDS = 3600
