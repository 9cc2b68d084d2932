"""The runner from inside one process: whose imports it answers, what it leaves behind, what it refuses."""

import pathlib
import sys
import textwrap

import pytest
import tensorflow.compat.v1 as real_tf

import tf1bn.compat.v1 as tf
from tf1bn import errors, run
from tf1bn.compat import namespace

NAMES = ("main", "argv", "path")


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "program").mkdir()
    return tmp_path / "program"


def write(path: pathlib.Path, text: str) -> pathlib.Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return path


def start(folder: pathlib.Path, text: str, *argv: str, **options: object) -> dict:
    script = write(folder / "program.py", text)
    return run.run(run.Options(str(script), argv, **options))


def test_the_program_sees_the_facade_and_itself_as_main(folder: pathlib.Path) -> None:
    before = sys.argv, list(sys.path), sys.modules["__main__"]
    seen = start(
        folder,
        """
        import sys
        import tensorflow as tf
        me = sys.modules["__main__"]
        argv, first = list(sys.argv), sys.path[0]
        def f():
            import tensorflow as again
            return again
        again, name, file = f(), __name__, __file__
        """,
        "--steps=3",
        "rest",
    )
    assert seen["tf"] is tf and seen["again"] is tf
    assert seen["me"].__dict__ is seen and (seen["name"], seen["file"]) == ("__main__", str(folder / "program.py"))
    assert seen["argv"] == [str(folder / "program.py"), "--steps=3", "rest"] and seen["first"] == str(folder)
    assert (sys.argv, list(sys.path), sys.modules["__main__"]) == before


def test_every_way_to_import_gives_the_facade(folder: pathlib.Path) -> None:
    seen = start(
        folder,
        """
        import importlib
        import importlib.util
        from importlib import import_module
        import builtins
        import tensorflow.contrib.slim as slim
        import tensorflow.contrib.layers
        import tensorflow.compat.v1 as tf1
        import tf_slim
        import tf_slim as tfs
        from tensorflow import nn, layers
        from tensorflow.nn import *
        by_name = importlib.import_module("tensorflow.nn")
        by_function = import_module("tensorflow")
        by_dunder = __import__("tensorflow")
        by_builtin = builtins.__import__("tensorflow")
        namespace = {}
        exec("import tensorflow as x", namespace)
        spec = importlib.util.find_spec("json")
        from tensorflow import keras
        """,
    )
    for name in ("tensorflow", "tf1", "by_function", "by_dunder", "by_builtin"):
        assert seen[name] is tf, name
    assert seen["namespace"]["x"] is tf
    assert seen["slim"] is tf.contrib.slim is seen["tf_slim"] is seen["tfs"]
    assert seen["nn"] is tf.nn is seen["by_name"] and seen["layers"] is tf.layers
    assert seen["moments"] is tf.nn.moments and seen["spec"].name == "json"
    assert seen["keras"] is real_tf.keras


