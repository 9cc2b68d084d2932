from tensorflow.examples.tutorials.mnist import input_data


def load():
    mnist = input_data.read_data_sets("data")
    return mnist.train, mnist.test
