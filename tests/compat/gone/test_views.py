"""A program's view of a module: today's names, the names that left it, and nothing that others could notice."""

import builtins
import collections
import configparser
import importlib
import inspect
import pathlib
import sys
import time
import types
from collections.abc import Sequence
from typing import Any

import numpy
import pytest

from tf1bn import errors
from tf1bn.compat import namespace
from tf1bn.compat.gone import hints, tables, views


@pytest.fixture
def program() -> views.Views:
    return views.Views()


def imported(program: views.Views, name: str, fromlist: Sequence[str] = ()) -> Any:
    return program.imported(name, fromlist, lambda: builtins.__import__(name, {}, {}, fromlist, 0))


def test_a_view_is_today_s_module_but_for_what_left(program: views.Views) -> None:
    np = imported(program, "numpy")
    assert isinstance(np, types.ModuleType) and np.__name__ == "numpy" and np.__version__ == numpy.__version__
    assert np.zeros is numpy.zeros and np.linalg is numpy.linalg and "float" in dir(np) and "zeros" in dir(np)
    assert imported(program, "numpy") is np and imported(program, "numpy.random", ("randint",)) is np.random
    with pytest.raises(AttributeError, match="mistyped"):
        np.mistyped  # noqa: B018
    assert not hasattr(numpy, "float") and not hasattr(numpy, "product") and sys.modules["numpy"] is numpy


def test_a_star_takes_what_left_but_hides_no_name_of_python(program: views.Views) -> None:
    names = imported(program, "numpy", ("*",)).__all__
    assert {"product", "alen", "zeros"} <= set(names) and not {"float", "object", "str"} & set(names)


def test_what_a_program_writes_is_written_to_the_module(program: views.Views, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numpy, "load", numpy.load)
    np = imported(program, "numpy")
    np.load = len
    assert numpy.load is len and np.load is len
    np.made_here = 1
    assert numpy.made_here == 1
    del np.made_here
    assert not hasattr(numpy, "made_here")


def test_names_that_left_python_itself(program: views.Views) -> None:
    assert imported(program, "collections", ("Mapping",)).Mapping is collections.abc.Mapping
    assert imported(program, "time").clock is time.process_time
    assert imported(program, "fractions", ("gcd",)).gcd(12, 18) == 6
    assert imported(program, "os").errno.ENOENT == 2
    assert imported(program, "base64").encodestring(b"a") == b"YQ==\n"
    assert imported(program, "xml.etree.cElementTree", ("fromstring",)).fromstring("<a/>").tag == "a"
    assert issubclass(imported(program, "configparser").SafeConfigParser, configparser.ConfigParser)
    assert imported(program, "distutils.version", ("LooseVersion",)).LooseVersion("1.10") > "1.9"


