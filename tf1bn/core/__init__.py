"""Arithmetic and variables of batch normalization; knows no update strategy."""
