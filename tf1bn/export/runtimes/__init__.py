"""Fits an inference graph to the program that is to read it: OpenCV, OpenVINO, ONNX Runtime or TFLite.

In come the graph and values of an export and the name of a reader; out come a graph that this reader computes, with
constants for variables, or a refusal that names the op, the reason and the way out. What a reader lacks was measured in
the reader itself, at the version that its table names.

To read, in this order: :mod:`runtime` (what is known of a reader, and how a graph is looked at), :mod:`settling`
(shapes and arithmetic that are known become constants), :mod:`rewrites` (an op in other words), one file for each
reader (:mod:`opencv`, :mod:`openvino`, :mod:`onnx`, :mod:`tflite`), :mod:`catalog`, :mod:`fitting`.
"""