@pytest.mark.parametrize("absent", [False, True], ids=["as here", "as in Python 3.13"])
@pytest.mark.filterwarnings("ignore:'(cgi|imghdr|pipes)' is deprecated:DeprecationWarning")
def test_modules_that_left_python(program: views.Views, absent: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cgi", "imghdr", "pipes") if absent else ():
        monkeypatch.setitem(sys.modules, name, None)
    assert imported(program, "pipes", ("quote",)).quote("a b") == "'a b'"
    assert imported(program, "pipes").quote("a b") == "'a b'"
    assert imported(program, "cgi", ("escape",)).escape("<a>") == "&lt;a&gt;"
    assert imported(program, "imghdr").what("", b"GIF89a....") == "gif"
    with pytest.raises(AttributeError, match="module 'pipes' has no attribute 'mistyped'"):
        imported(program, "pipes").mistyped  # noqa: B018


def test_the_arguments_of_a_function_are_told_as_they_were(program: views.Views) -> None:
    getargspec = imported(program, "inspect").getargspec

    def f(a: int, b=2, *c, **d) -> None: ...  # type: ignore[no-untyped-def]

    del f.__annotations__
    assert getargspec(f) == (["a", "b"], "c", "d", (2,)) and getargspec(lambda: 0) == ([], None, None, None)
    assert getargspec(f).args == ["a", "b"] and hasattr(inspect, "getargspec") == (sys.version_info < (3, 11))
    with pytest.raises(ValueError, match="keyword-only parameters or annotations"):
        getargspec(test_names_that_left_python_itself)


def test_text_is_escaped_as_cgi_did(program: views.Views) -> None:
    from tf1bn.compat.gone import python_functions

    assert python_functions.escape("<'\"&") == "&lt;'\"&amp;" and python_functions.escape('"', True) == "&quot;"


def test_pillow_s_old_filters(program: views.Views) -> None:
    real = importlib.import_module("PIL.Image")
    image = imported(program, "PIL", ("Image",)).Image
    assert image.ANTIALIAS == real.LANCZOS and image.open is real.open
    assert imported(program, "PIL.Image").Image is image


def test_a_module_that_never_was_is_still_missing(program: views.Views) -> None:
    for name in ("numpy.mistyped", "scipy_mistyped", "os.mistyped"):
        with pytest.raises(ModuleNotFoundError, match="mistyped"):
            imported(program, name)


def test_what_a_module_itself_lacks_is_told_as_it_is(
    program: views.Views, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sklearn").mkdir()
    (tmp_path / "sklearn" / "__init__.py").write_text("import lacking_here\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.partition(".")[0] == "sklearn"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ModuleNotFoundError, match="No module named 'lacking_here'"):
        imported(program, "sklearn.cross_validation")


def test_a_package_that_a_name_moved_to_and_that_is_not_installed_is_named(
    program: views.Views, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("sklearn", "sklearn.cross_validation", "sklearn.model_selection", "scipy", "scipy.special"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(errors.AbsentModuleError, match=r"`sklearn.model_selection` today.*pip install scikit-learn"):
        imported(program, "sklearn.cross_validation")
    misc = imported(program, "scipy.misc", ("imread", "logsumexp"))
    assert callable(misc.imread)  # needs no SciPy
    with pytest.raises(errors.AbsentModuleError, match=r"`scipy.special.logsumexp` today.*pip install scipy"):
        misc.logsumexp  # noqa: B018


@pytest.mark.parametrize("package", ["scipy", "sklearn"])
def test_rows_of_an_optional_package_lead_somewhere(program: views.Views, package: str) -> None:
    pytest.importorskip(package)
    for module, row in tables.ROWS.items():
        if module.partition(".")[0] == package and module != "sklearn.externals":
            for name in row:
                assert getattr(imported(program, module, (name,)), name) is not None, (module, name)


def test_each_use_of_a_name_that_left_is_told_and_of_others_none(program: views.Views) -> None:
    told: list[tuple[str, str]] = []

    def observer(path: str, origin: str) -> None:
        told.append((path, origin))

    namespace.observers.append(observer)
    try:
        np = imported(program, "numpy")
        np.zeros(1)
        np.float(1)
    finally:
        namespace.observers.remove(observer)
    assert told == [("numpy.float", "names that left other packages")]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("numpy.array([[1, 2], [3]])", "pass dtype=object"),
        pytest.param(
            "numpy.zeros(2).tostring()",
            r"it is \.tobytes\(\) today",
            marks=pytest.mark.skipif(hasattr(numpy.ndarray, "tostring"), reason="this NumPy has it yet"),
        ),
        ("threading.current_thread().isAlive()", r"it is \.is_alive\(\) today"),
        ("numpy.load(objects())", "allow_pickle=True"),
    ],
)
def test_what_left_objects_is_hinted_at(source: str, words: str) -> None:
    import io
    import re
    import threading

    def objects() -> io.BytesIO:
        file = io.BytesIO()
        numpy.save(file, numpy.array([None]), allow_pickle=True)
        file.seek(0)
        return file

    with pytest.raises((ValueError, AttributeError)) as raised:
        eval(source, {"numpy": numpy, "threading": threading, "objects": objects})
    assert re.search(words, hints.hint(raised.value))
    assert hints.hint(ValueError("something else")) == ""


def test_numbers_from_arrays_of_one_entry_are_hinted_at() -> None:
    try:
        assert int(numpy.array([3])) == 3  # before NumPy 2.4
    except TypeError as error:
        assert "array.item() gives it" in hints.hint(error)


@pytest.mark.parametrize(
    "source",
    [
        "tf.keras.optimizers.SGD(lr=0.1)",
        "tf.keras.backend.get_session()",
        "from tensorflow.keras.layers import CuDNNLSTM",
        "tf.reduce_sum(tf.keras.layers.Dense(3)(tf.keras.layers.Input((3,))))",
    ],
)
def test_what_only_keras_2_has_is_hinted_at(source: str) -> None:
    import tensorflow as tf

    if not tf.keras.__version__.startswith("3"):
        pytest.skip("TensorFlow has Keras 2 here")
    with pytest.raises(Exception) as raised:  # each has a type of its own
        exec(source, {"tf": tf})
    assert "TF_USE_LEGACY_KERAS=1" in hints.hint(raised.value)


def test_an_error_that_keras_has_nothing_to_do_with_has_no_hint_of_it() -> None:
    import tensorflow as tf

    with pytest.raises(AttributeError) as raised:
        tf.never_heard_of  # noqa: B018
    assert hints.hint(raised.value) == ""
