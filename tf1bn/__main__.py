"""``python -m tf1bn``: the command ``tf1bn``."""

import sys

from tf1bn.commands import main

if __name__ == "__main__":
    sys.exit(main.main())
