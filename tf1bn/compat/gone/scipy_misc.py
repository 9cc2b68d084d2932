"""The image functions that ``scipy.misc`` had up to SciPy 1.1, on Pillow.

Shapes: a grey image is ``[height, width]``, a coloured one ``[height, width, 3]``, or 4 with transparency. Numbers of
another type than uint8 are stretched to 0 ... 255 by their smallest and largest value, as SciPy did: :func:`imsave` and
:func:`imresize` of an image in [0, 1] therefore show its full contrast, whatever its range was.

Source: the reference of SciPy 1.1, ``scipy.misc``. All raise MissingExtraError without Pillow.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tf1bn import errors, extras

_RESAMPLING = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "cubic": 3}
_COLOURS = {3: ("RGB", "YCbCr"), 4: ("RGBA", "CMYK")}
_FILTERS = {
    **{"blur": "BLUR", "contour": "CONTOUR", "detail": "DETAIL", "edge_enhance": "EDGE_ENHANCE", "emboss": "EMBOSS"},
    **{"edge_enhance_more": "EDGE_ENHANCE_MORE", "find_edges": "FIND_EDGES", "smooth": "SMOOTH"},
    **{"smooth_more": "SMOOTH_MORE", "sharpen": "SHARPEN"},
}


def imread(name: Any, flatten: bool = False, mode: str | None = None) -> np.ndarray:
    """Reads an image file; with ``flatten``, as one plane of float32."""
    with _pillow("Image").open(name) as image:
        return fromimage(image, flatten, mode)


def imsave(name: Any, arr: Any, format: str | None = None) -> None:
    """Writes an image file, in the format that the name ends with unless one is given."""
    image = toimage(arr, channel_axis=2)
    image.save(name, *(() if format is None else (format,)))


def imresize(arr: Any, size: Any, interp: str = "bilinear", mode: str | None = None) -> np.ndarray:
    """Resizes an image; the result is uint8, stretched like everything here, except in mode "F".

    Args:
      arr: the image.
      size: a whole number for a percentage, a fraction for a factor, a pair for (height, width).
      interp: nearest, lanczos, bilinear, bicubic or cubic.
      mode: of the image in between; see :func:`toimage`.
    """
    image = toimage(arr, mode=mode)
    if np.issubdtype(type(size), np.integer):
        size = tuple(int(side * (size / 100.0)) for side in image.size)
    elif np.issubdtype(type(size), np.floating):
        size = tuple(int(side * size) for side in image.size)
    else:
        size = int(size[1]), int(size[0])
    return fromimage(image.resize(size, resample=_resampling(interp, "imresize")))


def imrotate(arr: Any, angle: float, interp: str = "bilinear") -> np.ndarray:
    """Turns an image around its middle, by degrees, counter-clockwise; its size stays."""
    return fromimage(toimage(arr).rotate(angle, resample=_resampling(interp, "imrotate")))


def imfilter(arr: Any, ftype: str) -> np.ndarray:
    """Applies one of Pillow's named filters."""
    if ftype not in _FILTERS:
        text = errors.explain("`ftype` is unknown", got=ftype, expected=", ".join(sorted(_FILTERS)))
        raise errors.ArgumentError(text, where="scipy.misc.imfilter")
    return fromimage(toimage(arr).filter(getattr(_pillow("ImageFilter"), _FILTERS[ftype])))


def imshow(arr: Any) -> None:
    """Shows an image with the viewer that Pillow finds."""
    toimage(arr).show()


def fromimage(im: Any, flatten: bool = False, mode: str | None = None) -> np.ndarray:
    """Returns a Pillow image as an array; a palette is resolved, and black and white become 0 and 255.

    Args:
      im: the image.
      flatten: whether to make one plane of float32 of it.
      mode: Pillow's mode to convert to first.
    """
    if mode is not None:
        im = im if im.mode == mode else im.convert(mode)
    elif im.mode == "P":
        im = im.convert("RGBA" if "transparency" in im.info else "RGB")
    if flatten:
        im = im.convert("F")
    elif im.mode == "1":
        im = im.convert("L")
    return np.array(im)


def bytescale(data: Any, cmin: Any = None, cmax: Any = None, high: int = 255, low: int = 0) -> np.ndarray:
    """Returns values as uint8: ``cmin`` becomes ``low`` and ``cmax`` becomes ``high``; uint8 stays as it is.

    Args:
      data: any numbers.
      cmin: by default their smallest.
      cmax: by default their largest.
      high: at most 255.
      low: at least 0.
    """
    data = np.asarray(data)
    if data.dtype == np.uint8:
        return data
    if not 0 <= low <= high <= 255:
        text = errors.explain("wrong range", got=(low, high), expected="0 <= low <= high <= 255")
        raise errors.ArgumentError(text, where="scipy.misc.bytescale")
    return (_stretched(data, high, low, cmin, cmax).clip(low, high) + 0.5).astype(np.uint8)


