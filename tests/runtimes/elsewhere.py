"""Programs of other interpreters, each started once for all networks: it answers a line of JSON with a line of JSON."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


class Elsewhere:
    """A program that is started by the first question; it ends with this process, whose end closes its input.

    Args:
      command: its words; the program prints nothing else to standard output.
      environment: what is added to that of this process.
    """

    def __init__(self, *command: str, **environment: str) -> None:
        self._command, self._environment = command, environment
        self._process: subprocess.Popen[str] | None = None

    def ask(self, **question: Any) -> Any:
        """Returns the answer.

        Raises:
          RuntimeError: the program answered with an error, or ended.
        """
        if self._process is None:
            self._process = subprocess.Popen(
                self._command, env={**os.environ, **self._environment}, text=True, bufsize=1,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(question) + "\n")
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._command[-1]} ended with {self._process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer
