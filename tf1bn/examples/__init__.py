"""Networks, training and evaluation behind the scripts: what a program around tf1bn looks like.

Modules: :mod:`settings` and :mod:`run_record` (what a run is, without TensorFlow), :mod:`models`,
:mod:`training_graph`, :mod:`training`, :mod:`checkpoints`, :mod:`evaluation`, :mod:`comparison`, :mod:`story`,
and :mod:`plots`, :mod:`progress`, :mod:`interrupts`, :mod:`command` around them.
"""
