"""Which names are served to old programs, and where each is found today.

A target is ``module:name``, or ``module:`` for a whole module; ``@place:name`` stands for ``tf1bn.compat.place``.
What a module still has is never replaced, but for the rows of ``CHANGED``.
"""

from __future__ import annotations

_MAPPINGS = (
    *("Awaitable", "Callable", "Container", "Coroutine", "Generator", "Hashable", "ItemsView", "Iterable", "Iterator"),
    *("KeysView", "Mapping", "MappingView", "MutableMapping", "MutableSequence", "MutableSet", "Reversible"),
    *("Sequence", "Set", "Sized", "ValuesView", "ByteString", "AsyncIterable", "AsyncIterator"),
)

_NUMPY = {
    # Aliases of Python's own types, up to 1.23.
    **{name: f"builtins:{name}" for name in ("bool", "int", "float", "complex", "object", "str")},
    **{"long": "builtins:int", "unicode": "builtins:str"},
    # Second names, up to 1.23 or 1.26.
    **{"bool8": "numpy:bool_", "object0": "numpy:object_", "void0": "numpy:void", "int0": "numpy:intp"},
    **{"uint0": "numpy:uintp", "str0": "numpy:str_", "unicode0": "numpy:str_", "bytes0": "numpy:bytes_"},
    **{"float_": "numpy:float64", "complex_": "numpy:complex128", "singlecomplex": "numpy:complex64"},
    **{"cfloat": "numpy:complex128", "longfloat": "numpy:longdouble", "longcomplex": "numpy:clongdouble"},
    **{"clongfloat": "numpy:clongdouble", "string_": "numpy:bytes_", "unicode_": "numpy:str_"},
    **{"Inf": "numpy:inf", "Infinity": "numpy:inf", "infty": "numpy:inf", "PINF": "numpy:inf", "NaN": "numpy:nan"},
    **{
        "NINF": "@gone.numpy_functions:NINF",
        "PZERO": "@gone.numpy_functions:PZERO",
        "NZERO": "@gone.numpy_functions:NZERO",
    },
    "math": "math:",
    # Functions that have another name today.
    **{"product": "numpy:prod", "cumproduct": "numpy:cumprod", "sometrue": "numpy:any", "alltrue": "numpy:all"},
    **{"round_": "numpy:round", "row_stack": "numpy:vstack", "rank": "numpy:ndim", "mat": "numpy:asmatrix"},
    **{"trapz": "@gone.numpy_functions:trapz", "loads": "pickle:loads", "typeDict": "numpy:sctypeDict"},
    **{"byte_bounds": "numpy.lib.array_utils:byte_bounds", "issubclass_": "@gone.numpy_functions:issubclass_"},
    # Functions that have none.
    **{
        name: f"@gone.numpy_functions:{name}"
        for name in (
            *("alen", "asfarray", "asscalar", "cast", "fastCopyAndTranspose", "find_common_type", "in1d"),
            *("issctype", "issubsctype", "maximum_sctype", "msort", "nbytes", "obj2sctype", "sctype2char", "sctypes"),
        )
    },
}

ROWS: dict[str, dict[str, str]] = {
    "numpy": _NUMPY,
    "numpy.random": {"random_integers": "@gone.numpy_functions:random_integers"},
    "numpy.core.umath_tests": {"inner1d": "@gone.numpy_functions:inner1d"},
    "numpy.compat": {"long": "builtins:int", "unicode": "builtins:str", "asbytes": "@gone.numpy_functions:asbytes"},
    "scipy": {"misc": "scipy.misc:"},
    "scipy.misc": {
        **{
            name: f"@gone.scipy_misc:{name}"
            for name in (
                *("bytescale", "fromimage", "imfilter", "imread", "imresize", "imrotate", "imsave", "imshow"),
                *("toimage",),
            )
        },
        **{name: f"scipy.special:{name}" for name in ("comb", "factorial", "factorial2", "factorialk", "logsumexp")},
        **{name: f"scipy.datasets:{name}" for name in ("ascent", "electrocardiogram", "face")},
        "pade": "scipy.interpolate:pade",
    },
    "scipy.integrate": {"trapz": "scipy.integrate:trapezoid", "cumtrapz": "scipy.integrate:cumulative_trapezoid"}
    | {"simps": "scipy.integrate:simpson"},
    "scipy.signal": {
        name: f"scipy.signal.windows:{name}"
        for name in (
            *("blackman", "blackmanharris", "boxcar", "chebwin", "cosine", "exponential", "flattop", "gaussian"),
            *("general_gaussian", "hamming", "hann", "kaiser", "nuttall", "parzen", "triang"),
        )
    }
    | {"hanning": "scipy.signal.windows:hann"},
    "scipy.linalg": {"pinv2": "scipy.linalg:pinv"},
    "PIL.Image": {"ANTIALIAS": "PIL.Image:LANCZOS", "LINEAR": "PIL.Image:BILINEAR", "CUBIC": "PIL.Image:BICUBIC"},
    "sklearn": {"cross_validation": "sklearn.cross_validation:", "externals": "sklearn.externals:"},
    "sklearn.externals": {"joblib": "joblib:", "six": "six:"},
    "collections": {name: f"collections.abc:{name}" for name in _MAPPINGS},
    "time": {"clock": "time:process_time"},
    "inspect": {name: f"@gone.python_functions:{name}" for name in ("getargspec", "ArgSpec")},
    "fractions": {"gcd": "math:gcd"},
    "os": {"errno": "errno:"},
    "base64": {"encodestring": "base64:encodebytes", "decodestring": "base64:decodebytes"},
    "cgi": {"escape": "@gone.python_functions:escape"},
    "pipes": {"quote": "shlex:quote"},
    "imghdr": {"what": "@gone.image_kinds:what"},
    "configparser": {"SafeConfigParser": "configparser:ConfigParser"},
}
"""Module -> name that left it -> target."""

CHANGED: dict[str, dict[str, str]] = {
    "numpy": {name: f"@gone.numpy_functions:{name}" for name in ("array", "fromstring", "histogram")},
}
"""Names that are still there and do something else today; each does what today's does wherever that still works."""

MODULES: dict[str, str] = {
    "distutils": "setuptools._distutils",
    "sklearn.cross_validation": "sklearn.model_selection",
    "sklearn.grid_search": "sklearn.model_selection",
    "sklearn.externals.joblib": "joblib",
    "sklearn.externals.six": "six",
    "xml.etree.cElementTree": "xml.etree.ElementTree",
}
"""Modules that left -> module that has their names today; of submodules, too. Used where the import fails."""

WHOLE = (
    *("numpy.compat", "numpy.core.umath_tests", "scipy.misc", "sklearn.externals"),
    *("cgi", "imghdr", "pipes"),  # in Python until 3.12
)
"""Modules that may be absent as a whole: their rows are all that is served."""

SPREAD = {"numpy.lib": "numpy", "scipy": "numpy"}
"""Modules that had many names of another one, which has them still."""
