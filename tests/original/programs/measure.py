"""Builds each case of some modules in a graph of its own, and writes what is in the graph and what it computes.

    python measure.py OUT.json MODULE...

It runs under TensorFlow 1.15 as it is, and under `tf1bn run` on today's.
"""
import importlib
import json
import os
import sys

import numpy as np
import tensorflow as tf
from values import of_variable

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
tf.logging.set_verbosity(tf.logging.ERROR)
CONTEXTS = ("cond_context", "while_context")


def numbers(value):
    return np.asarray(value).astype(np.float64).ravel()[:300].tolist()


def described(graph):
    variables = tf.global_variables()
    collections = {}
    for key in graph.get_all_collection_keys():
        if isinstance(key, str) and key not in CONTEXTS and not key.startswith(("_", "tf1bn")):
            collections[key] = len(graph.get_collection(key))
    return {
        "variables": sorted([v.op.name, v.get_shape().as_list(), v.dtype.base_dtype.name] for v in variables),
        "trainable": sorted(v.op.name for v in tf.trainable_variables()),
        "local": sorted(v.get_shape().as_list() for v in tf.local_variables()),
        "collections": {key: count for key, count in collections.items() if count},
    }


def loaded(session, scale, positive):
    trained = tf.trainable_variables()
    for variable in tf.global_variables():
        dtype = variable.dtype.base_dtype
        if dtype.is_floating and "Shampoo" not in variable.op.name:  # whose state is symmetric, so it stays zero
            shape = variable.get_shape().as_list()
            drawn = of_variable(variable.op.name, shape, positive and variable not in trained)
            variable.load((scale * drawn).astype(dtype.as_numpy_dtype), session)


def measured(case, scale, positive):
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(1)
        outputs = tf.contrib.framework.nest.flatten(case())
        result = described(graph)
        kept = [v for v in tf.global_variables() if v not in tf.trainable_variables()]
        with tf.Session() as session:
            session.run([tf.global_variables_initializer(), tf.local_variables_initializer(), tf.tables_initializer()])
            loaded(session, scale, positive)
            session.run(outputs[0])
            values = [session.run(output) for output in outputs]
            session.run(graph.get_collection(tf.GraphKeys.UPDATE_OPS))
            result["shapes"] = [list(np.shape(value)) for value in values]
            result["values"] = [numbers(value) for value in values]
            result["losses"] = [numbers(session.run(loss)) for loss in tf.losses.get_regularization_losses()]
            result["averages"] = {variable.op.name: numbers(session.run(variable)) for variable in kept}
    return result


def main(path, *modules):
    results = {}
    for name in modules:
        module = importlib.import_module(name)
        for case, function in module.CASES.items():
            try:
                results[name + ": " + case] = measured(function, getattr(module, "SCALE", 1), hasattr(module, "POSITIVE"))
            except Exception as error:  # told by the test, which finds no values
                results[name + ": " + case] = {"error": "%s: %s" % (type(error).__name__, error)}
    with open(path, "w") as file:
        json.dump(results, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
