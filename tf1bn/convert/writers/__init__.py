"""Files of other frameworks, each written by the library that its readers use.

In come the tensors of a plan, one after the other, and a path; out come files, of which the one that names the others
is put in place last.

To read: :mod:`writer` (what each must offer, and how tensors are dealt out to files), :mod:`catalog`, :mod:`npz` as
the plainest one, :mod:`safetensors`, :mod:`torch`.
"""
