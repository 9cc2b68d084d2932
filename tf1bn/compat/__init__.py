"""Dialects of TensorFlow 1: the signatures, names and collections of other libraries, over tf1bn's layers."""
