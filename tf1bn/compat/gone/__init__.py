"""Names that left NumPy, SciPy, Pillow, scikit-learn and Python itself, for one program and nobody else.

In comes an import or a look-up of an old program, such as ``np.float`` or ``from scipy.misc import imread``; out goes
what the name meant, or today's equal of it. The modules themselves stay as they are: the program is handed a view of
each, so TensorFlow and installed packages see no difference. Each use is reported.

To read, in this order: :mod:`tables` (which names, and where each is found today); :mod:`views` (the modules as a
program sees them); what had to be written anew: :mod:`numpy_functions`, :mod:`scipy_misc`, :mod:`python_functions`,
:mod:`image_kinds`;
:mod:`loading` (the module ``imp``); :mod:`hints` (what left objects, which nobody can hand to one program alone).
"""
