"""Runs a source and what was made of it on the same inputs, and says where they part."""
