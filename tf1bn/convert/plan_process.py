"""The other side of :mod:`tf1bn.convert.planning`: reads a request, answers with a plan or what stopped it."""

from __future__ import annotations

import os
import pickle
import sys

from tf1bn import errors
from tf1bn.convert.converting import plan_conversion


def main() -> None:
    """Answers one request."""
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not end up in the answer
    source, to, options = pickle.load(sys.stdin.buffer)
    plan, problem = None, None
    try:
        plan = plan_conversion(source, to, **options)
    except errors.Tf1bnError as error:
        problem = error
    with answer:
        pickle.dump((plan, problem), answer)


if __name__ == "__main__":
    main()
