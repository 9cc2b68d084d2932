"""Single-image random-dot stereograms: pictures of dots in which eyes that look through them see depth.

Eyes that look at a point behind the picture see two of its dots as one. A row is made by linking all dots that must
then have one colour, and by drawing a colour for each set of linked dots.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.calls import takes


@dataclass(frozen=True)
class Stereogram:
    """What ``single_image_random_dot_stereograms`` is given; None stands for a default that it names."""

    depth_values: Any
    hidden_surface_removal: bool | None = None
    convergence_dots_size: int | None = None
    dots_per_inch: int | None = None
    eye_separation: float | None = None
    mu: float | None = None
    normalize: bool | None = None
    normalize_max: float | None = None
    normalize_min: float | None = None
    border_level: float | None = None
    number_colors: int | None = None
    output_image_shape: Sequence[int] | None = None
    output_data_window: Sequence[int] | None = None


@dataclass(frozen=True)
class _Picture:
    """The same, complete."""

    hidden: bool
    dots: int
    eyes: int
    mu: float
    normalize: bool
    largest: float
    smallest: float
    border: float
    colors: int
    shape: tuple[int, int, int]
    window: tuple[int, int]


@takes(Stereogram)
def single_image_random_dot_stereograms(call: Stereogram) -> tf.Tensor:
    """Returns a picture ``[height, width, channels]``, uint8, that shows ``depth_values`` ``[rows, columns]``.

    It is computed in Python each time it is run, with other colours each time; a graph with it cannot be exported.

    Args:
      depth_values: numbers, 0 far and 1 near once they are normalised.
      hidden_surface_removal: whether points that something nearer hides from one eye link no dots (default True).
      convergence_dots_size: edge of two black squares under the picture, which help to look through it; 8 pixels.
      dots_per_inch: of the screen, 72.
      eye_separation: in inches, 2.5.
      mu: depth of the nearest point, as a share of the distance from the farthest to the eyes; 1/3.
      normalize: whether depths are brought to 0 to 1 (default True), by their least and largest value, or by
        ``normalize_min`` and ``normalize_max`` where these are in order; what is outside then is 0 or 1.
      border_level: depth around the data, 0.
      number_colors: 2 for black and white, up to 256 for grey, more for three channels; 256.
      output_image_shape: ``[width, height, channels]``, by default ``[1024, 768, 1]``.
      output_data_window: ``[width, height]`` of what the depths are stretched to, by default ``[1022, 757]``.

    Raises:
      ShapeError: depths that are no matrix; ArgumentError: a window that is larger than the picture.

    Source: Thimbleby, Inglis, Witten: Displaying 3D images: algorithms for single-image random-dot stereograms (1994).
    The links were compared with those of TensorFlow 1.15.
    """
    depths = tf.convert_to_tensor(call.depth_values)
    if not depths.shape.is_compatible_with([None, None]):
        raise errors.ShapeError(
            errors.explain("`depth_values` must be a matrix", got=str(depths.shape)),
            where="single_image_random_dot_stereograms",
        )
    picture = _completed(call)
    drawn = tf.numpy_function(lambda z: _drawn(z, picture), [depths], tf.uint8)
    width, height, channels = picture.shape
    drawn.set_shape([height, width, channels])
    return drawn


def _completed(call: Stereogram) -> _Picture:
    def given(name: str, default: Any) -> Any:
        value = getattr(call, name)
        return default if value is None else value

    width, height, channels = (int(size) for size in given("output_image_shape", (1024, 768, 1)))
    window = tuple(int(size) for size in given("output_data_window", (1022, 757)))
    if window[0] > width or window[1] > height:
        raise errors.ArgumentError(
            errors.explain(
                "`output_data_window` is larger than the picture", got=window, expected=f"{width}, {height}"
            ),
            where="single_image_random_dot_stereograms",
        )
    colors = given("number_colors", 256)
    return _Picture(
        hidden=bool(given("hidden_surface_removal", True)),
        dots=given("convergence_dots_size", 8),
        eyes=round(given("eye_separation", 2.5) * given("dots_per_inch", 72)),
        mu=given("mu", 0.3333),
        normalize=bool(given("normalize", True)),
        largest=given("normalize_max", -100.0),
        smallest=given("normalize_min", 100.0),
        border=given("border_level", 0.0),
        colors=colors,
        shape=(width, height, 3 if colors > 256 else channels),
        window=(window[0], window[1]),
    )


def _drawn(depths: Any, picture: _Picture) -> Any:
    width, height, channels = picture.shape
    result = np.zeros([height, width, channels], np.uint8)
    links: dict[bytes, list[int]] = {}
    for y, row in enumerate(_depths_of_pixels(np.asarray(depths, np.float64), picture)):
        key = row.tobytes()
        if key not in links:  # rows of one depth have the same links
            links[key] = linked(row, picture.mu, picture.eyes, picture.hidden)
        result[y] = _colored(links[key], picture.colors, channels)
    return _with_dots(result, picture)


def _depths_of_pixels(depths: Any, picture: _Picture) -> Any:
    """Returns the depth of each pixel, ``[height, width]``; each takes that of the nearest of the data."""
    if picture.normalize:
        low, high = picture.smallest, picture.largest
        if high < low:
            low, high = depths.min(), depths.max()
        depths = (depths - low) / ((high - low) or 1.0)  # one depth alone is far; 1.15 drew noise
    depths = depths.clip(0, 1)
    (width, height, _), (wide, high_) = picture.shape, picture.window
    found = np.full([height, width], picture.border, np.float64)
    left, top = (width - wide) // 2, _gap(picture)
    rows = np.arange(high_) * depths.shape[0] // high_
    columns = np.arange(wide) * depths.shape[1] // wide
    found[top : top + high_, left : left + wide] = depths[np.ix_(rows, columns)]
    return found


def _gap(picture: _Picture) -> int:
    """Returns how many rows are above the data; as many are below it and below the squares, where there is room."""
    free = picture.shape[1] - picture.window[1]
    return max(0, (free - picture.dots) // 3) if picture.dots else free // 2


def separation(depth: float, mu: float, eyes: int) -> int:
    """Returns how many pixels are between the two dots that a point of this depth joins."""
    return round((1 - mu * depth) * eyes / (2 - mu * depth))


def linked(depths: Any, mu: float, eyes: int, hidden: bool) -> list[int]:
    """Returns, for each pixel of a row, one to the right of it that has its colour, or itself."""
    count = len(depths)
    same = list(range(count))
    for x, depth in enumerate(depths):
        apart = separation(depth, mu, eyes)
        left = x - apart // 2
        right = left + apart
        if left < 0 or right >= count or (hidden and not _seen(depths, x, mu, eyes)):
            continue
        # The pixel may be linked already; then what lies between is linked, too, in order from left to right.
        following = same[left]
        while following not in (left, right):
            if following < right:
                left = following
            else:
                same[left] = right
                left, right = right, following
            following = same[left]
        same[left] = right
    return same


def _seen(depths: Any, x: int, mu: float, eyes: int) -> bool:
    """Whether both eyes see a point: nothing beside it reaches the lines from it to them."""
    step, away = 1, depths[x]
    while True:
        away = depths[x] + 2 * (2 - mu * depths[x]) * step / (mu * eyes)
        if away >= 1 or x - step < 0 or x + step >= len(depths):
            return True
        if depths[x - step] >= away or depths[x + step] >= away:
            return False
        step += 1


def _colored(same: list[int], colors: int, channels: int) -> Any:
    """Returns a row of pixels ``[width, channels]`` in which linked ones have one colour."""
    drawn = _random(colors, (len(same), channels))
    for x in reversed(range(len(same))):
        drawn[x] = drawn[same[x]]
    return drawn


def _random(colors: int, shape: tuple[int, int]) -> Any:
    if colors > 256:
        return np.random.randint(0, 256, shape).astype(np.uint8)
    grey = np.random.randint(0, 2, (shape[0], 1)) * 255 if colors == 2 else np.random.randint(0, 256, (shape[0], 1))
    return np.repeat(grey.astype(np.uint8), shape[1], 1)


def _with_dots(result: Any, picture: _Picture) -> Any:
    """Blackens two squares under the data, as far apart as the two dots of a point in the far plane."""
    apart = separation(0.0, picture.mu, picture.eyes)
    top = picture.shape[1] - picture.dots - _gap(picture)
    first = picture.shape[0] // 2 - apart // 2
    for middle in (first, first + apart):
        begin = middle - picture.dots // 2
        result[top : top + picture.dots, max(0, begin) : begin + picture.dots] = 0
    return result
