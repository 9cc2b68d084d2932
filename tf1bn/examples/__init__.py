"""Networks, training and evaluation behind the commands: what a program around tf1bn looks like.

In come settings; out come a trained checkpoint, a measured accuracy, a comparison of strategies, or the story that
the demo tells. Only commands and the benchmark depend on it.

To read, in this order: :mod:`settings` and :mod:`run_record` (what a run is, without TensorFlow), :mod:`models`,
:mod:`training_graph`, :mod:`training`, :mod:`checkpoints`, :mod:`evaluation`, :mod:`comparison`, :mod:`story`;
:mod:`distribution`, :mod:`engines`, :mod:`towers`, :mod:`mirrored`, :mod:`parameter_server`, :mod:`peers` for
training on several devices and processes, :mod:`local_cluster` and :mod:`process_groups` to start these; and
:mod:`plots` and :mod:`interrupts` around them.
"""
