"""Layers: the only place where arithmetic, variables and strategies meet.

In come an input tensor, a switch and keyword arguments; out comes the output tensor. On the way variables are made
under the layer's scope, the plan of the update strategy is carried out, and the call is written down in the graph.

To read, in this order: :mod:`options` and :mod:`arguments` (checks before anything is built), :mod:`scope`,
:mod:`batch_norm` (the public function, and the order of its steps), :mod:`kept` (what a layer keeps), :mod:`call`
(what one call computes), :mod:`updates` (a plan carried out), :mod:`assembly`; :mod:`train_op` (waiting updates and
the op that is run); :mod:`linear`, :mod:`dense`, :mod:`conv2d`; then :mod:`merging`, :mod:`synchronising`,
:mod:`towers`, :mod:`sites`, :mod:`summaries`.
"""