def test_modules_of_its_folder_see_the_facade_and_installed_ones_do_not(
    folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = "import tensorflow as tf\nfrom tensorflow.contrib import slim\n"
    write(folder / "mine.py", own)
    write(folder / "package" / "__init__.py", own + "from . import part\nfrom .part import slim as q\n")
    write(folder / "package" / "part.py", own)
    write(folder / "namespaced" / "inner.py", own)
    other = "import tensorflow.compat.v1 as tf\n"
    write(folder.parent / "elsewhere" / "installed.py", other)
    write(folder / "venv" / "lib" / "site-packages" / "nested.py", other)
    monkeypatch.syspath_prepend(str(folder.parent / "elsewhere"))
    monkeypatch.syspath_prepend(str(folder / "venv" / "lib" / "site-packages"))
    seen = start(
        folder,
        """
        import importlib
        import installed, nested, mine, package, namespaced.inner
        from package.part import tf as deep
        lazily = importlib.import_module("package.part").tf
        """,
    )
    assert seen["mine"].tf is tf and seen["package"].tf is tf and seen["namespaced"].inner.tf is tf
    assert seen["deep"] is tf and seen["lazily"] is tf
    assert seen["installed"].tf is real_tf and seen["nested"].tf is real_tf
    assert not {"mine", "package", "package.part"} & set(sys.modules)


def test_a_second_folder_belongs_to_the_program_when_named(folder: pathlib.Path) -> None:
    write(folder.parent / "shared" / "beside.py", "import tensorflow as tf\n")
    text = "import beside\n"
    seen = start(folder, text, folders=(str(folder.parent / "shared"),))
    assert seen["beside"].tf is tf


def test_nothing_of_the_hook_remains_after_a_program_that_fails(folder: pathlib.Path) -> None:
    before = list(sys.meta_path), sys.argv, sys.path, __import__
    with pytest.raises(ZeroDivisionError):
        start(folder, "import tensorflow as tf\n1 / 0\n")
    with pytest.raises(SystemExit) as raised:
        start(folder, "import sys\nsys.exit(7)\n")
    assert raised.value.code == 7
    assert (list(sys.meta_path), sys.argv, sys.path, __import__) == before


def test_private_modules_that_the_facade_does_not_know_are_tensorflows_own(folder: pathlib.Path) -> None:
    seen = start(
        folder,
        """
        from tensorflow.python.client import device_lib
        from tensorflow.python.client import timeline
        from tensorflow.python.framework import ops, test_util
        from tensorflow.python.util.tf_inspect import getargspec
        from tensorflow.python.framework.ops import _get_graph_from_inputs
        """,
    )
    assert seen["device_lib"].__name__ == "tensorflow.python.client.device_lib"
    assert seen["ops"].__name__ == "tf1bn.compat.v1.python.framework.ops"
    assert callable(seen["getargspec"]) and callable(seen["_get_graph_from_inputs"])


@pytest.mark.parametrize(
    "line",
    [
        "from tensorflow.contrib import graph_editor",
        "import tensorflow.contrib.boosted_trees",
        "import tensorflow.contrib.boosted_trees as trees",
        "from tensorflow.python.no_such import thing",
        "from tensorflow.python.framework.ops import no_such_thing",
        "from tensorflow.python.client.device_lib import no_such_thing",
        "import tensorflow as tf; tf.contrib.boosted_trees",
    ],
)
def test_what_is_absent_is_said_by_name(folder: pathlib.Path, line: str) -> None:
    with pytest.raises((ImportError, AttributeError), match="^tf.*register"):
        start(folder, line + "\n")


def test_python_2_is_refused_in_the_program_and_in_its_modules(folder: pathlib.Path) -> None:
    with pytest.raises(errors.ProgramError, match="program.py: line 2 is Python 2: the print.*--tf1bn_python2"):
        start(folder, "import sys\nprint 'x'\n")
    write(folder / "mine.py", "try:\n  pass\nexcept ValueError, e:\n  pass\n")
    with pytest.raises(errors.ProgramError, match="mine.py: line 3 is Python 2: `except Error, name:`"):
        start(folder, "import mine\n")
    with pytest.raises(SyntaxError):
        start(folder, "x = (\n")
    write(folder / "mine.py", "x = (\n")
    with pytest.raises(SyntaxError):
        start(folder, "import mine\n")


def test_a_program_that_is_not_there_is_refused(folder: pathlib.Path) -> None:
    with pytest.raises(errors.ProgramError, match="absent.py: cannot be read: .*No such file"):
        run.run(run.Options(str(folder / "absent.py")))


LAYERS = """
    import tensorflow as tf
    x = tf.placeholder(tf.float32, [None, 3])
    tf.layers.batch_normalization(x, training=True, momentum=0.5, name="bn")
    tf.contrib.layers.batch_norm(x, is_training=True, scope="cn")
    updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    """


def test_the_update_strategy_is_that_of_the_program_or_that_of_the_command_line(folder: pathlib.Path) -> None:
    seen = start(folder, LAYERS)
    assert len(seen["updates"]) >= 4
    with tf.Graph().as_default():
        seen = start(folder, LAYERS, update_strategy="inline")
        assert not seen["updates"]
    with pytest.raises(errors.UnknownNameError, match="unknown update strategy 'inlin'"):
        start(folder, LAYERS, update_strategy="inlin")


def test_the_report_tells_names_and_layers_also_of_a_program_that_exits(
    folder: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = """
        import sys
        import tensorflow as tf
        with tf.Graph().as_default():
            x = tf.mul(tf.placeholder(tf.float32, [None, 3]), 2.0)
            tf.layers.batch_normalization(x, training=True, name="bn")
        sys.exit(3)
        """
    with pytest.raises(SystemExit):
        start(folder, text, report=True)
    report = capsys.readouterr().err
    assert "emulated" in report and "tf.mul x1" in report and "tf.layers.batch_normalization x1" in report
    assert "1 batch norms" in report and "bn: train, collection" in report
    assert not namespace.observers


def test_names_defined_in_builtins_reach_all_modules_of_the_program(folder: pathlib.Path) -> None:
    write(folder / "mine.py", "def f():\n    return xrange(3)\n")
    seen = start(folder, "import builtins\nbuiltins.xrange = range\nimport mine\nvalue = list(mine.f())\n")
    assert seen["value"] == [0, 1, 2]
    import builtins

    assert not hasattr(builtins, "xrange")
