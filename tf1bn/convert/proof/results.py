"""What one side of a comparison computed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Results(NamedTuple):
    """What one side computed.

    Attributes:
      inputs: key -> what was fed.
      outputs: key -> result.
      layers: name of a layer -> what it gave, where that can be seen.
    """

    inputs: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]
    layers: dict[str, np.ndarray]
