"""Runs a source and what was made of it on the same inputs, and says where they part.

In come the graph with its checkpoint, and a module, model or file of another framework; out comes a verdict: the
largest difference of the outputs, and the first layer whose results differ.

To read: :mod:`results` (what one side computed); :mod:`running` (the source); :mod:`torch_side`, :mod:`keras_side`,
:mod:`onnx_side` (the other one); :mod:`axes` (channels last beside channels first); :mod:`verdict`.
"""
