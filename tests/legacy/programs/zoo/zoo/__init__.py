from . import nets, utils

__all__ = ["nets", "utils"]
