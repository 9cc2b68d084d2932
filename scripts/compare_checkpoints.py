"""Starts `tf1bn compare-checkpoints` from a checkout, installed or not."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from tf1bn.commands import main

if __name__ == "__main__":
    sys.exit(main.script(__file__))
