"""Dialects of TensorFlow 1: the signatures, names and collections of other libraries, over tf1bn's layers.

In comes a call in the words of another library, or a whole program; out come the graph, the variables and the
collections that the original would have made. Arithmetic and updates are those of :mod:`tf1bn.layers`; here arguments
are translated, each dialect at its own door.

To read, in this order: :mod:`calls` (a signature is a dataclass, a call one value of it); :mod:`dialect` (what the
batch norms of all dialects share); :mod:`tf_layers`, :mod:`contrib` and :mod:`slim`; :mod:`rnn_base`,
:mod:`rnn_cell`, :mod:`rnn_wrappers`; the rest of ``tf.contrib``, a package or module each, named ``contrib_*``. The
import-line facade: :mod:`paths`, :mod:`names` with its tables (:mod:`contrib_names`, :mod:`contrib_packages`,
:mod:`python_names`, :mod:`private_names`, :mod:`op_names`), :mod:`namespace`, :mod:`v1`; what old TensorFlow did
otherwise: :mod:`reordered`, :mod:`old_flags`, :mod:`old_summaries`, :mod:`input_data`. Whole programs: :mod:`program`
with :mod:`packages` and :mod:`by_path`, :mod:`gone` (names that left NumPy, SciPy and Python), :mod:`python2`,
:mod:`usage`; :mod:`tf1bn.run` starts them.
"""
