"""The exit codes of every command."""

from __future__ import annotations

DONE = 0
REFUSED = 1
USAGE = 2
TIMED_OUT = 124  # as timeout(1)
READER_GONE = 141  # as a program that SIGPIPE ended

MEANINGS = {
    "0": "done, and nothing was found",
    "1": "refused, or something was found: findings, problems, differences, open questions",
    "2": "used wrongly",
    "124": "stopped when the time was up",
    "130": "interrupted (SIGINT)",
    "141": "nobody read the output to its end (SIGPIPE)",
    "143": "asked to end (SIGTERM)",
}


def after(number: int) -> int:
    """Returns the exit code of a program that a signal ended, as shells have it."""
    return 128 + number
