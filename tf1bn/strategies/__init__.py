"""How averages are kept and when they move."""
