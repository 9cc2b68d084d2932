"""What this machine has for tf1bn, and what is wrong with it: what ``tf1bn doctor`` prints.

Nothing comes in but the machine; out comes a list of :class:`Line`, each with a level and, where something is wrong,
the way to mend it. TensorFlow is asked in a process of its own, because a build that this processor cannot run ends the
process that imports it.

To read, in this order: :mod:`line`; :mod:`facts`, with :mod:`processor`, :mod:`distributions` and :mod:`probe`, which
gather, and :mod:`waiting`, which says so; :mod:`diagnosis`, with :mod:`known`, which judge and touch nothing, so that
tests can hand them any machine; :mod:`report`.
"""
