"""Facades in the dialects of TensorFlow 1: thin glue over the layers of tf1bn."""
