"""1,797 real handwritten digits that come with the package, for examples and tests without a download.

The images are the test part of *Optical Recognition of Handwritten Digits* (E. Alpaydin and C. Kaynak, UCI
Machine Learning Repository, CC BY 4.0); ``data/README.md`` says how the files were made.
"""

from __future__ import annotations

import importlib.resources

import numpy as np

from tf1bn import errors
from tf1bn.datasets import counts, idx, resize
from tf1bn.datasets.splits import Dataset, Split

SIZES = (8, 28)
IMAGES = "digits-images-idx3-ubyte.gz"
LABELS = "digits-labels-idx1-ubyte.gz"


def raw() -> tuple[np.ndarray, np.ndarray]:
    """Returns images uint8 ``[1797, 8, 8]`` with values 0 to 16 and labels uint8 ``[1797]``, in source order."""
    folder = importlib.resources.files("tf1bn.datasets") / "data"
    with importlib.resources.as_file(folder / IMAGES) as path:
        images = idx.read_images(path)
    with importlib.resources.as_file(folder / LABELS) as path:
        labels = idx.read_labels(path)
    return images, labels


def load(size: int = 28, *, validation: int = 200, test: int = 300, seed: int = 0) -> Dataset:
    """Returns the digits, scaled to [0, 1], in three parts: 1,297 / 200 / 300 images by default.

    Size 8 gives the original pixels divided by 16. Size 28 enlarges them with
    :func:`tf1bn.datasets.resize.bilinear`, so that code written for MNIST takes them; they stay blurrier than
    MNIST. The source does not say who wrote which image, so the parts share writers: the test error is no
    measure of unseen hands.

    The split is stratified and depends only on ``seed``, ``validation`` and ``test``: each class gives its
    proportional share of each part, rounded by largest remainder so that the parts are exactly as large as
    asked; a class count is less than 2 away from the exact share. Within a part the images are in random order.

    Shapes:
      images float32 ``[N, size, size, 1]``, labels int64 ``[N]``.

    Args:
      size: 8 or 28.
      validation: images held out for validation, 0 or more.
      test: images held out for the test, 0 or more; together with ``validation`` at most 1,787, which leaves
        one training image per class on average.
      seed: 0 to 2**32 - 1.

    Raises:
      ArgumentTypeError: an argument is not an integer.
      ArgumentError: ``size`` is another number, or a part or ``seed`` is out of range.

    Example:
      >>> train, validation, test = load(size=8)
      >>> train.images.shape, validation.labels.shape, test.images.dtype.name
      ((1297, 8, 8, 1), (200,), 'float32')
    """
    with errors.located("digits.load"):
        if counts.whole("size", size) not in SIZES:
            raise errors.ArgumentError(errors.explain("`size` is not offered", got=size, expected="8 or 28"))
        pixels, labels = raw()
        most = labels.size - 10
        validation = counts.whole("validation", validation, maximum=most)
        test = counts.whole("test", test, maximum=most - validation)
        seed = counts.whole("seed", seed, maximum=counts.SEED_MAXIMUM)
        # 16 is a power of two and the enlarging is linear: dividing afterwards loses nothing.
        images = (resize.bilinear(pixels, size, size) / np.float32(16))[..., np.newaxis]
        parts = _stratified(labels, (labels.size - validation - test, validation, test), seed)
        return Dataset(*[Split(images[part], labels[part].astype(np.int64)) for part in parts])


def _stratified(labels: np.ndarray, sizes: tuple[int, ...], seed: int) -> list[np.ndarray]:
    """Returns the indices of each part; the parts are disjoint and together hold every index once.

    The part sizes are given out one part after the other, each from what the parts before it left over.
    """
    random = np.random.RandomState(seed)
    pools = [random.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)]
    parts = []
    for size in sizes:
        shares = _shares([pool.size for pool in pools], size)
        taken = np.concatenate([pool[:share] for pool, share in zip(pools, shares, strict=True)])
        pools = [pool[share:] for pool, share in zip(pools, shares, strict=True)]
        parts.append(random.permutation(taken))
    return parts


def _shares(available: list[int], wanted: int) -> list[int]:
    """Divides ``wanted`` in proportion to ``available`` by largest remainder, the earlier class first in a tie."""
    total = max(sum(available), 1)
    shares = [wanted * count // total for count in available]
    by_remainder = sorted(range(len(available)), key=lambda row: -(wanted * available[row] % total))
    for row in by_remainder[: wanted - sum(shares)]:
        shares[row] += 1
    return shares
