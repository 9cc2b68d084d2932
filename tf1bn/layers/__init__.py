"""Layers: the only place where arithmetic, variables and strategies meet."""
