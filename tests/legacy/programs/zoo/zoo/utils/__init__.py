from .data import load
