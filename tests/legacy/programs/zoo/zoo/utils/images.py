from collections import Iterable

import numpy as np
import scipy.misc


def save_mistakes(path, data, guesses, count=4):
    """One row of digits that were guessed wrong."""
    assert isinstance(guesses, Iterable)
    wrong = np.nonzero(guesses != data.labels)[0][:count]
    digits = [data.images[number].reshape(28, 28) for number in wrong] or [np.zeros([28, 28])]
    scipy.misc.imsave(path, scipy.misc.imresize(np.hstack(digits), 2.0))
    assert scipy.misc.imread(path).shape == (56, 56 * len(digits))
