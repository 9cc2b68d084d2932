"""Writes what each function and class of some modules takes.

    python signatures.py OUT.json MODULE...
"""
import inspect
import json
import sys

import tensorflow as tf


def found(path):
    value = tf
    for part in path.split("."):
        value = getattr(value, part)
    return value


def taken(value):
    """(name, kind, default as text or None) of each parameter."""
    try:
        parameters = inspect.signature(value.__init__ if inspect.isclass(value) else value).parameters.values()
    except (TypeError, ValueError):
        return None
    return [(p.name, int(p.kind), None if p.default is p.empty else repr(p.default))
            for p in parameters if p.name != "self"]


def described(path):
    module, results = found(path), {}
    for name in dir(module):
        if not name.startswith("_"):
            try:
                value = getattr(module, name)
            except Exception:  # a name that is there and cannot be used here
                continue
            if callable(value) and not inspect.ismodule(value):
                results[name] = taken(value)
    return results


def main(path, *modules):
    with open(path, "w") as file:
        json.dump({module: described(module) for module in modules}, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