def _stretched(data: np.ndarray, high: int, low: int, cmin: Any, cmax: Any) -> np.ndarray:
    cmin, cmax = data.min() if cmin is None else cmin, data.max() if cmax is None else cmax
    if cmax < cmin:
        text = errors.explain("`cmax` is below `cmin`", got=(cmin, cmax))
        raise errors.ArgumentError(text, where="scipy.misc.bytescale")
    span = float(cmax) - float(cmin)  # of booleans there is no difference
    return (data * 1.0 - cmin) * (float(high - low) / (span or 1.0)) + low


def toimage(
    arr: Any,
    high: int = 255,
    low: int = 0,
    cmin: Any = None,
    cmax: Any = None,
    pal: Any = None,
    mode: str | None = None,
    channel_axis: int | None = None,
) -> Any:
    """Returns an array as a Pillow image.

    Args:
      arr: an image, grey or coloured.
      high: see :func:`bytescale`; in mode 1, what is above it is white.
      low: see :func:`bytescale`.
      cmin: see :func:`bytescale`.
      cmax: see :func:`bytescale`.
      pal: 256 colours ``[256, 3]`` of a grey image.
      mode: Pillow's mode: L, P, F, I or 1 of a grey image; RGB, YCbCr, RGBA or CMYK of a coloured one.
      channel_axis: axis of the colours; by default the first of size 3, else the first of size 4.
    """
    data = np.asarray(arr)
    if np.iscomplexobj(data):
        raise errors.ArgumentError(errors.explain("the image is complex"), where="scipy.misc.toimage")
    if data.ndim == 2:
        return _grey(data, mode, pal, {"high": high, "low": low, "cmin": cmin, "cmax": cmax})
    axis = _channel_axis(data.shape, channel_axis)
    coloured = np.moveaxis(bytescale(data, cmin, cmax, high, low), axis, -1)
    modes = _COLOURS[coloured.shape[-1]]
    if mode is not None and mode not in modes:
        text = errors.explain("`mode` does not fit the image", got=mode, expected=" or ".join(modes))
        raise errors.ArgumentError(text, where="scipy.misc.toimage")
    size = coloured.shape[1], coloured.shape[0]
    return _pillow("Image").frombytes(mode or modes[0], size, coloured.tobytes())


def _grey(data: np.ndarray, mode: str | None, pal: Any, scaling: dict[str, Any]) -> Any:
    """Returns a plane as an image."""
    image, size = _pillow("Image"), (data.shape[1], data.shape[0])
    if mode == "F":
        return image.frombytes("F", size, data.astype(np.float32).tobytes())
    if mode == "I":
        return image.frombytes("I", size, _stretched(data, **scaling).astype(np.uint32).tobytes())
    if mode == "1":
        return image.fromarray(np.where(data > scaling["high"], 255, 0).astype(np.uint8)).convert("1")
    if mode not in (None, "L", "P"):
        text = errors.explain("`mode` does not fit a grey image", got=mode, expected="L, P, F, I or 1")
        raise errors.ArgumentError(text, where="scipy.misc.toimage")
    made = image.frombytes("L", size, bytescale(data, **scaling).tobytes())
    if pal is not None or mode == "P":
        grey = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
        made.putpalette(np.asarray(grey if pal is None else pal, np.uint8).tobytes())
    return made


def _channel_axis(shape: tuple[int, ...], given: int | None) -> int:
    sizes = [size for size in (3, 4) if size in shape]
    if len(shape) == 3 and given is not None and shape[given] in _COLOURS:
        return given
    if len(shape) != 3 or given is not None or not sizes:
        expected = "[height, width], or three axes of which one is 3 or 4"
        text = errors.explain("this is no image", got=shape, expected=expected)
        raise errors.ArgumentError(text, where="scipy.misc.toimage")
    return shape.index(sizes[0])


def _resampling(interp: str, where: str) -> int:
    if interp not in _RESAMPLING:
        text = errors.explain("`interp` is unknown", got=interp, expected=", ".join(sorted(_RESAMPLING)))
        raise errors.ArgumentError(text, where=f"scipy.misc.{where}")
    return _RESAMPLING[interp]


def _pillow(module: str) -> Any:
    return extras.load(f"PIL.{module}")
