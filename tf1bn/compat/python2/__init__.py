"""Programs in Python 2: recognised where they fail, and translated in memory where that is asked for.

In comes a source that Python 3 does not compile, or the error of one that ran; out goes a refusal or a hint that names
the line and the module. With ``--tf1bn_python2``, in comes every source of the program, and out goes code that does
in Python 3 what it did: syntax, division of whole numbers, lists instead of views, and the names of that time.

To read, in this order: :mod:`recognising`; :mod:`translating`, which has the syntax done by fissix and the division by
:mod:`division`; :mod:`builtins_of_2` (the names that a module had without an import); :mod:`modules_of_2` (what its
modules had).
"""
