#!/usr/bin/env python
"""A program that is a package: networks by name, an experiment's settings in a file of its own."""
from __future__ import absolute_import, division, print_function

import argparse
import imp
import os
import time

import numpy as np
import tensorflow as tf

from zoo import nets
from zoo.solver import Solver
from zoo.utils import data, images

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--experiment", default=os.path.join(HERE, "experiments", "small.py"))
    args = parser.parse_args()
    settings = imp.load_source("experiment", args.experiment)
    train, test = data.load()
    start = time.clock()
    with tf.Graph().as_default():
        solver = Solver(nets.get(settings.NET), settings, args.folder)
        with tf.Session() as sess:
            print("trained: %.4f" % solver.train(sess, train, settings.STEPS))
    with tf.Graph().as_default():
        solver = Solver(nets.get(settings.NET), settings, args.folder, trainable=False)
        with tf.Session() as sess:
            solver.restore(sess)
            guesses = solver.predict(sess, test.images)
    right = np.asscalar(np.mean(np.equal(guesses, test.labels), dtype=np.float))
    print("restored: %.4f" % right)
    assert time.clock() > start
    images.save_mistakes(os.path.join(args.folder, "mistakes.png"), test, guesses)


if __name__ == "__main__":
    main()
