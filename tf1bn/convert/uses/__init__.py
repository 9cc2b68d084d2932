"""What variables are used for, one file per kind: how it is found, what it becomes elsewhere, what is lost.

In come the variables of a forward pass and the ops that read them; out come layers, each with its tensors in their
roles. A kind takes its variables before the next one looks, so the order of the catalog matters: separable before
depthwise and plain convolutions, and last what is kept as it is.

To read: :mod:`kind` (what each must offer), :mod:`catalog`, :mod:`linear` with :mod:`padding` (what layers with a
kernel share), :mod:`dense` as the plainest kind, :mod:`batch_norm`, then any other.
"""
