"""Networks, each a module with a function `network`."""
import importlib
import inspect


def get(name):
    module = importlib.import_module("." + name, package=__name__)
    assert inspect.getargspec(module.network).args == ["x", "is_training", "decay"]
    return module.network
